"""Errors of angles: 359° lies next to 1°."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from neocog.metrics.intervals import Groups, Scale, Units, mean_measures, proportion_measure
from neocog.records import Measure

Array = NDArray[Any]
WITHIN = (10, 30, 90)  # degrees
REVERSED = 0.7  # of an image that stands on its head and was not met: few errors of some degrees do not exclude it
ONE_SIDE = (
    0.032  # chance of a median beyond a bound: that of 5 samples, whose smallest and largest hold it 0.9375 of times
)


def angular_error(predicted: Array, truth: Array) -> Array:
    """(n,) degrees, −180 … 180: how far the prediction lies counter-clockwise of the truth."""
    error: Array = (np.asarray(predicted, np.float64) - np.asarray(truth, np.float64) + 180) % 360 - 180
    return error


def orientation_measures(errors: Array, groups: Groups = None, seed: int = 0) -> dict[str, Measure]:
    """Median and mean absolute error in degrees, and the shares within 10°, 30° and 90°, with 95 % intervals."""
    size = np.abs(np.asarray(errors, np.float64))
    near = [size <= limit for limit in WITHIN]
    shares = [f"within_{limit}" for limit in WITHIN]
    columns = np.stack([size, *near], axis=1)
    scales: tuple[Scale, ...] = ("angle", "counts", "counts", "counts")
    mean, *within = mean_measures(columns, scales, groups, seed, [REVERSED * 180 / len(size), 0, 0, 0])
    if groups is None:
        within = [proportion_measure(int(part.sum()), len(size)) for part in near]
    return {
        "median_error": median_measure(size, groups, seed),
        "mean_error": mean,
        **dict(zip(shares, within, strict=True)),
    }


def median_measure(values: Array, groups: Groups = None, seed: int = 0) -> Measure:
    """The median of values (n,) with its 95 % interval.

    Of independent samples the order statistics that hold it with that chance (Thompson 1936), from 5 on. With groups the
    values below which a share lies that cannot be told from one half (Woodruff 1952).
    """
    n, ordered, median = len(values), np.sort(values), float(np.median(values))
    units = Units.of(groups, n, seed)
    if units.grouped:
        below = (values < median) + 0.5 * (values == median)
        share = mean_measures(below[:, None], ("counts",), groups, seed)[0]
        if not math.isfinite(share.low):
            return Measure(median, math.nan, math.nan, n, units.count)
        first, last = math.floor(share.low * n), math.ceil(share.high * n) - 1
    else:
        first = int(np.sum(bdtr(np.arange(n // 2), n, 0.5) <= ONE_SIDE)) - 1
        last = n - 1 - first
        if first < 0:
            return Measure(median, math.nan, math.nan, n)
    return Measure(median, float(ordered[first]), float(ordered[last]), n, units.group_count())
