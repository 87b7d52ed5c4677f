"""Scores of familiarity: each as its paper defines it, and larger for what is like the training."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import EmpiricalCovariance
from sklearn.neighbors import NearestNeighbors

from neocog.metrics.outlier_scores import NEIGHBOUR, SCORES, Familiar, of_logits
from neocog.metrics.unseen import kept_at

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 4000)
CENTRES, MIXED = RNG.normal(0, 4, (3, 8)), RNG.normal(0, 1, (8, 8))
FEATURES = (CENTRES[LABELS] + RNG.normal(0, 1, (4000, 8)) @ MIXED).astype(np.float32)
FOUND = Familiar.of(FEATURES, LABELS)


def test_mahalanobis_is_the_distance_to_the_nearest_class() -> None:
    means = np.stack([FEATURES[k == LABELS].mean(0) for k in range(3)])
    oracle = EmpiricalCovariance(assume_centered=True).fit(FEATURES - means[LABELS])
    there = np.stack([oracle.mahalanobis(FEATURES[:50] - mean) for mean in means]).min(0)
    assert FOUND.mahalanobis(FEATURES[:50]) == pytest.approx(-there, rel=0.02)


def test_neighbours_are_those_of_features_of_length_one() -> None:
    unit = FEATURES / np.linalg.norm(FEATURES, axis=1, keepdims=True)
    oracle = NearestNeighbors(n_neighbors=NEIGHBOUR).fit(unit)
    distance = oracle.kneighbors(unit[:1100])[0][:, -1]
    assert FOUND.neighbours(FEATURES[:1100]) == pytest.approx(-distance, abs=2e-3)


def test_scores_of_logits() -> None:
    logits = np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 0.0]])
    assert of_logits("largest logit", logits).tolist() == [4, 0]
    assert of_logits("energy", logits) == pytest.approx([np.log(np.exp([1, 2, 4]).sum()), np.log(3)])
    assert of_logits("largest probability", logits) == pytest.approx([np.exp(4) / np.exp([1, 2, 4]).sum(), 1 / 3])


@pytest.mark.parametrize("name", SCORES)
def test_what_is_far_is_less_familiar(name: str) -> None:
    logits = FEATURES @ CENTRES.T
    far = RNG.normal(0, 0.3, (300, 8)).astype(np.float32)
    known, strange = FOUND.score(name, logits, FEATURES), FOUND.score(name, far @ CENTRES.T, far)
    assert known.shape == (4000,) and np.median(strange) < np.median(known)


def test_few_samples_of_many_features_and_absent_classes_are_no_trouble() -> None:
    few = RNG.normal(0, 1, (12, 40))
    few[:, 3] = 0  # a unit that never fires
    found = Familiar.of(few, np.array([0, 4] * 6))
    assert found.means.shape == (2, 40)
    inside, outside = found.mahalanobis(few), found.mahalanobis(few + 5)
    assert np.isfinite(inside).all() and outside.max() < inside.min()


def test_kept_at_is_the_false_positive_rate_at_95_percent() -> None:
    assert kept_at(np.arange(100.0), np.array([3.0, 4, 5, 6])) == 0.5  # 95 of 100 are at or above 5
