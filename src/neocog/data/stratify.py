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
    keys: NDArray[np.bytes_]  # (U,) what the order of drawing follows
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
    two like drawings in each of many groups would make one unit of everything.
    """
    bound = _components(len(digests), (digests, groups))
    roots, of, sizes = np.unique(_joined(bound, families, digests), return_inverse=True, return_counts=True)
    lowest = [""] * len(roots)  # a unit is known by its lowest digest: no other unit holds the same content
    for unit, digest in zip(of.tolist(), digests, strict=True):
        lowest[unit] = min(lowest[unit] or digest, digest)
    keys = np.array([hashlib.sha256(f"{seed}:{digest}".encode()).hexdigest()[:32].encode() for digest in lowest], "S32")
    return Units(of.astype(np.int64), labels, classes, keys, sizes.astype(np.int64))


def _components(n: int, labelings: Sequence[Sequence[str]]) -> list[int]:
    """Union-find: one number for all that share a label in any labelling, also through others; "" binds none."""
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for labels in labelings:
        first: dict[str, int] = {}
        for i, label in enumerate(labels):
            if label:
                parent[root(i)] = root(first.setdefault(label, i))
    return [root(i) for i in range(n)]


def _joined(bound: list[int], families: Sequence[str], digests: Sequence[str]) -> list[int]:
    """``bound`` (n,) with the units of each family made one, the families in the order of content."""
    members: dict[int, list[int]] = {}
    for index, unit in enumerate(bound):
        members.setdefault(unit, []).append(index)
    named: dict[str, list[int]] = {}
    for index, family in enumerate(families):
        if family:
            named.setdefault(family, []).append(index)
    most, bound = max(LARGEST, int(SHARE * len(bound))), list(bound)
    for family in sorted(named, key=lambda name: min(digests[i] for i in named[name])):
        first, *rest = dict.fromkeys(bound[i] for i in named[family])
        if sum(len(members[unit]) for unit in (first, *rest)) <= most:
            for index in (i for unit in rest for i in members[unit]):
                bound[index] = first
                members[first].append(index)
    return bound


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
