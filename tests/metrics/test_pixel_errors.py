"""How far off restored pixels are by their value: counted by hand, and true of as many pixels as is said."""

from __future__ import annotations

import numpy as np
import pytest

from neocog.metrics.pixel_errors import FEWEST, LEVELS, covered, error_counts, error_map, error_quantiles


def made(seed: int, shape: tuple[int, ...] = (80, 90, 1)) -> tuple[np.ndarray, np.ndarray]:
    """Restored values 0 … 1000 whose error grows with them."""
    rng = np.random.default_rng(seed)
    restored = rng.uniform(0, 1000, shape)
    return restored + rng.normal(0, 1, shape) * (5 + restored / 10), restored


def test_quantiles_are_those_of_the_pixels_of_each_level() -> None:
    counts = sum(error_counts(*made(seed), 0, 1000) for seed in range(20))
    found = error_quantiles(counts)
    level = 12  # 750 … 812.5
    for name, in_deviations in (("0.5", 0.674), ("0.95", 1.96)):
        assert found[name][level] == pytest.approx(in_deviations * (5 + 78) / 1000, rel=0.06)
        assert len(found[name]) == LEVELS and found[name] == sorted(found[name])


def test_other_images_keep_what_is_promised_and_worse_ones_do_not() -> None:
    found = error_quantiles(sum(error_counts(*made(seed), 0, 1000) for seed in range(8)))
    fresh = np.stack([error_counts(*made(seed), 0, 1000) for seed in range(100, 106)])
    np.testing.assert_allclose(covered(fresh, found), 0.95, atol=0.015)
    np.testing.assert_allclose(covered(fresh, found, "0.5"), 0.5, atol=0.03)
    truth, restored = made(7)
    worse = error_counts(restored + 2 * (truth - restored), restored, 0, 1000)
    assert covered(worse[None], found)[0] < 0.75
    assert np.isnan(covered(np.zeros_like(fresh[:1]), found)).all()


def test_the_map_is_in_stored_units_and_of_each_pixels_own_value() -> None:
    quantile = np.linspace(0.01, 0.16, LEVELS).tolist()
    found = error_map(np.array([[[100.0], [299.0]], [[-5.0], [400.0]]]), quantile, 100, 300)
    np.testing.assert_allclose(found[..., 0], [[2, 32], [2, 32]])


def test_a_level_of_few_pixels_has_the_quantiles_of_all() -> None:
    restored = np.full((50, 50, 1), 40.0)
    restored[0, : FEWEST // 100, 0] = 990
    found = error_quantiles(error_counts(restored + 10, restored, 0, 1000))
    assert found["0.95"][15] == found["0.95"][0] == pytest.approx(0.01, rel=0.05) and found["0.95"][0] >= 0.01


def test_pixels_that_are_right_are_off_by_nothing_that_counts() -> None:
    restored = np.full((50, 50, 1), 40, np.uint8)
    assert max(error_quantiles(error_counts(restored, restored, 0, 255))["0.95"]) <= 1e-4 * 1.001
