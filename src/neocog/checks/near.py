"""Near copies, on two sides of a given split or in two classes: one picture saved again, resized, mirrored or turned; or the
two strands of one molecule.

Identical ones are told elsewhere (``duplicates``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from neocog.checks.duplicates import across
from neocog.data.copies import Copies
from neocog.data.dataset import Dataset
from neocog.data.digests import known
from neocog.errors import count
from neocog.records import Finding


def near_duplicates(dataset: Dataset, copies: Copies) -> Iterator[Finding]:
    """Pairs across a given split or in two classes, and how many families there are; ``samples`` lists the pairs."""
    pairs = copies.pairs.tolist()
    labels = dataset.labels.tolist()
    splits = [""] * len(dataset) if dataset.splits is None else dataset.splits.tolist()
    for sides, leaks in across(splits, pairs).items():
        what = f"the given split may leak: {count(leaks, 'pair')} of {alike(dataset)} in {' and '.join(sides)}"
        advice = "look at the pairs; remove one of each that shows the same, or leave the split to neocog"
        yield Finding("warning", what, _names(dataset, leaks), advice)
    other = [pair for pair in pairs if labels[pair[0]] != labels[pair[1]]]
    if other:
        what = f"{count(other, 'pair')} of {alike(dataset)} with different labels"
        advice = "look at the pairs: unless mirroring or turning changes the label, at most one of each can be right"
        if dataset.form == "sequences":
            advice = "look at the pairs: two strands of one molecule, of which at most one label can be right"
        yield Finding("warning", what, _names(dataset, other), advice)
    rest = [(i, j) for i, j in pairs if labels[i] == labels[j] and splits[i] == splits[j]]
    if rest:
        what = f"{count(rest, 'pair')} of {alike(dataset)} in one class"
        what = what if dataset.has_classes else what.removesuffix(" in one class")
        many = int(known(copies.families).sum())
        advice = f"{count(copies.count, 'family')} of {many:,} {dataset.form} with their copies; neocog keeps each family together"
        yield Finding("note", what, _names(dataset, rest), advice)


def unbound(dataset: Dataset, copies: Copies) -> Iterator[Finding]:
    """Near copies that no family holds together, since it would have grown too large."""
    if len(copies.apart):
        pairs = count(copies.apart, "pair")
        what = f"{pairs} of {alike(dataset)} stay in different families, which would otherwise grow too large"
        advice = "frames of one film, or drawings? A split may separate them: give them a group, as with --columns film=group"
        yield Finding("warning", what, _names(dataset, copies.apart.tolist()), advice)


def torn_copies(dataset: Dataset, copies: Copies, parts: NDArray[np.str_]) -> Iterator[Finding]:
    """Near copies on two sides of a split of neocog's: of families that would have grown too large, or that were not asked for."""
    given = np.zeros(len(dataset), bool) if dataset.splits is None else dataset.splits != ""
    torn = [(i, j) for i, j in copies.torn(parts).tolist() if not (given[i] and given[j])]
    if torn:
        what = f"the split separates {count(torn, 'pair')} of {alike(dataset)}"
        advice = "frames of one film? Give them a group; --together near keeps families of ordinary size on one side"
        yield Finding("warning", what, _names(dataset, torn), advice)


def alike(dataset: Dataset) -> str:
    """What the two of a pair are."""
    kind = "reverse-complementary" if dataset.form == "sequences" else "nearly identical"
    return f"{kind} {dataset.form}"


def _names(dataset: Dataset, pairs: Sequence[Sequence[int]]) -> tuple[str, ...]:
    return tuple(dataset.names[i] for pair in pairs for i in pair)
