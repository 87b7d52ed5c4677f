"""Frames of films: files that follow each other by name look alike, and a split by chance puts neighbours on two sides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from neocog.data.copies import Copies
from neocog.data.dataset import Dataset
from neocog.data.digests import keys, known
from neocog.data.names import Names
from neocog.data.records import Records
from neocog.data.thumbnails import unpacked
from neocog.records import Finding

Ints = NDArray[np.int64]

LEAST = 20  # images of a folder
LOT = 512  # thumbnails compared at once
NEARER = 0.75  # of the usual distance: neighbours of a film keep far below, other files above 0.9


def films(dataset: Dataset, records: Records, copies: Copies) -> Iterator[Finding]:
    """Folders without groups or given parts in which neighbours by name are nearer than others; ``samples``: each one's first."""
    if dataset.groups is not None or dataset.splits is not None or dataset.form != "images":
        return
    shown = np.flatnonzero(records.good & records.has_thumbnail)
    found = [
        order
        for members in _by_folder(dataset.names, shown)
        if len(members) >= LEAST and _nearness(order := _in_order(dataset.names, members), records, copies) < NEARER
    ]
    if found:
        found.sort(key=lambda members: _natural(dataset.names[members[0]]))
        many = sum(map(len, found))
        what = (
            f"{many:,} images may be frames of films: those that follow each other by name are more alike than others"
        )
        advice = "frames of one film on both sides make a test easy: give each film as a group, by --groups, --columns or --levels"
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


def _by_folder(names: Sequence[str], indices: Ints) -> Iterator[Ints]:
    """The ``indices`` of each folder, the folders in the order of their first."""
    where = Names.of(names).where[indices]
    _, first, times = np.unique(where, return_index=True, return_counts=True)
    together, starts = indices[np.argsort(where, kind="stable")], times.cumsum() - times
    return (together[starts[k] :][: times[k]] for k in np.argsort(first).tolist())


def _in_order(names: Sequence[str], members: Ints) -> Ints:
    """``members`` by name, numbers in it by their value: frame 9 before frame 10."""
    places = [_natural(names[i]) for i in members]
    return members[sorted(range(len(places)), key=places.__getitem__)]


def _natural(name: str) -> bytes:
    """What sorts as its letters and numbers do one by one, in a fifth of the memory that a list of them takes.

    A number is the count of its digits and the digits; NUL, which no name of a file holds, ends what stands between them.

    >>> sorted(["frame 10", "frame 9", "frame", "frame 9a"], key=_natural)
    ['frame', 'frame 9', 'frame 9a', 'frame 10']
    """
    key = bytearray()
    for part in re.split(r"(\d+)", name):
        digits = str(int(part)).encode() if part.isdecimal() else b""
        key += len(digits).to_bytes(2, "big") + digits if digits else part.encode("utf-8", "surrogatepass") + b"\0"
    return bytes(key)
