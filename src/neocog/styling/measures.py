"""What was kept of the photograph and taken of the painting, as numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neocog.scratch import convolve2d, filter_bank

Picture = NDArray[np.float64]  # (H, W, 3) in 0 … 1
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R 601
DIRECTIONS, LEVELS = 32, 512


def edge_correlation(a: Picture, b: Picture) -> float:
    """Pearson's correlation of the Sobel edges of two pictures' brightness, −1 … 1; 0 where one has no edges."""
    one, other = edges(a).ravel(), edges(b).ravel()
    if min(np.ptp(one), np.ptp(other)) < 1e-9:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def edges(picture: Picture) -> Picture:
    """(H−2, W−2) lengths of Sobel's gradient."""
    bank, grey = filter_bank(), (picture @ LUMA)[..., None]
    return np.hypot(convolve2d(grey, bank["sobel_x"]), convolve2d(grey, bank["sobel_y"]))[..., 0]


def palette_distance(a: Picture, b: Picture) -> float:
    """Sliced Wasserstein distance of two pictures' colours in RGB of 0 … 1 (Rabin et al. 2012), over fixed directions."""
    drawn = np.random.default_rng(0).normal(size=(3, DIRECTIONS))
    directions = drawn / np.linalg.norm(drawn, axis=0)
    at = (np.arange(LEVELS) + 0.5) / LEVELS
    one, other = (np.quantile(each.reshape(-1, 3) @ directions, at, axis=0) for each in (a, b))
    return float(np.abs(one - other).mean())
