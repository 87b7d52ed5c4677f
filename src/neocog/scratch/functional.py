"""Convolution and pooling of one image by hand: plain functions, to try a kernel or a stride and look at what comes out."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from neocog.scratch.module import Array
from neocog.scratch.window import Pair, Window

Mode = Literal["convolution", "correlation"]
Pooling = Literal["max", "min", "mean", "lp"]


def convolve2d(
    image: ArrayLike, kernel: ArrayLike, mode: Mode = "convolution", padding: Pair = 0, stride: Pair = 1
) -> Array:
    """Slide ``kernel`` over ``image`` (H, W) or (H, W, C), with a border of ``padding`` zeros, in steps of ``stride``.

    "correlation": y[r, s] = Σ_i Σ_j kernel[i, j] · image[r·S + i, s·S + j], what networks call convolution.
    "convolution": the same with the kernel turned by 180°, f * h = Σ_k Σ_l f[k, l] · h[n − k, m − l], as in mathematics.

    The output has (N − F + 2P)/S + 1 places a side, rounded down; ValueError where the kernel does not fit.

    >>> image = [[12, 3, 19], [25, 10, 1], [9, 7, 17]]
    >>> convolve2d(image, [[1, 2], [3, 4]], mode="correlation")
    array([[133,  75],
           [100, 101]])
    >>> convolve2d(image, [[4, 3], [2, 1]], mode="convolution")
    array([[133,  75],
           [100, 101]])
    >>> image = [[3, 5, 2, 8, 1], [9, 7, 5, 4, 3], [2, 0, 6, 1, 6], [6, 3, 7, 9, 2], [1, 4, 9, 5, 1]]
    >>> convolve2d(image, [[1, 0, 0], [1, 1, 0], [0, 0, 1]], mode="correlation")
    array([[25, 18, 17],
           [18, 22, 14],
           [20, 15, 23]])

    A delta in the image shows the kernel: turned by correlation, as it is by convolution.

    >>> convolve2d([[0, 0, 0], [0, 1, 0], [0, 0, 0]], [[1, 2], [3, 4]], mode="convolution")
    array([[1, 2],
           [3, 4]])
    >>> convolve2d(np.ones((3, 3)), np.ones((5, 5)))
    Traceback (most recent call last):
    ...
    ValueError: the window does not fit: (N − F + 2P)/S + 1 = (3 − 5 + 2·0)/1 + 1 = -1 (image N, kernel F, padding P, stride S)
    """
    if mode not in ("convolution", "correlation"):
        raise ValueError(f"mode is '{mode}', it must be 'convolution' or 'correlation'")
    f, h = exact(image), exact(kernel)
    if f.ndim not in (2, 3) or h.ndim != 2:
        raise ValueError(f"the image is (H, W) or (H, W, C), the kernel (F, F); these are {f.shape} and {h.shape}")
    if mode == "convolution":
        h = h[::-1, ::-1]
    window = Window.of(h.shape, stride, padding, 1)
    places = window.output_size(*f.shape[:2])
    channels = np.moveaxis(np.atleast_3d(f), 2, 0)  # (C, H, W)
    (top, left) = window.padding
    bordered = np.pad(channels, ((0, 0), (top, top), (left, left)))
    y: Array = np.zeros((len(channels), *places), np.result_type(f, h))
    for weight, seen in zip(h.flat, window.shifts(bordered, places), strict=True):
        y += weight * seen
    return np.moveaxis(y, 0, 2).reshape(*places, *f.shape[2:])


def pool2d(image: ArrayLike, size: Pair, mode: Pooling = "max", stride: Pair | None = None, p: float = 2) -> Array:
    """The max, min, mean or Lp norm (Σ x^p)^(1/p) of each window of ``size``; image (H, W) or (H, W, C). Stride: ``size``.

    >>> image = [[2, 2, 7, 3], [9, 4, 6, 1], [8, 5, 2, 4], [3, 1, 2, 6]]
    >>> pool2d(image, 2)
    array([[9, 7],
           [8, 6]])
    >>> pool2d(image, 2, "min")
    array([[2, 1],
           [1, 2]])
    >>> pool2d(image, 2, "mean")
    array([[4.25, 4.25],
           [4.25, 3.5 ]])
    >>> pool2d([[3, 0], [0, 4]], 2, "lp")
    array([[5.]])
    """
    f = exact(image)
    if f.ndim not in (2, 3):
        raise ValueError(f"the image is (H, W) or (H, W, C), this is {f.shape}")
    window = Window.of(size, stride, 0, 1)
    channels = np.moveaxis(np.atleast_3d(f), 2, 0)
    seen = np.stack(list(window.shifts(channels, window.output_size(*f.shape[:2]))))  # (k·k, C, OH, OW)
    pooled: dict[str, Array] = {
        "max": seen.max(0),
        "min": seen.min(0),
        "mean": seen.mean(0),
        "lp": (seen**p).sum(0) ** (1 / p),
    }
    if mode not in pooled:
        raise ValueError(f"mode is '{mode}', it must be one of {', '.join(pooled)}")
    return np.moveaxis(pooled[mode], 0, 2).reshape(*pooled[mode].shape[1:], *f.shape[2:])


def exact(values: ArrayLike) -> Array:
    """Small integer types become int64, so that a sum of pixels cannot run over."""
    array = np.asarray(values)
    return array.astype(np.int64) if array.dtype.kind in "bui" else array
