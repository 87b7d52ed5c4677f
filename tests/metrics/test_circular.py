"""Errors of angles close over the circle; medians of weighted draws are those of repeated values."""

from __future__ import annotations

import numpy as np
import pytest

from neocog.metrics.circular import angular_error, median_measure, orientation_measures


def test_359_degrees_lie_next_to_1() -> None:
    assert angular_error(np.array([359.0, 1, 180, -179, 10]), np.array([1.0, 359, -180, 179, 350])).tolist() == [
        -2,
        2,
        0,
        2,
        20,
    ]


def test_measures_are_those_of_numpy_with_intervals_around_them() -> None:
    errors = np.random.default_rng(0).normal(0, 20, 501)
    found = orientation_measures(errors)
    assert found["median_error"].value == pytest.approx(np.median(np.abs(errors)))
    assert found["mean_error"].value == pytest.approx(np.abs(errors).mean())
    assert found["within_10"].value == pytest.approx((np.abs(errors) <= 10).mean())
    assert all(m.low < m.value < m.high and m.n == 501 for name, m in found.items() if name != "within_90")


def test_the_median_lies_between_order_statistics() -> None:
    """Exact of 5 (0.9375) and 20 samples; fewer than 5 give none."""
    found = median_measure(np.array([4.0, 1, 3, 9, 7]))
    assert (found.value, found.low, found.high) == (4, 1, 9)
    ordered = median_measure(np.arange(20.0))
    assert (ordered.low, ordered.high) == (5, 14)  # 0.9586, as in Conover's tables
    assert np.isnan(median_measure(np.arange(4.0)).low)


def test_the_median_of_groups_holds_the_truth() -> None:
    rng = np.random.default_rng(0)
    for groups in (5, 15):
        names = np.repeat(np.arange(groups), 8)
        found = [
            median_measure(rng.normal(size=groups)[names] + rng.normal(size=8 * groups), names.astype(str))
            for _ in range(300)
        ]
        assert sum(m.low <= 0 <= m.high for m in found) >= 270


def test_groups_widen_the_interval() -> None:
    errors = np.repeat(np.random.default_rng(1).normal(0, 20, 10), 50)
    groups = np.repeat(np.arange(10).astype(str), 50)
    alone, together = orientation_measures(errors)["mean_error"], orientation_measures(errors, groups)["mean_error"]
    assert together.high - together.low > 3 * (alone.high - alone.low)
