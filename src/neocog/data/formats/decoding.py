"""What a user may decide about the decoding of image files, and what every decoder shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

from neocog.data.dataset import Array, BadImage, not_finite
from neocog.data.preprocessing import Preprocessing


@dataclass(frozen=True)
class Decoding:
    """How files become pixels. ``frames``: what to do with animated and multi-page files."""

    background: tuple[int, ...] = (255, 255, 255)  # what shows through transparency, in 8-bit units
    frames: Literal["error", "first", "stack"] = "error"
    max_pixels: int = 178_956_970  # H × W; Pillow's own limit against decompression bombs
    axes: str | None = None  # of TIFF files whose own tags do not say, as "CYX" or "YXC"
    volumes: bool = False  # whether the pages of a file are the slices of a volume
    draft: tuple[int, ...] = ()  # (H, W) that a JPEG may be decoded down to; () its own; see ``neocog.data.draft``

    @classmethod
    def recorded(cls, preprocessing: Preprocessing) -> Decoding:
        """As in training, for what comes later."""
        seen = tuple(math.ceil(side / preprocessing.crop_share) for side in preprocessing.plane)
        return cls(
            preprocessing.background,
            preprocessing.frames,
            preprocessing.max_pixels,
            preprocessing.axes,
            len(preprocessing.size) == 3,
            seen if preprocessing.draft else (),
        )


# (H, W, C) pixels; or Pillow's own image of them, grey or colour of 8 bits, upright and opaque
Picture = Array | Image.Image

DEFAULT = Decoding()
INFLATED = 100
_AT_ONCE = 1 << 20  # pixels laid over the background at once


def check_size(width: int, height: int, frames: int, decoding: Decoding, name: str) -> None:
    """Refuse a bomb by its header, before anything is allocated."""
    if width < 1 or height < 1:
        raise BadImage(f"{width} × {height} pixels: the image is empty", name, "remove it")
    times = f" × {frames} frames" if frames > 1 else ""
    check_pixels(width * height * frames, f"{width} × {height}{times}", decoding.max_pixels, name)


def check_pixels(pixels: int, shape: str, most: int, where: str, packed: int | None = None) -> None:
    """The limit on pixels, of a file, of one image in an array, or of all that ``packed`` bytes unpack to.

    Those are a bomb only where each byte gives more than ``INFLATED`` pixels, as data that were measured never do.
    """
    if pixels > most and (packed is None or pixels > INFLATED * packed):
        packing = "" if packed is None else f" out of {packed:,} packed bytes"
        fix = f"cut it into tiles, or allow it with --max-pixels {pixels}"
        raise BadImage(f"{shape} = {pixels:,} pixels{packing}, the most is {most:,}", where, fix)


def draft_scale(size: Sequence[int], least: Sequence[int]) -> int:
    """1, 2, 4 or 8: by which a JPEG of ``size`` (H, W) can be divided so that no side is smaller than ``least``, as Pillow does."""
    fits = min(side // wanted for side, wanted in zip(size, least, strict=True))
    return max(scale for scale in (1, 2, 4, 8) if scale <= max(1, fits))


def frames_used(count: int, kind: str, decoding: Decoding, name: str) -> int:
    """How many of a file's frames are used: 1, or all of them as channels (``frames="stack"``) or slices (``volumes``)."""
    if count == 1 or (decoding.frames == "first" and not decoding.volumes):
        return 1
    if decoding.frames == "stack" or decoding.volumes:
        return count
    fix = "--frames first takes the first one, --frames stack makes channels of all"
    raise BadImage(f"{kind} with {count} frames or pages, where one is expected", name, fix)


def as_array(picture: Picture) -> Array:
    """(H, W, C) pixels of a picture."""
    if not isinstance(picture, Image.Image):
        return picture
    pixels = np.array(picture)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def turn(pixels: Array, orientation: int) -> Array:
    """(H, W, C) pixels upright: undoes the EXIF orientation 1–8 (5–8 swap height and width)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def composite(colour: Array, alpha: Array, background: tuple[int, ...], premultiplied: bool = False) -> Array:
    """Colour over the background: (H, W, C) and alpha (H, W, 1) of one unsigned type. Exact where alpha is 0 or full.

    ``background`` is in 8-bit units; one value serves all channels, a grey image takes the luma (ITU-R 601) of three.
    """
    full = int(np.iinfo(colour.dtype).max)
    if not premultiplied and alpha.min() == full:
        return colour
    wide: type[np.unsignedinteger[Any]] = np.uint32 if full == 255 else np.uint64
    behind = np.array(_background(background, colour.shape[2]), dtype=wide) * (full // 255)
    pixels = np.empty_like(colour)
    rows = max(1, _AT_ONCE // colour.shape[1])
    for start in range(0, len(colour), rows):  # products are four times as wide as pixels
        some, opaque = colour[start : start + rows], alpha[start : start + rows]
        veil = behind * (full - opaque.astype(wide))  # (rows, W, C)
        front = some.astype(wide) * (full if premultiplied else opaque)
        pixels[start : start + rows] = np.minimum((front + veil + full // 2) // full, full)
    return pixels


def finite(pixels: Array, name: str) -> Array:
    """The pixels, or a BadImage with the count and the first position of what is NaN or infinite."""
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise BadImage(not_finite(pixels), name, "correct or remove the image")
    return pixels


def _background(background: tuple[int, ...], channels: int) -> tuple[int, ...]:
    if len(background) == channels:
        return background
    if len(background) == 1:
        return background * channels
    red, green, blue = background
    return ((299 * red + 587 * green + 114 * blue + 500) // 1000,) * channels
