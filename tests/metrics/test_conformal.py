"""Conformal sets and intervals hold what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neocog.metrics.conformal import class_scores, fewest, kept, most, quantile, rank, sets, thresholds

RNG = np.random.default_rng(0)


def network(n: int, sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (n, 10) of a network that is too sure of itself, and the classes (n,)."""
    logits = RNG.normal(size=(n, 10)) * sharpness
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    labels = (shares.cumsum(1) > RNG.random((n, 1))).argmax(1)
    sure = shares**2
    return sure / sure.sum(1, keepdims=True), labels


@pytest.mark.parametrize(("n", "coverage"), [(1000, 0.9), (1000, 0.95), (1000, 0.99), (99, 0.9), (50, 0.95)])
def test_over_200_draws_the_sets_hold_the_truth_as_often_as_was_asked(n: int, coverage: float) -> None:
    held = []
    for _ in range(200):
        probabilities, labels = network(n + 1000, 2.0)
        cut = quantile(class_scores(probabilities[:n], labels[:n]), coverage)
        found = sets(probabilities[n:], cut)
        assert found.any(axis=1).all()
        held.append(found[np.arange(1000), labels[n:]].mean())
    error = np.std(held) / math.sqrt(len(held))
    assert coverage - 3 * error <= np.mean(held) <= coverage + 1 / (n + 1) + 3 * error


def test_a_network_that_is_nearly_always_right_gives_no_empty_sets() -> None:
    probabilities, labels = network(2000, 30.0)
    found = sets(probabilities, quantile(class_scores(probabilities, labels), 0.5))
    assert (found.sum(axis=1) == 1).all() and (found.argmax(1) == probabilities.argmax(1)).all()


def test_too_few_samples_promise_nothing() -> None:
    assert quantile(np.ones(18), 0.95) == math.inf and quantile(np.ones(19), 0.95) == 1
    assert (fewest(0.9), fewest(0.95), fewest(0.99)) == (9, 19, 99)
    for coverage in (0.5, 0.8, 0.9, 0.95, 0.99, 0.995):
        n = fewest(coverage)
        assert rank(n, coverage) <= n < rank(n - 1, coverage) + 1 and most(n) >= coverage - 1e-12


@pytest.mark.parametrize("n", [1, 7, 999, 1000, 1001, 12345])
def test_what_is_kept_gives_the_same_threshold_or_one_a_thousandth_higher(n: int) -> None:
    scores = RNG.random((2, n))
    facts = kept(scores)
    assert facts["n"] == n and len(facts["scores"][0]) <= 1000
    for coverage in (0.3, 0.5, 0.9, 0.95, 0.99, 0.999):
        exact = [quantile(row, coverage) for row in scores]
        found = thresholds(facts, coverage)
        if n <= 1000:
            assert found == exact
        else:
            for row, one, other in zip(scores, exact, found, strict=True):
                assert one <= other and (row <= other).mean() - (row <= one).mean() <= 1.001 / 1000
