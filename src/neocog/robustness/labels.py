"""Part ``labels``: which labels are likely wrong, ranked, and how many, where that can be known.

A label is judged by a network that has not learned it. The validation and test parts are answered by the run's own network.
Samples of the training part are answered from what its encoder makes of them, by linear heads that are solved for without
their fold: where the encoder has learned these labels it may have learned wrong ones by heart, so the amount of noise is told
from the other parts alone; where it was frozen (``--tune head``), from all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import SPLITS
from neocog.engine.probe import held_out
from neocog.errors import UserError
from neocog.metrics.confident import joint, likely, noise, self_confidence, trial
from neocog.robustness.clock import Clock
from neocog.robustness.labels_report import SHOWN, Found, Ranked, sections, tables, verdict
from neocog.robustness.outcome import Outcome
from neocog.robustness.subject import Subject
from neocog.tasks.report.pictures import thumbnail

Array = NDArray[Any]
TIMED = 16  # samples
JUDGED, LEARNED = "validation and test", "training"


def check(subject: Subject) -> None:
    where, task = str(subject.run.folder), subject.predictor.task
    if not subject.task.logits:
        what = f"wrong labels are looked for among classes: of --task {task} no single label could be another"
        raise UserError(what, where, "leave the part out")
    if not subject.own:
        raise UserError("labels are those of the run's own data", where, "leave --on out")
    if sum(len(subject.parts[part]) for part in SPLITS) < 2 or len(subject.predictor.classes) < 2:
        raise UserError("at least two samples of two classes are needed", where, "leave the part out")


def frozen(subject: Subject) -> bool:
    """Whether the encoder has learned none of these labels."""
    return bool(subject.config.transfer.pretrained) and subject.config.transfer.tune == "head"


def positions_of(subject: Subject, name: str) -> NDArray[np.int64]:
    """(n,) in the data set, of what is judged alike."""
    train, rest = subject.parts["train"], [subject.parts["validation"], subject.parts["test"]]
    if frozen(subject):
        return np.sort(np.concatenate([train, *rest])) if name == LEARNED else train[:0]
    return train if name == LEARNED else np.sort(np.concatenate(rest))


def run(subject: Subject, clock: Clock) -> Outcome:
    names = [name for name in (JUDGED, LEARNED) if len(positions_of(subject, name))]
    for name in [each for each in names if not fits(subject, each, clock)]:
        names.remove(name)
        clock.late.append(f"labels: {name}")
    pieces = clock.pieces("labels", names, lambda name: judged(subject, name))
    if not pieces:
        return Outcome()
    honest = LEARNED if frozen(subject) else JUDGED
    found = Found(ranked(subject, pieces), subject.predictor.classes, pieces.get(honest), honest == LEARNED)
    return Outcome(tables(found), sections(found, list(pictures(subject, found))), (verdict(found),))


def fits(subject: Subject, name: str, clock: Clock) -> bool:
    """Whether there is time for these samples, by that of the first of them."""
    if f"labels: {name}" in clock.kept:
        return True
    positions, begun = positions_of(subject, name), time.monotonic()
    for _, pixels in subject.samples.batches(subject.preprocessing, positions[:TIMED]):
        subject.predictor.with_features(pixels)
    return (time.monotonic() - begun) * len(positions) / len(positions[:TIMED]) < clock.left


def judged(subject: Subject, name: str) -> dict[str, Any]:
    """Of each sample (n,) the probability of its label, the likeliest class and its probability, and whether confident learning
    counts it for another class; the joint matrix (K, K) of given and likely; the noise, and whether that can be believed."""
    positions, seed = positions_of(subject, name), subject.seed
    labels, groups = subject.dataset.labels[positions], subject.dataset.groups
    groups = None if groups is None else groups[positions]
    if name == JUDGED:
        logits = [subject.predictor.of_pixels(p) for _, p in subject.samples.batches(subject.preprocessing, positions)]
        shares = subject.predictor.probabilities(np.concatenate(logits))
    else:
        pixels = subject.samples.batches(subject.preprocessing, positions)
        features = np.concatenate([subject.predictor.with_features(each)[1] for _, each in pixels])
        units = None if groups is None else groups.tolist()
        shares = held_out(features, labels, len(subject.predictor.classes), units, seed)
    best, counted = shares.argmax(axis=1), likely(shares, labels)
    return {
        "confidence": self_confidence(shares, labels).tolist(),
        "likely": best.tolist(),
        "probability": shares[np.arange(len(best)), best].tolist(),
        "flagged": np.where((counted >= 0) & (counted != labels), counted, -1).tolist(),
        "joint": joint(shares, labels).tolist(),
        "noise": asdict(noise(shares, labels, groups, seed)),
        "trial": asdict(trial(shares, labels, seed)),
    }


def ranked(subject: Subject, pieces: dict[str, Any]) -> list[Ranked]:
    """All labels that were judged, the least credible first."""
    dataset, classes = subject.dataset, subject.predictor.classes
    part = {int(i): name for name, positions in subject.parts.items() for i in positions}
    found = []
    for name, piece in pieces.items():
        columns = (piece[column] for column in ("confidence", "likely", "probability", "flagged"))
        for position, own, best, share, flagged in zip(positions_of(subject, name).tolist(), *columns, strict=True):
            given, other = classes[dataset.labels[position]], classes[flagged if flagged >= 0 else best]
            row = Ranked(position, str(dataset.names[position]), part[position], given, own, other, share, flagged >= 0)
            found.append(row)
    return sorted(found, key=lambda row: (row.confidence, row.name))


def pictures(subject: Subject, found: Found) -> Iterator[str]:
    """PNGs of the first samples of the ranking; none of sequences."""
    if subject.dataset.form == "sequences":
        return
    low, high = subject.preprocessing.low, subject.preprocessing.high
    for row in found.ranking[:SHOWN]:
        ((_, pixels),) = subject.samples.batches(subject.preprocessing, np.array([row.position]))
        yield thumbnail(np.asarray(pixels[0]), low, high)
