"""Wrong labels by confident learning: counted as the paper counts, ranked, and the amount believed only where that can be shown."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from neocog.metrics.confident import confusions, joint, likely, most_noise, noise, self_confidence, trial, wrong_labels


def world(n: int, k: int, strength: float, wrong: float, seed: int = 0) -> tuple[NDArray[np.float64], ...]:
    """Calibrated probabilities of a network of some strength, given labels, and which of them are wrong."""
    rng = np.random.default_rng(seed)
    truth, logits = rng.integers(0, k, n), rng.normal(0, 1, (n, k))
    logits[np.arange(n), truth] += strength
    shares = np.exp(logits * strength)
    given, chosen = truth.copy(), rng.random(n) < wrong
    given[chosen] = (truth[chosen] + rng.integers(1, k, chosen.sum())) % k
    return shares / shares.sum(axis=1, keepdims=True), given, chosen


def test_a_sample_counts_for_the_likeliest_class_that_is_above_its_average() -> None:
    shares = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.45, 0.55], [0.4, 0.6]])
    labels = np.array([0, 0, 0, 1, 1])  # averages: 0.6 and 0.575
    assert likely(shares, labels).tolist() == [0, 0, 1, -1, 1]
    assert joint(shares, labels) == pytest.approx(np.array([[0.4, 0.2], [0.0, 0.4]]))  # rows sum to the labels' shares
    assert noise(shares, labels).value == pytest.approx(0.2)


def test_samples_count_as_cleanlab_counts_them() -> None:
    """``cleanlab.count.compute_confident_joint(labels, shares, calibrate=False)``, version 2.9.0."""
    shares, labels, _ = world(60, 3, 2.0, 0.2)
    found = likely(shares, labels)
    table = np.bincount((labels * 3 + found)[found >= 0], minlength=9).reshape(3, 3)
    assert table.tolist() == [[10, 4, 3], [3, 14, 3], [3, 0, 11]]


def test_wrong_labels_rank_first_and_are_counted() -> None:
    shares, labels, wrong = world(4000, 10, 6.0, 0.05)
    first = np.argsort(self_confidence(shares, labels))[: int(0.06 * 4000)]
    assert wrong[first].sum() / wrong.sum() > 0.99
    found = noise(shares, labels)
    assert found.low < wrong.mean() < found.high and found.n == 4000
    assert trial(shares, labels).holds


def test_the_interval_is_over_groups() -> None:
    shares, labels, _ = world(400, 4, 4.0, 0.1)
    rows = np.repeat(np.arange(100), 4)  # each sample four times
    alone, grouped = noise(shares[rows], labels[rows]), noise(shares[rows], labels[rows], rows.astype(str))
    assert grouped.value == alone.value and grouped.units == 100
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


@pytest.mark.parametrize("strength", [1.2, 2.2])
def test_a_weak_networks_own_mistakes_are_not_believed_to_be_wrong_labels(strength: float) -> None:
    shares, labels, wrong = world(5000, 10, strength, 0.05)
    found = trial(shares, labels)
    assert found.estimate > 2 * wrong.mean() and not found.holds
    assert wrong.mean() < found.most < found.estimate  # what the ranking allows is nearer


def test_what_is_added_has_to_be_recovered() -> None:
    """Probabilities that know nothing: what is made wrong changes nothing."""
    shares, labels, _ = world(1000, 4, 4.0, 0.05)
    found = trial(np.full_like(shares, 0.25), labels)
    assert abs(found.recovered) < 0.5 and not found.holds


@pytest.mark.parametrize("strength", [1.0, 2.0, 5.0])
def test_the_most_is_seldom_below_the_truth(strength: float) -> None:
    below = 0
    for seed in range(40):
        shares, labels, wrong = world(600, 5, strength, 0.08, seed)
        below += most_noise(shares, labels) < wrong.mean()
    assert below <= 4  # 5 % of 40 are 2


def test_labels_are_made_wrong_as_they_seem_to_be_confused() -> None:
    shares, labels, _ = world(3000, 4, 6.0, 0.0)
    labels = np.where((labels == 1) & (np.arange(3000) % 5 == 0), 2, labels)  # a fifth of the ones are called two
    pattern = confusions(shares, labels)
    assert pattern.sum() == pytest.approx(1) and not pattern.diagonal().any()
    assert pattern[1, 2] > 0.4 > 0.1 > pattern[2, 1]
    made = wrong_labels(labels, pattern, np.random.default_rng(0))
    assert (made != labels).all()
    assert (made[labels == 1] == 2).mean() > 0.7


def test_classes_without_a_sample_and_one_sample_are_no_trouble() -> None:
    shares, labels, _ = world(50, 4, 4.0, 0.0)
    wide = np.concatenate([shares, np.zeros((50, 2))], axis=1)
    assert noise(wide, labels).value == noise(shares, labels).value
    assert np.isfinite(joint(wide, labels)[:4]).all() and trial(wide, labels).most < 1
    assert noise(shares[:1], labels[:1]).n == 1
