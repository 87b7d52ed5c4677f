"""How well objects are found: average precision as COCO computes it, precision and recall at a threshold, and counts.

Letters: n images, G true boxes, D found boxes, K classes, T thresholds of overlap. A true box that is ignored (a crowd, or what
is hard to see) neither rewards nor punishes: what is found in it does not count. A found box that is ignored (one at the image's
border) counts only where it is a true box. NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.counts import Array
from neocog.metrics.objects import THRESHOLDS

RECALLS = np.linspace(0, 1, 101)  # at which COCO takes the precision
UNMATCHED, IGNORED = -1, -2


@dataclass(frozen=True)
class Objects:
    """Boxes of n images, true ones (``score`` is of no matter) or found ones."""

    image: NDArray[np.int64]  # (B,) 0 … n − 1
    label: NDArray[np.int64]  # (B,) 0 … K − 1
    corners: NDArray[np.float64]  # (B, 4) x0, y0, x1, y1
    score: NDArray[np.float64]  # (B,)
    ignored: NDArray[np.bool_]  # (B,)

    def __len__(self) -> int:
        return len(self.image)

    def take(self, chosen: Array) -> Objects:
        """Those at positions, or where a mask says so."""
        image, label, corners = self.image[chosen], self.label[chosen], self.corners[chosen]
        return Objects(image, label, corners, self.score[chosen], self.ignored[chosen])

    def marked(self, ignored: NDArray[np.bool_]) -> Objects:
        """The same with others ``ignored`` (B,)."""
        return replace(self, ignored=ignored)

    @property
    def areas(self) -> NDArray[np.float64]:
        """(B,) in pixels."""
        return np.asarray(np.prod(self.corners[:, 2:] - self.corners[:, :2], axis=1))


def overlap(found: Array, truth: Array, crowd: Array | None = None) -> NDArray[np.float64]:
    """(D, G) intersection over union of boxes (D, 4) and (G, 4); of a ``crowd`` (G,) over the found box's own area."""
    low = np.maximum(found[:, None, :2], truth[None, :, :2])
    high = np.minimum(found[:, None, 2:], truth[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    own, other = (np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (found, truth))
    union = own[:, None] + other[None] - shared
    if crowd is not None:
        union = np.where(crowd[None], own[:, None], union)
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def match(
    truth: Objects, found: Objects, thresholds: Array = THRESHOLDS, aside: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """(D, T) the true box that each found one is: its position, ``UNMATCHED``, or ``IGNORED`` where it does not count.

    As COCO's: in each image and class, by falling score, each takes the free true box that it overlaps most, from the threshold
    on; of equal ones the later. Only where it finds none, an ignored one, of which there may be any number, or one ``aside`` (G,),
    which is taken once and does not count either.
    """
    matched = np.full((len(found), len(thresholds)), UNMATCHED, np.int64)
    aside = np.zeros(len(truth), np.bool_) if aside is None else aside
    order = np.lexsort((np.arange(len(found)), -found.score))  # the first of equal scores first
    keys = [objects.image * (1 << 32) + objects.label for objects in (found, truth)]
    theirs = dict(_gathered(keys[1], np.arange(len(truth))))
    for key, rows in _gathered(keys[0], order):
        if key in theirs:
            places = theirs[key]
            matched[rows] = _one_image(truth.take(places), found.corners[rows], aside[places], places, thresholds)
    matched[found.ignored] = np.where(matched[found.ignored] >= 0, matched[found.ignored], IGNORED)
    return matched


def _gathered(keys: Array, order: Array) -> list[tuple[int, NDArray[np.int64]]]:
    """Positions of each key, in the given ``order``."""
    sorted_ = order[np.argsort(keys[order], kind="stable")]
    names, begin = np.unique(keys[sorted_], return_index=True)
    return list(zip(names.tolist(), np.split(sorted_, begin[1:]), strict=True)) if len(names) else []


def _one_image(truth: Objects, corners: Array, aside: Array, places: Array, thresholds: Array) -> NDArray[np.int64]:
    """(d, T) of found boxes (d, 4) in their order; ``aside`` (g,) and ``places`` (g,) of the true ones."""
    overlaps = overlap(corners, truth.corners, truth.ignored)
    least = np.minimum(thresholds, 1 - 1e-10)[:, None]
    steps, counts = np.arange(len(thresholds)), ~(truth.ignored | aside)
    free = np.ones((len(thresholds), len(truth)), np.bool_)
    matched = np.full((len(corners), len(thresholds)), UNMATCHED, np.int64)
    for row, one in enumerate(overlaps):
        good = (one[None] >= least) & (free | truth.ignored)  # (T, g)
        best = _last_best(np.where(good, one + 2.0 * counts, -1.0))  # what counts comes before all else
        taken = good[steps, best]
        free[steps[taken], best[taken]] = False
        matched[row] = np.where(taken, np.where(counts[best], places[best], IGNORED), UNMATCHED)
    return matched


def _last_best(values: Array) -> NDArray[np.int64]:
    """(T,) where each row of (T, g) is highest, the last of equal ones."""
    return np.asarray(values.shape[1] - 1 - values[:, ::-1].argmax(axis=1))


def average_precision(hits: Array, positives: int) -> NDArray[np.float64]:
    """(T,) of ``hits`` (D, T), by falling score: 1 right, 0 wrong, −1 does not count. NaN without any true box.

    The mean precision at 101 recalls, each the best at that recall or a higher one (Everingham 2010; Lin et al. 2014).
    """
    if not positives:
        return np.full(hits.shape[1], np.nan)
    right, wrong = np.cumsum(hits == 1, axis=0), np.cumsum(hits == 0, axis=0)
    precision = right / np.maximum(right + wrong, np.spacing(1))
    precision = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    recall = right / positives
    found = np.zeros(hits.shape[1])
    for step in range(hits.shape[1]):
        at = np.searchsorted(recall[:, step], RECALLS, side="left")
        reached = at[at < len(recall)]
        found[step] = precision[reached, step].sum() / len(RECALLS)
    return found


def outcomes(matched: NDArray[np.int64]) -> NDArray[np.int8]:
    """What ``match`` gives as 1 (right), 0 (wrong), −1 (does not count)."""
    found: NDArray[np.int8] = np.where(matched >= 0, 1, np.where(matched == IGNORED, -1, 0)).astype(np.int8)
    return found
