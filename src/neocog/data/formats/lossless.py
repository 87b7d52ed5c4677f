"""Pictures written without loss, as small files that every program reads."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from tifffile import imwrite

from neocog.data.dataset import Array


def encoded(image: Array) -> tuple[str, bytes]:
    """(C, H, W) without loss as (suffix, file): PNG of 8-bit grey and colour and of 16-bit grey, else TIFF."""
    pixels, file = np.ascontiguousarray(image.transpose(1, 2, 0)), io.BytesIO()
    channels = pixels.shape[2]
    shown = pixels[..., 0] if channels == 1 else pixels
    if (pixels.dtype == np.uint8 and channels in (1, 3)) or (pixels.dtype == np.uint16 and channels == 1):
        Image.fromarray(shown).save(file, "PNG")
        return ".png", file.getvalue()
    kind = {"photometric": "rgb"} if channels == 3 else {"photometric": "minisblack"}
    if channels > 1:
        kind["planarconfig"] = "contig"
    imwrite(file, shown, compression="zlib", metadata={"axes": "YXS"[: shown.ndim]}, **kind)
    return ".tif", file.getvalue()
