"""Measures that come from counts of (truth, prediction). A class without a sample is undefined (NaN), never 0.

Letters: N samples, K classes. Every function takes weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def confusion(truth: Array, prediction: Array, classes: int) -> NDArray[np.int64]:
    """(K, K) counts; row: truth, column: prediction. Raises ValueError for a label outside 0 … K − 1."""
    truth, prediction = np.asarray(truth, dtype=np.int64), np.asarray(prediction, dtype=np.int64)
    if truth.shape != prediction.shape:
        raise ValueError(f"{truth.shape} truths and {prediction.shape} predictions")
    for name, labels in (("truth", truth), ("prediction", prediction)):
        if len(labels) and not (labels.min() >= 0 and labels.max() < classes):
            raise ValueError(f"{name} holds labels {labels.min()} … {labels.max()}, expected 0 … {classes - 1}")
    return np.bincount(truth * classes + prediction, minlength=classes * classes).reshape(classes, classes)


@dataclass(frozen=True)
class Counts:
    """The sums that precision, recall and F1 need; each (…, K), counts or sums of weights."""

    right: Array  # samples of the class that were recognised
    support: Array  # samples of the class
    predicted: Array  # samples taken for the class

    @classmethod
    def of(cls, truth: Array, prediction: Array, classes: int, weights: Array | None = None) -> Counts:
        """Counts of labels (N,), each sample counting ``weights`` (N,) times."""
        hit = truth == prediction
        return cls(
            np.bincount(truth[hit], None if weights is None else weights[hit], minlength=classes),
            np.bincount(truth, weights, minlength=classes),
            np.bincount(prediction, weights, minlength=classes),
        )

    @classmethod
    def of_confusion(cls, matrix: Array) -> Counts:
        """Counts of a confusion matrix (K, K)."""
        return cls(np.diagonal(matrix), matrix.sum(axis=1), matrix.sum(axis=0))

    @property
    def precision(self) -> Array:
        """(…, K) of those taken for the class, how many are; NaN where none was taken for it."""
        return ratio(self.right, self.predicted)

    @property
    def recall(self) -> Array:
        """(…, K) of the class, how many were recognised; NaN where the class has no sample."""
        return ratio(self.right, self.support)

    @property
    def f1(self) -> Array:
        """(…, K) harmonic mean of precision and recall; NaN where the class has no sample."""
        return np.where(self.support > 0, ratio(2 * self.right, self.support + self.predicted), np.nan)

    @property
    def accuracy(self) -> Array:
        """(…) share of all samples that were recognised."""
        return ratio(self.right.sum(axis=-1), self.support.sum(axis=-1))

    @property
    def balanced_accuracy(self) -> Array:
        """(…) mean recall of the classes that have samples."""
        return mean_of_defined(self.recall)

    @property
    def macro_f1(self) -> Array:
        """(…) mean F1 of the classes that have samples."""
        return mean_of_defined(self.f1)


def in_top(scores: Array, labels: Array, k: int) -> NDArray[np.bool_]:
    """(N,) whether the true class is among the k highest scores (N, K); of equal scores the first class is higher."""
    own = scores[np.arange(len(labels)), labels][:, None]
    before = np.arange(scores.shape[1]) < labels[:, None]
    rank = np.sum((scores > own) | ((scores == own) & before), axis=1)
    return np.asarray(rank < k)


def ratio(above: Array, below: Array) -> Array:
    """above / below, NaN where below is 0."""
    above, below = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    undefined = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    return np.asarray(np.divide(above, below, out=undefined, where=below > 0))


def mean_of_defined(values: Array) -> Array:
    """Mean over the last axis, NaN left out; NaN where nothing is left."""
    return ratio(np.nansum(values, axis=-1), np.sum(~np.isnan(values), axis=-1))
