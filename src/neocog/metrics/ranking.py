"""Area under the ROC curve: the chance that a sample of the class scores higher than one of another class."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.intervals import Groups, clusters, equal_units, interval, standard_error
from neocog.records import Measure

Array = NDArray[Any]


def auroc(scores: Array, positive: Array) -> float:
    """AUROC of scores (N,) for ``positive`` (N,) bool; a tie counts half. NaN where one side has no sample."""
    return _auroc(np.asarray(scores), np.asarray(positive, dtype=bool))[0]


def macro_auroc(scores: Array, labels: Array, groups: Groups = None) -> Measure:
    """Mean one-against-rest AUROC of the classes that have samples; for two classes, the AUROC of the second.

    ``scores`` (N, K), ``labels`` (N,). The interval needs no resampling: DeLong, DeLong & Clarke-Pearson (1988), with
    the mid-ranks of Sun & Xu (2014), summed over groups (Obuchowski 1997), on the logit scale to stay in [0, 1].
    """
    n, k = scores.shape
    values, influence, weight = [], np.zeros(n), np.zeros(n)
    for index in [1] if k == 2 else range(k):
        value, share = _auroc(scores[:, index], labels == index)
        if not math.isnan(value):
            values.append(value)
            influence += share
            sides = np.bincount(labels == index, minlength=2)
            weight += 1 / sides[(labels == index).astype(int)]
    member, count = clusters(groups, n)
    group_count = None if groups is None else count
    if not values:
        return Measure(math.nan, math.nan, math.nan, n, group_count)
    value = float(np.mean(values))
    sums = np.bincount(member, influence / len(values)) * math.sqrt(count / max(1, count - 1))
    error = float(standard_error(sums[:, None], ("counts",))[0])
    bounds = interval(value, error, float(equal_units(np.bincount(member, weight))), "counts")
    return Measure(value, *bounds, n, group_count)


def _auroc(scores: Array, positive: Array) -> tuple[float, Array]:
    """The area, and each sample's influence (N,) on it (their squares sum to its variance)."""
    m, n = int(positive.sum()), int((~positive).sum())
    if m == 0 or n == 0:
        return math.nan, np.zeros(len(scores))
    ranks = _midranks(scores)
    below = (ranks[positive] - _midranks(scores[positive])) / n  # (m,) share of negatives below each positive
    above = 1 - (ranks[~positive] - _midranks(scores[~positive])) / m  # (n,) share of positives above each negative
    value = float(below.mean())
    influence = np.empty(len(scores))
    influence[positive] = (below - value) / m
    influence[~positive] = (above - value) / n
    return value, influence


def _midranks(values: Array) -> Array:
    """(N,) ranks from 1, equal values sharing the mean of theirs."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Array = (np.cumsum(counts) - (counts - 1) / 2)[index]
    return ranks
