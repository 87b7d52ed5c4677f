"""TIFF through tifffile: any channel count and depth; what the tags leave open is asked, not guessed."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO

import numpy as np
import tifffile

from neocog.data import pillow
from neocog.data.dataset import Array, BadImage, Header
from neocog.data.decoding import Decoding, check_size, composite, finite, frames_used, turn

_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6  # PhotometricInterpretation
_ASSOCIATED, _UNASSOCIATED = 1, 2  # ExtraSamples: alpha premultiplied, or not
_ORIENTATION = 274
_BYTES_PER_PIXEL = 8  # decoded bytes allowed per pixel of Decoding.max_pixels


@dataclass(frozen=True)
class _Plan:
    """How the stored array becomes (H, W, C)."""

    series: Any
    page: Any  # the first one, whose tags hold for all
    axes: str  # one letter a dimension of the stored array: Y, X, C and S (channels), anything else (frames)
    frames: int  # those that are used
    header: Header
    orientation: int
    alpha: bool


def header(file: BinaryIO, decoding: Decoding, name: str) -> Header:
    """What the tags say. Raises BadImage."""
    with _opened(_Nameless(file), name) as tiff:  # type: ignore[arg-type]
        return _plan(tiff, decoding, name).header


def decode(data: bytes, decoding: Decoding, name: str) -> tuple[Array, Header]:
    """(H, W, C) uint8, uint16 or float32 pixels, upright; and the header. Raises BadImage.

    Integers of 8 and 16 bits stay as they are; 1 bit becomes 0 and 255; everything else becomes float32.
    """
    with _opened(io.BytesIO(data), name) as tiff:
        plan = _plan(tiff, decoding, name)
        _check_complete(plan, len(data), name)
        if int(plan.page.photometric) in (_CMYK, _YCBCR):
            pixels = pillow.decode_tiff(data, decoding, name)
        else:
            try:
                stored = plan.series.asarray(maxworkers=1)
            except ValueError as error:
                if "imagecodecs" not in str(error):
                    raise
                pixels = _without_codec(plan, data, decoding, name)
            else:
                pixels = _channels_last(_display(stored, plan, tiff), plan, decoding)
        pixels = finite(_as_type(finite(pixels, name), plan.header.dtype), name)
        return turn(pixels, plan.orientation), plan.header


def _plan(tiff: Any, decoding: Decoding, name: str) -> _Plan:
    series = _series(tiff, decoding, name)
    page, shape = series.keyframe, series.shape
    bits, photometric = page.bitspersample, int(page.photometric)
    if photometric > _YCBCR or photometric == 4 or (photometric in (_CMYK, _YCBCR) and bits != 8):
        raise BadImage(f"{bits}-bit {page.photometric.name} pixels are not supported", name, "save it as RGB")
    if series.dtype is None or series.dtype.kind not in "biuf":
        raise BadImage(f"pixels of type {series.dtype} are not supported", name, "save it as 8-bit, 16-bit or float")
    axes = _axes(series, decoding, name)
    size = dict(zip(axes, shape, strict=True))
    height, width = size["Y"], size["X"]
    channels = _of(axes, shape, "CS")
    pages = prod(shape) // (height * width * channels)
    frames = frames_used(pages, "a TIFF", decoding, name)
    check_size(width, height, frames, decoding, name)
    _check_bytes(prod(shape) * series.dtype.itemsize, shape, decoding, name)
    dtype = {"b1": "uint8", "u1": "uint8", "u2": "uint16"}.get(series.dtype.str[1:], "float32")
    mode = f"{channels} × {series.dtype}"
    alpha = _has_alpha(page, size.get("S", 1))
    if alpha:
        channels = channels // size["S"] * (size["S"] - 1)
    elif photometric in (_PALETTE, _CMYK, _YCBCR):
        channels = 3 * (channels if photometric == _PALETTE else 1)
    orientation = _orientation(page)
    if orientation >= 5:
        height, width = width, height
    notes = tuple(_notes(page, series, dtype, alpha, orientation, decoding))
    if frames < max(pages, len(tiff.series)):
        notes += (f"the first of {max(pages, len(tiff.series))} frames",)
    head = Header(height, width, channels * frames, dtype, mode, notes)
    return _Plan(series, page, axes, frames, head, orientation, alpha)


def _series(tiff: Any, decoding: Decoding, name: str) -> Any:
    """The one image of the file; page sizes that differ, or several images, count as frames."""
    page = tiff.pages.first  # checked before tifffile looks further
    check_size(page.imagewidth, page.imagelength, 1, decoding, name)
    several = tiff.series
    if not several:
        raise BadImage("a TIFF without an image", name, "remove it")
    if len(several) > 1 and frames_used(len(several), "a TIFF", decoding, name) > 1:
        shapes = ", ".join("×".join(map(str, series.shape)) for series in several[:4])
        raise BadImage(f"{len(several)} pages of different kinds ({shapes}) cannot be stacked", name, "--frames first")
    if several[0].dataoffset is None and any(page is None for page in several[0].pages):
        raise BadImage("some of its planes lie in other files", name, "save each image as one file")
    return several[0]


def _axes(series: Any, decoding: Decoding, name: str) -> str:
    axes: str = series.axes
    unknown = "Q" in axes or "I" in axes
    if unknown and decoding.axes:
        wide = [length > 1 for length in series.shape]
        if len(decoding.axes) == len(axes):
            axes = decoding.axes
        elif len(decoding.axes) == sum(wide):
            letters = iter(decoding.axes)
            axes = "".join(next(letters) if w else old for w, old in zip(wide, axes, strict=True))
        else:
            raise BadImage(f"--axes {decoding.axes} does not fit an array of shape {series.shape}", name, "mend --axes")
    elif "Q" in axes and prod(series.shape) > _of(axes, series.shape, "YXS") and decoding.frames == "error":
        fix = "say what they are with --axes, as CYX (channels first) or YXC (channels last)"
        raise BadImage(f"ambiguous axes of shape {series.shape}", name, fix)
    if axes.count("Y") != 1 or axes.count("X") != 1 or len(set(axes)) != len(axes):
        raise BadImage(
            f"axes {axes} of shape {series.shape} do not make an image", name, "--axes needs one Y and one X"
        )
    return axes


def _of(axes: str, shape: tuple[int, ...], letters: str) -> int:
    return prod(length for letter, length in zip(axes, shape, strict=True) if letter in letters)


def _has_alpha(page: Any, samples: int) -> bool:
    colours = {_MIN_IS_BLACK: 1, _RGB: 3}.get(int(page.photometric))
    kinds = tuple(int(kind) for kind in page.extrasamples)
    unsigned = page.dtype is not None and page.dtype.str[1:] in ("u1", "u2")
    return unsigned and samples - 1 == colours and kinds in ((_ASSOCIATED,), (_UNASSOCIATED,))


def _orientation(page: Any) -> int:
    tag = page.tags.get(_ORIENTATION)
    value = int(tag.value) if tag is not None else 1
    return value if 1 <= value <= 8 else 1


def _notes(page: Any, series: Any, dtype: str, alpha: bool, up: int, decoding: Decoding) -> Iterator[str]:
    photometric = int(page.photometric)
    if page.bitspersample == 1:
        yield "1 bit as 0 and 255"
    if photometric == _MIN_IS_WHITE:
        yield "white is stored as zero"
    if photometric in (_CMYK, _YCBCR):
        yield f"{page.photometric.name} as RGB, no colour profile applied"
    if alpha:
        yield f"transparency over background {decoding.background}"
    if str(series.dtype) not in ("bool", dtype):
        yield f"{series.dtype} as {dtype}"
    if up > 1:
        yield "turned upright as its orientation tag says"
    yield from dict.fromkeys(_HEARD.messages())


def _check_bytes(count: int, shape: tuple[int, ...], decoding: Decoding, name: str) -> None:
    most = decoding.max_pixels * _BYTES_PER_PIXEL
    if count > most:
        text = " × ".join(map(str, shape))
        fix = f"cut it into tiles, or allow it with --max-pixels {-(-count // _BYTES_PER_PIXEL)}"
        raise BadImage(f"{text} values = {count:,} bytes decoded, the most is {most:,}", name, fix)


def _check_complete(plan: _Plan, length: int, name: str) -> None:
    """Every strip or tile must lie inside the file: tifffile would fill what is missing with zeros."""
    series, page = plan.series, plan.page
    if series.dataoffset is not None:
        missing = series.dataoffset + series.nbytes - length
        if missing > 0:
            raise BadImage(f"cut short: {missing:,} bytes are missing", name, "copy the file again")
        return
    expected = prod(page.chunked)
    for page in series.pages:
        offsets, counts = page.dataoffsets, page.databytecounts
        absent = expected - sum(count > 0 < start for start, count in zip(offsets, counts, strict=False))
        if absent > 0:
            raise BadImage(f"damaged: {absent} of {expected} strips or tiles are missing", name, "copy the file again")
        end = max(start + count for start, count in zip(offsets, counts, strict=False))
        if end > length:
            raise BadImage(f"cut short: {end - length:,} bytes are missing", name, "copy the file again")


def _without_codec(plan: _Plan, data: bytes, decoding: Decoding, name: str) -> Array:
    """Pillow's own libtiff knows LZW, JPEG and CCITT; it is exact for 8 bits, and for one channel of more."""
    wide = prod(plan.series.shape) == plan.header.height * plan.header.width
    if len(plan.series.pages) == 1 and (plan.series.dtype.str[1:] in ("b1", "u1") or wide):
        pixels = pillow.decode_tiff(data, decoding, name)
        turned = (plan.header.width, plan.header.height) if plan.orientation >= 5 else pixels.shape[:2]
        if pixels.shape == (*turned, plan.header.channels) and str(pixels.dtype) == plan.header.dtype:
            return pixels
    raise BadImage(
        f"its compression {plan.page.compression.name} needs imagecodecs", name, 'pip install "neocog[tiff]"'
    )


def _display(stored: Array, plan: _Plan, tiff: Any) -> Array:
    """Stored values as the tags mean them: palettes resolved, black at zero, few bits stretched to 0–255."""
    page, bits = plan.page, plan.page.bitspersample
    if int(page.photometric) == _PALETTE:
        colours = (np.asarray(page.colormap) >> 8).astype(np.uint8)  # (3, 2^bits) of 16 bits
        return np.moveaxis(colours[:, stored], 0, -1)
    if stored.dtype.kind == "b":
        # tifffile writes masks as "white is zero" and reads them back as they were: so do we.
        white_zero = int(page.photometric) == _MIN_IS_WHITE and not tiff.is_shaped
        return np.where(stored ^ white_zero, 255, 0).astype(np.uint8)
    if int(page.photometric) == _MIN_IS_WHITE and stored.dtype.kind == "u":
        stored = np.asarray((1 << bits) - 1, dtype=stored.dtype) - stored
    return stored * np.uint8(255 // ((1 << bits) - 1)) if bits in (2, 4) else stored


def _channels_last(pixels: Array, plan: _Plan, decoding: Decoding) -> Array:
    """(H, W, C): frames outermost, then C, then S."""
    axes = plan.axes if pixels.ndim == len(plan.axes) else f"{plan.axes}s"  # s: the colours of a palette
    order = sorted(range(len(axes)), key=lambda at: {"Y": 0, "X": 1, "C": 3, "S": 4, "s": 5}.get(axes[at], 2))
    pixels = pixels.transpose(order)
    height, width = pixels.shape[:2]
    inner = _of(axes, tuple(pixels.shape[i] for i in np.argsort(order)), "CSs")
    pixels = pixels.reshape(height, width, -1, inner)[:, :, : plan.frames]  # (H, W, frames, C · S)
    if plan.alpha:
        samples = plan.series.shape[plan.axes.index("S")]
        flat = pixels.reshape(height, -1, samples)
        premultiplied = int(plan.page.extrasamples[0]) == _ASSOCIATED
        pixels = composite(flat[..., :-1], flat[..., -1:], decoding.background, premultiplied)
    return pixels.reshape(height, width, -1)


def _as_type(pixels: Array, dtype: str) -> Array:
    with np.errstate(over="ignore"):  # what overflows float32 is found as infinite
        return pixels.astype(dtype, copy=False)


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
    with pillow.told(name), tifffile.TiffFile(file, name="image.tif") as tiff:
        yield tiff
