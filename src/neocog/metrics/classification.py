"""Every measure of a classifier, from its logits, each with its 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.calibration import brier_scores, calibration_error, log_losses, log_softmax
from neocog.metrics.counts import Counts, in_top, ratio
from neocog.metrics.intervals import (
    Groups,
    Scale,
    Units,
    measured,
    proportion_measure,
    proportion_measures,
    proportions,
)
from neocog.metrics.ranking import macro_auroc
from neocog.records import Measure

Array = NDArray[Any]


def classification_measures(
    logits: Array, labels: Array, groups: Groups = None, seed: int = 0, temperature: float | Array = 1.0,
    offsets: Array | None = None,
) -> dict[str, Measure]:  # fmt: skip
    """Measures of logits (N, K) against labels (N,), accuracy first.

    The classes that are predicted are those of the largest logits. AUROC, log loss, Brier score and ``ece_calibrated`` are
    those of the stated probabilities, softmax(logits / ``temperature`` + ``offsets`` (K,)), which must not have been fitted on
    these samples; ``ece`` is that of softmax(logits), as the network gives it.

    Without groups, accuracy is a plain proportion and balanced accuracy a mean of such (``mean_of_shares``); AUROC has
    DeLong's interval; all others, and with ``groups`` (N,) all but AUROC, the jackknife over units.
    """
    logits, labels = _checked(logits, labels)
    n, k = logits.shape
    prediction = logits.argmax(axis=1)
    correct = prediction == labels
    raw, stated = log_softmax(logits), log_softmax(logits / temperature + (0 if offsets is None else offsets))
    units = Units.of(groups, n, seed)
    top = 5 if k > 5 else 3
    near = in_top(logits, labels, top)
    losses = log_losses(stated, labels), brier_scores(np.exp(stated), labels)
    counted = class_counts(labels, prediction, k, units)
    sums = np.concatenate([counted.reshape(len(counted), 3 * k), units.sums(np.stack([near, *losses], axis=1))], axis=1)

    def statistic(totals: Array) -> Array:
        counts = counts_of(totals[..., : 3 * k], k)
        size = counts.support.sum(axis=-1)[..., None]
        shares = np.stack([counts.accuracy, counts.balanced_accuracy, counts.macro_f1], axis=-1)
        return np.concatenate([shares, ratio(totals[..., 3 * k :], size)], axis=-1)

    names = ("accuracy", "balanced_accuracy", "macro_f1", f"top_{top}", "log_loss", "brier")
    support = counted[:, 1]
    size, rare = support.sum(axis=1), ratio(support, support.sum(axis=0))
    rare = np.nansum(rare, axis=1)  # a sample of a rare class weighs more in the mean over classes
    weights = np.stack([size, rare, rare, size, size, size], axis=1)
    scales: tuple[Scale, ...] = ("counts", "counts", "counts", "counts", "positive", "brier")
    unmet = [0.0, 0.0, 0.0, 0.0, *(loss / n for loss in losses_if_wrong(stated))]
    found = dict(zip(names, measured(sums, statistic, units, scales, [n] * 6, weights, unmet), strict=True))
    if not units.grouped:
        found["accuracy"] = proportion_measure(int(correct.sum()), n)
        found[f"top_{top}"] = proportion_measure(int(near.sum()), n)
        right, held = counted[:, 0].sum(axis=0), support.sum(axis=0)
        found["balanced_accuracy"] = mean_of_shares(right[held > 0], held[held > 0])
    if k <= top:
        del found[f"top_{top}"]
    means = {name: found.pop(name) for name in ("log_loss", "brier")}
    found["auroc"] = macro_auroc(stated, labels, groups)
    ece, calibrated = (calibration_error(np.exp(p[np.arange(n), prediction]), correct, units) for p in (raw, stated))
    return found | means | {"ece": ece, "ece_calibrated": calibrated}


def losses_if_wrong(log_probabilities: Array) -> tuple[float, float]:
    """Log loss and Brier score that these answers would have if each one's second class were the truth."""
    second = np.argsort(log_probabilities, axis=1)[:, -2] if log_probabilities.shape[1] > 1 else np.zeros(1, np.int64)
    losses = log_losses(log_probabilities, second), brier_scores(np.exp(log_probabilities), second)
    return float(losses[0].mean()), float(losses[1].mean())


def class_counts(labels: Array, prediction: Array, classes: int, units: Units) -> Array:
    """(B, 3, K) of each block: samples recognised, of the class, taken for the class (see ``Counts``)."""
    hit = (labels == prediction).astype(np.float64)
    tables = (units.table(labels, classes, hit), units.table(labels, classes), units.table(prediction, classes))
    return np.stack(tables, axis=1)


def counts_of(sums: Array, classes: int) -> Counts:
    """(…, 3 K) sums of ``class_counts`` as ``Counts`` (…, K)."""
    return Counts(*np.moveaxis(sums.reshape(*sums.shape[:-1], 3, classes), -2, 0))


def mean_of_shares(right: Array, held: Array) -> Measure:
    """Mean of independent proportions right (K,) of held (K,), each class on its own: MOVER (Zou & Donner 2008).

    Each class's distance to its own bound is squared and added, so that a class of three samples that were all recognised
    still says how little that is.
    """
    shares = right / held
    away = [float(np.linalg.norm(bound - shares)) / len(shares) for bound in proportions(right, held, 1.0)]
    value = float(shares.mean())
    return Measure(value, max(0.0, value - away[0]), min(1.0, value + away[1]), int(held.sum()))


def per_class(
    logits: Array, labels: Array, classes: Sequence[str], groups: Groups = None, seed: int = 0
) -> dict[str, dict[str, Measure]]:
    """Precision, recall and F1 of each class, NaN where undefined (see ``Counts``).

    ``n`` is the number of samples behind it: predicted as the class for precision, of the class for the others. Without
    ``groups`` all three rest on plain proportions, since F1 = 2 J / (1 + J) where J is the share of hits among the samples
    that are of the class or were taken for it; with groups they have the jackknife's interval.
    """
    logits, labels = _checked(logits, labels)
    n, k = logits.shape
    if len(classes) != k:
        raise ValueError(f"{len(classes)} class names for {k} columns of logits")
    units = Units.of(groups, n, seed)
    counted = class_counts(labels, logits.argmax(axis=1), k, units)

    def statistic(totals: Array) -> Array:
        counts = counts_of(totals, k)
        return np.concatenate([counts.precision, counts.recall, counts.f1], axis=-1)

    right, support, predicted = counted.sum(axis=0).astype(int).tolist()
    behind = [*predicted, *support, *support]
    if units.grouped:
        weights = np.concatenate([counted[:, 2], counted[:, 1], counted[:, 1] + counted[:, 2]], axis=1)
        sums = counted.reshape(len(counted), 3 * k)
        found = measured(sums, statistic, units, ["counts"] * (3 * k), behind, weights)
    else:
        found = proportion_measures(right * 2, behind[: 2 * k])
        either = [a + b - c for a, b, c in zip(support, predicted, right, strict=True)]
        found += [_f1(share, n) for share, n in zip(proportion_measures(right, either), support, strict=True)]
    return {
        name: {"precision": found[i], "recall": found[k + i], "f1": found[2 * k + i]} for i, name in enumerate(classes)
    }


def _f1(share: Measure, support: int) -> Measure:
    """Of the share J of hits; undefined for a class without a sample."""
    value, low, high = (2 * j / (1 + j) if support else math.nan for j in (share.value, share.low, share.high))
    return Measure(value, low, high, support)


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
