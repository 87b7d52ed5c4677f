"""How far off predicted values are: errors with intervals, and intervals of prediction that hold what they promise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.measures.intervals import Groups, bootstrap, percentiles, wilson
from neocog.run import Measure

Array = NDArray[Any]
COVERED = 0.9  # what an interval of prediction promises to hold


def regression_measures(error: Array, truth: Array, groups: Groups = None, seed: int = 0) -> dict[str, Measure]:
    """MAE, RMSE and R² of one quantity with 95 % bootstrap intervals. ``error`` (n,): prediction − truth; ``truth`` (n,).

    R² compares with always saying the mean of these samples; NaN where they do not vary.
    """
    names = ("mae", "rmse", "r2")
    absolute, square = np.abs(error), np.square(error, dtype=np.float64)

    def values(weights: Array) -> Array:
        total = weights.sum()
        mean = (weights * truth).sum() / total
        variance = (weights * (truth - mean) ** 2).sum()
        unexplained = (weights * square).sum()
        r2 = 1 - unexplained / variance if variance > 0 else math.nan
        return np.array([(weights * absolute).sum() / total, math.sqrt(unexplained / total), r2])

    found = values(np.ones(len(error)))
    draws = bootstrap(values, len(error), groups, seed=seed)
    return {name: Measure(float(found[k]), *percentiles(draws[:, k]), len(error)) for k, name in enumerate(names)}


def half_width(error: Array, spread: Array, share: float = COVERED) -> float:
    """How many ``spread`` (n,) to either side hold the ``share`` of the truths of new samples like these.

    Split conformal prediction (Vovk et al. 2005; Lei et al. 2018): the ⌈(n + 1) · share⌉-th smallest |error| / spread of
    samples that were not trained on. Infinite where they are too few to promise that.
    """
    scores = np.sort(np.abs(error) / spread)
    rank = math.ceil((len(scores) + 1) * share)
    return float(scores[rank - 1]) if rank <= len(scores) else math.inf


def coverage(error: Array, spread: Array, half: float) -> Measure:
    """The share of truths that lie within ``half`` spreads of their prediction, with Wilson's interval."""
    inside = int((np.abs(error) <= half * spread).sum())
    n = len(error)
    return Measure(inside / n if n else math.nan, *wilson(inside, n), n)


def several(found: Sequence[dict[str, Measure]], names: Sequence[str]) -> dict[str, Measure]:
    """Measures of several quantities in one list: "mae angle [°]"; of one alone without its name."""
    if len(found) == 1:
        return found[0]
    return {
        f"{measure} {name}": value for name, each in zip(names, found, strict=True) for measure, value in each.items()
    }
