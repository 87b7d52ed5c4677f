"""The photo, the painting and the mask as tensors in 0 … 1, or what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from neocog.data.dataset import Array
from neocog.data.formats.decoding import DEFAULT
from neocog.data.formats.files import read_bytes
from neocog.data.images import decode_bytes
from neocog.errors import UserError, faults_of, printable, raise_all
from neocog.styling.features import LUMA
from neocog.styling.painting import resized

LEAST = 64  # pixels of the shorter side: below, there is no texture to find
LONGEST = 16  # times the shorter side


@dataclass(frozen=True)
class Given:
    """(1, 3, H, W) each; ``mask`` (1, 1, H, W), of the photo's size. ``notes``: what was made of them."""

    photo: Tensor
    painting: Tensor
    mask: Tensor | None
    notes: tuple[str, ...]


def opened(photo: Path, painting: Path, mask: Path | None, size: int) -> Given:
    """The pictures, the photo with its longer side at most ``size``. Raises UserError with all faults."""
    found, faults = dict[str, Array](), list[UserError]()
    notes = list[str]()
    for what, path in {"photo": photo, "painting": painting, "mask": mask}.items():
        if path is not None:
            faults += faults_of(lambda what=what, path=path: found.__setitem__(what, read(path, what, notes)))  # type: ignore[misc]
    raise_all(faults)
    if found["photo"].shape == found["painting"].shape and np.array_equal(found["photo"], found["painting"]):
        raise UserError(
            "photo and painting are the same picture: nothing would change", printable(str(photo)), "give two"
        )
    full = colour(found["photo"])
    small = resized(full, fitted((full.shape[2], full.shape[3]), size, photo))
    shares = None if mask is None else masked(found["mask"], found["photo"], mask, small)
    strokes = colour(found["painting"])
    if strokes.shape[2] * strokes.shape[3] < small.shape[2] * small.shape[3]:
        notes.append("the painting has fewer pixels than the picture and is enlarged: its strokes come out soft")
    return Given(small, strokes, shares, tuple(notes))


def read(path: Path, what: str, notes: list[str]) -> Array:
    """(H, W, C) float32 in 0 … 1. Raises UserError."""
    name = printable(str(path))
    if not path.is_file():
        raise UserError(f"the {what} is no file", name, "give a picture")
    pixels, header = decode_bytes(read_bytes(path, name), DEFAULT, name)
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
        raise UserError(
            f"the {what} has the shape {' × '.join(map(str, pixels.shape))}", name, "give a grey or a colour image"
        )
    height, width = pixels.shape[:2]
    if min(height, width) < LEAST and what != "mask":
        fix = f"give one of at least {LEAST} × {LEAST}"
        raise UserError(f"the {what} has {height} × {width} pixels: too few for a texture", name, fix)
    if max(height, width) > LONGEST * min(height, width):
        raise UserError(f"the {what} is {height} × {width}: a strip without a middle", name, "cut a part out of it")
    notes += [f"{what}: {note}" for note in header.notes]
    if pixels.dtype != np.uint8:
        notes.append(
            f"{what}: {pixels.dtype}, black at its lowest value, white at its highest; what is written has 8 bits"
        )
    if what == "painting" and is_grey(pixels):
        notes.append("the painting is grey, and so will be the picture; --colours keep keeps the photo's colours")
    if what == "painting" and pixels.min() == pixels.max():
        raise UserError("the painting is of one colour: it has no texture", name, "give another")
    return in_range(pixels)


def in_range(pixels: Array) -> Array:
    low, high = (0.0, 255.0) if pixels.dtype == np.uint8 else (float(pixels.min()), float(pixels.max()))
    scaled: Array = ((pixels.astype(np.float32) - low) / (high - low or 1.0)).astype(np.float32)
    return scaled


def is_grey(pixels: Array) -> bool:
    return bool((pixels == pixels[:, :, :1]).all())


def colour(pixels: Array) -> Tensor:
    """(1, 3, H, W)."""
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].expand(1, 3, -1, -1).contiguous()


def fitted(own: tuple[int, int], size: int, path: Path) -> tuple[int, int]:
    """(H, W) with the longer side at most ``size``; a picture is never enlarged. Raises UserError."""
    factor = min(1.0, size / max(own))
    height, width = round(own[0] * factor), round(own[1] * factor)
    if min(height, width) < LEAST:
        needed = -(-LEAST * max(own) // min(own))
        what = f"a picture of {height} × {width} pixels is too narrow for a texture"
        raise UserError(what, printable(str(path)), f"--size {needed} or more, or cut a part out of it")
    return height, width


def masked(mask: Array, photo: Array, path: Path, small: Tensor) -> Tensor:
    """(1, 1, H, W) of the smaller picture's size. Raises UserError."""
    name = printable(str(path))
    if mask.shape[:2] != photo.shape[:2]:
        sizes = [" × ".join(map(str, each.shape[:2])) for each in (mask, photo)]
        raise UserError(f"the mask is {sizes[0]}, the photo {sizes[1]}", name, "give a mask of the photo's size")
    if not mask.any():
        raise UserError("the mask is black: nothing would be painted", name, "white is where the style goes")
    return resized(torch.from_numpy(mask.mean(axis=2))[None, None], (small.shape[2], small.shape[3]))


def luminance(images: Tensor) -> Tensor:
    """(1, 3, H, W) → (1, 1, H, W), ITU-R 601."""
    return (images * torch.tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def matched(painting: Tensor, photo: Tensor) -> Tensor:
    """A painting's luminance with the mean and spread of the photo's (Gatys et al. 2016, Preserving color)."""
    spread = photo.std() / painting.std().clamp_min(1e-6)
    return ((painting - painting.mean()) * spread + photo.mean()).clamp(0, 1)


def recoloured(painted: Tensor, photo: Tensor) -> Tensor:
    """(1, 1, H, W) luminance with the colours of the photo (1, 3, H, W): each channel moves by as much as the brightness."""
    return (photo + painted - luminance(photo)).clamp(0, 1)
