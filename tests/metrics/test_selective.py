"""Answers that are kept: risk against coverage, and a cut that keeps what it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import beta

from neocog.metrics.selective import area, cut_for, most_wrong, risk_at_coverage


def draw(n: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Calibrated confidence: right as often as it says."""
    rng = np.random.default_rng(seed)
    confidence = rng.beta(5, 1, n)
    return confidence, rng.random(n) < confidence


def test_risk_rises_with_coverage_as_counted_by_hand() -> None:
    coverage, risk = risk_at_coverage(np.array([0.9, 0.5, 0.7, 0.7]), np.array([True, False, True, False]))
    assert coverage.tolist() == [0.25, 0.75, 0.75, 1.0]
    assert risk == pytest.approx([0, 1 / 3, 1 / 3, 0.5])
    assert area(np.array([0.9, 0.5]), np.array([True, False])) == 0.25


def test_the_bound_is_cloppers_and_pearsons() -> None:
    assert most_wrong(np.array([3, 0, 5]), np.array([100, 20, 5])) == pytest.approx(
        [*beta.ppf(0.95, [4, 1], [97, 20]), 1]
    )


@pytest.mark.parametrize("error", [0.02, 0.05, 0.1])
def test_the_promise_is_broken_in_at_most_one_of_twenty_draws(error: float) -> None:
    new, right = draw(200_000, 10**6)
    broken = kept = 0
    for seed in range(200):
        cut = cut_for(*draw(800, seed), error)
        answered = new >= cut
        kept += cut < math.inf
        broken += bool(answered.any() and (~right[answered]).mean() > error)
    assert broken <= 18  # 10 expected at most; 18 is what 200 draws may show by chance
    assert error == 0.02 or kept > 80


def test_nothing_is_promised_of_too_few_or_of_guesses() -> None:
    assert cut_for(np.linspace(0.5, 1, 20), np.ones(20, bool), 0.05) == math.inf  # 59 are needed
    assert cut_for(np.linspace(0.5, 1, 59), np.ones(59, bool), 0.05) == 0.5
    assert cut_for(*(np.random.default_rng(0).random(400) for _ in range(1)), np.arange(400) % 2 == 0, 0.1) == math.inf


def test_of_equal_confidence_all_are_answered_or_none() -> None:
    confidence, right = np.full(200, 0.9), np.arange(200) >= 20
    assert cut_for(confidence, right, 0.05) == math.inf and cut_for(confidence, right, 0.2) == 0.9
