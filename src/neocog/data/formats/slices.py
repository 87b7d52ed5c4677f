"""Volumes as flat pictures: three views side by side.

Letters: C channels, D slices, H × W pixels. View 1 looks along D (H × W), view 2 along H (D × W), view 3 along W (D × H).
"""

from __future__ import annotations

import numpy as np

from neocog.data.dataset import Array

GAP = 1  # pixels between two views


def middle_slices(volume: Array) -> tuple[Array, Array, Array]:
    """(C, D, H, W) → its middle slice along each axis: (C, H, W), (C, D, W), (C, D, H)."""
    _, depth, height, width = volume.shape
    return slices_at(volume, (depth // 2, height // 2, width // 2))


def slices_at(volume: Array, place: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """(C, D, H, W) → its slices through ``place`` (d, h, w): (C, H, W), (C, D, W), (C, D, H)."""
    depth, height, width = place
    return volume[:, depth], volume[:, :, height], volume[:, :, :, width]


def projections(volume: Array) -> tuple[Array, Array, Array]:
    """(C, D, H, W) → its means along each axis, float32: (C, H, W), (C, D, W), (C, D, H)."""
    wide = volume.astype(np.float32)
    return wide.mean(axis=1), wide.mean(axis=2), wide.mean(axis=3)


def side_by_side(views: tuple[Array, ...], fill: float = 0.0) -> Array:
    """Views (C, h, w) in one picture, ``GAP`` pixels of ``fill`` between them and below the lower ones."""
    tall = max(view.shape[1] for view in views)
    wide = sum(view.shape[2] for view in views) + GAP * (len(views) - 1)
    picture = np.full((views[0].shape[0], tall, wide), fill, dtype=views[0].dtype)
    left = 0
    for view in views:
        picture[:, : view.shape[1], left : left + view.shape[2]] = view
        left += view.shape[2] + GAP
    return picture


def flat(image: Array) -> Array:
    """What stands for a sample where images are compared: (H, W, C) itself, of (D, H, W, C) its projections (h, w, C)."""
    if image.ndim == 3:
        return image
    return side_by_side(projections(np.moveaxis(image, -1, 0))).transpose(1, 2, 0)
