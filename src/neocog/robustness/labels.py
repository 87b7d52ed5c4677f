"""Part ``labels``: which labels are likely wrong, ranked, and how many, where that can be known.

A label is judged by a network that has not learned it. Of folds each sample is answered by the one that has not seen it. Of one
training the validation and test parts are answered by the run's own network.
Samples of the training part are answered from what its encoder makes of them, by linear heads that are solved for without
their fold: where the encoder has learned these labels it may have learned wrong ones by heart, so the amount of noise is told
from the other parts alone; where it was frozen (``--tune head``), from all. Boxes and masks: ``labels_drawn.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import SPLITS
from neocog.engine.probe import held_out
from neocog.errors import UserError
from neocog.metrics.confident import joint, likely, noise, self_confidence, trial
from neocog.robustness.clock import Clock
from neocog.robustness.labels_boxes import Boxes
from neocog.robustness.labels_drawn import JUDGED, LEARNED, Kind
from neocog.robustness.labels_drawn import run as of_drawn
from neocog.robustness.labels_masks import Masks
from neocog.robustness.labels_report import SHOWN, Found, Ranked, sections, tables, verdict
from neocog.robustness.outcome import Outcome
from neocog.robustness.subject import Subject
from neocog.tasks.report.pictures import thumbnail
from neocog.traits import needs

Array = NDArray[Any]
TIMED = 16  # samples
FOLDS = "folds"


DRAWN: Mapping[str, Kind] = {"boxes": Boxes(), "masks": Masks()}


def check(subject: Subject) -> None:
    where, task, drawn = str(subject.run.folder), subject.predictor.task, needs(subject.predictor.task) in DRAWN
    if not (subject.task.logits or drawn):
        what = f"samples of --task {task} have no single label that could be wrong"
        raise UserError(what, where, "leave the part out")
    if not subject.own:
        raise UserError("labels are those of the run's own data", where, "leave --on out")
    if drawn:
        return
    if sum(len(subject.parts[part]) for part in SPLITS) < 2 or len(subject.predictor.classes) < 2:
        raise UserError("at least two samples of two classes are needed", where, "leave the part out")


def frozen(subject: Subject) -> bool:
    """Whether the encoder has learned none of these labels."""
    return bool(subject.config.transfer.pretrained) and subject.config.transfer.tune == "head"


def predictors(subject: Subject) -> dict[str, NDArray[np.int64]]:
    """{by what labels are judged: positions (n,) of the samples}."""
    train, rest = subject.parts["train"], np.sort(np.concatenate([subject.parts["validation"], subject.parts["test"]]))
    if subject.out_of_fold is not None:
        place = {name: index for index, name in enumerate(subject.dataset.names)}
        found = {FOLDS: np.array([place[name] for name in subject.out_of_fold()[0].tolist()], np.int64)}
    elif frozen(subject):
        found = {LEARNED: np.sort(np.concatenate([train, rest]))}
    else:
        found = {JUDGED: rest, LEARNED: train}
    return {name: positions for name, positions in found.items() if len(positions)}


def run(subject: Subject, clock: Clock) -> Outcome:
    kind = needs(subject.predictor.task)
    if kind in DRAWN:
        return of_drawn(subject, clock, DRAWN[kind])
    wanted = predictors(subject)
    for name in [each for each in wanted if not fits(subject, each, wanted[each], clock)]:
        del wanted[name]
        clock.late.append(f"labels: {name}")
    pieces = clock.pieces("labels", wanted, lambda name: predictions(subject, name, wanted[name]))
    if not pieces:
        return Outcome()
    honest = FOLDS if FOLDS in wanted else LEARNED if frozen(subject) else JUDGED
    ranking = sorted(ranked(subject, pieces, wanted), key=lambda row: (row.confidence, row.name))
    found = Found(ranking, subject.predictor.classes, pieces.get(honest), honest)
    return Outcome(tables(found), sections(found, list(pictures(subject, found))), (verdict(found),))


def fits(subject: Subject, name: str, positions: NDArray[np.int64], clock: Clock) -> bool:
    """Whether there is time for these samples, by that of the first of them."""
    if name == FOLDS or f"labels: {name}" in clock.kept:
        return True
    few = positions[:TIMED]

    def answered() -> None:
        for _, pixels in subject.samples.batches(subject.preprocessing, few):
            subject.predictor.with_features(pixels)

    return clock.time_for(answered, len(positions) / len(few))


def predictions(subject: Subject, name: str, positions: NDArray[np.int64]) -> dict[str, Any]:
    """Of each sample (n,) the probability of its label, the likeliest class and its probability, and whether confident learning
    counts it for another class; the joint matrix (K, K) of given and likely; the noise, and whether that can be believed."""
    labels, groups, seed = subject.dataset.labels[positions], subject.dataset.groups, subject.seed
    groups = None if groups is None else groups[positions]
    if name == FOLDS:
        assert subject.out_of_fold is not None
        shares = subject.out_of_fold()[1]
    elif name == JUDGED:
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


def ranked(subject: Subject, pieces: Mapping[str, Any], positions: Mapping[str, NDArray[np.int64]]) -> Iterator[Ranked]:
    """All labels that were judged."""
    dataset, classes = subject.dataset, subject.predictor.classes
    part = {int(i): name for name, where in subject.parts.items() for i in where}
    for name, piece in pieces.items():
        columns = (piece[column] for column in ("confidence", "likely", "probability", "flagged"))
        for position, own, best, share, flagged in zip(positions[name].tolist(), *columns, strict=True):
            given, other = classes[dataset.labels[position]], classes[flagged if flagged >= 0 else best]
            tested = "test" if name == FOLDS else part[position]
            yield Ranked(position, str(dataset.names[position]), tested, given, own, other, share, flagged >= 0)


def pictures(subject: Subject, found: Found) -> Iterator[str]:
    """PNGs of the first samples of the ranking; none of sequences."""
    if subject.dataset.form == "sequences":
        return
    low, high = subject.preprocessing.low, subject.preprocessing.high
    for row in found.ranking[:SHOWN]:
        ((_, pixels),) = subject.samples.batches(subject.preprocessing, np.array([row.position]))
        yield thumbnail(np.asarray(pixels[0]), low, high)
