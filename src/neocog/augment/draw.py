"""What happens to each sample: a policy made concrete, as a function of (seed, epoch, sample).

Letters: B samples, C channels, H × W pixels. Parameters are computed in float64, so that no device rounds otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neocog.augment.counter import pixel_uniform
from neocog.augment.policy import Augmentation
from neocog.augment.random_streams import RandomStreams
from neocog.data.preprocessing import Preprocessing


class ImageDice(RandomStreams):
    """The streams of images, of which volumes and sequences have others."""

    streams = (
        "flip", "flip_vertical", "turn", "scale", "stretch", "shear", "right", "down", "crop_right", "crop_down",
        "blur", "is_blurred", "erase", "erase_area", "erase_aspect", "erase_top", "erase_left", "erase_grey",
        "noise", "noise_pixels", "salt_pepper", "salt_pepper_pixels", "brightness", "contrast", "patch_down", "patch_right",
        "saturation", "tint",
    )  # fmt: skip


@dataclass(frozen=True)
class Draw:
    """The amounts for B samples; None where the policy has a kind turned off."""

    size: tuple[int, int]  # (H, W) of what comes in
    low: float
    high: float
    fill: str  # "edge" or "mirror"
    patch: tuple[int, int] | None = None  # (height, width) of the window that is kept; None: everything
    corner: Tensor | None = None  # (B, 2) int64 its top and left in the changed image
    flips: Tensor | None = None  # (B, 2) bool: top-bottom, left-right
    shift: Tensor | None = None  # (B, 2) int64 pixels: down, right
    matrix: Tensor | None = None  # (B, 2, 3) float32: output pixel (x, y, 1) about the centre → input pixel (x, y)
    blur: Tensor | None = None  # (B, 2 R + 1) float32 weights that sum to 1
    erase: Tensor | None = None  # (B, 4) int64 top, left, bottom, right; empty where nothing is erased
    grey: Tensor | None = None  # (B,) float32 what the erased part is filled with
    contrast: Tensor | None = None  # (B,) float32 factor about the middle of low … high
    brightness: Tensor | None = None  # (B,) float32 addend
    saturation: Tensor | None = None  # (B,) float32 factor about each pixel's own grey
    tint: Tensor | None = None  # (B, colours) float32 factor of each channel
    colours: int = 0  # channels, without alpha
    noise: Tensor | None = None  # (B,) float32 standard deviation in stored units
    noise_state: Tensor | None = None  # (B,) int64 from which the pixels' numbers come
    salt_pepper: Tensor | None = None  # (B,) float32 share of the pixels
    salt_pepper_state: Tensor | None = None  # (B,) int64

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
    streams = ImageDice(seed, epoch, samples)
    size, low, high = preprocessing.plane, preprocessing.low, preprocessing.high
    noise = streams.between("noise", 0, policy.noise) if policy.noise else None
    dirt = streams.between("salt_pepper", 0, policy.salt_pepper) if policy.salt_pepper else None
    light = streams.between("brightness", -policy.brightness, policy.brightness) if policy.brightness else None
    box, grey = _erased(policy, streams, patch or size)
    return Draw(
        size=size,
        low=low,
        high=high,
        fill=policy.fill,
        patch=patch,
        corner=None if patch is None else _corner(streams, size, patch),
        flips=_flips(policy, streams),
        shift=_shift(policy, streams),
        matrix=_matrix(policy, streams, size, angles),
        blur=_blur_weights(policy, streams),
        erase=box,
        grey=None if grey is None else (low + grey * (high - low)).float(),
        contrast=streams.factor("contrast", policy.contrast).float() if policy.contrast else None,
        brightness=None if light is None else (light * (high - low)).float(),
        saturation=streams.factor("saturation", policy.saturation).float() if policy.saturation else None,
        tint=_tint(policy, streams, preprocessing.colours),
        colours=preprocessing.colours,
        noise=None if noise is None else (noise * (high - low)).float(),
        noise_state=None if noise is None else streams.bits("noise_pixels"),
        salt_pepper=None if dirt is None else dirt.float(),
        salt_pepper_state=None if dirt is None else streams.bits("salt_pepper_pixels"),
    )


def _flips(policy: Augmentation, streams: RandomStreams) -> Tensor | None:
    if not (policy.flip or policy.flip_vertical):
        return None
    vertical = streams.between("flip_vertical", 0, 1) < policy.flip_vertical
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


def _tint(policy: Augmentation, streams: RandomStreams, colours: int) -> Tensor | None:
    """A factor for each channel, even in its logarithm."""
    if not policy.tint:
        return None
    chances = pixel_uniform(streams.bits("tint"), colours).double()
    return ((1 + policy.tint) ** (2 * chances - 1)).float()


def _blur_weights(policy: Augmentation, streams: RandomStreams) -> Tensor | None:
    """Half of the samples stay sharp: for them the weights are 1 at the centre and 0 beside it."""
    if not policy.blur:
        return None
    sigma = streams.between("blur", 0, policy.blur) * (streams.between("is_blurred", 0, 1) < 0.5)
    reach = max(1, round(3 * policy.blur))
    steps = torch.arange(-reach, reach + 1, device=sigma.device, dtype=torch.float64)
    weights = torch.exp(-0.5 * (steps / sigma.clamp(min=1e-3)[:, None]) ** 2)
    return (weights / weights.sum(1, keepdim=True)).float()


def _erased(policy: Augmentation, streams: RandomStreams, size: tuple[int, int]) -> tuple[Tensor | None, Tensor | None]:
    """A rectangle of 2 to 33 % of the area and a ratio of sides of 1:3 to 3:1, wholly inside; the fill in 0 … 1."""
    if not policy.erase:
        return None, None
    height, width = size
    area = streams.between("erase_area", 0.02, 0.33) * height * width
    aspect = streams.factor("erase_aspect", 2.0)
    rows = (area * aspect).sqrt().round().clamp(1, height)
    columns = (area / aspect).sqrt().round().clamp(1, width)
    here = streams.between("erase", 0, 1) < policy.erase
    top = (streams.between("erase_top", 0, 1) * (height - rows + 1)).floor()
    left = (streams.between("erase_left", 0, 1) * (width - columns + 1)).floor()
    box = torch.stack([top, left, top + rows * here, left + columns * here], 1).long()
    return box, streams.between("erase_grey", 0, 1)
