"""The numbers or colours that a mask file holds, exactly as stored: a palette's indices, never the greys of its colours."""

from __future__ import annotations

import io

import numpy as np
from PIL.ImageFile import ImageFile

from neocog.data.dataset import Array, BadImage
from neocog.data.formats import pillow, png, tiff
from neocog.data.formats.decoding import Decoding, turn
from neocog.data.formats.files import sniff
from neocog.data.formats.tiff_plan import PALETTE, plan

COLOUR = 1 << 24  # keys from here on are colours: COLOUR | R << 16 | G << 8 | B; greys are numbers


def stored_values(data: bytes, decoding: Decoding, name: str) -> tuple[Array, str]:
    """((H, W) int64 keys, upright; the file's format). A key is a number, or ``COLOUR`` plus a colour of three bytes.

    Palette files give their indices, 1-bit files 0 and 255, files of 2 and 4 bits their numbers; three equal channels
    are one. Raises BadImage: floats that are no whole numbers, masks that are partly transparent.
    """
    kind = sniff(data[:512], name)
    values = _tiff(data, decoding, name) if kind == "TIFF" else _picture(data, kind, decoding, name)
    return keys_of(values, name), kind


def _picture(data: bytes, kind: str, decoding: Decoding, name: str) -> Array:
    """(H, W) or (H, W, C) of a file that Pillow reads."""
    with pillow.decoder_errors(name):
        opened = pillow._open(io.BytesIO(data), kind, decoding, name, check=True)
        if opened.frames > 1:
            raise BadImage(f"a mask of {opened.frames} frames", name, "save one mask a file")
        facts, image = opened.png, opened.image
        image.load()
        if facts and facts.depth == 16 and facts.colour not in (png.GREY, png.PALETTE):
            values = png.colour16(data, facts.colour)
        else:
            values = _as_stored(image)
        if facts and facts.colour == png.GREY and facts.depth in (2, 4):
            values = values // (255 // ((1 << facts.depth) - 1))  # Pillow stretches them to 0 … 255
        return turn(values if values.ndim == 3 else values[..., None], opened.orientation)


def _as_stored(image: ImageFile) -> Array:
    if image.mode == "1":
        return np.asarray(image).astype(np.uint8) * 255
    if image.mode in ("CMYK", "YCbCr", "RGBX"):
        return np.asarray(image.convert("RGB"))
    return np.asarray(image)  # of mode P: the indices


def _tiff(data: bytes, decoding: Decoding, name: str) -> Array:
    with tiff._opened(io.BytesIO(data), name) as file:
        page = file.pages[0]
        bits = page.bitspersample
        if int(page.photometric) == PALETTE:
            layout = plan(file, decoding, name)
            return turn(np.asarray(layout.series.asarray(maxworkers=1))[..., None], layout.orientation)
    values = tiff.decode(data, decoding, name)[0]
    return values // (255 // ((1 << bits) - 1)) if bits in (2, 4) else values


def keys_of(values: Array, name: str) -> Array:
    """(H, W, C) → (H, W) int64."""
    channels = values.shape[2]
    if channels in (2, 4):
        alpha = values[..., -1]
        if alpha.min() != alpha.max():
            raise BadImage("a mask that is partly transparent", name, "save it without an alpha channel")
        values = values[..., :-1]
    if values.dtype.kind == "f":
        whole = values == np.rint(values)
        if not whole.all():
            row, column = np.argwhere(~whole.all(axis=2))[0]
            what = f"{values[row, column].max():g} at row {row}, column {column} is no class number"
            raise BadImage(what, name, "save masks as whole numbers")
    values = values.astype(np.int64)
    if values.min() < 0:
        raise BadImage(f"{values.min()} is no class number", name, "save masks with numbers from 0")
    if values.shape[2] == 1 or (values == values[..., :1]).all():
        return np.ascontiguousarray(values[..., 0])
    if values.shape[2] != 3 or values.max() > 255:
        raise BadImage(
            f"a mask of {values.shape[2]} channels up to {values.max()}", name, "one number or colour a pixel"
        )
    red, green, blue = np.moveaxis(values, 2, 0)
    grey = (red == green) & (green == blue)
    keys: Array = np.where(grey, red, COLOUR | red << 16 | green << 8 | blue)
    return keys
