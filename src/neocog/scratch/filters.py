"""A bank of classical kernels, to look at an image through before any is learned. For ``convolve2d(…, mode="correlation")``."""

from __future__ import annotations

import numpy as np

from neocog.scratch.module import Array


def filter_bank(size: int = 5) -> dict[str, Array]:
    """Kernels by name, float64. ``size`` (odd) is that of box, Gaussian and Gabor; the others are 3 × 3.

    Those that smooth or sharpen add up to 1 and keep the brightness; those that look for edges add up to 0.

    >>> [name for name, kernel in filter_bank().items() if np.isclose(kernel.sum(), 1)]
    ['identity', 'box', 'gaussian', 'sharpen', 'emboss']
    >>> [name for name, kernel in filter_bank().items() if np.isclose(kernel.sum(), 0)]
    ['sobel_x', 'sobel_y', 'laplacian', 'gabor']
    """
    if size < 3 or size % 2 == 0:
        raise ValueError(f"size is {size}, it must be odd and at least 3, so that a kernel has a middle")
    sobel = np.outer([1.0, 2.0, 1.0], [-1.0, 0.0, 1.0])  # smooth downwards, differentiate to the right
    return {
        "identity": np.array([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]]),
        "box": np.full((size, size), 1 / size**2),
        "gaussian": gaussian(size, size / 5),
        "sharpen": np.array([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
        "sobel_x": sobel,
        "sobel_y": sobel.T,
        "laplacian": np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]),
        "emboss": np.array([[-2.0, -1, 0], [-1, 1, 1], [0, 1, 2]]),
        "gabor": gabor(size, angle=np.pi / 4),
    }


def gaussian(size: int, sigma: float) -> Array:
    """exp(−(u² + v²) / 2σ²), scaled to a sum of 1."""
    bell = np.exp(-(centred(size) ** 2) / (2 * sigma**2))
    kernel: Array = np.outer(bell, bell) / bell.sum() ** 2
    return kernel


def gabor(size: int, angle: float, wavelength: float | None = None) -> Array:
    """A wave under a bell, cos(2πa/λ) · exp(−(u² + v²) / 2σ²): an edge or a stripe across ``angle``. Gabor (1946), Daugman (1985).

    a is the distance along ``angle`` (radians, 0: to the right), λ the ``wavelength`` (size, unless given), σ a quarter of size.
    The mean is taken away, so that an even surface gives nothing; the sum of the absolute values is 2.
    """
    u, v = np.meshgrid(centred(size), centred(size))  # u to the right, v downwards
    along = u * np.cos(angle) + v * np.sin(angle)
    bell = np.exp(-(u**2 + v**2) / (2 * (size / 4) ** 2))
    wave = np.cos(2 * np.pi * along / (wavelength or size)) * bell
    even = wave - bell * wave.sum() / bell.sum()
    kernel: Array = 2 * even / np.abs(even).sum()
    return kernel


def centred(size: int) -> Array:
    """−2, −1, 0, 1, 2 for size 5."""
    return np.arange(size) - (size - 1) / 2
