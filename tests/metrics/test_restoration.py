"""PSNR, SSIM and NRMSE of restored images, and whether a network is better than nothing."""

from __future__ import annotations

import numpy as np
import pytest

from neocog.metrics.restoration import (
    gain,
    luma,
    nrmse,
    psnr,
    range_invariant_psnr,
    residual_correlations,
    restored_measures,
    ssim,
)


def pair(shape: tuple[int, ...], noise: float = 20.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.random(shape) * 255
    return truth, truth + rng.normal(0, noise, shape)


def test_psnr_is_ten_times_the_logarithm_of_peak_squared_over_the_error() -> None:
    truth = np.zeros((4, 5))
    assert psnr(truth, truth + 2, 255) == pytest.approx(10 * np.log10(255**2 / 4))
    assert psnr(truth, truth, 255) == 100


def test_nrmse_is_of_the_range_of_the_truth() -> None:
    truth = np.array([[10.0, 20.0], [30.0, 50.0]])
    assert nrmse(truth, truth + 4) == pytest.approx(0.1)
    assert np.isnan(nrmse(np.ones((3, 3)), np.zeros((3, 3))))


def test_an_offset_and_a_factor_change_no_range_invariant_psnr() -> None:
    truth, other = pair((30, 20, 2))
    found = range_invariant_psnr(truth, other)
    assert range_invariant_psnr(truth, 0.3 * other + 90) == pytest.approx(found)
    assert range_invariant_psnr(3 * truth - 5, other) == pytest.approx(found)
    assert found >= psnr(truth, other, np.ptp(truth)) and range_invariant_psnr(truth, truth / 7) == 100
    factors, own = np.linspace(0.5, 1.5, 2001), other - other.mean()
    best = min(np.square(truth - truth.mean() - a * own).mean() for a in factors)
    assert found == pytest.approx(10 * np.log10(np.ptp(truth) ** 2 / best), abs=1e-4)
    assert np.isnan(range_invariant_psnr(truth, np.ones_like(truth)))
    assert np.isnan(range_invariant_psnr(np.ones_like(truth), truth))


def test_noise_that_was_taken_away_is_correlated_with_nothing_and_image_is() -> None:
    rng = np.random.default_rng(0)
    image = np.kron(rng.uniform(0, 200, (20, 25, 2)), np.ones((6, 6, 1)))
    noise = rng.normal(0, 20, image.shape)
    assert np.abs(residual_correlations(image + noise, image)).max() < 0.05
    lines = np.repeat(rng.normal(0, 20, (120, 1, 2)), 150, axis=1)  # along rows
    right, below, _ = residual_correlations(image + lines, image)
    assert right == pytest.approx(1, abs=0.02) and abs(below) < 0.2
    shrunk = 0.5 * (image - image.mean()) + image.mean()
    assert residual_correlations(image, shrunk) == (
        pytest.approx(0.83, abs=0.1),
        pytest.approx(0.83, abs=0.1),
        pytest.approx(1),
    )
    assert np.isnan(residual_correlations(image, image)).all()


def test_ssim_is_what_its_definition_says_window_by_window() -> None:
    truth, other = pair((16, 19))
    offsets = np.arange(-5, 6)
    kernel = np.exp(-(offsets**2) / (2 * 1.5**2))
    weights = np.outer(kernel, kernel) / kernel.sum() ** 2
    c1, c2, values = (0.01 * 255) ** 2, (0.03 * 255) ** 2, []
    for top in range(16 - 10):
        for left in range(19 - 10):
            x, y = (each[top : top + 11, left : left + 11] for each in (truth, other))
            mx, my = (weights * x).sum(), (weights * y).sum()
            vx, vy = (weights * x * x).sum() - mx**2, (weights * y * y).sum() - my**2
            vxy = (weights * x * y).sum() - mx * my
            values.append((2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    assert ssim(truth, other, 255) == pytest.approx(np.mean(values), abs=1e-9)
    assert ssim(truth, truth, 255) == pytest.approx(1) and np.isnan(ssim(truth[:10], other[:10], 255))


# (shape, noise, type): what scikit-image 0.26.0 gives, printed by `python bench/ssim_reference.py`
BY_SCIKIT_IMAGE = {
    ((20, 33), 20.0, "float64"): 0.9609577200,
    ((20, 33), 20.0, "uint8"): 0.9633138983,
    ((40, 40, 3), 20.0, "float64"): 0.9614466320,
    ((40, 40, 3), 20.0, "uint8"): 0.9637158266,
    ((11, 11), 5.0, "float64"): 0.9974616685,
    ((11, 11), 5.0, "uint8"): 0.9975870630,
    ((64, 48, 2), 60.0, "float64"): 0.7515428518,
    ((64, 48, 2), 60.0, "uint8"): 0.7813527203,
}


@pytest.mark.parametrize("case", BY_SCIKIT_IMAGE)
def test_ssim_is_that_of_scikit_image(case: tuple[tuple[int, ...], float, str]) -> None:
    shape, noise, dtype = case
    truth, other = pair(shape, noise)
    if dtype == "uint8":
        truth, other = (each.clip(0, 255).round().astype(np.uint8) for each in (truth, other))
    assert ssim(truth, other, 255) == pytest.approx(BY_SCIKIT_IMAGE[case], abs=1e-6)


def test_brightness_is_that_of_rgb2ycbcr() -> None:
    assert luma(np.array([[[255, 255, 255]]]))[0, 0] == pytest.approx(235)
    assert luma(np.array([[[0, 0, 0]]]))[0, 0] == 16
    assert luma(np.array([[[255, 0, 0]]]))[0, 0] == pytest.approx(81.481)


def test_means_leave_out_what_is_not_defined_and_have_intervals() -> None:
    found = restored_measures(
        {"psnr": np.array([30.0, 31, 32, 29]), "ssim": np.array([0.9, np.nan, 0.8, 0.7])}, None, 0
    )
    assert found["psnr"].value == 30.5 and found["psnr"].low < 30.5 < found["psnr"].high and found["psnr"].n == 4
    assert found["ssim"].value == pytest.approx(0.8) and found["ssim"].n == 3


def test_a_gain_on_every_image_is_no_chance_and_noise_is() -> None:
    rng = np.random.default_rng(0)
    before = rng.normal(28, 3, 14)
    better, same = before + rng.normal(1, 0.3, 14), before + rng.normal(0, 0.5, 14)
    found = gain(better, before, None, 0)
    assert found.difference == pytest.approx((better - before).mean()) and found.p < 0.001 and found.low > 0
    assert gain(same, before, None, 0).p > 0.05
    assert np.isnan(gain(better[:5], before[:5], None, 0).p)
