"""The way back from the network's size to an image's own: logits enlarged, then the likeliest class of each pixel."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from neocog.data.dataset import Array
from neocog.data.preprocessing import Fit
from neocog.data.resize import placement


def class_map(logits: Array, shape: tuple[int, int], fit: Fit) -> Array:
    """(K, h, w) logits of an image that ``fit`` brought to h × w → (H, W) uint8 classes at its own ``shape``.

    What ``crop`` left out gets the class of the nearest pixel that was seen.
    """
    inside, (top, left), seen = _part_of_image(logits, shape, fit)
    classes = (inside.argmax(0).to(torch.uint8) if tuple(inside.shape[1:]) == seen else _enlarged(inside, seen)).numpy()
    around = ((top, shape[0] - top - seen[0]), (left, shape[1] - left - seen[1]))
    return np.pad(classes, around, mode="edge") if any(map(any, around)) else classes


def label_probabilities(logits: Array, given: Array, fit: Fit) -> Array:
    """(K, h, w) logits of an image that ``fit`` brought to h × w → (H, W) float32: the probability of each pixel's ``given``
    (H, W) class. NaN where that does not count, and of what ``crop`` left out."""
    inside, (top, left), seen = _part_of_image(logits, (given.shape[0], given.shape[1]), fit)
    own = torch.from_numpy(given[top : top + seen[0], left : left + seen[1]].astype(np.int64))
    total, label = torch.full(seen, -torch.inf), torch.full(seen, torch.nan)
    for k, one in enumerate(inside):
        larger = _one_enlarged(one, seen)
        torch.logaddexp(total, larger, out=total)
        label = torch.where(own == k, larger, label)
    found = np.full(given.shape, np.nan, np.float32)
    found[top : top + seen[0], left : left + seen[1]] = (label - total).exp().numpy()
    return found


def _part_of_image(logits: Array, shape: tuple[int, int], fit: Fit) -> tuple[Tensor, tuple[int, int], tuple[int, int]]:
    """Logits (K, h′, w′) without padding; of the part of the image that they are of its first row and column, and its size."""
    place = placement(shape, (logits.shape[1], logits.shape[2]), fit)
    (above, _), (before, _) = place.pad
    left, top, right, bottom = (round(side) for side in place.box)
    inside = torch.from_numpy(logits)[:, above : above + place.inner[0], before : before + place.inner[1]]
    return inside, (top, left), (bottom - top, right - left)


def _enlarged(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """(K, h, w) → (size) uint8: the first class with the largest logit once enlarged; one class at a time, since all of a large
    image's would take K × 4 bytes a pixel."""
    classes, best = torch.zeros(size, dtype=torch.uint8), torch.full(size, -torch.inf)
    for k, one in enumerate(logits):
        larger = _one_enlarged(one, size)
        classes[larger > best] = k
        torch.maximum(best, larger, out=best)
    return classes


def _one_enlarged(logits: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(logits[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]
