"""Measures of found boxes, with intervals over images or groups: average precision, right and wrong ones, errors of counts.

Letters: n images, D found and G true boxes, K classes, B blocks of images, J values of a statistic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.counts import Array, ratio
from neocog.metrics.detection import IGNORED, Objects, average_precision, outcomes
from neocog.metrics.intervals import Groups, Scale, Units, added, measured, with_intervals
from neocog.records import Measure

CLOSE = 0.01  # of F1: where it hardly depends on the threshold, counts do
AGREE = 1.96  # standard deviations to either side that hold 95 of 100 differences (Bland & Altman 1986)


@dataclass(frozen=True)
class Compared:
    """Found and true boxes of n images, and which is which: ``matched`` (D, T) as ``match`` gives it."""

    truth: Objects
    found: Objects
    matched: NDArray[np.int64]
    n: int
    classes: tuple[str, ...]

    @property
    def positives(self) -> NDArray[np.int64]:
        """(n, K) true boxes that count."""
        kept = self.truth.take(~self.truth.ignored)
        return _table(kept.image, kept.label, self.n, len(self.classes))

    def kept(self, thresholds: Sequence[float]) -> NDArray[np.bool_]:
        """(D,) found boxes that reach the threshold (K,) of their class."""
        return np.asarray(self.found.score >= np.asarray(thresholds)[self.found.label], np.bool_)

    def counted(self, thresholds: Sequence[float]) -> NDArray[np.int64]:
        """(n, K) boxes that are found, without those that are ignored or lie in what is."""
        chosen = self.kept(thresholds) & (self.matched[:, 0] != IGNORED) & ~self.found.ignored
        return _table(self.found.image[chosen], self.found.label[chosen], self.n, len(self.classes))


Statistic = Callable[[Array, int, int], Sequence[float]]  # hits (D, T) by falling score, true boxes, images → (J,)


def precision_measures(compared: Compared, groups: Groups = None, seed: int = 0) -> list[dict[str, Measure]]:
    """``ap50`` and ``ap50_95``, the means over classes that have boxes first, then each class's own (K)."""
    return by_class(compared, _both, ("ap50", "ap50_95"), groups, seed)


def _both(hits: Array, positives: int, images: int) -> tuple[float, float]:
    each = average_precision(hits, positives)
    return float(each[0]), float(each.mean())


def by_class(
    compared: Compared, statistic: Statistic, names: Sequence[str], groups: Groups = None, seed: int = 0
) -> list[dict[str, Measure]]:
    """What a ``statistic`` says, its J values called ``names``: the means over classes that have boxes first, then each class's.

    The intervals are jackknife ones: the statistic without each image, or block of them, in turn.
    """
    units, k, j = Units.of(groups, compared.n, seed), len(compared.classes), len(names)
    images = np.bincount(units.block)
    blocks, positives = max(1, len(images)), compared.positives
    values, left = np.full((k, j), np.nan), np.full((blocks, k, j), np.nan)
    hits, order = outcomes(compared.matched), np.argsort(-compared.found.score, kind="stable")
    for label in range(k):
        own = order[compared.found.label[order] == label]
        block, total = units.block[compared.found.image[own]], int(positives[:, label].sum())
        there = np.bincount(units.block, positives[:, label], blocks).astype(np.int64)
        values[label] = statistic(hits[own], total, compared.n)
        for without in range(len(images)):
            rest = total - int(there[without]), compared.n - int(images[without])
            left[without, label] = statistic(hits[own[block != without]], *rest)
    return _with_intervals(values, left, names, positives, units, compared.n)


def _with_intervals(
    values: Array, left: Array, names: Sequence[str], positives: NDArray[np.int64], units: Units, n: int
) -> list[dict[str, Measure]]:
    """Of values (K, J), and those without each block (B, K, J); an absent class is in no mean."""
    rows, without = _means_first(values), _means_first(left)
    without = np.where(np.isnan(without), rows, without).reshape(len(left), -1)
    there = np.concatenate([positives.sum(axis=1, keepdims=True), positives], axis=1)
    j = len(names)
    weights = np.repeat(units.sums(there), j, axis=1)
    images = np.repeat((there > 0).sum(axis=0), j).tolist()
    flat = rows.reshape(-1)
    scales: list[Scale] = ["share"] * len(flat)
    found = with_intervals(flat, added(flat, without), units, scales, [*[n] * j, *images[j:]], weights)
    return [dict(zip(names, found[at : at + j], strict=True)) for at in range(0, len(found), j)]


def _means_first(each: Array) -> NDArray[np.float64]:
    """(…, K, J) → (…, 1 + K, J) with the mean over the classes that have a number before them."""
    there = ~np.isnan(each)
    total, count = np.where(there, each, 0).sum(axis=-2, keepdims=True), there.sum(axis=-2, keepdims=True)
    mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return np.concatenate([mean, each], axis=-2)


def threshold_measures(
    compared: Compared, thresholds: Sequence[float], groups: Groups = None, seed: int = 0
) -> list[dict[str, Measure]]:
    """``f1``, ``precision`` and ``recall`` at an overlap of 0.5, and errors of the counts: of all classes, then of each (K).

    ``count_error`` is the mean over images of \\|found − true\\|, ``relative_count_error`` their sum as a share of the true
    ones, ``count_bias`` the mean of found − true.
    """
    k, kept = len(compared.classes), compared.kept(thresholds)
    right = kept & (compared.matched[:, 0] >= 0)
    hits = _table(compared.found.image[right], compared.found.label[right], compared.n, k)
    counts, positives = compared.counted(thresholds), compared.positives
    columns = [slice(0, k), *(slice(label, label + 1) for label in range(k))]
    tables = [tuple(table[:, own].sum(axis=1) for table in (hits, counts, positives)) for own in columns]
    return [_at_threshold(hits, found, true, groups, seed) for hits, found, true in tables]


def _at_threshold(hits: Array, found: Array, true: Array, groups: Groups, seed: int) -> dict[str, Measure]:
    """Of (n,) boxes that are right, found, and there."""
    units, n = Units.of(groups, len(true), seed), len(true)
    ones, apart = np.ones(n), found - true
    sums = units.sums(np.column_stack([hits, found, true, np.abs(apart), apart, ones]))

    def statistic(sums: Array) -> Array:
        hits, found, true, error, bias, images = np.moveaxis(sums, -1, 0)
        shares = ratio(2 * hits, found + true), ratio(hits, found), ratio(hits, true)
        return np.stack([*shares, ratio(error, images), ratio(error, true), ratio(bias, images)], axis=-1)

    _, predicted, there, *_, images = sums.T
    weights = np.column_stack([there + predicted, predicted, there, images, there, images])
    scales: tuple[Scale, ...] = ("share", "share", "share", "positive", "positive", "any")
    names = ("f1", "precision", "recall", "count_error", "relative_count_error", "count_bias")
    return dict(zip(names, measured(sums, statistic, units, scales, [n] * 6, weights), strict=True))


def limits_of_agreement(found: Array, true: Array) -> tuple[float, float]:
    """Between which 95 of 100 differences found − true of (n,) counts lie; NaN for fewer than two (Bland & Altman 1986)."""
    apart = np.asarray(found, np.float64) - true
    if len(apart) < 2:
        return np.nan, np.nan
    spread = AGREE * float(apart.std(ddof=1))
    return float(apart.mean()) - spread, float(apart.mean()) + spread


def best_thresholds(compared: Compared) -> list[float]:
    """(K,) the score from which on a box of each class counts: of those whose F1 is within ``CLOSE`` of the highest, that which
    finds about as many boxes as there are. That of all classes where one has no true box, 0.5 without any."""
    right = outcomes(compared.matched)[:, 0]
    totals = compared.positives.sum(axis=0)
    every = _best(compared.found.score, right, int(totals.sum()))
    each = []
    for label in range(len(compared.classes)):
        own = compared.found.label == label
        each.append(_best(compared.found.score[own], right[own], int(totals[label])) if totals[label] else every)
    return each


def _best(score: Array, right: Array, positives: int) -> float:
    """Between the score of the last box that is kept and the next one's; of equally right counts the fewest boxes."""
    counted = right >= 0
    score, right = score[counted], right[counted]
    order = np.argsort(-score, kind="stable")
    score, hits = score[order], np.cumsum(right[order] == 1)
    if not len(score) or not positives or not hits[-1]:
        return 0.5
    counts = np.arange(1, len(score) + 1)
    f1 = np.where(np.append(score[:-1] > score[1:], True), 2 * hits / (counts + positives), -1.0)
    last = int(np.where(f1 >= f1.max() - CLOSE, np.abs(counts - positives), np.inf).argmin())
    after = float(score[last + 1]) if last + 1 < len(score) else 0.0
    return (float(score[last]) + after) / 2


def _table(image: Array, label: Array, n: int, k: int) -> NDArray[np.int64]:
    """(n, K) how many boxes of each class each image has."""
    return np.bincount(image * k + label, minlength=n * k).reshape(n, k)
