"""Volumes brought to one shape, by the same rules as images. The pixel type stays.

Letters: D slices, H × W pixels, C channels.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Array
from neocog.data.preprocessing import Fit


def fit_volume(volume: Array, target: tuple[int, ...], how: Fit) -> Array:
    """(D, H, W, C) → (*target, C). resize: stretched; pad: edge values repeated; crop: the middle.

    Antialiased trilinear: each axis by itself, with a triangle as wide as the reduction; stays within the own values.
    """
    sides = volume.shape[:3]
    scales = [new / old for new, old in zip(target, sides, strict=True)]
    if how != "resize":
        scales = [max(scales) if how == "crop" else min(scales)] * 3
    for axis, (old, new, scale) in enumerate(zip(sides, target, scales, strict=True)):
        inner = min(new, max(1, round(old * scale))) if how == "pad" else new
        span = min(float(old), new / scale) if how == "crop" else float(old)  # of the stored side, seen in the end
        if (inner, span) != (old, float(old)):
            volume = _resampled(volume, axis, _weights(old, inner, span))
        before = (new - inner) // 2
        around = [(0, 0)] * 4
        around[axis] = (before, new - inner - before)
        if new > inner:
            volume = np.pad(volume, around, mode="edge")
    return volume


def _resampled(volume: Array, axis: int, weights: NDArray[np.float32]) -> Array:
    dtype = volume.dtype
    moved = np.moveaxis(volume, axis, 0).astype(np.float32)
    # einsum without BLAS, whose threads would fight with those that read other volumes
    mixed = np.einsum("oi,i...->o...", weights, moved)
    if dtype.kind == "u":
        mixed = np.rint(mixed).clip(0, np.iinfo(dtype).max)
    resampled: Array = np.moveaxis(mixed, 0, axis).astype(dtype)
    return resampled


@lru_cache(maxsize=64)
def _weights(old: int, new: int, span: float) -> NDArray[np.float32]:
    """(new, old) rows that sum to 1: a triangle about each new pixel's place in the middle ``span`` of the old ones."""
    step = span / new
    centres = (old - span) / 2 + (np.arange(new) + 0.5) * step
    distance = np.abs(np.arange(old)[None] + 0.5 - centres[:, None])
    weights = np.maximum(1 - distance / max(1.0, step), 0)
    rows: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return rows
