"""Many images as one picture: rows and columns with a thin line between them."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]
GROUND = 128  # grey, so that black and white images both end where they end


def montage(images: Array, columns: int, gap: int = 1) -> NDArray[np.uint8]:
    """Images (n, H, W, C) uint8, row by row → (rows · (H + gap) − gap, …, 1 or 3); of two channels the third is black.

    A last row that is not full is grey at its end.
    """
    images = displayable(images)
    count, height, width, channels = images.shape
    rows = max(1, -(-count // columns))
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), GROUND, np.uint8)
    for place, image in enumerate(images):
        top, left = place // columns * (height + gap), place % columns * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def displayable(images: Array) -> Array:
    """(…, C) → (…, 1 or 3): one channel is grey, two are red and green, of more the first three are red, green, blue."""
    if images.shape[-1] == 2:
        return np.concatenate([images, np.zeros_like(images[..., :1])], axis=-1)
    return images if images.shape[-1] == 1 else images[..., :3]


def png_bytes(image: Array, wide: int = 0) -> bytes:
    """PNG of (H, W, 1 or 3) uint8, enlarged by a whole number to at most ``wide`` pixels across."""
    factor = max(1, wide // image.shape[1])
    image = image.repeat(factor, axis=0).repeat(factor, axis=1)
    file = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else np.ascontiguousarray(image)).save(file, "PNG")
    return file.getvalue()


def sheet(images: Array, columns: int, wide: int = 720) -> str:
    """Base64 PNG of a montage for a page."""
    return base64.b64encode(png_bytes(montage(images, columns), wide)).decode("ascii")
