"""Restored images as files: of the input's type and values, a TIFF with its pixel size divided by the scale."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from neocog.data.dataset import Array
from neocog.tasks.masks import png

TIFFS = (".tif", ".tiff")
UNITS = {1: "none", 2: "inch", 3: "centimeter"}


def name_of(name: Path, stored: Array) -> Path:
    """The file's name with the suffix of what it is written as: TIFF stays, and is what PNG cannot hold."""
    suffix = name.suffix.lower()
    return name.with_suffix(suffix if suffix in TIFFS else ".png" if _is_png(stored) else ".tif")


def content_of(image: Array, suffix: str, source: Path, scale: int) -> bytes:
    """The file of an image (H, W, C)."""
    if suffix in TIFFS:
        return _tiff(image, source, scale)
    return png(Image.fromarray(image[..., 0] if image.shape[2] == 1 else image))


def _is_png(image: Array) -> bool:
    return (image.dtype == np.uint8 and image.shape[2] in (1, 3)) or (image.dtype == np.uint16 and image.shape[2] == 1)


def _tiff(image: Array, source: Path, scale: int) -> bytes:
    file = io.BytesIO()
    colours = image.shape[2] == 3 and image.dtype == np.uint8
    pixels = (
        image if colours else np.ascontiguousarray(image.transpose(2, 0, 1)) if image.shape[2] > 1 else image[..., 0]
    )
    photometric: dict[str, Any] = {"photometric": "rgb" if colours else "minisblack"}
    if image.shape[2] > 1 and not colours:
        photometric |= {"planarconfig": "separate"}
    tifffile.imwrite(file, pixels, **photometric, **_pixel_size(source, scale))
    return file.getvalue()


def _pixel_size(source: Path, scale: int) -> dict[str, Any]:
    """Pixels a unit, ``scale`` times as many as in the source; what ImageJ says of its unit."""
    if source.suffix.lower() not in TIFFS:
        return {}
    try:
        with tifffile.TiffFile(source) as tiff:
            tags, imagej = tiff.pages[0].tags, tiff.imagej_metadata or {}
            known = {
                name: tags[name].value for name in ("XResolution", "YResolution", "ResolutionUnit") if name in tags
            }
    except (OSError, ValueError, tifffile.TiffFileError):
        return {}
    if "XResolution" not in known or "YResolution" not in known:
        return {}
    found: dict[str, Any] = {
        "resolution": tuple(scale * _ratio(known[name]) for name in ("XResolution", "YResolution")),
        "resolutionunit": UNITS.get(int(known.get("ResolutionUnit", 1)), "none"),
    }
    if unit := imagej.get("unit"):
        found["description"] = f"ImageJ=1.11a\nunit={unit}\n"
    return found


def _ratio(value: Any) -> float:
    above, below = value
    return float(above) / (float(below) or 1.0)
