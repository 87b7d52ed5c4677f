"""Bicubic resizing as MATLAB's ``imresize`` does it, by which published super-resolution is measured: Keys' kernel (a = −0.5),
widened where an image shrinks (antialiasing), symmetric at the borders.

Letters: H × W pixels, C channels.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Array

REACH = 2.0  # of the kernel, in pixels of the coarser grid


def resized(image: Array, size: tuple[int, int]) -> Array:
    """(H, W, C) → (*size, C) of the same type; whole numbers are rounded and cut to their range."""
    values = image.astype(np.float64)
    for axis, wanted in enumerate(size):
        values = _along(values, axis, wanted)
    return as_type(values, image.dtype)


def as_type(values: Array, dtype: np.dtype[np.generic]) -> Array:
    """Values as a file of that type would hold them."""
    if dtype.kind == "u":
        values = np.rint(values).clip(0, np.iinfo(dtype.type).max)  # type: ignore[type-var]
    return values.astype(dtype)


def _along(values: Array, axis: int, wanted: int) -> Array:
    places, weights = _weights(values.shape[axis], wanted)
    moved = np.moveaxis(values, axis, 0)
    found = np.zeros((wanted, *moved.shape[1:]))
    for place, weight in zip(places.T, weights.T, strict=True):
        found += moved[place] * weight.reshape(-1, *(1,) * (moved.ndim - 1))
    return np.moveaxis(found, 0, axis)


@lru_cache(maxsize=64)
def _weights(length: int, wanted: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Of each of ``wanted`` pixels: which of ``length`` it is made of, and how much of each; (wanted, taps) both."""
    scale = wanted / length
    shrink = min(scale, 1.0)
    centre = (np.arange(wanted) + 0.5) / scale - 0.5
    taps = int(np.ceil(2 * REACH / shrink)) + 2
    places = np.floor(centre - REACH / shrink)[:, None] + np.arange(taps)
    weights = _cubic((centre[:, None] - places) * shrink)
    weights /= weights.sum(axis=1, keepdims=True)
    mirrored = np.concatenate([np.arange(length), np.arange(length)[::-1]])
    found = mirrored[places.astype(np.int64) % (2 * length)]
    used = (weights != 0).any(axis=0)
    return found[:, used], weights[:, used]


def _cubic(x: Array) -> Array:
    """Keys 1981, a = −0.5."""
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))
