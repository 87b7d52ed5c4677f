"""Arrays and lists of images that a program holds, read as those of files are."""

from __future__ import annotations

import io
import os
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from neocog.data.dataset import Array, BadImage, Header, array_digest, not_finite
from neocog.data.formats.decoding import Decoding, check_pixels
from neocog.data.formats.stored import Stored
from neocog.data.images import decode, decode_bytes
from neocog.errors import UserError

PIXELS = ("uint8", "uint16", "float32")
CHANNELS = (1, 3, 4)  # grey, RGB, RGBA: what tells a channel axis from rows and columns


@dataclass(frozen=True)
class Held(Stored):
    """An array in memory. Its blocks are views."""

    array: Array = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of(cls, array: Array, where: str) -> Held:
        """Raises UserError for what holds no numbers."""
        if array.dtype.kind not in "biuf":
            raise UserError(
                f"an array of type {array.dtype} holds no pixels", where, "give numbers, as x.astype('uint8')"
            )
        return cls(where, array.shape, array.dtype, open=_refuse, array=array)

    def blocks(self) -> Iterator[tuple[int, Array]]:
        yield 0, self.array

    def whole(self) -> Array:
        return self.array


def _refuse() -> Any:
    raise AssertionError("an array in memory has no stream")


def as_array(values: Any, where: str) -> Array:
    """NumPy's view of an array, a tensor, a series or a list; texts and numbers in objects become such. Raises UserError."""
    if hasattr(values, "detach"):  # torch's: never copied where it lies in the processor's memory
        values = values.detach().cpu()
        values = (
            values.numpy()
            if values.dtype.is_floating_point is False or values.element_size() > 2
            else values.float().numpy()
        )
    elif hasattr(values, "to_numpy"):  # pandas' and polars' series
        values = values.to_numpy()
    try:
        array = np.asarray(values)
    except ValueError:
        raise UserError("items of different shapes", where, "give one array, or a list of labels of one kind") from None
    if array.dtype.kind == "O":
        items = array.reshape(-1).tolist()
        kinds = sorted({type(item).__name__ for item in items})
        if len(kinds) != 1 or not isinstance(items[0], str | int | float | np.number):
            what = f"an array of Python objects ({', '.join(kinds[:4])})"
            raise UserError(what, where, "give numbers or text of one kind, without gaps")
        array = np.array(items).reshape(array.shape)
    if array.dtype.kind not in "biufUS":
        raise UserError(f"an array of type {array.dtype}", where, "give numbers or text")
    return array


def channels_last(array: Array, channels: Container[int], sides: int = 2) -> Array:
    """An image (H, W, C) of (C, H, W), or a batch of such, where the first of these axes is among ``channels`` and the last is not;
    all else as it is."""
    first = array.ndim - sides - 1
    if first >= 0 and array.shape[first] in channels and array.shape[-1] not in channels:
        return np.moveaxis(array, first, -1)
    return array


def pixels_of(item: Any, name: str, decoding: Decoding) -> Array:
    """(H, W, C) pixels of a PIL image, an array (H, W[, C]) or (C, H, W), a tensor ([C,] H, W), a path, or what Hugging Face's data
    sets have where they do not decode: {"bytes": …, "path": …}. Raises BadImage."""
    if isinstance(item, dict) and {*item} == {"bytes", "path"}:
        if item["bytes"] is not None:
            return decode_bytes(item["bytes"], decoding, item["path"] or name)[0]
        item = item["path"]
    if isinstance(item, str | os.PathLike):
        return decode(Path(item), decoding, f"{name}: {item}")
    if isinstance(item, Image.Image):
        return of_pillow(item, name, decoding)
    if hasattr(item, "detach") and item.ndim == 3 and item.shape[0] in CHANNELS:
        item = item.movedim(0, -1)
    try:
        array = as_array(item, name)
    except UserError as error:
        raise BadImage(error.what, name, error.fix) from None
    array = array[..., None] if array.ndim == 2 else channels_last(array, CHANNELS)
    if array.ndim != 3 or 0 in array.shape:
        raise BadImage(f"shape {array.shape} is no image", name, "give (H, W) or (H, W, C)")
    check_pixels(array.shape[0] * array.shape[1], f"{array.shape[0]} × {array.shape[1]}", decoding.max_pixels, name)
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    array = array.astype(np.float32) if array.dtype == np.float64 else array
    array = narrowest(array) if array.dtype.kind in "iu" else array
    if str(array.dtype) not in PIXELS:
        raise BadImage(f"pixels of type {array.dtype}", name, "give uint8, uint16 or float32")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise BadImage(not_finite(array), name, "correct them")
    return array


def narrowest(array: Array) -> Array:
    """Integers as uint8 or uint16, where these hold all of them: lists of numbers are 64 bits wide in NumPy."""
    fitting = (kind for kind in (np.uint8, np.uint16) if array.min() >= 0 and array.max() <= np.iinfo(kind).max)
    return array if str(array.dtype) in PIXELS else array.astype(next(fitting, array.dtype))


def of_pillow(image: Image.Image, name: str, decoding: Decoding) -> Array:
    """(H, W, C) pixels of a Pillow image as its file would be read: turned as its EXIF says, palette and alpha resolved.

    Raises BadImage.
    """
    written = io.BytesIO()
    try:
        ImageOps.exif_transpose(image).save(written, "PNG", compress_level=0)
    except OSError:
        wide = image.mode.startswith(("I", "F"))  # converted, their values would be cut off at 255
        fix = "give numpy.asarray(image)" if wide else 'give image.convert("RGB")'
        raise BadImage(f"a Pillow image of mode {image.mode}", name, fix) from None
    return decode_bytes(written.getvalue(), decoding, f"{name}.png")[0]


@dataclass(frozen=True)
class ImageList:
    """Images of any sizes in a sequence: each is looked at when it is read. What is known of one is kept, its pixels are not."""

    items: Sequence[Any]
    names: Sequence[str]
    decoding: Decoding
    known: dict[int, tuple[Header, str]] = field(default_factory=dict)  # by position: header and digest

    def __len__(self) -> int:
        return len(self.items)

    def read(self, index: int) -> Array:
        image = pixels_of(self.items[index], self.names[index], self.decoding)
        if index not in self.known:
            height, width, channels = image.shape
            header = Header(height, width, channels, str(image.dtype), f"{channels} × {image.dtype}")
            self.known[index] = header, array_digest(image)
        return image

    def header(self, index: int) -> Header:
        return self._known(index)[0]

    def digest(self, index: int) -> str:
        return self._known(index)[1]

    def _known(self, index: int) -> tuple[Header, str]:
        if index not in self.known:
            self.read(index)
        return self.known[index]

    def path(self, index: int) -> Path | None:
        return None
