"""Part ``corruption``: the task's own measure under each corruption at five severities, and which of these are near the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from neocog.errors import UserError, count
from neocog.metrics.stored import stored_measure
from neocog.records import Measure
from neocog.robustness.advice import advice
from neocog.robustness.axes import places, span
from neocog.robustness.clock import Clock
from neocog.robustness.corruption_report import Found, sections, tables, verdict
from neocog.robustness.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from neocog.robustness.outcome import Outcome
from neocog.robustness.subject import Subject
from neocog.tasks.evaluation import Samples
from neocog.tasks.report.pictures import thumbnail
from neocog.traits import needs

SOONEST = (3, 5, 1, 4, 2)  # severities in the order in which they are tried: a short time covers every corruption once
LOOKED_AT = 200  # samples whose brightness, contrast, sharpness and noise are measured


def check(subject: Subject) -> None:
    if not needs(subject.predictor.task):
        what = f"corruptions are not for --task {subject.predictor.task}: its answers are not held against a truth"
        raise UserError(what, str(subject.run.folder), "leave the part out")
    if subject.dataset.pairs is not None:
        what = f"corruptions are not for --task {subject.predictor.task}, which restores whole images as their files have them"
        raise UserError(what, str(subject.run.folder), "leave the part out")
    if subject.dataset.form == "sequences" and "lengths" in subject.options:
        what = "--lengths has no effect on sequences, which have no light and no blur"
        raise UserError(what, str(subject.run.folder), "leave it out: letters are changed, lost and added")


def possible(subject: Subject) -> tuple[list[str], list[str]]:
    """Names of the corruptions that these data can have, and in sentences why others are left out."""
    form, dataset, preprocessing = subject.dataset.form, subject.dataset, subject.preprocessing
    chosen = {name: each for name, each in CORRUPTIONS.items() if form in each.forms}
    reasons = []
    if form == "sequences":
        reasons.append("Corruptions of brightness are left out: sequences have none.")
    if form == "volumes":
        reasons.append("Those of photographs (weather, lenses, compression) are left out: these are volumes.")
    if dataset.learned != "classes" and any(each.moves for each in chosen.values()):
        reasons.append("Those that move the image content are left out: the labels would have to move with it.")
        chosen = {name: each for name, each in chosen.items() if not each.moves}
    if preprocessing.colours != 3 and any(each.colour for each in chosen.values()):
        reasons.append(
            f"Those of colour are left out: there is no red, green and blue ({count(preprocessing.colours, 'channel')})."
        )
        chosen = {name: each for name, each in chosen.items() if not each.colour}
    return [name for name, each in chosen.items() if preprocessing.dtype in each.depths], reasons


@dataclass(frozen=True)
class Change:
    """One corruption at one severity, as ``Subject.evaluation`` takes it."""

    subject: Subject
    name: str
    severity: int

    def __call__(self, pixels: Tensor, samples: Tensor) -> Tensor:
        subject, scaled = self.subject, self.subject.options.get("lengths") != "reference"
        return corrupted(pixels, samples, self.name, self.severity, subject.preprocessing, subject.seed, scaled)


def run(subject: Subject, clock: Clock) -> Outcome:
    names, reasons = possible(subject)
    samples = subject.few()
    looked = replace(samples, positions=samples.positions[:LOOKED_AT])

    def changed(piece: str) -> Change | None:
        name, _, severity = piece.partition(" ")
        return Change(subject, name, int(severity)) if severity else None

    def measured(piece: str) -> tuple[str, Measure]:
        return subject.main(samples, changed(piece))

    def placed(piece: str) -> list[float]:
        found: list[float] = _places(subject, looked, changed(piece)).mean(0).tolist()
        return found

    pieces = ["unchanged", *(f"{name} {severity}" for severity in SOONEST for name in names)]
    measures = clock.pieces("corruptions", pieces, measured)
    if "unchanged" not in measures:
        return Outcome()
    near: dict[tuple[str, int], list[float]] = {}
    own = None
    if subject.dataset.form == "images":
        near = {_key(piece): each for piece, each in clock.pieces("sharpness and noise", measures, placed).items()}
        own = clock.pieces("the data's own", ["span"], lambda _: _own(subject).tolist()).get("span")
    found = Found(
        measure=measures["unchanged"][0],
        values={_key(piece): stored_measure(value) for piece, (_, value) in measures.items()},
        places=near,
        span=None if own is None else np.array(own),
        n=len(samples),
        reasons=reasons,
        whose="training images" if subject.own else "images",
    )
    return Outcome(
        tables(found),
        sections(found, lambda name: examples(subject, samples, name), lambda name: advice(subject, name)),
        (verdict(found, clock.best),),
    )


def _key(piece: str) -> tuple[str, int]:
    name, _, severity = piece.partition(" ")
    return name, int(severity or 0)


def _places(subject: Subject, samples: Samples, change: Change | None) -> Tensor:
    """(n, 4): where each sample lies on the axes."""
    preprocessing = subject.preprocessing
    low, high, found = preprocessing.low, preprocessing.high, []
    for where, pixels in samples.batches(preprocessing):
        stored = pixels if change is None else change(pixels, torch.from_numpy(where))
        found.append(places((stored[:, : preprocessing.colours].float() - low) / (high - low)))
    return torch.cat(found)


def _own(subject: Subject) -> Tensor:
    """(2, 4): the range of the training part on the axes, of data of others their own."""
    positions = subject.parts.get("train", subject.samples.positions)
    order = np.random.default_rng(subject.seed).permutation(len(positions))[: 5 * LOOKED_AT]
    return span(_places(subject, replace(subject.samples, positions=positions[np.sort(order)]), None))


def examples(subject: Subject, samples: Samples, name: str) -> Iterator[str]:
    """Base64 PNGs of the first sample, unchanged and at every severity."""
    first = samples.positions[:1]
    ((_, pixels),) = samples.batches(subject.preprocessing, first)
    low, high = subject.preprocessing.low, subject.preprocessing.high
    yield thumbnail(pixels[0].numpy(), low, high)
    for severity in SEVERITIES:
        changed = Change(subject, name, severity)(pixels, torch.from_numpy(first))
        yield thumbnail(changed[0].numpy(), low, high)
