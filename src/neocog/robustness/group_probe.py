"""Which group a sample is from, told from what the network makes of it: how much of the place is left in the features."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.engine.probe import held_out
from neocog.metrics.by_group import names_and_members, right_by_group
from neocog.metrics.intervals import share_measure
from neocog.robustness.subject import Subject
from neocog.tasks.evaluation import Samples
from neocog.traits import needs

FEWEST = 5  # samples of a group, so that each of the folds may learn from some of them
MOST = 100  # groups
LABELS = ("classes", "values")  # of tasks whose networks have one row of features a sample


def askable(groups: NDArray[np.str_]) -> NDArray[np.bool_]:
    """(n,) which samples are of a group that has enough; ``groups`` (n,), "" where there is none."""
    names, member = names_and_members(groups.tolist())
    sizes = np.bincount(member, minlength=len(names))
    found: NDArray[np.bool_] = (sizes[member] >= FEWEST) & (groups != "")
    return found


def why_not(subject: Subject, groups: NDArray[np.str_]) -> str:
    """Why it cannot be asked; "" where it can."""
    if needs(subject.predictor.task) not in LABELS:
        return f"a network of --task {subject.predictor.task} has no single feature vector per sample"
    count = len(np.unique(groups[askable(groups)]))
    if count < 2:
        return f"it takes two groups of at least {FEWEST} samples"
    return f"{count:,} groups have {FEWEST} samples or more, and at most {MOST} can be compared" if count > MOST else ""


def probed(subject: Subject, samples: Samples, groups: NDArray[np.str_]) -> dict[str, Any]:
    """The share of ``samples`` whose group a linear head tells that was solved for without them (and without what repeats with
    them), and that of the largest group; ``groups`` (n,) of the samples."""
    kept = askable(groups)
    names, member = names_and_members(groups[kept].tolist())
    pixels = samples.batches(subject.preprocessing, samples.positions[kept])
    features = np.concatenate([subject.predictor.with_features(each)[1] for _, each in pixels])
    units = None if samples.groups is None else samples.groups[kept]
    shares = held_out(features, member, len(names), None if units is None else units.tolist(), subject.seed)
    right, guessed = shares.argmax(axis=1) == member, right_by_group(member, np.zeros_like(member), subject.seed)
    measures = (share_measure(each, units, subject.seed) for each in (right, guessed))
    return {"groups": len(names), **dict(zip(("told", "chance"), map(asdict, measures), strict=True))}
