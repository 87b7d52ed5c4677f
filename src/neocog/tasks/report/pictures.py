"""Pixels as a small PNG that a page can carry."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neocog.data.formats.slices import middle_slices, side_by_side

Array = NDArray[Any]


def thumbnail(pixels: Array, low: float, high: float, side: int = 96) -> str:
    """Base64 PNG of pixels (C, H, W) or a volume (C, D, H, W): ``low`` … ``high`` become black … white, others are cut.

    One channel is grey, two are red and green, of more the first three are red, green, blue. A large image is averaged
    down until its longer side is ``side``; a small one is enlarged by a whole number, each pixel a clear square.
    Of a volume, its middle slices along the three axes stand side by side, and ``side`` holds for each.
    """
    if pixels.ndim == 4 and 0 not in pixels.shape:
        pixels, side = side_by_side(middle_slices(pixels), low), 3 * side
    if pixels.ndim != 3 or 0 in pixels.shape:
        raise ValueError(f"pixels of shape {pixels.shape}, expected (C, H, W) or (C, D, H, W)")
    channels, height, width = pixels.shape
    scaled = (pixels[:3].astype(np.float64) - low) / max(high - low, 1e-12)
    grey = np.round(np.clip(np.nan_to_num(scaled), 0, 1) * 255).astype(np.uint8)
    if channels == 2:
        grey = np.concatenate([grey, np.zeros_like(grey[:1])])
    image = Image.fromarray(grey[0] if channels == 1 else np.ascontiguousarray(grey.transpose(1, 2, 0)))
    longer = max(height, width)
    if longer > side:
        size = (max(1, round(width * side / longer)), max(1, round(height * side / longer)))
        image = image.resize(size, Image.Resampling.BOX)
    else:
        factor = side // longer
        image = image.resize((width * factor, height * factor), Image.Resampling.NEAREST)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")
