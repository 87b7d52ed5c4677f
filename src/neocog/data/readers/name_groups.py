"""Groups that file names tell: the patient of a slice, the slide of a tile, the video of a frame.

patient03_slice_2.png and patient03_slice_5.png belong together; airplane_001.png and airplane_002.png do not. What stands
before a running number is a group where it is itself numbered, where the running numbers begin anew with each, and where
there are enough of them in every class; binding too much costs little, tearing a patient costs the truth of the figures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Dataset, Taken
from neocog.data.formats.files import without_suffix
from neocog.data.readers.levels import UNIT
from neocog.data.readers.mask_groups import inferred_groups
from neocog.data.readers.reading import Reading
from neocog.errors import UserError, listed, printable

TOKEN = re.compile(r"[A-Za-z]+|[0-9]+|[^A-Za-z0-9]+")
# What stands before a running number: the slice, tile, time, channel, copy of one and the same thing
RUNNING = frozenset((
    "slice", "slc", "sl", "tile", "frame", "frm", "fr", "f", "img", "image", "im", "picture", "z", "t", "x", "y", "s", "c", "ch",
    "w", "patch", "crop", "roi", "fov", "field", "page", "pic", "view", "scan", "aug", "copy", "rot", "part", "seg", "cell",
    "cut", "section", "row", "col", "r", "position", "pos", "time", "tp", "stack", "channel", "layer", "angle",
))  # fmt: skip
MOST_CUTS = 4  # pieces taken off the end of a name
LEAST_GROUPS, LEAST_OF_A_CLASS = 5, 3  # fewer are too few units to split by
SHARE = 0.95  # of the names that must have a group


@dataclass(frozen=True)
class Found:
    """Groups (N,), "" where a name has none; ``why`` they do not serve, or "" where they do."""

    groups: NDArray[np.str_]
    why: str

    def examples(self) -> str:
        different = sorted(set(self.groups.tolist()) - {""})
        return f"{len(different):,} different: {listed(different, 3)}"


def bound(data: Dataset, reading: Reading) -> Dataset:
    """The data set with the groups that its files' names tell, where it has none yet; ``--groups`` overrules."""
    if reading.groups == "none" or not len(data):
        return data
    if reading.groups:
        return _asked(data, reading.groups)
    if data.groups is not None or data.images.path(0) is None:
        return data
    part, flag = "file names", "--groups none"
    groups, note = inferred_groups(data.names)
    if groups is not None:
        return replace(data, groups=groups, taken=(*data.taken, Taken(part, "group", note, flag)))
    found = groups_in_names(data)
    if found is None:
        return data
    if found.why:
        taken = Taken(part, "not used", f"{found.examples()}, {found.why}", "--groups names:REGEX")
        return replace(data, taken=(*data.taken, taken))
    taken = Taken(part, "group", f"{found.examples()}; the numbers behind begin anew with each", flag)
    return replace(data, groups=found.groups, taken=(*data.taken, taken))


def _asked(data: Dataset, text: str) -> Dataset:
    kind, _, pattern = text.partition(":")
    if kind != "names" or not pattern:
        raise UserError(f"--groups {printable(text)}", fix="write names:REGEX, such as names:'(patient\\d+)', or none")
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise UserError(f"--groups {printable(text)}: no regular expression ({error})") from None
    matches = [regex.search(name) for name in data.names]
    groups = [(match[1] if regex.groups else match[0]) or "" if match else "" for match in matches]
    without = [name for name, group in zip(data.names, groups, strict=True) if not group]
    if without:
        what = f"--groups {printable(text)}: {len(without):,} of {len(data):,} names do not match"
        raise UserError(what, listed(without, 3), "write an expression that finds a group in each path")
    evidence = f"{len(set(groups)):,} different, as asked"
    return replace(
        data, groups=np.array(groups), taken=(*data.taken, Taken("file names", "group", evidence, "--groups"))
    )


def groups_in_names(data: Dataset) -> Found | None:
    """The coarsest groups that the names tell; those that are too few to split by where there are no others."""
    lengths = np.zeros((len(data), MOST_CUTS), np.int16)  # of what stays of each name; 0: nothing
    for row, name in zip(lengths, data.names, strict=True):
        if cuts := _cuts(_stem(name)):
            row[: len(cuts)], row[len(cuts) :] = cuts, cuts[-1]
    if np.count_nonzero(lengths[:, 0]) < SHARE * len(data):
        return None
    best: Found | None = None
    for depth in range(MOST_CUTS):
        texts = dict[str, str]()  # each once, as most stand in many names
        groups, tails = list[str](), list[str]()
        for name, length in zip(data.names, lengths[:, depth].tolist(), strict=True):
            stem = _stem(name) if length else ""
            groups.append(texts.setdefault(stem[:length], stem[:length]))
            tails.append(texts.setdefault(stem[length:], stem[length:]))
        found = _assessed(data, groups, tails)
        if found is not None and (best is None or best.why or not found.why):
            best = found
    return best


def _stem(name: str) -> str:
    return without_suffix(name).rpartition("/")[2]


def _cuts(stem: str) -> list[int]:
    """How many letters stay where the running part goes, the least taken off first.

    >>> _cuts("patient03_slice_2"), _cuts("airplane_001"), _cuts("cat")
    ([9], [], [])
    """
    tokens, found = TOKEN.findall(stem), list[int]()
    for _ in range(MOST_CUTS):
        if not tokens or not tokens[-1].isdigit():
            break
        tokens.pop()
        while tokens and (not tokens[-1].isalnum() or tokens[-1].lower() in RUNNING):
            tokens.pop()
        rest = "".join(tokens)
        if any(c.isdigit() for c in rest) or UNIT.fullmatch(rest):
            found.append(len(rest))
    return found


def _assessed(data: Dataset, groups: Sequence[str], tails: Sequence[str]) -> Found | None:
    """None where these are no groups at all."""
    names, of = _numbered(groups)
    count = names - ("" in groups)
    if count < 2 or 2 * count > len(groups) or not _begin_anew(of, tails) or _are_the_values(data, groups):
        return None
    if data.has_classes:
        each = np.bincount(np.unique(data.labels * names + of) // names, minlength=len(data.classes))
        if (each <= 1).all():  # the name says the class
            return None
        fewest = int(each.min())
    else:
        fewest = count
    why = "too few to split by" if count < LEAST_GROUPS or fewest < LEAST_OF_A_CLASS else ""
    return Found(np.array(groups), why)


def _numbered(texts: Sequence[str]) -> tuple[int, NDArray[np.int64]]:
    """How many different ones there are, and (N,) the number of each."""
    numbers = dict[str, int]()
    of = np.fromiter((numbers.setdefault(text, len(numbers)) for text in texts), np.int64, len(texts))
    return len(numbers), of


def _begin_anew(of: NDArray[np.int64], tails: Sequence[str]) -> bool:
    """Whether most running numbers stand behind several groups."""
    groups = int(of.max()) + 1
    numbers, which = _numbered(tails)
    shared = np.bincount(np.unique(which * groups + of) // groups, minlength=numbers) > 1
    return 2 * int(shared[which].sum()) >= len(tails)


def _are_the_values(data: Dataset, groups: Sequence[str]) -> bool:
    """Whether a name begins with the value that is learned, as in 25_0001.png of age 25."""
    if data.values is None:
        return False
    same = 0
    for group, value in zip(groups, data.values[:, 0].tolist(), strict=True):
        found = re.search(r"\d+(?:\.\d+)?$", group)
        same += found is not None and float(found[0]) == value
    return 2 * same >= len(groups)
