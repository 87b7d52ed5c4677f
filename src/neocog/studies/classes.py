"""Classes in words: predictions.csv of a classification, and the row that ``predict`` gives a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.cells import safe_cell
from neocog.data.dataset import Dataset

MISTAKES = 12  # pictures of each kind
MOST_COLUMNS = 100  # classes up to which predictions.csv has a column for each
REFUSED = 0.05  # share of the validation samples below the threshold for "none of these"
RANKS = (("label", "probability"), ("second", "second_probability"), ("third", "third_probability"))


def predictions_csv(
    dataset: Dataset, samples: NDArray[np.int64], labels: NDArray[np.int64], calibrated: NDArray[np.float64]
) -> str:
    """One row a test sample: truth, prediction, calibrated probabilities (n, K)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    classes = dataset.classes
    each = [safe_cell(f"p:{name}") for name in classes] if len(classes) <= MOST_COLUMNS else []
    runners = [head for pair in RANKS[1:] for head in pair]
    writer.writerow(["path", "label", "prediction", "probability", "correct", *runners, *each])
    for index, truth, values in zip(samples, labels, calibrated, strict=True):
        top = class_rows(values, classes)
        row: list[Any] = [dataset.names[index], classes[truth], top["label"], top["probability"]]
        row += [int(top["label"] == classes[truth]), *(top.get(head, "") for head in runners)]
        row = [safe_cell(cell) if isinstance(cell, str) else cell for cell in row]
        writer.writerow([*row, *(f"{value:.6g}" for value in values if each)])
    return text.getvalue()


def class_rows(values: NDArray[np.float64], classes: Sequence[str]) -> dict[str, Any]:
    """Label and probability of the likeliest class and of up to two runners-up; ``values`` (K,)."""
    row: dict[str, Any] = {}
    for (name, probability), index in zip(RANKS, np.argsort(-values, kind="stable"), strict=False):
        row[name], row[probability] = classes[index], round(float(values[index]), 6)
    return row


def none_below(logits: NDArray[np.float32]) -> dict[str, float]:
    """Of validation logits (n, K): the largest logit below which a sample is held to be of none of the classes.

    ``REFUSED`` of the validation samples lie below it: about as many samples of known classes are refused. The largest
    logit as a score: Hendrycks et al. 2022, "Scaling out-of-distribution detection". Nothing without validation samples.
    """
    return {"none_below": float(np.quantile(logits.max(axis=1), REFUSED))} if len(logits) else {}
