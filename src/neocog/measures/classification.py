"""Every measure of a classifier, from its logits, each with its 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.measures.calibration import brier_scores, calibration_bins, log_losses, log_softmax
from neocog.measures.counts import Counts, in_top
from neocog.measures.intervals import Groups, bootstrap, clusters, percentiles, proportion_like, wilson
from neocog.measures.ranking import macro_auroc
from neocog.run import Measure

Array = NDArray[Any]
REPEATS = 1000


def classification_measures(
    logits: Array, labels: Array, groups: Groups = None, seed: int = 0, temperature: float = 1.0,
    offsets: Array | None = None,
) -> dict[str, Measure]:  # fmt: skip
    """Measures of logits (N, K) against labels (N,), accuracy first.

    The classes that are predicted are those of the largest logits. AUROC, log loss, Brier score and ``ece_calibrated`` are
    those of the stated probabilities, softmax(logits / ``temperature`` + ``offsets`` (K,)), which must not have been fitted on
    these samples; ``ece`` is that of softmax(logits), as the network said it.

    Accuracy has Wilson's interval, AUROC DeLong's, all others that of 1000 bootstrap draws; with ``groups`` (N,) whole
    groups are drawn, for accuracy too. Noise makes a calibration
    error larger, and drawing adds noise, so the draws of ECE are moved to have the value as their mean.
    """
    logits, labels = _checked(logits, labels)
    n, k = logits.shape
    prediction = logits.argmax(axis=1)
    correct = prediction == labels
    said, log_probabilities = (
        log_softmax(logits),
        log_softmax(logits / temperature + (0 if offsets is None else offsets)),
    )
    top = 5 if k > 5 else 3
    means = np.stack([  # (3, N): statistics that are a mean over samples
        in_top(logits, labels, top), log_losses(log_probabilities, labels),
        brier_scores(np.exp(log_probabilities), labels),
    ]).astype(np.float64)  # fmt: skip
    confidence, calibrated = (np.exp(p[np.arange(n), prediction]) for p in (said, log_probabilities))

    def statistic(weights: Array) -> Array:
        counts = Counts.of(labels, prediction, k, weights)
        errors = [calibration_bins(p, correct, weights).error for p in (confidence, calibrated)]
        macro = [counts.accuracy, counts.balanced_accuracy, counts.macro_f1]
        return np.array([*macro, *((means * weights).sum(axis=1) / weights.sum()), *errors])

    values = statistic(np.ones(n)).tolist()
    draws = bootstrap(statistic, n, groups, REPEATS, seed)
    units = clusters(groups, n)[1]
    per_class = np.bincount(labels, minlength=k)
    present = per_class[per_class > 0]
    balanced = min(units, len(present) ** 2 / float(np.sum(1 / present)))  # samples that weigh as much, were K = 1
    found = {
        "accuracy": proportion_like(values[0], draws[:, 0], n, units),
        "balanced_accuracy": proportion_like(values[1], draws[:, 1], n, balanced),
        "macro_f1": proportion_like(values[2], draws[:, 2], n, balanced),
    }
    if groups is None:
        found["accuracy"] = Measure(values[0], *wilson(int(correct.sum()), n), n)
    if k > top:
        found[f"top_{top}"] = proportion_like(values[3], draws[:, 3], n, units)
    found["auroc"] = macro_auroc(log_probabilities, labels, groups)
    for index, name in ((4, "log_loss"), (5, "brier")):
        found[name] = Measure(values[index], *_spread(draws[:, index], units), n)
    for index, name in ((6, "ece"), (7, "ece_calibrated")):
        low, high = _spread(draws[:, index] - draws[:, index].mean() + values[index], units)
        found[name] = Measure(values[index], float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1)), n)
    return found


def per_class(
    logits: Array, labels: Array, classes: Sequence[str], groups: Groups = None, seed: int = 0
) -> dict[str, dict[str, Measure]]:
    """Precision, recall and F1 of each class, NaN where undefined (see ``Counts``).

    ``n`` is the number of samples behind it: predicted as the class for precision, of the class for the others. Without
    ``groups``, precision and recall have Wilson's interval; F1, and all of them with groups, 1000 bootstrap draws.
    """
    logits, labels = _checked(logits, labels)
    n, k = logits.shape
    if len(classes) != k:
        raise ValueError(f"{len(classes)} class names for {k} columns of logits")
    prediction = logits.argmax(axis=1)

    def statistic(weights: Array) -> Array:
        counts = Counts.of(labels, prediction, k, weights)
        return np.stack([counts.precision, counts.recall, counts.f1])  # (3, K)

    draws = bootstrap(statistic, n, groups, REPEATS, seed)  # (1000, 3, K)
    counts = Counts.of(labels, prediction, k)
    values = statistic(np.ones(n))
    units, found = clusters(groups, n)[1], {}
    for i, name in enumerate(classes):
        behind = (int(counts.predicted[i]), int(counts.support[i]), int(counts.support[i]))
        measures = [
            proportion_like(float(values[j, i]), draws[:, j, i], behind[j], min(units, behind[j])) for j in range(3)
        ]
        if groups is None:
            right = int(counts.right[i])
            for j in (0, 1):
                if behind[j]:
                    measures[j] = Measure(float(values[j, i]), *wilson(right, behind[j]), behind[j])
        found[name] = dict(zip(("precision", "recall", "f1"), measures, strict=True))
    return found


def _spread(draws: Array, units: int) -> tuple[float, float]:
    return percentiles(draws) if units > 1 else (math.nan, math.nan)


def _checked(logits: Array, labels: Array) -> tuple[Array, Array]:
    """Logits as float64, labels as int64; raises ValueError where they do not fit each other."""
    logits, labels = np.asarray(logits, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not len(labels):
        raise ValueError(f"logits {logits.shape} and labels {labels.shape}, expected (N, K) and (N,) with N > 0")
    if not np.isfinite(logits).all():
        raise ValueError(f"{int((~np.isfinite(logits)).sum())} of {logits.size} logits are not finite")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(f"labels {labels.min()} … {labels.max()}, expected 0 … {logits.shape[1] - 1}")
    return logits, labels
