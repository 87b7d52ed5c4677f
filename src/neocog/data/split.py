"""Which samples train, which choose, which test: a pure function of the images' content and a seed.

Samples of one group, of the same pixels, or of one family of near copies never stand on two sides; classes keep their
proportions; neither names nor the order of files matter (``stratify.py`` has the method). The split is written to
splits.csv, each sample with its SHA-256, so that a later run sees what has changed in the data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.cells import csv_of, plain_cell
from neocog.data.dataset import SPLITS, Dataset
from neocog.data.digests import at, known
from neocog.data.stratify import Units, assign, bind
from neocog.documents import RESTORE, read_rows
from neocog.errors import UserError, listed, printable, raise_all
from neocog.run import write_atomically

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]

# Parts are served in this order where a class is too small for all of them: what is learned must at least be tested.
PRIORITY = ("train", "test", "validation")
COLUMNS = ("sample", "label", "split", "group", "sha256", "pixels", "family")
OLD_COLUMNS = COLUMNS[:5]  # of runs that knew of files only
PARTS = ("", *SPLITS)  # by the number that stands for a part where millions of samples are dealt out
TRAIN, VALIDATION, TEST = 1, 2, 3


def split(
    dataset: Dataset,
    digests: Sequence[str],
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    keep: Bools | None = None,
    stratify: bool = True,
    families: Sequence[str] = (),
) -> Texts:
    """(N,) one of SPLITS for each sample, "" for those that ``keep`` leaves out or that have no digest.

    ``digests`` (N,) are of what is the same where they are equal; ``families`` (N,) name near copies, "" where there are none.

    Parts that the data set itself gives are honoured; those that it lacks are cut from its training part, each the
    stated fraction of that part. A sample without a given part, where others have one, counts as given to train.

    ``fractions``: of train, validation, test; only their ratio matters. ``stratify=False`` ignores the labels.
    Raises UserError: bad fractions, fewer than two classes, or a class that cannot stand on two sides.
    """
    asked = _shares(fractions)
    kept = _kept(digests, keep)
    given = np.zeros(len(dataset), np.int8)
    for part in SPLITS if dataset.splits is not None else ():
        given[dataset.splits == part] = PARTS.index(part)
    parts = np.where(kept, np.where(given == 0, np.int8(TRAIN), given), np.int8(0))
    missing = [part for part in PRIORITY[1:] if asked[part] > 0 and not (given[kept] == PARTS.index(part)).any()]
    pool = np.flatnonzero(parts == TRAIN)
    if not len(pool):
        where = ", ".join(f"{int((parts == PARTS.index(part)).sum()):,} {part}" for part in SPLITS)
        raise UserError("no sample to train on", where, "give a train part, or leave the split to neocog")
    if stratify:
        raise_all(_one_class(dataset, np.flatnonzero(kept)))
    if missing:
        units = units_of(dataset, digests, families, pool, seed, stratify)
        if stratify and "test" in missing:
            raise_all(_too_few(dataset, units))
        shares = np.array([1 - sum(asked[part] for part in missing), *(asked[part] for part in missing)])
        parts[pool] = np.array([TRAIN, *map(PARTS.index, missing)])[assign(units, shares)[units.of]]
    return in_words(parts)


def in_words(parts: NDArray[np.integer[Any]]) -> Texts:
    """(N,) ``PARTS`` by their numbers, each text kept once: 8 bytes a sample and not 40."""
    return np.asarray(np.array(PARTS, object)[parts])


def folds(
    dataset: Dataset,
    digests: Sequence[str],
    k: int,
    seed: int = 0,
    keep: Bools | None = None,
    stratify: bool = True,
    families: Sequence[str] = (),
) -> Ints:
    """(N,) the fold (0 … k − 1) in which each sample is held out; −1 for those left out. Guarantees as in ``split``.

    Raises UserError: k < 2, more folds than units, fewer than two classes, or a class that cannot stand on two sides.
    """
    pool = np.flatnonzero(_kept(digests, keep))
    if stratify:
        raise_all(_one_class(dataset, pool))
    units = units_of(dataset, digests, families, pool, seed, stratify)
    if not 2 <= k <= len(units.keys):
        what = f"--folds {k}: there are {len(units.keys)} samples or groups that can be held out"
        raise UserError(what, fix=f"choose 2 to {max(2, len(units.keys))} folds")
    if stratify:
        raise_all(_too_few(dataset, units))
    result = np.full(len(dataset), -1, np.int64)
    result[pool] = assign(units, np.full(k, 1 / k))[units.of]
    return result


def notes(dataset: Dataset, parts: Texts, together: str = "identical images stay together") -> list[str]:
    """What the split did, in sentences for the log and the report. ``together``: what else than groups it has not torn."""
    given = set() if dataset.splits is None else set(np.unique(dataset.splits).tolist()) - {""}
    counts = {part: int((parts == part).sum()) for part in SPLITS}
    if not given:
        sizes = ", ".join(f"{counts[part]:,} {part}" for part in SPLITS)
        named = np.empty(0) if dataset.groups is None else np.unique(dataset.groups[dataset.groups != ""])
        groups = f"the samples of each of {len(named):,} groups, " if len(named) else ""
        return [f"split{' by class' * dataset.has_classes} into {sizes}; {groups}{together}"]
    found = [f"the given {part} part is kept: {counts[part]:,} samples" for part in SPLITS if part in given]
    cut = [part for part in SPLITS if part not in given and counts[part] and part != "train"]
    found += [f"no {part} part is given: {counts[part]:,} samples are taken from train" for part in cut]
    blank = int(((dataset.splits == "") & (parts != "")).sum()) if dataset.splits is not None else 0
    return found + ([f"{blank:,} samples without a given part count as train"] if blank else [])


@dataclass(frozen=True)
class Manifest:
    """The rows of a splits.csv, column by column."""

    names: tuple[str, ...]
    labels: tuple[str, ...]  # class names
    parts: tuple[str, ...]  # of SPLITS, or "" for samples that were left out
    groups: tuple[str, ...]
    digests: tuple[str, ...]
    pixels: tuple[str, ...] = ()  # digests of what the files show; none in runs that knew of files only
    families: tuple[str, ...] = ()  # of near copies

    @classmethod
    def of(cls, dataset: Dataset, parts: Texts) -> Manifest:
        """A split of these very samples, to be used again."""
        blank = ("",) * len(dataset)
        return cls(tuple(dataset.names), blank, tuple(parts.tolist()), blank, blank)

    def parts_of(self, dataset: Dataset) -> Texts:
        """(N,) the recorded part of each sample by its name, "" for samples that are new."""
        part = dict(zip(self.names, self.parts, strict=True))
        return np.array([part.get(name, "") for name in dataset.names], object)


def write_splits(
    path: Path,
    dataset: Dataset,
    parts: Texts,
    digests: Sequence[str],
    target_texts: Sequence[str],
    pixels: Sequence[str] = (),
    families: Sequence[str] = (),
) -> None:
    """Write splits.csv, whole or not at all. ``target_texts`` (N,): each sample's class or values, as text.

    ``digests`` (N,) are of the files, ``pixels`` (N,) of what they show, ``families`` (N,) name near copies.
    """
    blank = [""] * len(dataset)
    groups = blank if dataset.groups is None else dataset.groups.tolist()
    columns = (dataset.names, target_texts, parts.tolist(), groups, digests, pixels or blank, families or blank)
    write_atomically(path, csv_of(COLUMNS, zip(*columns, strict=True)))


def read_splits(path: Path) -> Manifest:
    """Raises UserError, with the line, for a file that ``write_splits`` did not write."""
    try:
        rows = read_rows(path)
    except UserError as error:
        raise UserError(f"the record of the split cannot be read: {error.what}", error.where, error.fix) from None
    head = tuple(rows[0]) if rows else ()
    if head not in (COLUMNS, OLD_COLUMNS):
        raise UserError(
            f"no record of a split: {','.join(COLUMNS)} expected", f"{path}: {printable(','.join(head))}", RESTORE
        )
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(head) or row[2] not in ("", *SPLITS):
            raise UserError(
                "the record of the split is damaged", f"{path}, row {number}: {printable(','.join(row))[:200]}", RESTORE
            )
    columns = list(zip(*rows[1:], strict=True)) or [()] * len(head)
    names, labels, groups = ([plain_cell(cell) for cell in columns[i]] for i in (0, 1, 3))
    return Manifest(tuple(names), tuple(labels), tuple(columns[2]), tuple(groups), *map(tuple, columns[4:]))


def differences(
    recorded: Manifest, dataset: Dataset, digests: Sequence[str], target_texts: Sequence[str]
) -> dict[str, list[str]]:
    """The samples that differ now from their record: {"altered", "relabelled", "missing", "added": names}."""
    known = dict(zip(recorded.names, zip(recorded.digests, recorded.labels, strict=True), strict=True))
    found: dict[str, list[str]] = {"altered": [], "relabelled": [], "missing": [], "added": []}
    for index, (name, digest) in enumerate(zip(dataset.names, digests, strict=True)):
        if name not in known:
            found["added"].append(name)
            continue
        was_digest, was_label = known.pop(name)
        if digest != was_digest:
            found["altered"].append(name)
        if target_texts[index] != was_label:
            found["relabelled"].append(name)
    found["missing"] = list(known)
    return {kind: names for kind, names in found.items() if names}


def changes(
    recorded: Manifest, dataset: Dataset, parts: Texts, digests: Sequence[str], target_texts: Sequence[str]
) -> str:
    """What has changed since the record was written, for a message; "" where nothing has."""
    found = differences(recorded, dataset, digests, target_texts)
    if not found:
        moved = np.flatnonzero(recorded.parts_of(dataset) != parts)
        found = {"in another part": [dataset.names[i] for i in moved.tolist()]} if len(moved) else {}
    return "; ".join(f"{len(names):,} {kind}: {listed(names)}" for kind, names in found.items())


def content_digest(dataset: Dataset, parts: Texts, digests: Sequence[str], target_texts: Sequence[str]) -> str:
    """SHA-256 (hex) over the samples in their order: name, file, what is known of it, and part."""
    found = hashlib.sha256()
    for row in zip(dataset.names, digests, target_texts, parts.tolist(), strict=True):
        found.update("\0".join((*row, "")).encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def fingerprint(digests: Iterable[str], labels: Iterable[Any]) -> str:
    """SHA-256 (hex) over all contents and labels, whatever their order and names."""
    pairs = sorted(f"{digest} {label}" for digest, label in zip(digests, labels, strict=True))
    return hashlib.sha256("\n".join(pairs).encode("utf-8", "surrogatepass")).hexdigest()


def units_of(
    dataset: Dataset, digests: Sequence[str], families: Sequence[str], pool: Ints, seed: int, stratify: bool
) -> Units:
    groups: Any = [] if dataset.groups is None else dataset.groups[pool]
    labels = dataset.labels[pool] if stratify else np.zeros(len(pool), np.int64)
    here, alike = at(digests, pool), at(families, pool) if families else []
    return bind(here, groups, alike, labels, len(dataset.classes) if stratify else 1, seed)


def _kept(digests: Sequence[str], keep: Bools | None) -> Bools:
    return known(digests) if keep is None else known(digests) & keep


def _shares(fractions: Sequence[float]) -> dict[str, float]:
    """{part: its share of 1}; only the ratio of the ``fractions`` matters."""
    if len(fractions) != 3 or not all(0 <= fraction < np.inf for fraction in fractions) or fractions[0] <= 0:
        stated = " ".join(f"{fraction:g}" for fraction in fractions)
        fix = "give the shares of train, validation and test, such as 0.8 0.1 0.1"
        raise UserError(f"--split {stated}: three shares are needed, train above 0 and none below 0", fix=fix)
    return {part: fraction / sum(fractions) for part, fraction in zip(SPLITS, fractions, strict=True)}


def _one_class(dataset: Dataset, pool: Ints) -> Iterator[UserError]:
    counts = np.bincount(dataset.labels[pool], minlength=len(dataset.classes))
    present = np.flatnonzero(counts)
    if len(present) < 2:
        where = listed(f"{dataset.classes[k]} ({counts[k]:,})" for k in present)
        yield UserError(f"{len(present)} class, at least 2 are needed", where, "add samples of another class")


def _too_few(dataset: Dataset, units: Units) -> Iterator[UserError]:
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
        fix = "add other samples, leave these classes out, or let copies be torn apart: --together pixels"
        if all(_in_one_group(dataset, int(k)) for k in bound):
            fix = "add samples of other groups, leave these classes out, or take no groups: --columns group=none, --groups none"
        yield UserError(what, where, fix)


def _in_one_group(dataset: Dataset, label: int) -> bool:
    """Whether it is a group that binds all samples of a class, and not that they are copies."""
    groups = np.empty(0) if dataset.groups is None else np.unique(dataset.groups[dataset.labels == label])
    return len(groups) == 1 and groups[0] != ""
