"""PNG, JPEG, WebP, AVIF, JPEG 2000, BMP, GIF and PNM through Pillow, without its silent losses; TIFF where tifffile lacks a codec.

Only these formats' own classes are called, never ``Image.open``'s search through all plugins.
"""

from __future__ import annotations

import io
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from neocog.data.dataset import Array, BadImage, Header
from neocog.data.formats import png
from neocog.data.formats.decoding import Decoding, Picture, as_array, check_size, composite, finite, frames_used, turn
from neocog.data.formats.exif import orientation
from neocog.errors import UserError

_FORMATS: dict[str, type[ImageFile]] = {
    "PNG": PngImageFile, "JPEG": JpegImageFile, "WebP": WebPImageFile, "BMP": BmpImageFile, "GIF": GifImageFile,
    "TIFF": TiffImageFile, "AVIF": AvifImageFile, "JPEG 2000": Jpeg2KImageFile, "PNM": PpmImageFile,
}  # fmt: skip

_CHANNELS = {
    "1": 1, "L": 1, "LA": 1, "I;16": 1, "I;16B": 1, "I;16L": 1, "I": 1, "F": 1, "P": 3, "RGB": 3, "RGBX": 3, "RGBA": 3,
    "CMYK": 3, "YCbCr": 3,
}  # fmt: skip

# Python's warning filters are one for all threads, hence the lock; it is held while a file is opened, not decoded.
_WARNINGS = threading.Lock()


@dataclass(frozen=True)
class _Opened:
    image: ImageFile
    header: Header
    frames: int  # those that are used
    orientation: int
    png: png.Png | None


def header(file: BinaryIO, kind: str, decoding: Decoding, name: str) -> Header:
    """What the file's head says. Raises BadImage."""
    with decoder_errors(name):
        return _open(file, kind, decoding, name, check=False).header


def decode(data: bytes, kind: str, decoding: Decoding, name: str) -> tuple[Picture, Header]:
    """(H, W, C) uint8, uint16 or float32 pixels, upright, over the background, or the image where it is plain; and the header.

    Raises BadImage."""
    with decoder_errors(name):
        opened = _open(io.BytesIO(data), kind, decoding, name, check=True)
        if decoding.draft and kind == "JPEG":
            wanted = decoding.draft if opened.orientation >= 5 else decoding.draft[::-1]  # across and down, as stored
            opened.image.draft(None, (wanted[0], wanted[1]))
        if opened.png and opened.png.depth == 16 and opened.png.colour not in (png.GREY, png.PALETTE):
            if opened.frames > 1:
                raise BadImage("an animated PNG of 16 bits cannot be stacked", name, "--frames first")
            pixels = _flattened(png.colour16(data, opened.png.colour), opened, decoding)
        elif opened.frames > 1:
            pixels = np.concatenate([_frame(opened, index, decoding) for index in range(opened.frames)], axis=2)
        else:
            opened.image.load()
            if _is_plain(opened):
                return opened.image, opened.header
            pixels = _flattened(_array(opened.image), opened, decoding)
        return finite(turn(pixels, opened.orientation), name), opened.header


def decode_tiff(data: bytes, decoding: Decoding, name: str) -> Array:
    """(H, W, C) of the first page of an 8-bit TIFF, or a grey one of 16 bits or floats; Pillow turns it upright."""
    with decoder_errors(name), _quiet():  # its decoder may warn while it decodes
        image = TiffImageFile(io.BytesIO(data))
        check_size(image.width, image.height, 1, decoding, name)
        image.load()
        opened = _Opened(image, Header(0, 0, 0, ""), 1, 1, None)
        return np.ascontiguousarray(_flattened(_array(image), opened, decoding))


def _open(file: BinaryIO, kind: str, decoding: Decoding, name: str, check: bool) -> _Opened:
    facts = png.walk(file, name, check) if kind == "PNG" else None
    file.seek(0)
    _check_canvas(file.read(30), kind, decoding, name)
    file.seek(0)
    with _quiet():
        image = _FORMATS[kind](file, name)
        check_size(image.width, image.height, 1, decoding, name)
        count = _count_frames(image, decoding)
    if kind == "PNM":
        _check_range(image, name)
    if image.mode not in _CHANNELS or (image.mode == "I" and kind != "PNM"):
        raise BadImage(f"pixels of kind {image.mode} are not supported", name, "save it as PNG or TIFF")
    frames = frames_used(count, f"an animated {kind}", decoding, name)
    check_size(image.width, image.height, frames, decoding, name)
    exif = facts.exif if facts else image.info.get("exif", b"")
    up = orientation(exif) if exif else 1
    notes = [*_notes(image, decoding)]
    if up is None:
        notes.append("broken EXIF ignored")
    elif up > 1:
        notes.append("turned upright as its EXIF says")
    if frames < count:
        notes.append(f"the first of {count} frames")
    opened = _Opened(image, _header(image, facts, frames), frames, up or 1, facts)
    if opened.orientation >= 5:
        opened = replace(opened, header=replace(opened.header, height=image.width, width=image.height))
    return replace(opened, header=replace(opened.header, notes=tuple(notes)))


def _header(image: ImageFile, facts: png.Png | None, frames: int) -> Header:
    mode, channels, dtype = image.mode, _CHANNELS[image.mode], "uint8"
    if mode.startswith("I;16") or mode == "I":
        dtype = "uint16"
    elif mode == "F":
        dtype = "float32"
    elif facts and facts.depth == 16:
        dtype, mode = "uint16", {png.RGB: "RGB;16", png.GREY_ALPHA: "LA;16", png.RGB_ALPHA: "RGBA;16"}[facts.colour]
        channels = 1 if facts.colour == png.GREY_ALPHA else 3
    if frames > 1:
        channels, mode = 3 * frames, f"{frames} × {mode}"
    return Header(image.height, image.width, channels, dtype, mode)


def _notes(image: ImageFile, decoding: Decoding) -> Iterator[str]:
    if image.mode == "1":
        yield "1 bit as 0 and 255"
    if image.mode in ("LA", "RGBA") or "transparency" in image.info:
        yield f"transparency over background {decoding.background}"
    profile = image.info.get("icc_profile", b"")
    if image.mode in ("CMYK", "YCbCr"):
        yield f"{image.mode} as RGB, no colour profile applied"
    elif profile and b"sRGB" not in profile:
        yield "ICC colour profile not applied"
    if "mp" in image.info:
        yield "the first picture of a multi-picture JPEG (MPO)"


def _count_frames(image: ImageFile, decoding: Decoding) -> int:
    if not getattr(image, "is_animated", False):
        return 1
    return int(getattr(image, "n_frames", 1))


def _is_plain(opened: _Opened) -> bool:
    """Whether the decoded image is what is wanted as it is."""
    image = opened.image
    return image.mode in ("L", "RGB") and opened.orientation == 1 and "transparency" not in image.info


def _frame(opened: _Opened, index: int, decoding: Decoding) -> Array:
    image = opened.image
    size = image.size
    with _quiet():
        image.seek(index)
    if image.size != size:  # a frame beyond the canvas would make it larger, past every check
        raise ValueError(f"frame {index + 1} is larger than the image")
    image.load()
    # Frames of one file differ in mode; all of them become colour.
    return _flattened(np.array(image.convert("RGBA")), opened, decoding)


def _array(image: Image.Image) -> Array:
    """(H, W, C) with the alpha channel, if any, last."""
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif image.mode in ("1", "CMYK", "YCbCr", "RGBX"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    pixels = as_array(image)
    if image.mode == "I":  # a PNM of 16 bits
        pixels = pixels.astype(np.uint16)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _flattened(pixels: Array, opened: _Opened, decoding: Decoding) -> Array:
    """(H, W, 1 or 3): alpha, or the colour that counts as transparent, over the background."""
    channels = pixels.shape[2]
    key = opened.image.info.get("transparency")
    if channels in (2, 4):
        return composite(pixels[..., :-1], pixels[..., -1:], decoding.background)
    if key is None or opened.image.mode == "P":
        return pixels
    scale = 255 // ((1 << opened.png.depth) - 1) if opened.png and opened.png.depth < 8 else 1
    hidden = (pixels == np.array(key) * scale).all(axis=2, keepdims=True)
    full = np.iinfo(pixels.dtype).max
    return composite(pixels, np.where(hidden, 0, full).astype(pixels.dtype), decoding.background)


def _check_canvas(start: bytes, kind: str, decoding: Decoding, name: str) -> None:
    """WebP and GIF allocate their canvas while Pillow opens them, so their size is read before."""
    if kind == "GIF":
        width, height = struct.unpack("<HH", start[6:10])
        check_size(width, height, 1, decoding, name)
    elif kind == "WebP" and start[12:16] == b"VP8X":
        width, height = (1 + int.from_bytes(start[at : at + 3], "little") for at in (24, 27))
        check_size(width, height, 1, decoding, name)


def _check_range(image: ImageFile, name: str) -> None:
    """Pillow stretches a PNM whose largest value is neither 255 nor 65,535: refused, as the pixels would not be as stored."""
    decoder, *_, args = image.tile[0]
    most = args[1] if isinstance(args, tuple) and isinstance(args[1], int) else 255
    if image.mode != "1" and (most not in (255, 65535) or (decoder == "ppm_plain" and most != 255)):
        raise BadImage(
            f"a PNM of values 0 to {most}: only those to 255 or 65535 are read", name, "save it as PNG or TIFF"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def decoder_errors(name: str) -> Iterator[None]:
    """Whatever a decoder raises on a hostile file, the user gets one line with the file's name."""
    try:
        yield
    except UserError:
        raise
    except MemoryError as error:
        raise BadImage("not enough memory to decode it", name, "cut it into tiles") from error
    except Image.DecompressionBombError as error:
        raise BadImage(f"too large: {error}", name, "cut it into tiles") from error
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise BadImage(f"damaged or cut short: {text}", name, "copy the file again, or remove it") from error
