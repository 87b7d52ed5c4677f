"""How well single objects are found and counted: F1 at overlaps from 0.5 on, and the error of the count.

Letters: N images, T thresholds, H × W pixels. Objects are numbered from 1 in each mask; −1 does not count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.counts import Array, ratio
from neocog.metrics.intervals import Groups, Scale, Units, measured
from neocog.records import Measure

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # COCO's


@dataclass(frozen=True)
class Matched:
    """Of one image: objects that overlap by more than each threshold (T,), objects there are, objects found."""

    hits: NDArray[np.int64]
    true: int
    found: int

    @property
    def f1(self) -> float:
        """At an overlap of 0.5; NaN where there are no objects and none was found."""
        both = self.true + self.found
        return 2 * float(self.hits[0]) / both if both else math.nan


@dataclass(frozen=True)
class Shared:
    """Pairs of objects (P,) of two masks that have pixels in common, and how many: ``pixels`` (P,); ``areas`` of all objects of
    either mask by their number, (A + 1,) and (B + 1,), the first of them the background's."""

    one: NDArray[np.int64]
    other: NDArray[np.int64]
    pixels: NDArray[np.int64]
    areas: tuple[NDArray[np.int64], NDArray[np.int64]]

    @property
    def overlap(self) -> NDArray[np.float64]:
        """(P,) intersection over union."""
        union = self.areas[0][self.one] + self.areas[1][self.other] - self.pixels
        return np.asarray(self.pixels / union)


def shared_pixels(truth: Array, found: Array) -> Shared:
    """Of two masks (H, W) of objects. Raises ValueError where the shapes differ."""
    if truth.shape != found.shape:
        raise ValueError(f"masks of {truth.shape} and {found.shape}")
    counted = truth >= 0
    first, second = truth[counted].astype(np.int64), found[counted].astype(np.int64)
    areas = np.bincount(first, minlength=1), np.bincount(second, minlength=1)
    width = len(areas[1])
    pairs, pixels = np.unique(first * width + second, return_counts=True)
    one, other = pairs // width, pairs % width
    both = (one > 0) & (other > 0)
    return Shared(one[both], other[both], pixels[both], areas)


def match(truth: Array, found: Array) -> Matched:
    """Objects of two masks (H, W) that are the same: their intersection over union is above a threshold.

    From 0.5 on an object can be matched with one other only, so that no assignment is to be sought (Kirillov et al. 2019).
    Raises ValueError where the shapes differ.
    """
    shared = shared_pixels(truth, found)
    hits = (shared.overlap[:, None] > THRESHOLDS).sum(axis=0)
    return Matched(hits, *(int((area[1:] > 0).sum()) for area in shared.areas))


def object_measures(matched: list[Matched], groups: Groups = None, seed: int = 0) -> dict[str, Measure]:
    """Measures of N images with 95 % intervals over images, or over ``groups``.

    ``object_f1``, ``object_precision`` and ``object_recall`` at an overlap of 0.5 and ``object_f1_50_95``, the mean of F1 over
    thresholds from 0.5 to 0.95, count the objects of all images together. ``count_error`` is the mean over images of
    \\|found − true\\|, ``relative_count_error`` their sum as a share of all true objects.
    """
    hits = np.array([one.hits for one in matched], np.float64)
    true, found = (np.array([getattr(one, name) for one in matched], np.float64) for name in ("true", "found"))
    ones, t = np.ones(len(matched)), len(THRESHOLDS)
    units = Units.of(groups, len(matched), seed)
    sums = units.sums(np.column_stack([hits, true, found, np.abs(found - true), ones]))

    def statistic(sums: Array) -> Array:
        hits, true, found, errors, images = np.split(sums, np.cumsum([t, 1, 1, 1]), axis=-1)
        f1 = ratio(2 * hits, true + found)
        shares = [f1[..., :1], f1.mean(axis=-1, keepdims=True), ratio(hits[..., :1], found), ratio(hits[..., :1], true)]
        return np.concatenate([*shares, ratio(errors, images), ratio(errors, true)], axis=-1)

    there, predicted, images = sums[:, t], sums[:, t + 1], sums[:, -1]
    weights = np.column_stack([there + predicted, there + predicted, predicted, there, images, there])
    scales: tuple[Scale, ...] = ("share", "share", "share", "share", "positive", "positive")
    n = [len(matched)] * 6
    names = ("object_f1", "object_f1_50_95", "object_precision", "object_recall", "count_error", "relative_count_error")
    return dict(zip(names, measured(sums, statistic, units, scales, n, weights), strict=True))
