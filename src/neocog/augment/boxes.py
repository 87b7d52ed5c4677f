"""Images and their boxes from one draw: corners move as the pixels do, and what is left of a box is the hull of its corners."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neocog.augment.apply import apply
from neocog.augment.draw import Draw, draw
from neocog.augment.geometry import moves
from neocog.augment.policy import Augmentation
from neocog.data.fit_boxes import PADDING, SEEN
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError

MOST_TURN = 10.0  # degrees: the upright hull of a turned box is larger than what it holds


def usual(preprocessing: Preprocessing, mirror: bool) -> Augmentation:
    """Mirrored, scaled and shifted, of pictures brightness and contrast; not turned. Edge pixels fill up: a mirror image
    would show objects without boxes."""
    light = 0.1 if preprocessing.pictures else 0.0
    return Augmentation(flip=0.5 * mirror, scale=0.2, translate=0.1, brightness=light, contrast=2 * light, fill="edge")


def check(policy: Augmentation) -> None:
    """Raise UserError for changes after which boxes would not be those of their objects."""
    for name in ("turn", "shear"):
        if (degrees := getattr(policy, name)) > MOST_TURN:
            what = f"augmentation {name}={degrees:g}: upright boxes of objects that are turned so far hold much else"
            raise UserError(what, fix=f"{name}={MOST_TURN:g} or less, or {name}=off")
    if policy.fill == "mirror":
        what = "augmentation fill=mirror shows mirror images of objects, which have no boxes"
        raise UserError(what, fix="fill=edge")


@dataclass(frozen=True)
class BoxChanges:
    """Targets are boxes (B, M, 6): class (−1: none, −2: the image), x0, y0, x1, y1, ignored. Those of which less than ``SEEN`` of
    the area is left in the image are ignored: neither learned nor held to be background."""

    policy: Augmentation

    def __call__(
        self, pixels: Tensor, targets: Tensor, samples: Tensor, seed: int, epoch: int, preprocessing: Preprocessing
    ) -> tuple[Tensor, Tensor]:
        drawn = draw(self.policy, seed, epoch, samples, preprocessing)
        return apply(drawn, pixels), moved(drawn, targets)


def moved(draw: Draw, boxes: Tensor) -> Tensor:
    """(B, M, 6) as the pixels are moved by ``geometry``, which says for each output pixel which input it copies."""
    if not moves(draw):
        return boxes
    height, width = draw.size
    middle = boxes.new_tensor([width / 2, height / 2])
    x, y = boxes[..., (1, 3)], boxes[..., (2, 4)]
    points = torch.stack([x[..., [0, 1, 0, 1]], y[..., [0, 0, 1, 1]]], -1) - middle  # (B, M, 4, 2)
    if draw.flips is not None:
        points = points * (1 - 2 * draw.flips.flip(1)[:, None, None].to(points.dtype))
    if draw.matrix is not None:
        back = torch.linalg.inv(draw.matrix[:, :, :2].double()).to(points.dtype)
        points = (points - draw.matrix[:, None, None, :, 2]) @ back.transpose(1, 2)[:, None]
    if draw.shift is not None:
        points = points + draw.shift.flip(1)[:, None, None]
    points = points + middle
    hull = torch.cat([points.amin(2), points.amax(2)], -1)  # (B, M, 4)
    inside = torch.minimum(hull.clamp(min=0), boxes.new_tensor([width, height] * 2))
    area, left = ((each[..., 2:] - each[..., :2]).clamp(min=0).prod(-1) for each in (hull, inside))
    ignored = (boxes[..., 5] > 0) | (left < SEEN * area)
    found = torch.cat([boxes[..., :1], inside, ignored.to(boxes.dtype)[..., None]], -1)
    return torch.where(boxes[..., :1] != PADDING, found, boxes)
