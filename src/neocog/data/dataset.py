"""A data set as every reader gives it and every later stage takes it: names, labels, and a way to the pixels.

Letters: N samples, H × W pixels, C channels. NumPy only; torch comes later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from neocog.data.boxes import Boxes
from neocog.errors import UserError, printable

Array = NDArray[Any]
SPLITS = ("train", "validation", "test")
Form = Literal["images", "sequences", "volumes"]
_EVERY = 16  # rows and columns, of which the first is looked at before all are


class BadImage(UserError):
    """One sample whose pixels cannot be had or trusted: ``where`` is its name, ``what`` the reason, in one line."""


class Images(Protocol):
    """N images on disk or in memory, read one by one (safe to call from several threads or processes)."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> Array:
        """(H, W, C) pixels as stored: uint8, uint16 or float32; EXIF turned, palette and alpha resolved. Raises BadImage.

        A volume is (D, H, W, C).
        """

    def header(self, index: int) -> Header:
        """Size, channels and dtype without decoding the pixels where the format allows it. Raises BadImage."""

    def digest(self, index: int) -> str:
        """SHA-256 (hex) of the stored bytes: the file's, or the array's pixels. Raises BadImage."""

    def path(self, index: int) -> Path | None:
        """The file, or None for an image inside an array file."""


@dataclass(frozen=True)
class Header:
    """What can be known of an image before its pixels are decoded. ``dtype`` is that of ``read``: uint8, uint16 or float32."""

    height: int
    width: int
    channels: int
    dtype: str
    mode: str = ""  # as stored: "L", "P", "RGBA", "CMYK", "I;16", "7 × float64" …
    notes: tuple[str, ...] = ()  # "PNG named .jpg", "EXIF turned", "broken EXIF ignored" …
    depth: int = 0  # slices of a volume; 0: an image
    spacing: tuple[float, ...] = ()  # millimetres of a pixel along each side; () where the file does not say

    @property
    def size(self) -> tuple[int, ...]:
        """(H, W), of a volume (D, H, W)."""
        return (self.depth, self.height, self.width) if self.depth else (self.height, self.width)


@dataclass(frozen=True)
class Taken:
    """What a reader took a part of the data for: a column, a folder level, a part of the file names, a range of values."""

    part: str  # "column 'id'", "folder level 2", "mask values 0 and 255"
    role: str  # "group", "class", "target", "not used: counts the rows"
    evidence: str  # "named so", "whole numbers 0 … 59, each once", "every name stands under one class only"
    flag: str = ""  # what overrules it: "--columns group=id"; "" where nothing does


@dataclass(frozen=True)
class LeftOut:
    """A file or row that the reader does not use, and why. ``label``: its class where that is known, else ""."""

    name: str
    label: str
    reason: str


class Masks(Protocol):
    """A class for every pixel of N images, read one by one (safe to call from several threads)."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> Array:
        """(H, W) uint8 class numbers at the image's own size; 255: does not count. Raises BadImage."""

    def fitted(
        self,
        index: int,
        size: tuple[int, ...],
        fit: Literal["resize", "pad", "crop", "corner"],
        mask: Array | None = None,
    ) -> Array:
        """(size) uint8 class numbers as the network learns them. ``mask``: what ``read`` gave, where that is at hand."""

    def header(self, index: int) -> tuple[int, int]:
        """(H, W) without decoding the pixels where the format allows it. Raises BadImage."""

    def path(self, index: int) -> Path | None:
        """The file, or None where the mask is drawn from something else."""


@dataclass(frozen=True)
class Dataset:
    """Labelled samples. All sequences have N entries in one order; ``names`` are unique.

    What is known of a sample is one of five: a class (``labels``), numbers (``values``; then ``labels`` are zeros and
    there are no classes), a class for each pixel (``masks``; then ``labels`` are zeros and ``classes`` the masks'),
    ``boxes`` around its objects (then ``labels`` are zeros and ``classes`` the boxes'), or the image that is wanted of it
    (``pairs``; then ``labels`` are zeros and there are no classes).
    """

    kind: str  # what the path was taken for: "class folders", "CSV", "MNIST IDX" …
    root: Path | None
    names: Sequence[str]  # relative path as text, or "train-images[17]"
    labels: NDArray[np.int64]  # (N,) index into classes
    classes: tuple[str, ...]
    images: Images
    splits: NDArray[np.str_] | None = None  # (N,) one of SPLITS, or "" where the source does not say
    groups: NDArray[np.str_] | None = None  # (N,) samples of one group never stand on two sides of a split
    weights: NDArray[np.float64] | None = None  # (N,) weight of each sample's loss
    notes: tuple[str, ...] = ()  # what the reader ignored, merged or assumed
    taken: tuple[Taken, ...] = ()  # what was taken for what, by which evidence
    left_out: tuple[LeftOut, ...] = ()  # files and rows that are not used
    mirror: bool = True  # whether a mirrored image keeps its label (digits and letters do not)
    form: Form = "images"
    values: NDArray[np.float32] | None = None  # (N, V)
    target_names: tuple[str, ...] = ()  # (V,) what the values are, with their units: "angle [°]"
    masks: Masks | None = None
    boxes: Boxes | None = None
    pairs: Images | None = None
    scale: int = 1  # pixels of a wanted image for one of its input, each way
    truth: Literal["clean", "noisy", "itself"] = (
        "clean"  # what the wanted images are: a second noisy take, or the input alone
    )

    @property
    def has_classes(self) -> bool:
        """Whether each sample has one class."""
        return self.learned == "classes" and bool(self.classes)

    @property
    def learned(self) -> Literal["classes", "values", "masks", "boxes", "pairs"]:
        """What is known of each sample, and can be learned."""
        if self.boxes is not None:
            return "boxes"
        if self.pairs is not None:
            return "pairs"
        return "values" if self.values is not None else "masks" if self.masks is not None else "classes"

    def target_text(self, index: int) -> str:
        """What is known of a sample, as text: its class, its values, or how many boxes of which class; "" where nothing is."""
        if self.boxes is not None:
            return self.boxes.target_text(index, self.classes)
        if self.values is not None:
            return " ".join(f"{value:.9g}" for value in self.values[index].tolist())
        return self.classes[self.labels[index]] if self.has_classes else ""

    def __len__(self) -> int:
        return len(self.names)


@contextmanager
def reading(source: Images | Masks, index: int) -> Iterator[None]:
    """What goes wrong in the block, which may be in a thread of its own, says which sample was being read."""
    try:
        yield
    except UserError:  # which names it
        raise
    except Exception as error:
        name = str(source.path(index) or getattr(source, "names", {index: f"sample {index}"})[index])
        if isinstance(error, OSError):
            error.filename = error.filename or name
        else:
            error.add_note(f"while {printable(name)} was being read")
        raise


def not_finite(pixels: Array) -> str:
    """How many of (H, W, C) or (D, H, W, C) values are NaN or infinite, and where the first one is."""
    bad = np.argwhere(~np.isfinite(pixels))
    axes = ("slice", "row", "column")[4 - pixels.ndim :]
    where = ", ".join(f"{axis} {at}" for axis, at in zip(axes, bad[0], strict=False))
    return f"{len(bad)} values are NaN or infinite, the first at {where}"


def pixel_digest(image: Array) -> str:
    """SHA-256 (hex) of (H, W, C) or (D, H, W, C) pixels, shape and type; grey that is stored as colour counts as grey."""
    if image.shape[-1] == 3 and is_grey(image):
        image = image[..., :1]
    return array_digest(image)


def is_grey(image: Array) -> bool:
    """Whether the three channels of (…, 3) are the same; of most colour images a few pixels tell that they are not."""
    some = image[::_EVERY, ::_EVERY]
    return all((part[..., 0] == part[..., other]).all() for part in (some, image) for other in (1, 2))


def array_digest(image: Array) -> str:
    import hashlib

    digest = hashlib.sha256(repr((image.shape, image.dtype.str)).encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


@dataclass(frozen=True)
class ArrayImages:
    """Images inside one array (N, H, W, C), or volumes (N, D, H, W, C), as from IDX, CIFAR or NPZ files."""

    array: Array
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.array)

    def read(self, index: int) -> Array:
        image: Array = self.array[index]
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            raise BadImage(not_finite(image), self.names[index])
        return image

    def header(self, index: int) -> Header:
        *depth, height, width, channels = self.array.shape[1:]
        mode = f"{channels} × {self.array.dtype}"
        return Header(height, width, channels, str(self.array.dtype), mode, depth=depth[0] if depth else 0)

    def digest(self, index: int) -> str:
        return array_digest(self.array[index])

    def path(self, index: int) -> Path | None:
        return None
