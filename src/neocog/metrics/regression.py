"""How far off predicted values are: errors with intervals, and intervals of prediction that hold what they promise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.conformal import quantile
from neocog.metrics.intervals import Groups, Scale, Units, measured, share_measure
from neocog.records import Measure

Array = NDArray[Any]
COVERED = 0.9  # what an interval of prediction promises to hold


def regression_measures(error: Array, truth: Array, groups: Groups = None, seed: int = 0) -> dict[str, Measure]:
    """MAE, RMSE and R² of one target with 95 % intervals. ``error`` (n,): prediction − truth; ``truth`` (n,).

    R² compares with always saying the mean of these samples; NaN where they do not vary.
    """
    error, truth = np.asarray(error, np.float64), np.asarray(truth, np.float64)
    away = truth - truth.mean() if len(truth) else truth  # so that no digits are lost in the sum of squares
    flat = 1e-12 * max(1.0, float(np.square(truth).sum()))  # of values that do not vary, rounding is all that is left
    units = Units.of(groups, len(error), seed)
    sums = units.sums(np.stack([np.ones(len(error)), np.abs(error), error**2, away, away**2], axis=1))

    def values(totals: Array) -> Array:
        count, absolute, square, first, second = np.moveaxis(totals, -1, 0)
        count = np.where(count > 0.5, count, np.nan)
        variance = second - first**2 / count
        unexplained = np.divide(square, variance, out=np.full_like(square, np.nan), where=variance > flat)
        return np.stack([absolute / count, np.sqrt(np.maximum(square, 0) / count), 1 - unexplained], axis=-1)

    scales: tuple[Scale, ...] = ("positive", "squares", "below one")
    found = measured(sums, values, units, scales, [len(error)] * 3, sums[:, [0, 0, 0]])
    return dict(zip(("mae", "rmse", "r2"), found, strict=True))


def half_width(error: Array, spread: Array, share: float = COVERED) -> float:
    """How many ``spread`` (n,) to either side hold the ``share`` of the truths of new samples like these.

    Split conformal prediction (Vovk et al. 2005; Lei et al. 2018): the ⌈(n + 1) · share⌉-th smallest |error| / spread of
    samples that were not trained on. Infinite where they are too few to promise that.
    """
    return quantile(np.abs(error) / spread, share)


def coverage(error: Array, spread: Array, half: float, groups: Groups = None, seed: int = 0) -> Measure:
    """The share of truths that lie within ``half`` spreads of their prediction, with its interval.

    NaN where ``half`` is infinite: nothing is promised, so nothing is held.
    """
    if not math.isfinite(half):
        return Measure(math.nan, math.nan, math.nan, len(error))
    return share_measure(np.abs(error) <= half * spread, groups, seed)


def several(found: Sequence[dict[str, Measure]], names: Sequence[str]) -> dict[str, Measure]:
    """Measures of several targets in one list: "mae angle [°]"; of one alone without its name."""
    if len(found) == 1:
        return found[0]
    return {
        f"{measure} {name}": value for name, each in zip(names, found, strict=True) for measure, value in each.items()
    }
