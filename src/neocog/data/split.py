"""Which samples train, which choose, which judge: a pure function of the images' content and a seed.

Samples that belong together (one group, or the same bytes) form a *unit* and never stand on two sides. Units are drawn
in the order of SHA-256(seed, content), so neither names nor the order of files matter. Classes keep their proportions:
units of several samples are dealt out greedily, largest first; single ones then fill each class up to its quota.

Letters: N samples, U units, K classes, P parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import SPLITS, Dataset
from neocog.errors import UserError, listed, raise_all

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]

# Parts are served in this order where a class is too small for all of them: what is learned must at least be tested.
PRIORITY = ("train", "test", "validation")


def split(
    dataset: Dataset,
    digests: Sequence[str],
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    keep: Bools | None = None,
    stratify: bool = True,
) -> Texts:
    """(N,) one of SPLITS for each sample, "" for those that ``keep`` leaves out or that have no digest.

    Parts that the data set itself gives are honoured; those that it lacks are cut from its training part, each the
    stated fraction of that part. A sample without a given part, where others have one, counts as given to train.

    ``fractions``: of train, validation, test; they add up to 1. ``stratify=False`` ignores the labels.
    Raises UserError: bad fractions, fewer than two classes, or a class that cannot stand on two sides.
    """
    _check_fractions(fractions)
    kept = _kept(digests, keep)
    given = np.full(len(dataset), "", "U10") if dataset.splits is None else dataset.splits.astype("U10")
    parts = np.where(kept & (given == ""), "train", np.where(kept, given, "")).astype("U10")
    asked = dict(zip(SPLITS, fractions, strict=True))
    missing = [part for part in PRIORITY[1:] if asked[part] > 0 and not (given[kept] == part).any()]
    pool = np.flatnonzero(parts == "train")
    if not len(pool):
        where = ", ".join(f"{int((parts == part).sum()):,} {part}" for part in SPLITS)
        raise UserError("no sample to train on", where, "give a train part, or leave the split to neocog")
    if stratify:
        raise_all(_one_class(dataset, np.flatnonzero(kept)))
    if missing:
        units = _units(dataset, digests, pool, seed, stratify)
        if stratify and "test" in missing:
            raise_all(_too_few(dataset, units))
        shares = np.array([1 - sum(asked[part] for part in missing), *(asked[part] for part in missing)])
        parts[pool] = np.array(["train", *missing])[_assign(units, shares)[units.of]]
    return parts


def folds(
    dataset: Dataset,
    digests: Sequence[str],
    k: int,
    seed: int = 0,
    keep: Bools | None = None,
    stratify: bool = True,
) -> Ints:
    """(N,) the fold (0 … k − 1) in which each sample is held out; −1 for those left out. Guarantees as in ``split``.

    Raises UserError: k < 2, more folds than units, fewer than two classes, or a class that cannot stand on two sides.
    """
    pool = np.flatnonzero(_kept(digests, keep))
    if stratify:
        raise_all(_one_class(dataset, pool))
    units = _units(dataset, digests, pool, seed, stratify)
    if not 2 <= k <= len(units.keys):
        what = f"--folds {k}: there are {len(units.keys)} samples or groups that can be held out"
        raise UserError(what, fix=f"choose 2 to {max(2, len(units.keys))} folds")
    if stratify:
        raise_all(_too_few(dataset, units))
    result = np.full(len(dataset), -1, np.int64)
    result[pool] = _assign(units, np.full(k, 1 / k))[units.of]
    return result


def notes(dataset: Dataset, parts: Texts) -> list[str]:
    """What the split did, in sentences for the log and the report."""
    given = set() if dataset.splits is None else set(np.unique(dataset.splits).tolist()) - {""}
    counts = {part: int((parts == part).sum()) for part in SPLITS}
    if not given:
        kept = "groups and identical images" if dataset.groups is not None else "identical images"
        sizes = ", ".join(f"{counts[part]:,} {part}" for part in SPLITS)
        return [f"split by class into {sizes}; {kept} stay together"]
    found = [f"the given {part} part is kept: {counts[part]:,} samples" for part in SPLITS if part in given]
    cut = [part for part in SPLITS if part not in given and counts[part] and part != "train"]
    found += [f"no {part} part is given: {counts[part]:,} samples are cut from train" for part in cut]
    blank = int(((dataset.splits == "") & (parts != "")).sum()) if dataset.splits is not None else 0
    return found + ([f"{blank:,} samples without a given part count as train"] if blank else [])


@dataclass(frozen=True)
class _Units:
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


def _units(dataset: Dataset, digests: Sequence[str], pool: Ints, seed: int, stratify: bool) -> _Units:
    content = [digests[i] for i in pool]
    together: list[Sequence[str]] = [content]
    if dataset.groups is not None:
        together.append([str(group) for group in dataset.groups[pool]])
    roots, of, sizes = np.unique(_components(len(pool), together), return_inverse=True, return_counts=True)
    lowest = [""] * len(roots)  # a unit is known by its lowest digest: no other unit holds the same bytes
    for unit, digest in zip(of.tolist(), content, strict=True):
        lowest[unit] = min(lowest[unit] or digest, digest)
    keys = np.array([hashlib.sha256(f"{seed}:{digest}".encode()).hexdigest()[:32].encode() for digest in lowest], "S32")
    labels = dataset.labels[pool] if stratify else np.zeros(len(pool), np.int64)
    return _Units(of.astype(np.int64), labels, len(dataset.classes) if stratify else 1, keys, sizes.astype(np.int64))


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


def _assign(units: _Units, shares: Floats) -> Ints:
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


def _several(units: _Units) -> Iterator[tuple[int, Ints, Ints]]:
    """Units of several samples, largest first: (unit, the classes in it, its samples in each)."""
    members = np.argsort(units.of, kind="stable")
    starts = np.searchsorted(units.of[members], np.arange(len(units.sizes)))
    several = np.flatnonzero(units.sizes > 1)
    for unit in several[np.lexsort((units.keys[several], -units.sizes[several]))].tolist():
        labels, counts = np.unique(units.labels[members[starts[unit] :][: units.sizes[unit]]], return_counts=True)
        yield unit, labels, counts


def _fill(units: _Units, target: Floats, dealt: Floats, result: Ints) -> None:
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


def _kept(digests: Sequence[str], keep: Bools | None) -> Bools:
    known = np.array([digest != "" for digest in digests], bool)
    return known if keep is None else known & keep


def _check_fractions(fractions: Sequence[float]) -> None:
    stated = "/".join(f"{fraction:g}" for fraction in fractions)
    fix = "give three shares of train, validation and test that add up to 1, such as 0.8/0.1/0.1"
    if len(fractions) != 3 or not all(0 <= fraction <= 1 for fraction in fractions) or fractions[0] <= 0:
        raise UserError(f"--split {stated}: train must be above 0 and none below 0", fix=fix)
    if abs(sum(fractions) - 1) > 1e-6:
        raise UserError(f"--split {stated} adds up to {sum(fractions):g}, not 1", fix=fix)


def _one_class(dataset: Dataset, pool: Ints) -> Iterator[UserError]:
    counts = np.bincount(dataset.labels[pool], minlength=len(dataset.classes))
    present = np.flatnonzero(counts)
    if len(present) < 2:
        where = listed(f"{dataset.classes[k]} ({counts[k]:,})" for k in present)
        yield UserError(f"{len(present)} class, at least 2 are needed", where, "add samples of another class")


def _too_few(dataset: Dataset, units: _Units) -> Iterator[UserError]:
    """Classes whose samples are one single unit, which cannot both train and test."""
    samples, of = np.bincount(units.labels, minlength=units.classes), units.per_class()
    present = int((samples > 0).sum())
    single, bound = np.flatnonzero(samples == 1), np.flatnonzero((samples > 1) & (of == 1))
    if len(single):
        what = f"{len(single)} of {present} classes have 1 sample; to train and to test takes at least 2"
        where = listed(f"{dataset.classes[k]} (1)" for k in single)
        yield UserError(what, where, "add samples to these classes, or leave them out")
    if len(bound):
        what = f"{len(bound)} of {present} classes have all samples in one group or alike: none is left to test on"
        where = listed(f"{dataset.classes[k]} ({samples[k]:,})" for k in bound)
        yield UserError(what, where, "add samples from other groups, or leave these classes out")
