"""Which labelled regions of a mask are likely wrong, and where one is likely missing: after Lad & Mueller 2023, region by region.

Letters: H × W pixels; A labelled and B seen regions, numbered from 1 each in a mask of its own (0: none, −1: does not count).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from neocog.metrics.box_errors import NEAR, SAME
from neocog.metrics.counts import Array, ratio
from neocog.metrics.label_quality import BADLY_DRAWN, DRAWN, INVENTED, MISSED, WRONG_CLASS
from neocog.metrics.objects import Shared, shared_pixels

Corners = tuple[int, int, int, int]
Window = tuple[slice, slice]


@dataclass(frozen=True)
class Regions:
    """``numbers`` (H, W), and the class (A + 1,) of each of them, the first one of no matter."""

    numbers: Array
    classes: Array


@dataclass(frozen=True)
class RegionDoubt:
    """A labelled region ``given`` beside a ``seen`` one, by their numbers, 0 for none; ``overlap``: their IoU.

    ``quality``: the mean probability of the given labels over the region's pixels, of two that overlap over those of both.
    ``corners`` and ``seen_corners``: x0, y0, x1, y1 of the boxes around the two.
    """

    kind: str
    quality: float
    given: int
    seen: int
    overlap: float
    corners: Corners | None
    seen_corners: Corners | None


@dataclass(frozen=True)
class _Side:
    """The regions (A + 1,) of one mask, beside those of the other: of each pair (P,) that shares pixels its ``own`` number, the
    ``other``'s, and whether their classes are the ``same``."""

    shared: Shared
    same: NDArray[np.bool_]
    own: NDArray[np.int64]
    other: NDArray[np.int64]
    area: NDArray[np.int64]

    def covered(self, pairs: Array) -> Array:
        """(A + 1,) the share of each region's area that lies in pairs."""
        return ratio(np.bincount(self.own, self.shared.pixels * pairs, len(self.area)), self.area)

    def nearest(self, number: int, same: bool) -> tuple[int, float]:
        """The region of the other mask that overlaps most, of the same class or of another, and their IoU; (0, 0) without one."""
        pairs = np.flatnonzero((self.own == number) & (self.same == same))
        if not len(pairs):
            return 0, 0.0
        best = pairs[self.shared.overlap[pairs].argmax()]
        return int(self.other[best]), float(self.shared.overlap[best])

    @property
    def kinds(self) -> list[tuple[int, str]]:
        """(number, what kind of doubt) of every region: "" where something is of its class, ``INVENTED`` where nothing is."""
        anything, alike = self.covered(np.ones(len(self.own))), self.covered(self.same)
        there = np.flatnonzero(self.area[1:]) + 1
        kinds = np.select([anything[there] < NEAR, alike[there] < NEAR], [INVENTED, WRONG_CLASS], "")
        return list(zip(there.tolist(), kinds.tolist(), strict=True))


Found = tuple[str, int, int, float, tuple[int, int]]  # kind, given, seen, IoU, regions of both whose pixels are judged


def region_doubts(given: Regions, seen: Regions, probable: Array, least: int = 1) -> list[RegionDoubt]:
    """``probable`` (H, W): the probability of each pixel's given label, NaN where nothing is known of it.

    *Invented*: of a labelled region less than a tenth is seen as anything; *missed*: of a seen one less than a tenth is labelled
    as anything; *wrong class*: less than a tenth is of the same class; *badly drawn*: a labelled region of an IoU below 0.6 with
    each seen one of its class. Seen regions below ``least`` pixels are noise.
    """
    shared = shared_pixels(given.numbers, seen.numbers)
    same = np.asarray(given.classes[shared.one] == seen.classes[shared.other])
    found = list(_of_given(_Side(shared, same, shared.one, shared.other, shared.areas[0])))
    known = {other for _, _, other, _, _ in found}
    found += _of_seen(_Side(shared, same, shared.other, shared.one, shared.areas[1]), known, least)
    numbers = given.numbers, seen.numbers
    places = [ndimage.find_objects(np.maximum(each, 0)) for each in numbers]
    scored = [_scored(each, numbers, places, probable) for each in found]
    return [each for each in scored if not np.isnan(each.quality)]


def _of_given(side: _Side) -> Iterator[Found]:
    for number, kind in side.kinds:
        if kind == INVENTED:
            yield INVENTED, number, 0, 0.0, (number, 0)
        elif kind == WRONG_CLASS:
            other, overlap = side.nearest(number, same=False)
            yield WRONG_CLASS, number, other, overlap, (number, other if overlap >= SAME else 0)
        else:
            other, overlap = side.nearest(number, same=True)
            if overlap < DRAWN:
                yield BADLY_DRAWN, number, other, overlap, (number, other)


def _of_seen(side: _Side, known: set[int], least: int) -> Iterator[Found]:
    """``known``: those that are told of with a labelled region."""
    for number, kind in side.kinds:
        if kind and side.area[number] >= least and number not in known:
            other, overlap = side.nearest(number, same=False)
            missed = kind == INVENTED
            yield MISSED if missed else WRONG_CLASS, 0 if missed else other, number, overlap, (0, number)


def _scored(found: Found, numbers: Sequence[Array], places: Sequence[Sequence[Window]], probable: Array) -> RegionDoubt:
    """``numbers`` and ``places``: of the labelled and of the seen regions."""
    kind, one, other, overlap, regions = found
    windows = [places[k][number - 1] for k, number in enumerate(regions) if number]
    rows, columns = (slice(min(w[axis].start for w in windows), max(w[axis].stop for w in windows)) for axis in (0, 1))
    inside = np.zeros((rows.stop - rows.start, columns.stop - columns.start), bool)
    for mask, number in zip(numbers, regions, strict=True):
        inside |= (mask[rows, columns] == number) & (number > 0)
    values = probable[rows, columns][inside & ~np.isnan(probable[rows, columns])]
    quality = float(values.mean(dtype=np.float64)) if values.size else float("nan")
    corners, seen = (_corners(of[k - 1]) if k else None for of, k in zip(places, (one, other), strict=True))
    return RegionDoubt(kind, quality, one, other, overlap, corners, seen)


def _corners(window: Window) -> Corners:
    rows, columns = window
    return columns.start, rows.start, columns.stop, rows.stop
