"""What happens to each sample: a policy made concrete, as a function of (seed, epoch, sample).

Letters: B samples, C channels, H × W pixels. Parameters are computed in float64, so that no device rounds otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from neocog.augment.pixel import Samples
from neocog.augment.policy import Augmentation
from neocog.augment.random_streams import RandomStreams
from neocog.data.preprocessing import Preprocessing


class ImageStreams(RandomStreams):
    """The streams of images, of which volumes and sequences have others."""

    streams = (
        "flip", "flip_vertical", "turn", "scale", "stretch", "shear", "right", "down", "crop_right", "crop_down",
        "blur", "is_blurred", "erase", "erase_area", "erase_aspect", "erase_top", "erase_left", "erase_grey",
        "noise", "noise_pixels", "salt_pepper", "salt_pepper_pixels", "brightness", "contrast", "patch_down", "patch_right",
        "saturation", "tint", "cutout_down", "cutout_right",
    )  # fmt: skip


@dataclass(frozen=True)
class Draw:
    """The amounts for B samples; None where the policy has a kind turned off."""

    size: tuple[int, int]  # (H, W) of what comes in
    low: float
    high: float
    fill: str  # "edge" or "mirror"
    changes: tuple[Callable[[Tensor], Tensor], ...] = ()  # of the pixels' values, in their order: images → images
    patch: tuple[int, int] | None = None  # (height, width) of the window that is kept; None: everything
    corner: Tensor | None = None  # (B, 2) int64 its top and left in the changed image
    flips: Tensor | None = None  # (B, 2) bool: top-bottom, left-right
    shift: Tensor | None = None  # (B, 2) int64 pixels: down, right
    matrix: Tensor | None = None  # (B, 2, 3) float32: output pixel (x, y, 1) about the centre → input pixel (x, y)

    @property
    def kept(self) -> tuple[int, int]:
        """Height and width of what comes out."""
        return self.patch or self.size


def draw(
    policy: Augmentation,
    seed: int,
    epoch: int,
    samples: Tensor,
    preprocessing: Preprocessing,
    angles: Tensor | None = None,
    patch: tuple[int, int] | None = None,
) -> Draw:
    """The amounts for ``samples`` (B,) int64 positions in the data set, on their device.

    ``angles`` (B,) float64 degrees, counter-clockwise, stand in for the turns that would be drawn. ``patch``: height and
    width of a window, at most those of the image, which is cut out at a place of its own for each sample.

    A function of its arguments alone, sample by sample; what one kind draws does not depend on the other kinds.
    """
    streams = ImageStreams(seed, epoch, samples)
    size, low, high = preprocessing.plane, preprocessing.low, preprocessing.high
    known = Samples(streams, low, high, preprocessing.colours, preprocessing.mean)
    return Draw(
        size=size,
        low=low,
        high=high,
        fill=policy.fill,
        changes=tuple(partial(change, samples=known, **amounts) for change, amounts in policy.pixel_changes()),
        patch=patch,
        corner=None if patch is None else _corner(streams, size, patch),
        flips=_flips(policy, streams),
        shift=_shift(policy, streams),
        matrix=_matrix(policy, streams, size, angles),
    )


def _flips(policy: Augmentation, streams: RandomStreams) -> Tensor | None:
    if not (policy.flip or policy.flip_vertical):
        return None
    vertical = streams.between("flip_vertical", 0, 1) < policy.flip_vertical
    if policy.flips == "alternate":
        first = replace(streams, epoch=0).between("flip", 0, 1) < policy.flip
        return torch.stack([vertical, first ^ (streams.epoch % 2 == 1)], 1)
    return torch.stack([vertical, streams.between("flip", 0, 1) < policy.flip], 1)


def _shift(policy: Augmentation, streams: RandomStreams) -> Tensor | None:
    """Whole pixels, each of −crop … crop as likely."""
    if not policy.crop:
        return None
    bounds = (-policy.crop, policy.crop + 1)
    return torch.stack([streams.between(name, *bounds).floor().long() for name in ("crop_down", "crop_right")], 1)


def _corner(streams: RandomStreams, size: tuple[int, int], patch: tuple[int, int]) -> Tensor:
    """Top and left of the window, every place as likely."""
    rooms = [whole - part + 1 for whole, part in zip(size, patch, strict=True)]
    names = ("patch_down", "patch_right")
    return torch.stack([streams.between(name, 0, room).long() for name, room in zip(names, rooms, strict=True)], 1)


def _matrix(
    policy: Augmentation, streams: RandomStreams, size: tuple[int, int], angles: Tensor | None
) -> Tensor | None:
    """The way back of: stretch and scale, shear, turn (counter-clockwise), translate."""
    if not (policy.turn or policy.scale or policy.stretch or policy.shear or policy.translate):
        return None
    height, width = size
    angle = torch.deg2rad(streams.between("turn", -policy.turn, policy.turn) if angles is None else angles)
    skew = torch.tan(torch.deg2rad(streams.between("shear", -policy.shear, policy.shear)))
    scale, stretch = streams.factor("scale", policy.scale), streams.factor("stretch", policy.stretch).sqrt()
    right = streams.between("right", -policy.translate, policy.translate) * width
    down = streams.between("down", -policy.translate, policy.translate) * height
    cos, sin = torch.cos(angle), torch.sin(angle)
    # y points down: the inverse of a counter-clockwise turn is (x, y) → (cos·x − sin·y, sin·x + cos·y)
    wide, high = 1 / (scale * stretch), stretch / scale
    rows = [
        wide * (cos - skew * sin), wide * (-sin - skew * cos), torch.zeros_like(cos),
        high * sin, high * cos, torch.zeros_like(cos),
    ]  # fmt: skip
    matrix = torch.stack(rows, 1).view(-1, 2, 3)
    moved = torch.stack([right, down], 1)[:, None]
    matrix[:, :, 2] = -(matrix[:, :, :2] * moved).sum(2)
    return matrix.float()
