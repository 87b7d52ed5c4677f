"""Errors agree with scikit-learn, and intervals of prediction hold as often as they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from neocog.metrics.regression import coverage, half_width, regression_measures, several

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(5, 3, 400)
ERROR = RNG.normal(0, 1, 400)


def test_measures_are_scikit_learns_with_intervals_around_them() -> None:
    found = regression_measures(ERROR, TRUTH)
    said = TRUTH + ERROR
    assert found["mae"].value == pytest.approx(mean_absolute_error(TRUTH, said))
    assert found["rmse"].value == pytest.approx(root_mean_squared_error(TRUTH, said))
    assert found["r2"].value == pytest.approx(r2_score(TRUTH, said))
    assert all(m.low < m.value < m.high for m in found.values())


def test_r2_of_constant_truths_is_undefined() -> None:
    assert math.isnan(regression_measures(ERROR, np.ones(400))["r2"].value)


def test_groups_widen_the_intervals() -> None:
    error, groups = np.repeat(RNG.normal(0, 1, 20), 30), np.repeat(np.arange(20).astype(str), 30)
    truth = RNG.normal(0, 1, 600)
    alone, together = regression_measures(error, truth)["mae"], regression_measures(error, truth, groups)["mae"]
    assert together.high - together.low > 2 * (alone.high - alone.low)


@pytest.mark.parametrize("n", [20, 99, 500])
def test_conformal_intervals_hold_their_promise_on_new_samples(n: int) -> None:
    """Over many calibration sets, new samples lie inside in at least 90 % and not much more."""
    held = []
    for _ in range(400):
        spread = RNG.uniform(0.5, 3, n)
        half = half_width(RNG.standard_t(4, n) * spread, spread)
        new = RNG.uniform(0.5, 3, 50)
        held.append((np.abs(RNG.standard_t(4, 50) * new) <= half * new).mean())
    assert 0.89 <= np.mean(held) <= 0.9 + 1 / (n + 1) + 0.015


def test_too_few_samples_promise_nothing() -> None:
    assert half_width(np.ones(5), np.ones(5)) == math.inf


def test_coverage_counts_what_lies_inside() -> None:
    found = coverage(np.array([0.5, -1.5, 3.0, 0.0]), np.array([1.0, 1, 1, 1]), 1.5)
    assert found.value == 0.75 and found.low < 0.75 < found.high and found.n == 4


def test_measures_of_several_quantities_bear_their_names() -> None:
    one = regression_measures(ERROR, TRUTH)
    assert list(several([one], ["a"])) == ["mae", "rmse", "r2"]
    assert "mae b [mm]" in several([one, one], ["a", "b [mm]"])


def test_where_nothing_is_promised_nothing_is_held() -> None:
    """Infinite intervals held the truth in 100 of 100 cases."""
    found = coverage(np.array([1.0, -2.0]), np.ones(2), math.inf)
    assert math.isnan(found.value) and found.n == 2
