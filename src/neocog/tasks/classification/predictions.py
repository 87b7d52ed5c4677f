"""Classes in words: predictions.csv of a classification, and the row that ``predict`` gives a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.cells import csv_of
from neocog.data.dataset import Array, Dataset
from neocog.metrics.conformal import sets

MISTAKES = 12  # pictures of each kind
MOST_COLUMNS = 100  # classes up to which predictions.csv has a column for each
REFUSED = 0.05  # share of the validation samples below the threshold for "none of these"
RANKS = (("label", "probability"), ("second", "second_probability"), ("third", "third_probability"))


def predictions_csv(
    dataset: Dataset,
    samples: NDArray[np.int64],
    labels: NDArray[np.int64],
    logits: NDArray[np.float32],
    calibrated: NDArray[np.float64],
) -> str:
    """One row a test sample: truth, prediction, calibrated probabilities (n, K)."""
    classes, rows = dataset.classes, []
    runners = [head for pair in RANKS[1:] for head in pair]
    for index, truth, scores, values in zip(samples, labels, logits, calibrated, strict=True):
        found = class_rows(scores, values, classes)
        row: list[Any] = [dataset.names[index], classes[truth], found["label"], found["probability"]]
        row += [int(found["label"] == classes[truth]), *(found.get(head, "") for head in runners)]
        row += [found[head] for head in columns(classes)]
        rows.append(row)
    return csv_of(("path", "label", "prediction", "probability", "correct", *runners, *columns(classes)), rows)


def class_rows(scores: Array, values: NDArray[np.float64], classes: Sequence[str]) -> dict[str, Any]:
    """Label and probability of the class of the highest score and of up to two runners-up, and each class's probability.

    ``scores`` (K,) decide, ``values`` (K,) are the calibrated probabilities: where training weighed the classes, it did so
    to be answered by these weights, while a probability is that of the class among the samples as they come.
    """
    row: dict[str, Any] = {}
    for (name, probability), index in zip(RANKS, np.argsort(-scores, kind="stable"), strict=False):
        row[name], row[probability] = classes[index], float(values[index])
    return row | dict(zip(columns(classes), values.tolist(), strict=False))


def set_of(values: NDArray[np.float64], threshold: float, classes: Sequence[str]) -> list[str]:
    """The classes whose conformal score is within ``threshold``, the likeliest first. ``values`` (K,): probabilities."""
    inside = sets(values[None], threshold)[0]
    return [classes[index] for index in np.argsort(-values, kind="stable") if inside[index]]


def columns(classes: Sequence[str]) -> list[str]:
    """Heads of the columns of each class's probability; none where there are very many classes."""
    return [f"p:{name}" for name in classes] if len(classes) <= MOST_COLUMNS else []


def rejection_threshold(logits: NDArray[np.float32]) -> dict[str, float]:
    """Of validation logits (n, K): the largest logit below which a sample is held to be of none of the classes.

    ``REFUSED`` of the validation samples lie below it: about as many samples of known classes are refused. The largest
    logit as a score: Hendrycks et al. 2022, "Scaling out-of-distribution detection". Nothing without validation samples.
    """
    return {"rejection_threshold": float(np.quantile(logits.max(axis=1), REFUSED))} if len(logits) else {}
