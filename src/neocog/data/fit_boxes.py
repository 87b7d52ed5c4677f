"""Boxes on their way to the network's size and back, as ``fit`` brings the pixels there.

Letters: N images, b boxes of one, M the most boxes of an image. Corners are edges in pixels (see ``neocog.data.boxes``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neocog.data.boxes import Boxes
from neocog.data.preprocessing import Preprocessing
from neocog.data.resize import Placement, placement

SEEN = 0.35  # of a box's area: what is cut to less is neither learned nor held to be background
PADDING, FRAME = -1.0, -2.0  # classes of the rows that fill up a table, and of those that are the image itself


def fitted(boxes: Boxes, plan: Preprocessing) -> NDArray[np.float32]:
    """(N, M, 6) class, x0, y0, x1, y1, ignored of every image's boxes at the network's size; rows of class −1 fill up to M.

    A box of which less than ``SEEN`` is within the picture (``fit`` crop) counts neither way. Of images whose border is open
    (``--border-ignore``) a last row says where the image itself lies.
    """
    most = max(1, int(np.diff(boxes.first).max(initial=0))) + boxes.open_border
    table = np.zeros((len(boxes), most, 6), np.float32)
    table[:, :, 0] = PADDING
    for index in range(len(boxes)):
        corners, labels, ignored = boxes.of(index)
        place = where(boxes.sizes[index], plan)
        inside, seen = clipped(to_plane(corners, place), plan.plane)
        table[index, : len(labels)] = np.column_stack([labels, inside, ignored | (seen < SEEN)])
        if boxes.open_border:
            table[index, -1, :5] = FRAME, *clipped(to_plane(boxes.frames[index], place)[None], plan.plane)[0][0]
    return table


def where(size: Sequence[int] | NDArray[np.int64], plan: Preprocessing) -> Placement:
    """Where an image of ``size`` (H, W) stands in what the network sees."""
    return placement((int(size[0]), int(size[1])), plan.plane, plan.fit, plan.crop_share)


def to_plane(corners: NDArray[np.float64], place: Placement) -> NDArray[np.float64]:
    """Corners (b, 4) of the stored image → of what the network sees."""
    scale, offset = _affine(place)
    return np.asarray(corners * scale + offset)


def from_plane(corners: NDArray[np.float64], place: Placement) -> NDArray[np.float64]:
    """Corners (b, 4) of what the network sees → of the stored image."""
    scale, offset = _affine(place)
    return np.asarray((corners - offset) / scale)


def _affine(place: Placement) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(4,) scale and (4,) offset of x, y, x, y."""
    left, top, right, bottom = place.box
    height, width = place.inner
    across, down = width / (right - left), height / (bottom - top)
    x, y = place.pad[1][0] - left * across, place.pad[0][0] - top * down
    return np.array([across, down, across, down]), np.array([x, y, x, y])


def clipped(
    corners: NDArray[np.float64], size: Sequence[int] | NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners (b, 4) within an image of ``size`` (H, W), and the share (b,) of each box's area that is."""
    height, width = int(size[0]), int(size[1])
    inside = np.clip(corners, 0, [width, height, width, height])
    areas = [np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (inside, corners)]
    return inside, areas[0] / np.maximum(areas[1], 1e-12)
