"""Part ``labels`` of boxes: the run's own predictions beside the given boxes."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neocog.data.dataset import Array, Dataset
from neocog.metrics.box_labels import NONE, Doubt, box_qualities
from neocog.metrics.counted_boxes import Compared
from neocog.metrics.detection import overlap
from neocog.metrics.label_quality import MISSED, soft_minimum
from neocog.predictor import Predictor
from neocog.robustness.labels_drawn import Checked, listed_files
from neocog.robustness.labels_drawn_report import SIDE, Doubtful, Image
from neocog.robustness.subject import Subject
from neocog.tasks.detection.answers import answers_of
from neocog.tasks.detection.pictures import TRUE, WRONG, Line, around, picture_of
from neocog.tasks.evaluation import Samples


@dataclass(frozen=True)
class Boxes:
    what: str = "boxes"

    def checked(self, predictor: Predictor, samples: Samples) -> Checked:
        compared = answers_of(predictor, samples, lambda _: None).compared(predictor.classes)
        found, names = box_qualities(compared, predictor.facts["thresholds"]), samples.dataset.names
        qualities = [list[float]() for _ in range(compared.n)]
        for image, quality in zip(compared.truth.image.tolist(), found.of_labels.tolist(), strict=True):
            if not math.isnan(quality):
                qualities[image].append(quality)
        labels = [len(each) for each in qualities]
        doubts = []
        for doubt in found.doubts:
            image = int(compared.truth.image[doubt.given] if doubt.found == NONE else compared.found.image[doubt.found])
            index = int(samples.positions[image])
            doubts.append(_doubtful(doubt, compared, index, str(names[index])))
            if doubt.kind == MISSED:
                qualities[image].append(doubt.quality)
        images = [
            Image(index, str(names[index]), soft_minimum(np.array(own)) if own else None, count)
            for index, own, count in zip(samples.positions.tolist(), qualities, labels, strict=True)
        ]
        return Checked(images, doubts)

    def picture(self, predictor: Predictor, dataset: Dataset, doubt: Doubtful) -> Array:
        lines: list[Line] = [
            (np.array(corners, np.float64), colour)
            for corners, colour in ((doubt.corners, TRUE), (doubt.seen_corners, WRONG))
            if corners is not None
        ]
        picture = picture_of(dataset.images.read(doubt.position), predictor.preprocessing)
        return around(picture, np.array(doubt.around, np.float64), lines, SIDE)

    def correcting(self, subject: Subject, positions: Sequence[int]) -> str:
        """``predict --format labelme`` of these images, and ``train`` on what was corrected."""
        files = listed_files(subject.dataset, subject.dataset.images, positions)
        predict = f"neocog predict {shlex.quote(str(subject.run.folder))} {files} --format labelme --out corrected"
        return (
            "Correct the boxes in the program that they were drawn with, and train again. Or begin with what the network sees: "
            f"`{predict}` writes each of these images with a labelme file beside it into corrected/labelme. The files hold "
            "predictions and not your labels. When all were corrected in labelme, `neocog train corrected/labelme --task "
            "detection` learns from them, and from no others: to replace all labels, predict all images."
        )


def _doubtful(doubt: Doubt, compared: Compared, index: int, name: str) -> Doubtful:
    truth, found = compared.truth, compared.found
    given = None if doubt.given == NONE else truth.corners[doubt.given]
    seen = None if doubt.found == NONE else found.corners[doubt.found]
    both = None if given is None or seen is None else float(overlap(seen[None], given[None])[0, 0])
    return Doubtful(
        index,
        name,
        doubt.kind,
        doubt.quality,
        "" if given is None else compared.classes[truth.label[doubt.given]],
        "" if seen is None else compared.classes[found.label[doubt.found]],
        both,
        None if given is None else given.tolist(),
        None if seen is None else np.round(seen, 2).tolist(),
    )
