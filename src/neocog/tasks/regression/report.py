"""The sections on values: predicted against true, residuals, and whether the stated intervals hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.records import Item, Measure, Picture, Pictures, Scatter, Section, Table, Text

Array = NDArray[Any]
MOST = 1500  # points that a plot shows


@dataclass(frozen=True)
class Target:
    """One value over the test part: (n,) truths, errors (prediction − truth) and half widths of the stated intervals."""

    name: str
    truth: Array
    error: Array
    half: Array
    covered: Measure


def regression_section(targets: Sequence[Target], share: float) -> Section:
    """Two plots for each target, and how often the truth lies in the interval that was stated for it."""
    items: list[Item] = []
    rows = []
    for one in targets:
        n = len(one.truth)
        shown = np.unique(np.linspace(0, n - 1, min(n, MOST)).astype(int)) if n else np.empty(0, int)
        truth, error = one.truth[shown], one.error[shown]
        note = "" if n <= MOST else f"{len(shown):,} of {n:,} test samples, evenly spaced."
        items.append(
            Scatter(
                f"true {one.name}", f"predicted {one.name}", _floats(truth), _floats(truth + error), "diagonal", note
            )
        )
        items.append(
            Scatter(f"true {one.name}", f"residual of {one.name}", _floats(truth), _floats(error), "zero", note)
        )
        width = f"± {np.median(one.half):.3g}" if n and np.isfinite(one.half).all() else "—"
        m = one.covered
        rows.append(
            (
                one.name,
                width,
                f"{m.value * 100:.1f} %" if np.isfinite(m.value) else "—",
                f"{m.low * 100:.1f} % to {m.high * 100:.1f} %" if np.isfinite(m.low) else "—",
                m.n if m.units is None else m.counted(),
            )
        )
    text = (
        f"Each prediction comes with an interval that should contain the true value in {share * 100:.0f} of 100 cases; its width "
        "is set by the errors on the validation part (split conformal prediction). Coverage: measured on the test part."
    )
    if any(not np.isfinite(one.half).all() for one in targets):
        least = math.ceil(share / (1 - share))
        text = (
            f"Predictions have no intervals: to contain the true value in {share * 100:.0f} of 100 cases, split conformal "
            f"prediction needs at least {least} validation samples."
        )
    table = Table(("target", "median half-width", "coverage", "95 % interval", "n"), tuple(rows))
    return Section("Predicted and true values", (*items, Text(text), table), "values")


def extremes_section(worst: Sequence[Picture], best: Sequence[Picture]) -> Section:
    """Pictures of the largest and of the smallest errors."""
    items: list[Item] = [Pictures(tuple(worst), "Largest errors."), Pictures(tuple(best), "Smallest errors.")]
    return Section("Largest and smallest errors", tuple(items), "mistakes")


def _floats(values: Array) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in values.tolist())
