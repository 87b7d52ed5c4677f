"""Which samples are held out: by the one function that splits data, whatever ``--hold-out`` says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neocog.competition.kinds import kind_in
from neocog.competition.rules import hold_out_of
from neocog.data.copies import near_copies
from neocog.data.dataset import Dataset
from neocog.data.records import Records
from neocog.data.split import split
from neocog.documents import read_text
from neocog.errors import UserError, count, did_you_mean, listed

HALVES = (0.5, 0.0, 0.5)  # of the held-out part: the public board, and the final score


@dataclass(frozen=True)
class HeldOut:
    """Positions of the public samples and of the held-out ones, these in random order; how many of them are on both
    sides; and which board counts each (n,): "board" or "final"."""

    public: NDArray[np.int64]
    held: NDArray[np.int64]
    identical: int
    parts: list[str]


def held_out(
    dataset: Dataset, records: Records, kept: NDArray[np.bool_], hold_out: str, attempts: int, seed: int
) -> HeldOut:
    """Raises UserError where too little is left on either side, or a class is only held out."""
    way, value = hold_out_of(hold_out)
    digests, families = records.pixel_digests, near_copies(records, dataset.form).families
    share = float(value) if way == "random" else 0.0
    given = None if way == "random" else _given(dataset, kept, way, value)
    asked = replace(dataset, splits=given)
    parts = split(asked, digests, (1 - share, 0.0, share), seed, kept, dataset.has_classes, families)
    public, held = np.flatnonzero(parts == "train"), np.flatnonzero(parts == "test")
    if not len(held):
        raise UserError(f"--hold-out {hold_out} holds nothing out", fix="give a larger share")
    kind = kind_in(dataset)
    alone = sorted(kind.present(dataset, held) - kind.present(dataset, public))
    if alone:
        what = f"{count(alone, 'class')} without a public sample: {listed(alone)}"
        raise UserError(what, f"--hold-out {hold_out}", "--hold-out random:0.2 keeps each class on both sides")
    there = {digests[i] for i in public.tolist()}
    held = np.random.default_rng(seed).permutation(held)  # else the order would say what the class is
    boards = ["final"] * len(held)
    if attempts > 1:
        mask = np.zeros(len(dataset), np.bool_)
        mask[held] = True
        halves = split(replace(dataset, splits=None), digests, HALVES, seed, mask, False, families)
        boards = ["board" if halves[i] == "train" else "final" for i in held.tolist()]
    return HeldOut(public, held, sum(digests[i] in there for i in held.tolist()), boards)


def _given(dataset: Dataset, kept: NDArray[np.bool_], way: str, value: str) -> NDArray[np.str_]:
    """(N,) "train" or "test" of every sample, which the split honours."""
    good = np.flatnonzero(kept)
    if way == "last":
        held = good[len(good) - round(float(value) * len(good)) :]
    elif way == "group":
        held = _of_group(dataset, value)
    else:
        held = _listed(dataset, Path(value))
    parts = np.full(len(dataset), "train", dtype="<U5")
    parts[held] = "test"
    return parts


def _of_group(dataset: Dataset, name: str) -> NDArray[np.int64]:
    if dataset.groups is None:
        raise UserError(
            f"--hold-out group:{name}: these data have no groups", fix="--columns group=NAME, or --groups names:REGEX"
        )
    found = np.flatnonzero(dataset.groups == name)
    if not len(found):
        names = sorted(set(dataset.groups.tolist()) - {""})
        raise UserError(
            f"--hold-out group:{name}: no such group", fix=f"{did_you_mean(name, names)}known: {listed(names)}"
        )
    return found


def _listed(dataset: Dataset, path: Path) -> NDArray[np.int64]:
    """Positions of the samples whose names a file lists, one a line."""
    place = {name: index for index, name in enumerate(dataset.names)}
    names = [line.strip() for line in read_text(path, "one name of a sample a line").splitlines() if line.strip()]
    unknown = [name for name in names if name not in place]
    if unknown or not names:
        what = (
            f"{len(unknown)} of {len(names)} names are of no sample: {listed(unknown)}"
            if names
            else "it names no sample"
        )
        near = did_you_mean(unknown[0], list(place)[:10_000]) if unknown else ""
        raise UserError(what, str(path), f"{near}names as `neocog audit` shows them, such as {dataset.names[0]}")
    return np.array([place[name] for name in dict.fromkeys(names)], np.int64)
