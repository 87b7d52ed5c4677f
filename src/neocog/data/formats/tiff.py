"""TIFF through tifffile: any channel count and depth, 1 to 64 bits, exact."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import tifffile
from PIL import Image

from neocog.data.dataset import Array, BadImage, Header
from neocog.data.formats import pillow
from neocog.data.formats.decoding import Decoding, composite, finite, turn
from neocog.data.formats.tiff_pages import check_chain
from neocog.data.formats.tiff_plan import (
    ASSOCIATED,
    CMYK,
    MIN_IS_WHITE,
    PALETTE,
    YCBCR,
    Plan,
    check_complete,
    lengths,
    plan,
)
from neocog.errors import install

_JPEG = (6, 7, 33007)  # Compression: tifffile turns their YCbCr into RGB


def header(file: BinaryIO, decoding: Decoding, name: str) -> Header:
    """What the tags say. Raises BadImage."""
    with _opened(_Nameless(file), name) as tiff:  # type: ignore[arg-type]
        return _noted(plan(tiff, decoding, name).header, tiff)


def decode(data: bytes, decoding: Decoding, name: str) -> tuple[Array, Header]:
    """(H, W, C) uint8, uint16 or float32 pixels, upright; and the header. Raises BadImage.

    Integers of 8 and 16 bits stay as they are; 1 bit becomes 0 and 255; everything else becomes float32.
    """
    with _opened(io.BytesIO(data), name) as tiff:
        layout = plan(tiff, decoding, name)
        check_complete(layout, len(data), name)
        head = _noted(layout.header, tiff)
        packed = int(layout.page.photometric) == YCBCR and int(layout.page.compression) not in _JPEG
        if decoding.volumes and (packed or layout.orientation > 1):
            raise BadImage("a stack of turned or YCbCr pages", name, "save its pages upright, in grey or RGB")
        if packed:
            return pillow.decode_tiff(data, decoding, name), head
        try:
            stored = layout.series.asarray(maxworkers=1)
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            upright = _without_codec(layout, tiff, data, decoding, name)
            return upright[None] if decoding.volumes else upright, head
        pixels = _channels_last(_display(stored, layout, tiff), layout, decoding)
        pixels = finite(_as_type(finite(pixels, name), head.dtype), name)
        return pixels if decoding.volumes else turn(pixels, layout.orientation), head


def _without_codec(layout: Plan, tiff: Any, data: bytes, decoding: Decoding, name: str) -> Array:
    """Upright pixels by Pillow's libtiff, which knows LZW, JPEG and CCITT, wherever it is exact."""
    page, kind = layout.page, layout.series.dtype.str[1:]
    simple = len(layout.series.pages) == 1 and page.samplesperpixel <= 4 and ASSOCIATED not in page.extrasamples
    deep = kind in ("u2", "f4") and page.samplesperpixel == 1 and int(page.photometric) != MIN_IS_WHITE
    bilevel = kind == "b1" and not tiff.is_shaped
    if simple and (kind == "u1" or deep or bilevel):
        return finite(pillow.decode_tiff(data, decoding, name), name)
    raise BadImage(f"its compression {page.compression.name} needs imagecodecs", name, install("tiff"))


def _display(stored: Array, layout: Plan, tiff: Any) -> Array:
    """Stored values as the tags mean them: palettes and CMYK resolved, black at zero, few bits stretched to 0–255."""
    bits, photometric = layout.page.bitspersample, int(layout.page.photometric)
    if photometric == PALETTE:
        colours = (np.asarray(layout.page.colormap) >> 8).astype(np.uint8)  # (3, 2^bits) of 16 bits
        return np.moveaxis(colours[:, stored], 0, -1)
    if photometric == CMYK:
        at = layout.axes.index("S")
        inks = np.moveaxis(stored, at, -1)  # (…, W, 4)
        size = inks.shape[-2], inks[..., 0].size // inks.shape[-2]
        shown = np.array(Image.frombytes("CMYK", size, inks.tobytes()).convert("RGB"))
        return np.moveaxis(shown.reshape(*inks.shape[:-1], 3), -1, at)
    if stored.dtype.kind == "b":
        # tifffile writes masks as "white is zero" and reads them back as they were: so do we.
        white_zero = photometric == MIN_IS_WHITE and not tiff.is_shaped
        return np.where(stored ^ white_zero, 255, 0).astype(np.uint8)
    if photometric == MIN_IS_WHITE and stored.dtype.kind == "u":
        stored = np.asarray((1 << bits) - 1, dtype=stored.dtype) - stored
    return stored * np.uint8(255 // ((1 << bits) - 1)) if bits in (2, 4) else stored


def _channels_last(pixels: Array, layout: Plan, decoding: Decoding) -> Array:
    """(H, W, C): frames outermost, then C, then S; of a volume (D, H, W, C)."""
    axes = layout.axes if pixels.ndim == len(layout.axes) else f"{layout.axes}s"  # s: colours of a palette
    order = sorted(range(len(axes)), key=lambda at: {"Y": 0, "X": 1, "C": 3, "S": 4, "s": 5}.get(axes[at], 2))
    pixels = pixels.transpose(order)
    height, width = pixels.shape[:2]
    inner = lengths(axes, tuple(pixels.shape[i] for i in np.argsort(order)), "CSs")
    pixels = pixels.reshape(height, width, -1, inner)[:, :, : layout.frames]  # (H, W, frames, C · S)
    leading = pixels.shape[:3] if decoding.volumes else pixels.shape[:2]
    if layout.alpha:
        samples = layout.series.shape[layout.axes.index("S")]
        flat = pixels.reshape(height, -1, samples)
        premultiplied = int(layout.page.extrasamples[0]) == ASSOCIATED
        pixels = composite(flat[..., :-1], flat[..., -1:], decoding.background, premultiplied)
    pixels = pixels.reshape(*leading, -1)
    return np.ascontiguousarray(np.moveaxis(pixels, 2, 0)) if decoding.volumes else pixels


def _as_type(pixels: Array, dtype: str) -> Array:
    with np.errstate(over="ignore"):  # what overflows float32 is found as infinite
        return pixels.astype(dtype, copy=False)


def _noted(head: Header, tiff: Any) -> Header:
    """With what tifffile had to say of the file, and how large a pixel is."""
    heard = tuple(dict.fromkeys(f"TIFF: {message}" for message in _HEARD.messages()))
    return replace(head, notes=head.notes + heard, spacing=() if head.depth else _spacing(tiff))


def _spacing(tiff: Any) -> tuple[float, ...]:
    """Millimetres of a pixel, down and across, where ImageJ or pixels per centimetre say so; inches are mostly paper's."""
    tags = tiff.pages[0].tags
    unit = {"micron": 1e-3, "µm": 1e-3, "um": 1e-3, "\\u00B5m": 1e-3, "mm": 1.0, "cm": 10.0}.get(
        (tiff.imagej_metadata or {}).get("unit", ""), 10.0 if tags.valueof("ResolutionUnit") == 3 else 0.0
    )
    rates = [tags.valueof(name) or (0, 1) for name in ("YResolution", "XResolution")]
    good = unit and all(len(rate) == 2 and min(rate) > 0 for rate in rates)
    return tuple(unit * below / above for above, below in rates) if good else ()


class _Nameless(io.BufferedReader):
    """A stream without a place on disk: tifffile must not follow the names of further files that OME metadata give."""

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


class _Heard(logging.Handler):
    """Keeps what tifffile logs, thread by thread, so that it becomes notes and not lines on stderr."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._local = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        self.messages().append(" ".join(record.getMessage().split()))

    def messages(self) -> list[str]:
        if not hasattr(self._local, "messages"):
            self._local.messages = []
        found: list[str] = self._local.messages
        return found


_HEARD = _Heard()
logging.getLogger("tifffile").addHandler(_HEARD)


@contextmanager
def _opened(file: BinaryIO, name: str) -> Iterator[Any]:
    _HEARD.messages().clear()
    check_chain(file, name)
    with pillow.decoder_errors(name), tifffile.TiffFile(file, name="image.tif") as tiff:
        yield tiff
