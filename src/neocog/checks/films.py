"""Frames of films: files that follow each other by name look alike, and a split by chance puts neighbours on two sides."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from neocog.data.copies import Copies
from neocog.data.dataset import Dataset
from neocog.data.survey import Record
from neocog.data.thumbnails import unpacked
from neocog.run import Finding

LEAST = 20  # images of a folder
NEARER = 0.75  # of the usual distance: neighbours of a film keep far below, other files above 0.9


def films(dataset: Dataset, records: Sequence[Record], copies: Copies) -> Iterator[Finding]:
    """Folders without groups or given parts in which neighbours by name are nearer than others; ``samples``: each one's first."""
    if dataset.groups is not None or dataset.splits is not None or dataset.form != "images":
        return
    folders: defaultdict[str, list[int]] = defaultdict(list)
    for index in sorted(range(len(dataset)), key=lambda i: _natural(dataset.names[i])):
        if records[index].error is None and records[index].thumbnail:
            folders[dataset.names[index].rpartition("/")[0]].append(index)
    found = [
        members
        for members in folders.values()
        if len(members) >= LEAST and _nearness(members, records, copies) < NEARER
    ]
    if found:
        many = sum(map(len, found))
        what = (
            f"{many:,} images may be frames of films: those that follow each other by name are more alike than others"
        )
        advice = (
            "neighbours on two sides make a test easy: give each film as a group, by --groups, --columns or --levels"
        )
        yield Finding("warning", what, tuple(dataset.names[members[0]] for members in found), advice)


def _nearness(members: Sequence[int], records: Sequence[Record], copies: Copies) -> float:
    """Median distance of neighbours, as a share of that of images half the folder apart; copies do not count."""
    cells, _, _ = unpacked([records[i].thumbnail for i in members])
    families = np.array([copies.families[i] for i in members])
    near, far = _distances(cells, families, 1), _distances(cells, families, len(members) // 2)
    return float(np.median(near) / np.median(far)) if len(near) and len(far) and np.median(far) > 0 else 1.0


def _distances(cells: NDArray[np.float32], families: NDArray[np.str_], step: int) -> NDArray[np.float32]:
    """Of each image to the one ``step`` places on, unless they are of one family."""
    apart = np.linalg.norm(cells[step:] - cells[:-step], axis=1)
    others: NDArray[np.float32] = apart[(families[step:] != families[:-step]) | (families[step:] == "")]
    return others


def _natural(name: str) -> list[tuple[int, str]]:
    """Numbers in names by their value: frame 9 before frame 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
