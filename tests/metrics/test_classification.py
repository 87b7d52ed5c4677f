"""Measures of a classifier against scikit-learn and torchmetrics, and the cases where those two are of no help."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn import metrics
from torchmetrics.functional.classification import multiclass_auroc, multiclass_calibration_error

from neocog.metrics import (
    Counts,
    auroc,
    brier_scores,
    calibration_bins,
    classification_measures,
    confusion,
    fit_temperature,
    in_top,
    log_softmax,
    macro_auroc,
    per_class,
)


def problem(n: int = 600, k: int = 7, seed: int = 0, signal: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(k, size=n)
    logits = rng.normal(size=(n, k)) * 1.5
    logits[np.arange(n), labels] += signal
    return logits, labels


def values(logits: np.ndarray, labels: np.ndarray, **options: object) -> dict[str, float]:
    return {name: m.value for name, m in classification_measures(logits, labels, **options).items()}  # type: ignore[arg-type]


@pytest.mark.parametrize("k", [2, 3, 7, 40])
def test_every_measure_is_scikit_learns_or_torchmetrics(k: int) -> None:
    logits, labels = problem(k=k)
    p, guess = np.exp(log_softmax(logits)), logits.argmax(axis=1)
    ours = values(logits, labels)
    theirs = {
        "accuracy": metrics.accuracy_score(labels, guess),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, guess),
        "macro_f1": metrics.f1_score(labels, guess, average="macro"),
        "auroc": metrics.roc_auc_score(labels, p[:, 1] if k == 2 else p, multi_class="ovr", average="macro"),
        "log_loss": metrics.log_loss(labels, p),
        "brier": np.square(p - np.eye(k)[labels]).sum(axis=1).mean(),
        "ece": multiclass_calibration_error(torch.tensor(p), torch.tensor(labels), k, n_bins=15).item(),
    }
    if k > 3:
        top = 5 if k > 5 else 3
        theirs[f"top_{top}"] = metrics.top_k_accuracy_score(labels, p, k=top, labels=range(k))
    theirs["ece_calibrated"] = ours["ece"]
    assert ours.keys() == theirs.keys()
    assert ours == pytest.approx(theirs, abs=1e-6)
    assert next(iter(ours)) == "accuracy"


def test_confusion_and_per_class_are_scikit_learns() -> None:
    logits, labels = problem()
    guess = logits.argmax(axis=1)
    matrix = confusion(labels, guess, 7)
    assert matrix.dtype == np.int64
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(labels, guess))
    theirs = np.stack(metrics.precision_recall_fscore_support(labels, guess)[:3], axis=1)
    ours = per_class(logits, labels, list("abcdefg"))
    np.testing.assert_allclose([[m.value for m in row.values()] for row in ours.values()], theirs)
    counts, again = Counts.of_confusion(matrix), Counts.of(labels, guess, 7)
    np.testing.assert_allclose(counts.f1, again.f1)


def test_a_class_without_samples_is_undefined_and_left_out_of_means() -> None:
    logits, labels = problem(k=4)
    labels[labels == 3] = 0
    logits[:5, 3] = 100.0  # predicted, although nothing of it is there
    ours = per_class(logits, labels, list("abcd"))["d"]
    assert ours["precision"].value == 0.0 and ours["precision"].n == int((logits.argmax(axis=1) == 3).sum())
    assert math.isnan(ours["recall"].value) and math.isnan(ours["f1"].value) and ours["recall"].n == 0
    found = values(logits, labels)
    guess = logits.argmax(axis=1)
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(labels, guess, labels=[0, 1, 2], average="macro"))
    assert found["balanced_accuracy"] == pytest.approx(
        metrics.recall_score(labels, guess, labels=[0, 1, 2], average="macro")
    )
    p = np.exp(log_softmax(logits))
    assert found["auroc"] == pytest.approx(np.mean([metrics.roc_auc_score(labels == c, p[:, c]) for c in range(3)]))


def test_a_class_never_predicted_has_no_precision() -> None:
    logits, labels = problem(k=3)
    logits[:, 2] = -100.0
    ours = per_class(logits, labels, list("abc"))["c"]
    assert math.isnan(ours["precision"].value) and ours["precision"].n == 0
    assert ours["recall"].value == 0.0 and ours["f1"].value == 0.0


def test_auroc_counts_a_tie_half() -> None:
    assert auroc(np.array([0.0, 0.0, 0.0, 1.0]), np.array([0, 1, 1, 1])) == pytest.approx((0.5 + 0.5 + 1) / 3)
    rng = np.random.default_rng(1)
    scores, positive = rng.integers(4, size=200), rng.integers(2, size=200)
    assert auroc(scores, positive) == pytest.approx(metrics.roc_auc_score(positive, scores))
    assert math.isnan(auroc(scores, np.ones(200)))


def test_macro_auroc_is_torchmetrics() -> None:
    logits, labels = problem(k=9)
    p = np.exp(log_softmax(logits))
    theirs = multiclass_auroc(torch.tensor(p), torch.tensor(labels), 9).item()
    assert macro_auroc(p, labels).value == pytest.approx(theirs, abs=1e-6)


def test_top_k_breaks_ties_as_argmax_does() -> None:
    scores = np.zeros((3, 4))
    np.testing.assert_array_equal(in_top(scores, np.array([0, 1, 3]), 2), [True, True, False])


def test_the_temperature_has_the_least_log_loss_of_all() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(size=(4000, 5)) * 2
    labels = np.array([rng.choice(5, p=p) for p in np.exp(log_softmax(true))])
    for t in (0.3, 1.0, 4.0):
        fitted = fit_temperature(true * t, labels)
        assert fitted == pytest.approx(t, rel=0.1)
        rows = np.arange(len(labels))
        losses = [-log_softmax(true * t / s)[rows, labels].mean() for s in (fitted, fitted * 0.99, fitted * 1.01)]
        assert losses[0] < min(losses[1:])


def test_the_temperature_stays_finite_where_the_loss_has_no_minimum() -> None:
    labels = np.array([0, 1, 2, 0])
    assert fit_temperature(np.eye(3)[labels] * 9.0, labels) == 1.0
    assert fit_temperature(np.empty((0, 3)), np.empty(0, dtype=int)) == 1.0
    assert fit_temperature(np.eye(3)[(labels + 1) % 3] * 9.0, labels) == pytest.approx(20.0)


def test_calibration_lowers_the_error_of_an_overconfident_network() -> None:
    rng = np.random.default_rng(3)
    true = rng.normal(size=(3000, 4)) * 1.5
    labels = np.array([rng.choice(4, p=p) for p in np.exp(log_softmax(true))])
    found = values(true * 3, labels, temperature=fit_temperature(true[:1500] * 3, labels[:1500]))
    assert found["ece_calibrated"] < 0.03 < 0.2 < found["ece"]


def test_bins_hold_every_sample_once_even_at_the_ends() -> None:
    bins = calibration_bins(np.array([0.0, 1.0, 0.5, 0.5]), np.array([False, True, True, False]))
    assert bins.count.sum() == 4 and bins.count[0] == 1 and bins.count[-1] == 1
    assert bins.error == pytest.approx(0.0)
    assert math.isnan(bins.accuracy[3])


def test_brier_is_two_at_worst() -> None:
    assert brier_scores(np.eye(2), np.array([1, 0])).tolist() == [2.0, 2.0]


@pytest.mark.parametrize("bad", [
    (np.zeros((3, 2)), np.zeros(4, int)), (np.zeros((0, 2)), np.zeros(0, int)),
    (np.full((3, 2), np.nan), np.zeros(3, int)), (np.zeros((3, 2)), np.array([0, 1, 2])),
])  # fmt: skip
def test_what_does_not_fit_is_refused(bad: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"expected|not finite"):
        classification_measures(*bad)
    with pytest.raises(ValueError, match="truth"):
        confusion(np.array([0, 5]), np.array([0, 1]), 3)
