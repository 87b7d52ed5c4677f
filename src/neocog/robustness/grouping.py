"""Which samples belong together: the groups of the split, a column, a level of folders, a part of the file names."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Dataset
from neocog.errors import UserError, printable
from neocog.robustness.subject import Subject

WAYS = "--by COLUMN, --by folder:2 (a level from the top) or --by names:REGEX"


def groups_of(subject: Subject) -> tuple[str, NDArray[np.str_]]:
    """What the groups are, in words, and (N,) the group of every sample of the data set, "" where it has none.

    Raises UserError where there are none such.
    """
    by, dataset = subject.options.get("by", ""), subject.dataset
    kind, _, rest = by.partition(":")
    if not by:
        if dataset.groups is None:
            raise UserError("these data have no groups", str(subject.config.data.data), f"say what tells them: {WAYS}")
        return "groups of the split", dataset.groups
    if kind == "folder" and rest:
        return f"folders of level {rest}", of_folders(dataset, rest)
    kept = tuple(each for each in subject.config.data.columns if not each.startswith("group="))
    named = kind == "names" and bool(rest)
    flags: dict[str, Any] = {"groups": by} if named else {"columns": (*kept, f"group={by}")}
    try:
        read = subject.reread(**flags)
    except UserError as error:  # which names the flag of ``train``
        raise UserError(_of_by(printable(by), error.what), error.where, f"give another: {WAYS}") from None
    return (f"names by {printable(rest)}" if named else f"column '{printable(by)}'"), of_dataset(read, dataset)


def _of_by(by: str, what: str) -> str:
    """An error's words with the flag that was given, in place of those of ``train`` by which the data were read.

    >>> _of_by("camera", "--columns has no effect on class folders"), _of_by("names:a", "--groups names:a: 3 names do not match")
    ('--by camera has no effect on class folders', '--by names:a: 3 names do not match')
    """
    for own in (f"--groups {by}", f"--columns group={by}", "--columns"):
        if what.startswith(own):
            return f"--by {by}{what.removeprefix(own)}"
    return f"--by {by}: {what}"


def of_folders(dataset: Dataset, level: str) -> NDArray[np.str_]:
    """The names of the folders that the samples lie in, ``level`` from the top."""
    folders = [str(name).split("/")[:-1] for name in dataset.names]
    deepest = max(map(len, folders), default=0)
    if not re.fullmatch("[0-9]+", level) or not 1 <= int(level) <= deepest:
        there = f"levels: {deepest}" + f", such as {'/'.join(folders[0])}/" * bool(deepest)
        fix = "give folder:1, or tell groups in another way"
        raise UserError(f"--by folder:{printable(level)} is not a level of folders", printable(there), fix)
    return np.array([each[int(level) - 1] if len(each) >= int(level) else "" for each in folders])


def of_dataset(read: Dataset, dataset: Dataset) -> NDArray[np.str_]:
    """The groups that the data have when they are read so, for the samples of ``dataset``."""
    if read.groups is None:
        raise UserError("that tells no groups in these data", read.kind, f"give another: {WAYS}")
    known = dict(zip(map(str, read.names), read.groups.tolist(), strict=True))
    return np.array([known.get(str(name), "") for name in dataset.names])


def within(subject: Subject, groups: NDArray[np.str_]) -> Dataset:
    """The data set with what repeats inside groups as its units; where nothing does, each sample stands for itself."""
    units = subject.dataset.groups
    if units is None:
        return subject.dataset
    homes: dict[str, set[str]] = {}
    for unit, group in zip(units.tolist(), groups.tolist(), strict=True):
        if unit:
            homes.setdefault(group, set()).add(unit)
    several = sum(len(each) > 1 for each in homes.values())
    return subject.dataset if several > len(homes) / 2 else replace(subject.dataset, groups=None)
