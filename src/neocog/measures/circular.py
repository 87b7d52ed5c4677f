"""Errors of angles: 359° lies next to 1°."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.measures.intervals import Groups, bootstrap, percentiles
from neocog.run import Measure

Array = NDArray[Any]
WITHIN = (10, 30, 90)  # degrees


def angular_error(predicted: Array, truth: Array) -> Array:
    """(n,) degrees, −180 … 180: how far the prediction lies counter-clockwise of the truth."""
    error: Array = (np.asarray(predicted, np.float64) - np.asarray(truth, np.float64) + 180) % 360 - 180
    return error


def orientation_measures(errors: Array, groups: Groups = None, seed: int = 0) -> dict[str, Measure]:
    """Median and mean absolute error in degrees, and the shares within 10°, 30° and 90°, with 95 % bootstrap intervals."""
    size = np.abs(errors)
    order = np.argsort(size, kind="stable")

    def values(weights: Array) -> Array:
        return np.array([_median(size[order], weights[order]), *(_mean(part, weights) for part in parts)])

    parts = [size, *(size <= limit for limit in WITHIN)]
    names = ["median_error", "mean_error", *(f"within_{limit}" for limit in WITHIN)]
    found = values(np.ones(len(size)))
    draws = bootstrap(values, len(size), groups, seed=seed)
    n = len(size)
    return {name: Measure(float(found[k]), *percentiles(draws[:, k]), n) for k, name in enumerate(names)}


def _median(ordered: Array, weights: Array) -> float:
    """Of values in order, each counted ``weights`` times."""
    total = np.cumsum(weights)
    if total[-1] == 0:
        return float("nan")
    return float(ordered[np.searchsorted(total, total[-1] / 2)])


def _mean(values: Array, weights: Array) -> float:
    return float((values * weights).sum() / weights.sum())
