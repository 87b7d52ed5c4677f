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
    place = placement(shape, (logits.shape[1], logits.shape[2]), fit)
    (above, _), (before, _) = place.pad
    inside = torch.from_numpy(logits)[:, above : above + place.inner[0], before : before + place.inner[1]]
    left, top, right, bottom = (round(side) for side in place.box)
    seen = (bottom - top, right - left)
    classes = (inside.argmax(0).to(torch.uint8) if tuple(inside.shape[1:]) == seen else _enlarged(inside, seen)).numpy()
    around = ((top, shape[0] - bottom), (left, shape[1] - right))
    return np.pad(classes, around, mode="edge") if any(map(any, around)) else classes


def _enlarged(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """(K, h, w) → (size) uint8: the first class with the largest logit once enlarged; one class at a time, since all of a large
    image's would take K × 4 bytes a pixel."""
    classes, best = torch.zeros(size, dtype=torch.uint8), torch.full(size, -torch.inf)
    for k, one in enumerate(logits):
        larger = F.interpolate(one[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]
        classes[larger > best] = k
        torch.maximum(best, larger, out=best)
    return classes
