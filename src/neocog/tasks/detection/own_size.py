"""The boxes of an image at its own size: from the network's, or for large images from windows that overlap.

Letters: d boxes of an image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.ops import batched_nms

from neocog.data.boxes import cut_by
from neocog.data.dataset import Array, Header
from neocog.data.fit_boxes import clipped, from_plane, where
from neocog.data.resize import fit
from neocog.predictor import Predictor
from neocog.tasks.detection.decode import TWICE, boxes_of
from neocog.tasks.segmentation.own_size import is_large

SEAM = 2.0  # pixels: a box that ends so near to where a window was cut is seen whole in the next one


@dataclass(frozen=True)
class Found:
    """Boxes of one image, by falling score, in pixels of the image as stored."""

    corners: NDArray[np.float64]  # (d, 4)
    labels: NDArray[np.int64]  # (d,)
    scores: NDArray[np.float64]  # (d,)
    at_border: NDArray[np.bool_]  # (d,) the image cuts them

    def __len__(self) -> int:
        return len(self.scores)

    def certain(self, predictor: Predictor) -> Found:
        """Those that reach the threshold of their class; without those at the border, where these were not to be learned."""
        kept = self.scores >= np.array(predictor.facts["thresholds"])[self.labels]
        kept &= ~(self.at_border & predictor.facts.get("border_ignore", False))
        return Found(self.corners[kept], self.labels[kept], self.scores[kept], self.at_border[kept])


def _found(
    corners: NDArray[np.float64], labels: NDArray[np.int64], scores: NDArray[np.float64], shape: tuple[int, int]
) -> Found:
    """Of an image of ``shape`` (H, W), where they end with it."""
    inside, _ = clipped(corners, shape)
    return Found(inside, labels, scores, cut_by(np.array([0.0, 0.0, shape[1], shape[0]]), inside))


def found_in(predictor: Predictor, stored: Array, name: str, header: Header | None = None) -> Found:
    """The boxes of an image (H, W, C) as stored. Raises BadImage."""
    shape = (stored.shape[0], stored.shape[1])
    if is_large(predictor, shape):
        return _tiled(predictor, stored, name, header)
    pixels = fit(stored, predictor.preprocessing, name)
    predictor.look(pixels, name, header)
    return of_fitted(predictor, torch.from_numpy(pixels), shape)


def of_fitted(predictor: Predictor, pixels: Tensor, shape: tuple[int, int]) -> Found:
    """The boxes of an image of ``shape`` from its fitted pixels (C, h, w), alone through the network: no other image in its
    batch can change a score by a rounding."""
    corners, labels, scores = _of_window(predictor, pixels)
    return _found(from_plane(corners, where(shape, predictor.preprocessing)), labels, scores, shape)


def _of_window(
    predictor: Predictor, pixels: Tensor
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    outputs = torch.from_numpy(predictor.of_pixels(pixels[None]))
    size = (pixels.shape[-2], pixels.shape[-1])
    corners, labels, scores = (part.numpy() for part in boxes_of(outputs, size, int(predictor.facts["most"]))[0])
    return corners.astype(np.float64), labels.astype(np.int64), scores.astype(np.float64)


def _tiled(predictor: Predictor, stored: Array, name: str, header: Header | None) -> Found:
    """At the scale of the training images, in windows that overlap by the largest object of these."""
    plan, shape = predictor.preprocessing, (stored.shape[0], stored.shape[1])
    scale = min(side / most for side, most in zip(plan.plane, predictor.facts["stored"], strict=True))
    size = tuple(max(1, round(side * scale)) for side in shape)
    whole = replace(plan, size=tuple(map(max, size, plan.plane)), fit="pad", crop_share=1.0)
    pixels = fit(stored, whole, name)
    predictor.look(pixels, name, header)
    parts = list(_windows(pixels, plan.plane, predictor))
    corners, labels, scores = (np.concatenate([part[k] for part in parts]) for k in range(3))
    kept = batched_nms(*(torch.from_numpy(each) for each in (corners, scores, labels)), TWICE).numpy()
    return _found(from_plane(corners[kept], where(shape, whole)), labels[kept], scores[kept], shape)


def _windows(pixels: Array, plane: tuple[int, int], predictor: Predictor) -> Iterator[tuple[Array, Array, Array]]:
    """Corners in the whole picture, labels and scores of each window; without boxes that a seam has cut."""
    overlap = min(int(predictor.facts["largest"]) + 2, min(plane) // 2)
    starts = [_starts(whole, part, part - overlap) for whole, part in zip(pixels.shape[1:], plane, strict=True)]
    for top in starts[0]:
        for left in starts[1]:
            window = torch.from_numpy(np.ascontiguousarray(pixels[:, top : top + plane[0], left : left + plane[1]]))
            corners, labels, scores = _of_window(predictor, window)
            near = [
                corners[:, 0] < SEAM,
                corners[:, 1] < SEAM,
                corners[:, 2] > plane[1] - SEAM,
                corners[:, 3] > plane[0] - SEAM,
            ]
            inner = [left > 0, top > 0, left + plane[1] < pixels.shape[2], top + plane[0] < pixels.shape[1]]
            kept = ~np.any([side & cut for side, cut in zip(near, inner, strict=True)], axis=0)
            yield corners[kept] + [left, top, left, top], labels[kept], scores[kept]


def _starts(whole: int, part: int, step: int) -> list[int]:
    return sorted({min(start, whole - part) for start in range(0, max(1, whole - part + step), step)})
