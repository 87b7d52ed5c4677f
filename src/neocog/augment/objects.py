"""Images with masks as samples of classes: each class of each image is an object, whose class could be asked for.

That a mask moves along with its image is not enough: the mirror image of a left lung is a left lung in the place of the right one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from neocog.augment.features import pooled

IGNORED = 255
SMALLEST = 0.004  # of the image's area
MOST = 600


@dataclass(frozen=True)
class Objects:
    """M objects; ``labels``: the class, or K for the mirror image of an object's place, where none is."""

    images: Tensor  # (M, C + 1, h, w): what lies under the object, and the object
    labels: NDArray[np.int64]  # (M,)
    sources: NDArray[np.int64]  # (M,) the image that it is of


def objects(copies: Tensor, masks: Tensor, classes: int, axis: int | None) -> Objects:
    """Of small copies (N, C, h, w) of images and their masks (N, H, W); the largest class is the ground.

    ``axis``: along which the images are mirrored. What lies in an object's mirrored place must look unlike it: else its side
    alone says which of the two is meant.
    """
    size = copies.shape[2:]
    hot = one_hot(torch.where(masks == IGNORED, classes, masks).long().clamp(max=classes), classes + 1)[..., :classes]
    chunks = (
        hot[at : at + 64].movedim(-1, 1).float() for at in range(0, len(hot), 64)
    )  # in bytes eight times as small
    shares = torch.cat([pooled(chunk, size) for chunk in chunks])
    areas = shares.mean((2, 3))  # (N, K)
    things = [k for k in range(classes) if k != int(areas.sum(0).argmax())]
    images, labels, sources = [], list[int](), list[int]()
    spread = (copies.amax((2, 3), keepdim=True) - copies.amin((2, 3), keepdim=True)).clamp(min=1e-6)
    scaled = (copies - copies.amin((2, 3), keepdim=True)) / spread
    covered = shares[:, things].sum(1, keepdim=True).clamp(max=1)
    for k in things:
        own = shares[:, k : k + 1]
        places = [(k, own)]
        if axis is not None:
            places.append((classes, own.flip(axis) * (1 - covered)))
        for label, place in places:
            area = place.mean((1, 2, 3))
            where = torch.nonzero((area > SMALLEST) & (area > 0.5 * own.mean((1, 2, 3))))[:, 0]
            images.append(torch.cat([scaled[where] * place[where], place[where]], 1))
            labels += [label] * len(where)
            sources += where.tolist()
    kept = [label for label in set(labels) if labels.count(label) >= 4]
    keep = np.isin(labels, kept)
    order = np.flatnonzero(keep)
    if len(order) > MOST:
        order = order[np.linspace(0, len(order) - 1, MOST).astype(int)]
    made = torch.cat(images)[torch.from_numpy(order)] if images else copies[:0]
    return Objects(made, np.array(labels, np.int64)[order], np.array(sources, np.int64)[order])
