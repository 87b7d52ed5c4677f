"""What Pillow leaves out of PNG: every checksum, EXIF behind the pixels, and the lower half of 16-bit colour."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL.PngImagePlugin import PngImageFile

from neocog.data.dataset import Array, BadImage
from neocog.errors import printable

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # colour types


@dataclass(frozen=True)
class Png:
    """The facts of a PNG file: bits per channel, colour type, EXIF block."""

    depth: int
    colour: int
    exif: bytes = b""


def walk(file: BinaryIO, name: str, check: bool) -> Png:
    """Read a PNG's chunks up to its end marker; with ``check`` also their CRC-32, which finds any single flipped bit.

    Raises BadImage where the file is cut short or damaged. ``file`` starts with the PNG signature.
    """
    facts, seen_pixels, exif = None, False, b""
    file.seek(8)
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise BadImage("cut short: a PNG without its end", name, "copy the file again")
        length, kind = struct.unpack(">I4s", head)
        wanted = check or kind in (b"IHDR", b"eXIf", b"acTL")
        body = file.read(length + 4) if wanted else b""
        if not wanted:
            file.seek(length + 4, io.SEEK_CUR)
        elif len(body) < length + 4 or zlib.crc32(body[:-4], zlib.crc32(kind)) != int.from_bytes(body[-4:]):
            text = printable(kind.decode("latin-1"))
            raise BadImage(f"damaged or cut short: checksum of PNG chunk {text}", name, "copy the file again")
        if kind == b"IHDR":
            facts = body[8:10]
        elif kind == b"eXIf":
            exif = body[:-4]
        elif kind == b"acTL" and (seen_pixels or not 0 < int.from_bytes(body[:4]) < 1 << 31):
            raise BadImage("damaged: its animation header is invalid", name, "save the image again")
        elif kind == b"IDAT":
            seen_pixels = True
        elif kind == b"IEND":
            break
    if facts is None or len(facts) < 2:
        raise BadImage("damaged: a PNG without a header", name, "copy the file again")
    return Png(facts[0], facts[1], exif)


def colour16(data: bytes, colour: int) -> Array:
    """(H, W, C) uint16 of a 16-bit colour or grey-alpha PNG, of which Pillow itself keeps the high bytes only.

    The samples lie as high byte, low byte. Pillow's unpackers "…;16B" keep a pair's first byte and "…;16L" its second,
    so two passes give both; a grey-alpha pixel is four bytes, as an 8-bit RGBA pixel is.
    """
    if colour == GREY_ALPHA:
        pairs = _unpacked(data, "RGBA").astype(np.uint16)  # (H, W, 4): high, low, high, low
        return pairs[..., 0::2] << 8 | pairs[..., 1::2]
    mode = "RGB" if colour == RGB else "RGBA"
    return _unpacked(data, f"{mode};16B").astype(np.uint16) << 8 | _unpacked(data, f"{mode};16L")


def _unpacked(data: bytes, unpacker: str) -> Array:
    image = PngImageFile(io.BytesIO(data))
    image.tile = [tile._replace(args=unpacker) for tile in image.tile]
    return np.asarray(image)
