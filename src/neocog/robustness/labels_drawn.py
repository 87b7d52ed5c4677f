"""Part ``labels`` of boxes and masks: which are likely missed, invented, badly drawn or of a wrong class, in one ranking.

A label is judged by a network that has not learned it: of folds by the one that tested the image, else in the validation and test
parts by the run's own. The training part is judged, too, but only for the ranking: the network has learned its labels.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Protocol, TypeVar

import numpy as np

from neocog.data.dataset import Array, Dataset, Images, Masks
from neocog.metrics.label_quality import DOUBTS
from neocog.predictor import Predictor
from neocog.robustness.clock import Clock
from neocog.robustness.labels_drawn_report import SHOWN, Doubtful, DrawnLabels, Image, sections, tables, verdict
from neocog.robustness.outcome import Outcome
from neocog.robustness.subject import Subject
from neocog.tasks.evaluation import Samples

JUDGED, LEARNED = "validation and test", "training"
TIMED = 4  # images
NAMED = 3  # images that the commands name
Placed = TypeVar("Placed", Doubtful, Image)


@dataclass(frozen=True)
class Checked:
    """What a network makes of the labels of images; their ``part`` is said later."""

    images: list[Image]
    doubts: list[Doubtful]


class Kind(Protocol):
    """One kind of labels."""

    @property
    def what(self) -> str:
        """Labels of this kind: "boxes"."""

    def checked(self, predictor: Predictor, samples: Samples) -> Checked: ...

    def picture(self, predictor: Predictor, dataset: Dataset, doubt: Doubtful) -> Array:
        """(H, W, 3): the surroundings of a doubt, with the label in ``TRUE`` and what is seen in ``WRONG``."""

    def correcting(self, subject: Subject, positions: Sequence[int]) -> str:
        """How labels are corrected, beginning with these images."""


def pieces(subject: Subject) -> dict[str, tuple[Predictor, Samples]]:
    """{by what labels are judged: the network, and the images}; each image once, by the first that has not learned it."""
    if subject.folds is not None:
        found, seen = {}, np.zeros(len(subject.dataset), bool)
        for number, (predictor, samples) in enumerate(subject.folds(), 1):
            new = samples.positions[~seen[samples.positions]]
            seen[new] = True
            found[f"fold {number}"] = predictor, replace(samples, positions=new)
    else:
        rest = np.sort(np.concatenate([subject.parts["validation"], subject.parts["test"]]))
        positions = {JUDGED: rest, LEARNED: subject.parts["train"]}
        found = {name: (subject.predictor, replace(subject.samples, positions=p)) for name, p in positions.items()}
    return {name: each for name, each in found.items() if len(each[1])}


def run(subject: Subject, clock: Clock, kind: Kind) -> Outcome:
    wanted = pieces(subject)
    for name in [each for each, piece in wanted.items() if not fits(kind, each, *piece, clock)]:
        del wanted[name]
        clock.late.append(f"labels: {name}")
    found = clock.pieces("labels", wanted, lambda name: asdict(kind.checked(*wanted[name])))
    if not found:
        return Outcome()
    part = {int(i): name for name, where in subject.parts.items() for i in where} if subject.folds is None else {}
    doubts, images = list[tuple[str, Doubtful]](), list[Image]()
    for name, piece in found.items():
        doubts += [(name, _of_part(Doubtful(**each), part)) for each in piece["doubts"]]
        images += [_of_part(Image(**each), part) for each in piece["images"]]
    doubts.sort(key=lambda each: (each[1].quality, each[1].name, DOUBTS.index(each[1].kind)))
    labels = DrawnLabels(kind.what, [each for _, each in doubts], images, subject.folds is not None)
    pictures = [kind.picture(wanted[name][0], subject.dataset, each) for name, each in doubts[:SHOWN]]
    first = list(dict.fromkeys(each.position for each in labels.doubts))[:NAMED]
    how = [kind.correcting(subject, first)] if first else []
    return Outcome(tables(labels), sections(labels, pictures, how), verdict(labels))


def _of_part(each: Placed, part: Mapping[int, str]) -> Placed:
    """Of folds every image is tested by one of them."""
    return replace(each, part=part.get(each.position, "test"))


def fits(kind: Kind, name: str, predictor: Predictor, samples: Samples, clock: Clock) -> bool:
    """Whether there is time for these images, by that of the first of them."""
    if f"labels: {name}" in clock.kept:
        return True
    few = replace(samples, positions=samples.positions[:TIMED])
    return clock.time_for(lambda: kind.checked(predictor, few), len(samples) / len(few))


def listed_files(dataset: Dataset, files: Images | Masks, positions: Sequence[int]) -> str:
    """The files of these samples, as a shell takes them, or their names where they lie in no file."""
    paths = [files.path(index) or dataset.names[index] for index in positions]
    return " ".join(shlex.quote(str(path)) for path in paths)
