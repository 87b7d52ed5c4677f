"""Frames of films: files that follow each other by name look alike, and a split by chance puts neighbours on two sides."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from neocog.data.copies import Copies
from neocog.data.dataset import Dataset
from neocog.data.digests import keys, known
from neocog.data.records import Records
from neocog.data.thumbnails import unpacked
from neocog.records import Finding

Ints = NDArray[np.int64]

LEAST = 20  # images of a folder
LOT = 4096  # thumbnails compared at once
NEARER = 0.75  # of the usual distance: neighbours of a film keep far below, other files above 0.9


def films(dataset: Dataset, records: Records, copies: Copies) -> Iterator[Finding]:
    """Folders without groups or given parts in which neighbours by name are nearer than others; ``samples``: each one's first."""
    if dataset.groups is not None or dataset.splits is not None or dataset.form != "images":
        return
    folders: defaultdict[str, list[int]] = defaultdict(list)
    for index in np.flatnonzero(records.good & records.has_thumbnail).tolist():
        folders[dataset.names[index].rpartition("/")[0]].append(index)
    found = []
    for members in folders.values():
        if len(members) >= LEAST:
            order = np.array(sorted(members, key=lambda i: _natural(dataset.names[i])))
            found += [order] if _nearness(order, records, copies) < NEARER else []
    if found:
        found.sort(key=lambda members: _natural(dataset.names[members[0]]))
        many = sum(map(len, found))
        what = (
            f"{many:,} images may be frames of films: those that follow each other by name are more alike than others"
        )
        advice = (
            "neighbours on two sides make a test easy: give each film as a group, by --groups, --columns or --levels"
        )
        yield Finding("warning", what, tuple(dataset.names[members[0]] for members in found), advice)


def _nearness(members: Ints, records: Records, copies: Copies) -> float:
    """Median distance of neighbours, as a share of that of images half the folder apart; copies do not count."""
    near, far = (_distances(members, records, copies, step) for step in (1, len(members) // 2))
    return float(np.median(near) / np.median(far)) if len(near) and len(far) and np.median(far) > 0 else 1.0


def _distances(members: Ints, records: Records, copies: Copies, step: int) -> NDArray[np.float32]:
    """Of each image to the one ``step`` places on, unless they are of one family."""
    family = keys(copies.families)
    one, other = members[:-step], members[step:]
    apart = (family[one] != family[other]) | ~known(copies.families)[one]
    one, other, found = one[apart], other[apart], [np.empty(0, np.float32)]
    for lot in range(0, len(one), LOT):
        pair = (unpacked(records.thumbnails[each[lot : lot + LOT]])[0] for each in (one, other))
        found.append(np.linalg.norm(np.subtract(*pair), axis=1))
    return np.concatenate(found)


def _natural(name: str) -> list[tuple[int, str]]:
    """Numbers in names by their value: frame 9 before frame 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
