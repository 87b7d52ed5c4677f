"""Boxes around objects: what is known of each image, and their way to the network's size and back.

Letters: N images, B boxes of all images, b of one, K classes. Corners are edges in pixels of the upright image: pixel i covers
i … i + 1, so that x1 − x0 is the width, and an image of W pixels ends at W.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neocog.data.preprocessing import Preprocessing
from neocog.data.resize import Placement, placement
from neocog.errors import UserError

SEEN = 0.35  # of a box's area: what is cut to less is neither learned nor held to be background
PADDING = -1.0  # class of the rows that fill up a table


@dataclass(frozen=True)
class Boxes:
    """All boxes, those of an image together and in its order. ``faults``: boxes that cannot be used, which are not among them."""

    first: NDArray[np.int64]  # (N + 1,) where each image's boxes begin; the last one: B
    corners: NDArray[np.float64]  # (B, 4) x0, y0, x1, y1
    labels: NDArray[np.int64]  # (B,) index into classes
    ignored: NDArray[np.bool_]  # (B,) crowds and what is hard to see: found or not, they count neither way
    sizes: NDArray[np.int64]  # (N, 2) height and width of each image
    faults: tuple[UserError, ...] = ()

    def __len__(self) -> int:
        return len(self.first) - 1

    def of(self, index: int) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
        """Corners (b, 4), labels (b,) and ignored (b,) of one image."""
        here = slice(int(self.first[index]), int(self.first[index + 1]))
        return self.corners[here], self.labels[here], self.ignored[here]

    @property
    def images(self) -> NDArray[np.int64]:
        """(B,) the image of each box."""
        return np.repeat(np.arange(len(self)), np.diff(self.first))

    @property
    def sides(self) -> NDArray[np.float64]:
        """(B, 2) height and width of each box."""
        return self.corners[:, [3, 2]] - self.corners[:, [1, 0]]

    def told(self, index: int, classes: Sequence[str]) -> str:
        """ "3 cell, 1 platelet": what is in an image, in the order of the classes; "" where nothing is."""
        counts = Counter(self.of(index)[1].tolist())
        return ", ".join(f"{counts[label]} {classes[label]}" for label in sorted(counts))

    def digests(self, classes: Sequence[str]) -> list[str]:
        """(N,) SHA-256 of each image's boxes with the names of their classes, whatever their order."""
        return [self._digest(index, classes) for index in range(len(self))]

    def _digest(self, index: int, classes: Sequence[str]) -> str:
        corners, labels, ignored = self.of(index)
        rows = sorted(zip(map(classes.__getitem__, labels.tolist()), corners.tolist(), ignored.tolist(), strict=True))
        return hashlib.sha256(repr(rows).encode()).hexdigest()


def fitted(boxes: Boxes, plan: Preprocessing) -> NDArray[np.float32]:
    """(N, M, 6) class, x0, y0, x1, y1, ignored of every image's boxes at the network's size; rows of class −1 fill up to M.

    A box of which less than ``SEEN`` is within the picture (``fit`` crop) counts neither way.
    """
    most = max(1, int(np.diff(boxes.first).max(initial=0)))
    table = np.zeros((len(boxes), most, 6), np.float32)
    table[:, :, 0] = PADDING
    for index in range(len(boxes)):
        corners, labels, ignored = boxes.of(index)
        corners = to_plane(corners, where(boxes.sizes[index], plan))
        inside, seen = clipped(corners, plan.plane)
        table[index, : len(labels)] = np.column_stack([labels, inside, ignored | (seen < SEEN)])
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
