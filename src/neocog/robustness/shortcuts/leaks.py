"""Is the test part clean? The same picture, group or film in two parts of the split, and whether its parts can be told apart.

Letters: N samples of the data set, P pairs of a sample of a later part and the one of an earlier part that it repeats.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.checks.duplicates import identical
from neocog.checks.films import NEARER
from neocog.data.copies import near_copies
from neocog.data.dataset import SPLITS, Dataset
from neocog.data.records import Records
from neocog.data.thumbnails import unpacked
from neocog.metrics.unseen import known_from_unseen
from neocog.robustness.shortcuts.detective import tell

Ints = NDArray[np.int64]
Pairs = list[list[int]]  # [sample, the one that it repeats]
KINDS = {
    "identical": "the same pixels",
    "near": "nearly identical: resaved, resized, mirrored or rotated",
    "group": "of the same group",
    "film": "similar frames with neighbouring numbers in one series of files",
    "moment": "taken within seconds of each other",
}
LEAST = 5  # samples of a series in either part
SECONDS = 5
FAR = 64  # others that a film's frames are compared with
NAME = re.compile(r"(.*\D|)(\d+)(\D*)")


def repeated(sets: Iterable[Sequence[int]], parts: Sequence[str]) -> Pairs:
    """[sample, the one that it repeats] of each set whose members stand in several parts: all of a later part, with the first
    of the earliest. ``parts`` (N,): "" for a sample that is in none."""
    found = []
    for members in sets:
        used = sorted((SPLITS.index(parts[i]), i) for i in members if parts[i])
        found += [[i, used[0][1]] for part, i in used if part > used[0][0]]
    return found


def copies(dataset: Dataset, records: Records, parts: NDArray[np.str_]) -> dict[str, Pairs]:
    """Exact and near copies; of pictures also what looks like neighbours of a film."""
    sides = parts.tolist()
    found = {"identical": repeated(identical(records), sides)}
    known = {i for i, _ in found["identical"]}
    torn = near_copies(records, dataset.form).torn(parts).tolist()
    found["near"] = [pair for pair in repeated(torn, sides) if pair[0] not in known]
    found["film"] = films(dataset, records, parts) if dataset.form == "images" else []
    return found


def shared_groups(groups: NDArray[np.str_] | None, parts: NDArray[np.str_]) -> Pairs:
    """Samples of a group (N,) that an earlier part has, too."""
    if groups is None:
        return []
    return repeated(_by(groups.tolist()).values(), parts.tolist())


def _by(keys: Sequence[str]) -> dict[str, list[int]]:
    """{key: where it stands}, without ""."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        if key:
            found[key].append(index)
    return found


def moments(taken: Sequence[str], parts: NDArray[np.str_]) -> Pairs:
    """Pictures of which one of an earlier part was taken within ``SECONDS``. ``taken`` (N,): as EXIF says it, "" where not."""
    times = np.array([_seconds(each) for each in taken])
    found = []
    for place, part in enumerate(SPLITS[1:], 1):
        here = np.flatnonzero((parts == part) & ~np.isnan(times))
        before = np.flatnonzero(np.isin(parts, SPLITS[:place]) & ~np.isnan(times))
        if len(before):
            near = before[nearest(times[here], times[before])]
            found += np.stack([here, near], axis=1)[np.abs(times[here] - times[near]) <= SECONDS].tolist()
    return found


def nearest(values: NDArray[np.float64], among: NDArray[np.float64]) -> Ints:
    """(n,) for each of the ``values`` where the nearest ``among`` (m,) stands."""
    order = np.argsort(among, kind="stable")
    after = np.searchsorted(among[order], values).clip(0, len(among) - 1)
    before = (after - 1).clip(0)
    sooner = np.abs(among[order[before]] - values) <= np.abs(among[order[after]] - values)
    found: Ints = order[np.where(sooner, before, after)]
    return found


def _seconds(taken: str) -> float:
    """NaN where that is no time of a day."""
    try:
        return (datetime.strptime(taken[:19], "%Y:%m:%d %H:%M:%S") - datetime(1970, 1, 1)).total_seconds()
    except ValueError:
        return np.nan


def films(dataset: Dataset, records: Records, parts: NDArray[np.str_]) -> Pairs:
    """Samples of a series of numbered files that stands in two parts, where neighbours by number are far more alike than
    files of other series: their median distance is below ``NEARER`` of the others'."""
    shown = records.good & records.has_thumbnail & (parts != "")
    named = [NAME.fullmatch(Path(name).stem) if shown[i] else None for i, name in enumerate(dataset.names)]
    found: Pairs = []
    for members in _by([f"{each[1]}\0{each[3]}" if each else "" for each in named]).values():
        here = np.array(members)
        numbers = np.array([float(named[i][2]) for i in members])  # type: ignore[index]
        for place, part in enumerate(SPLITS[1:], 1):
            later, before = parts[here] == part, np.isin(parts[here], SPLITS[:place])
            if later.sum() >= LEAST and before.sum() >= LEAST:
                pairs = np.stack([here[later], here[before][nearest(numbers[later], numbers[before])]], axis=1)
                others = np.setdiff1d(np.flatnonzero(shown & np.isin(parts, SPLITS[:place])), here)
                found += pairs.tolist() if _alike(dataset, records, pairs, others) else []
    return found


def _alike(dataset: Dataset, records: Records, pairs: Ints, others: Ints) -> bool:
    """Whether those of pairs (P, 2) are far nearer than samples of the same class among ``others``."""
    draws, near, far = np.random.default_rng(0), list[float](), list[float]()
    for one, neighbour in pairs[:: max(1, len(pairs) // FAR)].tolist():
        like = others[dataset.labels[others] == dataset.labels[one]]
        if len(like):
            cells = unpacked(
                records.thumbnails[np.append([one, neighbour], draws.choice(like, min(FAR, len(like)), False))]
            )[0]
            apart = np.linalg.norm(cells[1:] - cells[0], axis=1)
            near.append(float(apart[0]))
            far.append(float(np.median(apart[1:])))
    return len(near) >= LEAST and float(np.median(near)) < NEARER * float(np.median(far))


def separability(
    views: NDArray[Any], later: NDArray[np.bool_], units: Sequence[int] | None, seed: int
) -> dict[str, Any]:
    """How well views (n, F) tell the test part's samples from the training part's, by folds that were not learned: AUROC with
    its interval; {} where there are too few."""
    found = tell(views, later.astype(np.int64), 2, units, seed)
    if found is None:
        return {}
    score, groups = (
        found.scores[:, 1] - found.scores[:, 0],
        np.arange(len(later)) if units is None else np.asarray(units),
    )
    ordered = np.concatenate([groups[later], groups[~later]]).astype(str)
    return {"auroc": asdict(known_from_unseen(score[later], score[~later], ordered))}
