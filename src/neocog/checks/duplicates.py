"""The same pixels twice, however they are stored: within a class, in two classes, on two sides of a given split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from neocog.data.dataset import SPLITS, Dataset
from neocog.data.digests import distinct, known
from neocog.data.records import Records
from neocog.errors import count, listed
from neocog.records import Finding


def duplicates(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Images that are there more than once; ``samples`` lists the copies set by set."""
    sets = identical(records)
    if sets:
        spare = sum(len(copies) - 1 for copies in sets)
        files = sum(len({records.digests[i] for i in copies}) > 1 for copies in sets)
        what = f"{count(spare, 'redundant image')}: {count(sets, 'image')} stored more than once, with the same pixels"
        what += f" ({files:,} of them in files that differ)" if files else ""
        yield Finding("note", what, _names(dataset, sets), "harmless for the split, which keeps copies together")


def contradictions(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Identical images with different labels: at most one can be right."""
    wrong = [copies for copies in identical(records) if len({int(dataset.labels[i]) for i in copies}) > 1]
    if wrong:
        pairs = listed(
            _pair(dataset.classes[k] for k in sorted({int(dataset.labels[i]) for i in c})) for c in wrong[:3]
        )
        what = f"{count(wrong, 'image')} stored in more than one class, with the same pixels (such as {pairs})"
        yield Finding("warning", what, _names(dataset, wrong), "keep each image in one class only")


def leakage(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Identical images on two sides of the given split: measures would count memory as skill."""
    if dataset.splits is None:
        return
    splits = dataset.splits.tolist()
    for sides, sets in across(splits, identical(records)).items():
        what = f"the given split leaks: {count(sets, 'image')} stored in {_pair(sides)}, with the same pixels"
        yield Finding("warning", what, _names(dataset, sets), "remove the copies from one of the parts")


def identical(records: Records) -> list[list[int]]:
    """Sets of two or more indices whose pixels are the same."""
    good = np.flatnonzero(records.good & known(records.pixel_digests))
    _, content = distinct(records.pixel_digests.take(good))
    sets: defaultdict[int, list[int]] = defaultdict(list)
    for place in np.flatnonzero(np.bincount(content)[content] > 1).tolist():
        sets[content[place]].append(int(good[place]))
    return list(sets.values())


def across(splits: Sequence[str], sets: Sequence[Sequence[int]]) -> dict[tuple[str, ...], list[Sequence[int]]]:
    """Sets that stand in more than one given part, by those parts."""
    found: defaultdict[tuple[str, ...], list[Sequence[int]]] = defaultdict(list)
    for members in sets:
        here = {splits[i] for i in members}
        sides = tuple(part for part in SPLITS if part in here)
        if len(sides) > 1:
            found[sides].append(members)
    return dict(found)


def _names(dataset: Dataset, sets: Sequence[Sequence[int]]) -> tuple[str, ...]:
    return tuple(dataset.names[i] for copies in sets for i in copies)


def _pair(names: Iterator[str] | Sequence[str]) -> str:
    return " and ".join(names)
