"""What needs no network: bicubic enlargement, or the image as it is, a median, a Gaussian, and non-local means.

How much of the last two is best is found on images that are known. Letters: H × W pixels, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from neocog.data.dataset import Array, Dataset
from neocog.data.degrade import blurred
from neocog.data.imresize import as_type, resized
from neocog.metrics.restoration import psnr

PART = 256  # pixels a side of images on which amounts are chosen
PATCH, FAR = 5, 5  # pixels a side of what non-local means compares, and how far it looks to each side
GAUSSIANS = (0.5, 0.75, 1.0, 1.5, 2.0)  # pixels
STRENGTHS = (0.6, 0.8, 1.0)  # of non-local means, in standard deviations of the noise
USUAL = {"gaussian": 1.0, "non_local_means": 0.8}  # where no image is known without noise to choose them on
MEDIAN_OF_NORMAL = 0.6745  # median of |x| of the standard normal distribution


def baselines(scale: int, amounts: Mapping[str, float]) -> dict[str, Callable[[Array], Array]]:
    """{name: input (H, W, C) → image of the wanted size and the same type}; the first is what is there anyway."""
    if scale > 1:
        return {"bicubic": lambda image: resized(image, (scale * image.shape[0], scale * image.shape[1]))}
    return {
        "identity": lambda image: image,
        "median": median,
        "gaussian": lambda image: gaussian(image, amounts["gaussian"]),
        "non_local_means": lambda image: non_local_means(image, amounts["non_local_means"]),
    }


def best_amounts(pairs: Iterable[tuple[Array, Array]], peak: float) -> dict[str, float]:
    """The amounts of highest mean PSNR over pairs of input and wanted image."""
    tried = {"gaussian": (gaussian, GAUSSIANS), "non_local_means": (non_local_means, STRENGTHS)}
    sums = {name: np.zeros(len(amounts)) for name, (_, amounts) in tried.items()}
    for image, wanted in pairs:
        for name, (apply, amounts) in tried.items():
            sums[name] += [psnr(wanted, apply(image, amount), peak) for amount in amounts]
    return {name: amounts[int(np.argmax(sums[name]))] for name, (_, amounts) in tried.items()}


def details(dataset: Dataset, chosen: NDArray[np.int64]) -> Iterator[tuple[Array, Array]]:
    """The middles of pairs of one size."""
    assert dataset.pairs is not None
    for index in chosen.tolist():
        image, wanted = dataset.images.read(index), dataset.pairs.read(index)
        top, left = (max(0, (side - PART) // 2) for side in image.shape[:2])
        middle = np.s_[top : top + PART, left : left + PART]
        yield image[middle], wanted[middle]


def median(image: Array) -> Array:
    """3 × 3, of each channel."""
    return np.asarray(ndimage.median_filter(image, (3, 3, 1), mode="reflect"))


def gaussian(image: Array, sigma: float) -> Array:
    return as_type(blurred(image, sigma), image.dtype)


def noise_of(image: Array) -> float:
    """Standard deviation of the noise, from the median of the finest diagonal differences (Donoho & Johnstone 1994)."""
    values = image.astype(np.float64)
    height, width = (side // 2 * 2 for side in values.shape[:2])
    if not height or not width:
        return 0.0
    a, b, c, d = (values[i:height:2, j:width:2] for i in (0, 1) for j in (0, 1))
    return float(np.median(np.abs(a - b - c + d) / 2)) / MEDIAN_OF_NORMAL


def non_local_means(image: Array, strength: float) -> Array:
    """The mean of pixels whose surroundings are alike (Buades, Coll & Morel 2005): exp(−(d² − 2σ²) / (strength · σ)²), d² the mean
    squared difference of patches over the channels, σ the noise as ``noise_of`` finds it."""
    values, sigma = image.astype(np.float32), noise_of(image)
    if sigma == 0:
        return image
    height, width = values.shape[:2]
    sums, weights = values.copy(), np.ones((height, width, 1), np.float32)
    offsets = [(dy, dx) for dy in range(FAR + 1) for dx in range(-FAR, FAR + 1) if dy > 0 or dx > 0]
    for dy, dx in offsets:
        if dy >= height or abs(dx) >= width:
            continue
        near = np.s_[: height - dy, max(0, -dx) : width - max(0, dx)]
        far = np.s_[dy:, max(0, dx) : width + min(0, dx)]
        apart = np.square(values[near] - values[far]).mean(axis=2)
        apart = ndimage.uniform_filter(apart, PATCH, mode="reflect")
        weight = np.exp(-np.maximum(apart - 2 * sigma**2, 0) / (strength * sigma) ** 2)[..., None].astype(np.float32)
        sums[near] += weight * values[far]
        sums[far] += weight * values[near]
        weights[near] += weight
        weights[far] += weight
    return as_type(sums / weights, image.dtype)
