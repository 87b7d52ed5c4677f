"""What a run finds in images with known boxes, and what that is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.cells import csv_of
from neocog.data.dataset import Dataset
from neocog.metrics.box_scores import froc_measures, score_calibration, size_measures
from neocog.metrics.counted_boxes import (
    Compared,
    best_thresholds,
    limits_of_agreement,
    precision_measures,
    threshold_measures,
)
from neocog.metrics.detection import Objects, match
from neocog.predictor import Predictor
from neocog.tasks.detection.nearest import measures_of_nearest
from neocog.tasks.detection.own_size import Found, found_in, of_fitted
from neocog.tasks.evaluation import Evaluation, Samples
from neocog.tasks.masks import class_order
from neocog.tasks.segmentation.own_size import header_of, is_large


@dataclass(frozen=True)
class Answers:
    """Of the images ``samples`` (n,): G true and D found boxes, whose images are positions in the data; ``matched`` (D, T)."""

    samples: NDArray[np.int64]
    truth_image: NDArray[np.int64]
    truth_label: NDArray[np.int64]
    truth_corners: NDArray[np.float64]
    truth_ignored: NDArray[np.bool_]
    found_image: NDArray[np.int64]
    found_label: NDArray[np.int64]
    found_corners: NDArray[np.float64]
    found_score: NDArray[np.float64]
    found_ignored: NDArray[np.bool_]
    matched: NDArray[np.int64]

    def compared(self, classes: tuple[str, ...]) -> Compared:
        """With the images numbered in the order of ``samples``."""
        place = np.zeros(int(self.samples.max(initial=-1)) + 1, np.int64)
        place[self.samples] = np.arange(len(self.samples))
        ones = np.ones(len(self.truth_image))
        truth = Objects(place[self.truth_image], self.truth_label, self.truth_corners, ones, self.truth_ignored)
        found = Objects(
            place[self.found_image], self.found_label, self.found_corners, self.found_score, self.found_ignored
        )
        return Compared(truth, found, self.matched, len(self.samples), classes)


def answers_of(predictor: Predictor, samples: Samples, advance: Callable[[int], None]) -> Answers:
    """Every image at its own size: the boxes that ``predict`` writes, against the given ones."""
    dataset, order = samples.dataset, class_order(samples.dataset, predictor.classes)
    assert dataset.boxes is not None
    chosen = np.isin(dataset.boxes.images, samples.positions)
    image, label = dataset.boxes.images[chosen], order[dataset.boxes.labels[chosen]]
    corners, ignored = dataset.boxes.corners[chosen], dataset.boxes.ignored[chosen]
    rows = sorted(_found(predictor, samples, advance), key=lambda row: row[0])
    where = np.repeat([index for index, _ in rows], [len(found) for _, found in rows]).astype(np.int64)
    found = [each for _, each in rows]
    four = np.concatenate([np.zeros((0, 4)), *(one.corners for one in found)])
    labels = np.concatenate([np.zeros(0, np.int64), *(one.labels for one in found)])
    scores = np.concatenate([np.zeros(0), *(one.scores for one in found)])
    aside = np.concatenate([np.zeros(0, np.bool_), *(one.at_border for one in found)]) & dataset.boxes.open_border
    matched = match(
        Objects(image, label, corners, np.ones(len(image)), ignored),
        Objects(where, labels, four, scores, aside),
    )
    return Answers(samples.positions, image, label, corners, ignored, where, labels, four, scores, aside, matched)


def _found(predictor: Predictor, samples: Samples, advance: Callable[[int], None]) -> Iterator[tuple[int, Found]]:
    dataset, positions = samples.dataset, samples.positions
    large = np.array([is_large(predictor, header_of(dataset, index)) for index in positions.tolist()], bool)
    for where, pixels in samples.batches(predictor.preprocessing, positions[~large]):
        for index, one in zip(where.tolist(), pixels, strict=True):
            yield index, of_fitted(predictor, one, header_of(dataset, index))
            advance(1)
    for index in positions[large].tolist():
        yield index, found_in(predictor, dataset.images.read(index), str(dataset.names[index]))
        advance(1)


def thresholds_of(answers: Answers, classes: tuple[str, ...]) -> list[float]:
    """(K,) of the validation part's answers."""
    return best_thresholds(answers.compared(classes))


def evaluation_of(predictor: Predictor, answers: Answers, samples: Samples) -> Evaluation:
    """Average precision first, then what is right at the run's thresholds, and how far counts are off; of each class too."""
    compared, thresholds = answers.compared(predictor.classes), predictor.facts["thresholds"]
    parts = (
        precision_measures(compared, samples.groups, samples.seed),
        threshold_measures(compared, thresholds, samples.groups, samples.seed),
    )
    every, *each = (one | other for one, other in zip(*parts, strict=True))
    found, true = compared.counted(thresholds), compared.positives
    agreement = {"all": limits_of_agreement(found.sum(axis=1), true.sum(axis=1))}
    agreement |= {
        name: limits_of_agreement(found[:, k], true[:, k]) for k, name in enumerate(predictor.classes) if name != "all"
    }
    more: dict[str, Any] = {
        "per_class": dict(zip(predictor.classes, each, strict=True)),
        "limits_of_agreement": {name: list(limits) for name, limits in agreement.items()},
    }
    more |= {
        "sizes": size_measures(compared, samples.groups, samples.seed),
        "froc": froc_measures(compared, samples.groups, samples.seed)[0],
        "score_ece": score_calibration(compared, samples.groups, samples.seed)[1],
    }
    if samples.part == "test" and samples.trained is not None:
        more["baselines"] = {"nearest_boxes": {"measures": measures_of_nearest(compared, predictor, samples)}}
    return Evaluation(every, more)


def predictions_csv(dataset: Dataset, answers: Answers, predictor: Predictor) -> str:
    """One row a test image: how many boxes of each class there are and were found, and how many of these are right."""
    compared, thresholds = answers.compared(predictor.classes), predictor.facts["thresholds"]
    found, true = compared.counted(thresholds), compared.positives
    right = compared.kept(thresholds) & (compared.matched[:, 0] >= 0)
    hits = np.bincount(compared.found.image[right], minlength=compared.n)
    heads = [f"{what}: {name}" for name in predictor.classes for what in ("true", "count")]
    rows = (
        (str(dataset.names[index]), *np.stack([true[row], found[row]], axis=1).reshape(-1).tolist(), int(hits[row]))
        for row, index in enumerate(answers.samples.tolist())
    )
    return csv_of(("path", *heads, "right"), rows)
