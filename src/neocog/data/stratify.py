"""Dealing out units of samples to parts, so that every class keeps its proportions and no unit is torn.

Samples that belong together (one group, the same pixels, near copies) form a *unit*. Units are drawn in the order of SHA-256(seed,
content). Those of several samples are dealt out greedily, largest first; single ones then fill each class to its quota.

Letters: n samples, U units, K classes, P parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from neocog.data.digests import at, distinct, known

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


LARGEST, SHARE = 16, 0.05  # samples of a unit, and of all, that near copies may make


@dataclass(frozen=True)
class Units:
    """What is dealt out: n pooled samples, bound into U units."""

    of: Ints  # (n,) the unit of each sample
    labels: Ints  # (n,) its class
    classes: int  # K
    keys: NDArray[np.bytes_]  # (U,) 16 bytes that the order of drawing follows
    sizes: Ints  # (U,) samples

    def per_class(self) -> Ints:
        """(K,) units in which each class occurs."""
        pairs = np.unique(self.of * self.classes + self.labels)
        return np.bincount(pairs % self.classes, minlength=self.classes)


def bind(
    digests: Sequence[str], groups: Sequence[str], families: Sequence[str], labels: Ints, classes: int, seed: int
) -> Units:
    """Units of n samples: those of one digest or of one group ("" is no group), directly or through others.

    Families of near copies ("" is none) join units as long as none grows beyond ``LARGEST`` samples and ``SHARE`` of all: else
    two like drawings in each of many groups would make one unit of everything. All of it is done on numbers, in the order
    of the digests, as texts of millions of samples would take hundreds of bytes each.
    """
    first, content = distinct(digests)
    units, of = np.unique(_joined(_components(content, groups), families, content), return_inverse=True)
    lowest = np.full(
        len(units), len(first)
    )  # a unit is known by its lowest digest: no other unit holds the same content
    np.minimum.at(lowest, of, content)
    drawn = np.empty(len(units), "S16")
    for unit, sample in enumerate(first[lowest]):
        drawn[unit] = hashlib.sha256(f"{seed}:{digests[sample]}".encode()).digest()[:16]
    return Units(of.astype(np.int64), labels, classes, drawn, np.bincount(of))


def _components(content: Ints, groups: Sequence[str]) -> Ints:
    """(n,) one number for all samples of one ``content`` (n,) or group, also through others; "" binds none."""
    where = np.flatnonzero(known(groups))
    first, group = distinct(at(groups, where))
    count = int(content.max()) + 1
    bonds = coo_matrix((np.ones(len(where), bool), (content[where], count + group)), [count + len(first)] * 2)
    found: Ints = connected_components(bonds, directed=False)[1][content]
    return found


def _joined(unit: Ints, families: Sequence[str], content: Ints) -> Ints:
    """``unit`` (n,) with the units of each family made one, the families in the order of content."""
    members = np.flatnonzero(known(families))
    _, family = distinct(at(families, members))
    members = members[np.argsort(family, kind="stable")]
    ends = np.bincount(family).cumsum()
    starts = np.concatenate([[0], ends])[: len(ends)]
    lowest = np.minimum.reduceat(content[members], starts) if len(members) else starts
    into, sizes, most = np.arange(unit.max() + 1), np.bincount(unit), max(LARGEST, int(SHARE * len(unit)))
    for each in np.lexsort((members[starts], lowest)).tolist():
        first, *rest = dict.fromkeys(_root(into, one) for one in unit[members[starts[each] : ends[each]]].tolist())
        if (together := int(sizes[[first, *rest]].sum())) <= most:
            into[rest], sizes[first] = first, together
    return np.array([_root(into, one) for one in range(len(into))])[unit]


def _root(into: Ints, unit: int) -> int:
    """What ``unit`` has become part of, also through others."""
    while into[unit] != unit:
        into[unit] = into[into[unit]]
        unit = int(into[unit])
    return unit


def assign(units: Units, shares: Floats) -> Ints:
    """(U,) part of each unit. A class of at least P units stands in every part; a smaller one in the first parts."""
    result = np.full(len(units.keys), -1, np.int64)
    target = np.outer(shares, np.bincount(units.labels, minlength=units.classes))  # (P, K) samples wanted
    dealt = np.zeros_like(target)  # (P, K) samples so far
    left = units.per_class()  # (K,) units still to come
    for unit, labels, counts in _several(units):
        have, want = dealt[:, labels], target[:, labels]
        gain = (counts * (2 * (have - want) + counts) / want).sum(axis=1)  # (P,) change of χ²
        lacking = have == 0
        urgent = (lacking & (left[labels] <= lacking.sum(axis=0))).any(axis=1)  # else a part would go without a class
        result[unit] = part = np.argmin(np.where(urgent, gain, np.inf) if urgent.any() else gain)
        dealt[part, labels] += counts
        left[labels] -= 1
    _fill(units, target, dealt, result)
    return result


def _several(units: Units) -> Iterator[tuple[int, Ints, Ints]]:
    """Units of several samples, largest first: (unit, the classes in it, its samples in each)."""
    members = np.argsort(units.of, kind="stable")
    starts = np.searchsorted(units.of[members], np.arange(len(units.sizes)))
    several = np.flatnonzero(units.sizes > 1)
    for unit in several[np.lexsort((units.keys[several], -units.sizes[several]))].tolist():
        labels, counts = np.unique(units.labels[members[starts[unit] :][: units.sizes[unit]]], return_counts=True)
        yield unit, labels, counts


def _fill(units: Units, target: Floats, dealt: Floats, result: Ints) -> None:
    """Deal out units of one sample, class by class, so that every class meets its targets to within one sample."""
    alone = np.flatnonzero(units.sizes[units.of] == 1)  # samples
    alone = alone[np.argsort(units.keys[units.of[alone]])]
    labels, singles = units.labels[alone], units.of[alone]
    owed = np.zeros(len(target))  # (P,) what rounding kept from a part in earlier classes
    for label in dict.fromkeys(labels.tolist()):  # in the order of content, not of names
        members = singles[labels == label]
        wanted = target[:, label] - dealt[:, label]
        quota = _quota(len(members), wanted, dealt[:, label] == 0, owed)
        owed += wanted - quota
        result[members] = np.repeat(np.arange(len(quota)), quota)


def _quota(n: int, wanted: Floats, lacking: Bools, owed: Floats) -> Ints:
    """(P,) whole numbers that add up to n, near ``wanted``; at least 1 where ``lacking``, as far as n goes."""
    quota = np.zeros(len(wanted), np.int64)
    quota[np.flatnonzero(lacking)[:n]] = 1
    rest = n - int(quota.sum())
    share = np.maximum(wanted - quota, 0)
    share *= rest / (share.sum() or 1)
    quota += (whole := np.floor(share + 1e-9).astype(np.int64))
    quota[np.argsort(-(share - whole + owed), kind="stable")[: rest - int(whole.sum())]] += 1
    return quota
