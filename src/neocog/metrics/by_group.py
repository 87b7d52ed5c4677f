"""Do groups of samples differ, or is it luck? Tests by permutation, and how much of the truth a group alone gives away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.intervals import Groups, clusters
from neocog.metrics.paired import holm

Array = NDArray[Any]
DRAWN = 5000  # permutations
FIFTHS = 5


@dataclass(frozen=True)
class Difference:
    """``p`` of all groups being alike; of each group (G,): by how much its mean score is above the others', and Holm's p."""

    p: float
    above: NDArray[np.float64]
    each: NDArray[np.float64]


def group_difference(scores: Array, member: Array, units: Groups = None, seed: int = 0) -> Difference:
    """``scores`` (n,) of samples, each of a group ``member`` (n,) 0 … G − 1; NaN scores do not count.

    Were all groups alike, ``units`` (each sample, or what repeats inside groups: patients of a site) could be dealt out to
    them in any way: p is the share of 5,000 such ways after which the groups' means lie at least as far apart (Σ n (m_g −
    m)²), and for one group, from those of all others, with Holm's (1979) correction. Units that belong to several groups
    are samples instead.
    """
    known = ~np.isnan(scores)
    scores, member = np.asarray(scores, np.float64)[known], np.asarray(member)[known]
    unit, count = clusters(None if units is None else np.asarray(units)[known], len(scores))
    home = np.full(count, -1)
    home[unit] = member
    if (home[unit] != member).any():
        unit, count, home = np.arange(len(scores)), len(scores), member
    sums, sizes = np.bincount(unit, scores, count), np.bincount(unit, minlength=count).astype(float)
    groups, draw = int(member.max()) + 1, np.random.default_rng(seed)
    apart, above = _apart(sums, sizes, home, groups)
    as_far, each = np.zeros(()), np.zeros(groups)
    for _ in range(DRAWN):
        other, drawn = _apart(sums, sizes, draw.permutation(home), groups)
        as_far = as_far + (other >= apart - 1e-12)
        each += np.abs(drawn) >= np.abs(above) - 1e-12
    ps = (1 + each) / (1 + DRAWN)
    return Difference(float((1 + as_far) / (1 + DRAWN)), above, np.array(holm(ps.tolist())))


def _apart(sums: Array, sizes: Array, home: Array, groups: int) -> tuple[float, Array]:
    """How far the groups' means lie apart, and each one's from that of all others together."""
    total, n = np.bincount(home, sums, groups), np.bincount(home, sizes, groups)
    mean, rest = total / n, (sums.sum() - total) / np.maximum(sizes.sum() - n, 1e-12)
    return float((n * (mean - sums.sum() / sizes.sum()) ** 2).sum()), mean - rest


def right_by_group(labels: Array, member: Array, seed: int = 0) -> NDArray[np.bool_]:
    """(n,) whether a sample's class is the commonest of its group in the other fifths of the samples; of a group that has none
    there, the commonest of all.

    The share that is right is what can be had without looking at a single pixel.
    """
    labels, member = np.asarray(labels), np.asarray(member)
    part = np.random.default_rng(seed).permutation(len(labels)) % FIFTHS
    counts = np.zeros((FIFTHS, int(member.max()) + 1, int(labels.max()) + 1))
    np.add.at(counts, (part, member, labels), 1)
    others = (counts.sum(axis=0) - counts)[part, member]  # (n, K)
    everywhere = (counts.sum(axis=0) - counts).sum(axis=1)[part]
    expected = np.where(others.any(axis=1, keepdims=True), others, everywhere)
    found: NDArray[np.bool_] = expected.argmax(axis=1) == labels
    return found


def names_and_members(groups: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """The different names in their order, and (n,) the place of each sample's among them."""
    names, member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    return names.tolist(), member.astype(np.int64)
