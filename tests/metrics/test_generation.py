"""Distances of distributions, coverage and copies, each against what is known of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neocog.metrics.generation import (
    between,
    class_entropy,
    distances,
    entropy_measure,
    frechet_distance,
    frechet_measure,
    kernel_distance,
    memorised,
    nearest,
    precision_recall,
    spanned,
)

RNG = np.random.default_rng(0)


def test_the_frechet_distance_of_two_gaussians_is_the_closed_form() -> None:
    mean, other = np.array([1.0, -2.0, 0.5]), np.array([0.0, 1.0, 0.5])
    cov, another = np.diag([1.0, 4.0, 9.0]), np.diag([4.0, 4.0, 1.0])
    expected = 10.0 + (1 - 2) ** 2 + 0 + (3 - 1) ** 2
    assert between(mean, cov, other, another) == pytest.approx(expected)
    turn = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    turned = between(turn @ mean, turn @ cov @ turn.T, turn @ other, turn @ another @ turn.T)
    assert turned == pytest.approx(expected)
    a, b = RNG.normal(size=(2, 3, 3))
    a, b = a @ a.T, b @ b.T  # that do not commute: the trace of (A B)^½ from the eigenvalues of A B
    root = np.sqrt(np.linalg.eigvals(a @ b).real).sum()
    assert between(mean, a, mean, b) == pytest.approx(np.trace(a) + np.trace(b) - 2 * root)


def test_the_frechet_distance_is_0_of_a_set_with_itself_and_found_from_samples() -> None:
    x = RNG.normal(size=(20_000, 4))
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    y = RNG.normal(size=(20_000, 4)) * 2 + 1  # |μ − ν|² = 4, (1 − 2)² four times
    assert frechet_distance(x, y) == pytest.approx(8, rel=0.03)
    measured = frechet_measure(x, y)
    assert measured.low < 8 < measured.high and measured.high - measured.low < 1
    few = [RNG.normal(size=(5, 4)) for _ in range(2)]  # fewer samples than the covariance has rank
    assert math.isfinite(frechet_distance(*few))


def test_the_kernel_distance_is_unbiased_and_its_error_is_honest() -> None:
    found = [kernel_distance(RNG.normal(size=(400, 5)), RNG.normal(size=(400, 5))) for _ in range(60)]
    values, errors = np.array(found).T
    assert abs(values.mean()) < 3 * values.std() / math.sqrt(60)
    assert values.min() < 0 < values.max()
    assert 0.6 < errors.mean() / values.std() < 1.6
    apart, error = kernel_distance(RNG.normal(size=(400, 5)), RNG.normal(size=(400, 5)) + 1)
    assert apart > 5 * error
    assert math.isnan(kernel_distance(np.zeros((12, 2)), np.zeros((12, 2)))[0])


def test_precision_and_recall_of_equal_disjoint_and_partial_sets() -> None:
    x = RNG.normal(size=(600, 2))
    assert [m.value for m in precision_recall(x, x)] == [1.0, 1.0]
    assert [m.value for m in precision_recall(x, x + 100)] == [0.0, 0.0]
    one_mode = RNG.normal(size=(600, 2))
    two_modes = np.concatenate([RNG.normal(size=(300, 2)), RNG.normal(size=(300, 2)) + 100])
    precision, recall = precision_recall(two_modes, one_mode)
    assert precision.value > 0.9 and 0.4 < recall.value < 0.55  # all of it is real, half of the real is missed
    assert precision.low < precision.value <= precision.high and precision.n == 600


def test_distances_and_neighbours_are_those_of_every_pair() -> None:
    a, b = RNG.normal(size=(700, 3)), RNG.normal(size=(40, 3))
    full = np.square(a[:, None] - b[None]).sum(-1)
    np.testing.assert_allclose(np.concatenate(list(distances(a, b))), full, atol=1e-9)
    places, found = nearest(a, b)
    np.testing.assert_array_equal(places, full.argmin(1))
    np.testing.assert_allclose(found, np.sqrt(full.min(1)), atol=1e-6)


def test_copies_of_training_images_are_found_and_new_images_are_not_called_copies() -> None:
    train, test, fresh = (RNG.normal(size=(count, 10)) for count in (2000, 1000, 500))
    assert memorised(fresh, train, test).low < 0.02
    copies = fresh.copy()
    copies[:100] = train[:100] + 1e-3 * RNG.normal(size=(100, 10))
    found = memorised(copies, train, test)
    assert 0.2 <= found.value < 0.23 and found.low > 0.15


def test_the_entropy_of_classes() -> None:
    assert class_entropy(np.full(10, 7)) == pytest.approx(math.log(10))
    assert class_entropy(np.array([5, 0, 0])) == 0
    assert class_entropy(np.array([1, 3])) == pytest.approx(-0.25 * math.log(0.25) - 0.75 * math.log(0.75))
    measured = entropy_measure(np.array([250, 750]))
    assert measured.low < measured.value < measured.high and measured.n == 1000


def test_few_samples_of_many_features_have_the_distance_that_all_coordinates_give() -> None:
    rng = np.random.default_rng(5)
    one, two = rng.normal(size=(12, 60)), rng.normal(0.3, 2, size=(9, 60))
    seen = spanned(one, two)
    assert seen[0].shape == (12, 21)
    assert frechet_distance(*seen) == pytest.approx(frechet_distance(one, two), rel=1e-6)
    assert frechet_measure(one, two).value == pytest.approx(frechet_distance(one, two), rel=1e-6)
