"""How near a restored image is to the true one: PSNR, SSIM and NRMSE of single images, their means with intervals, and whether a
network is better than what needs no network.

Letters: H × W pixels, C channels, n images.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from neocog.metrics.intervals import Groups, Units, mean_measures
from neocog.metrics.paired import Comparison, paired
from neocog.records import Measure

Array = NDArray[Any]
LUMA = (65.481, 128.553, 24.966)  # of R, G, B in 0 … 1, to which 16 is added: ITU-R 601 as MATLAB's rgb2ycbcr has it
SIGMA, REACH = 1.5, 5  # of SSIM's Gaussian window, 11 × 11
K1, K2 = 0.01, 0.03
MOST = 100.0  # dB: two images that are alike to the last bit are no infinite mean


def luma(image: Array, white: float = 255.0) -> NDArray[np.float64]:
    """(H, W) brightness in 16 … 235 of (H, W, 3) in 0 … ``white``, not rounded."""
    found: NDArray[np.float64] = image.astype(np.float64) @ (np.array(LUMA) / white) + 16
    return found


def psnr(truth: Array, restored: Array, peak: float) -> float:
    """Peak signal-to-noise ratio in dB, 10 log₁₀(peak² / mean squared error), over all that the arrays hold; at most 100."""
    error = float(np.mean(np.square(truth.astype(np.float64) - restored)))
    return min(MOST, 10 * float(np.log10(peak**2 / error))) if error > 0 else MOST


def nrmse(truth: Array, restored: Array) -> float:
    """Root mean square error over the range of the truth; NaN where that is constant."""
    low, high = float(truth.min()), float(truth.max())
    error = float(np.sqrt(np.mean(np.square(truth.astype(np.float64) - restored))))
    return error / (high - low) if high > low else float("nan")


def range_invariant_psnr(truth: Array, restored: Array) -> float:
    """PSNR over the range of the truth, after the offset and the factor that bring the restored image nearest to it (Weigert et
    al. 2018, CARE): of images whose brightness means nothing. At most 100; NaN where one of them is constant."""
    first, second = (each.astype(np.float64) - each.mean(dtype=np.float64) for each in (truth, restored))
    power, peak = float(np.square(second).sum()), float(first.max() - first.min())
    if power == 0 or peak == 0:
        return float("nan")
    return psnr(first, second * (float((first * second).sum()) / power), peak)


def residual_correlations(noisy: Array, restored: Array) -> tuple[float, float, float]:
    """Of what was taken away, noisy − restored (H, W, C): its correlation with itself one pixel to the right and one below, and
    with the restored image. About 0 where it is noise that is independent between pixels; else there is image in it. NaN where one
    of them is constant."""
    away, kept = noisy.astype(np.float64) - restored, restored.astype(np.float64)
    away, kept = (each - each.mean(axis=(0, 1)) for each in (away, kept))
    pairs = (away[:, 1:], away[:, :-1]), (away[1:], away[:-1]), (away, kept)
    right, below, image = (_correlation(*pair) for pair in pairs)
    return right, below, image


def _correlation(x: Array, y: Array) -> float:
    """Of values whose means are 0."""
    power = float(np.square(x).sum() * np.square(y).sum())
    return float((x * y).sum()) / power**0.5 if power > 0 else float("nan")


def ssim(truth: Array, restored: Array, peak: float) -> float:
    """Structural similarity (Wang, Bovik, Sheikh & Simoncelli 2004) of (H, W) or (H, W, C), the mean over channels.

    Gaussian window 11 × 11 of σ 1.5, population statistics, the mean over windows that lie wholly in the image: scikit-image's
    ``structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)``. NaN below 11 pixels a side.
    """
    if min(truth.shape[:2]) < 2 * REACH + 1:
        return float("nan")
    x, y = (each.astype(np.float64).reshape(*each.shape[:2], -1) for each in (truth, restored))
    return float(np.mean([_ssim(x[..., c], y[..., c], peak) for c in range(x.shape[2])]))


def _ssim(x: Array, y: Array, peak: float) -> float:
    def blurred(values: Array) -> Array:
        return np.asarray(gaussian_filter(values, SIGMA, truncate=REACH / SIGMA, mode="reflect"))

    mx, my = blurred(x), blurred(y)
    vx, vy, vxy = blurred(x * x) - mx * mx, blurred(y * y) - my * my, blurred(x * y) - mx * my
    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    each = ((2 * mx * my + c1) * (2 * vxy + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return float(np.mean(each[REACH:-REACH, REACH:-REACH]))


def restored_measures(columns: Mapping[str, Array], groups: Groups, seed: int) -> dict[str, Measure]:
    """Means over images of columns (n,) by name, NaN left out, each with its interval."""
    table = np.stack([np.asarray(column, np.float64) for column in columns.values()], axis=1)
    scales = [
        "positive" if name.startswith("nrmse") else "share" if name.startswith("ssim") else "any" for name in columns
    ]
    return dict(zip(columns, mean_measures(table, scales, groups, seed), strict=True))  # type: ignore[arg-type]


def gain(network: Array, other: Array, groups: Groups, seed: int) -> Comparison:
    """How much better the network's (n,) are in the mean than those of something else on the same images, with a paired test."""
    units = Units.of(groups, len(network), seed)
    ones = np.ones(len(network))
    first, second = (units.sums(np.stack([each, ones], axis=1)) for each in (other, network))

    def mean(sums: Array) -> Array:
        total, count = sums[..., :1], sums[..., 1:2]
        return np.asarray(np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0))

    return paired(first, second, mean, units, seed)[0]
