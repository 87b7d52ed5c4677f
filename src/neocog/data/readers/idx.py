"""MNIST's IDX files (LeCun, Cortes & Burges 1998), plain or gzipped: train-images-idx3-ubyte, train-labels-idx1-ubyte …

Header, big-endian: two zero bytes, a type code, the number of axes, then one 32-bit length an axis.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from neocog.data.dataset import Dataset
from neocog.data.formats.decoding import DEFAULT, Decoding
from neocog.data.formats.stored import DAMAGE, DEFLATE, Stored
from neocog.data.readers.arrays import array_dataset, check_array, load_images
from neocog.data.readers.classes import index_classes
from neocog.data.readers.reading import Reading
from neocog.errors import UserError, count, raise_all

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
IMAGES = re.compile(r"(?P<start>.*)images(?P<end>[-._]idx\d(-ubyte)?)(\.gz)?", re.IGNORECASE)
BELOW = ("raw", "MNIST/raw", "FashionMNIST/raw")
LAYOUT = "MNIST IDX files"
FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def find_idx(path: Path) -> list[Path]:
    """The image files of a folder (a plain file before its .gz twin), training part first; or the one file given."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    found: dict[str, Path] = {}
    for file in files:
        if IMAGES.fullmatch(file.name) and file.is_file():
            found.setdefault(file.name.removesuffix(".gz"), file)
    order = {"train": 0, "validation": 1, "test": 2, "": 3}
    return sorted(found.values(), key=lambda file: (order[_split(file)], file.name))


def read_idx(path: Path, most: int = DEFAULT.max_pixels) -> Dataset:
    """A folder with image and label files in pairs, or one image file with the labels beside it. Raises UserError.

    ``most``: --max-pixels.
    """
    files = find_idx(path)
    splits = [_split(file) for file in files]
    if len(set(splits)) < len(splits):
        names = ", ".join(file.name for file in files)
        raise UserError("several IDX image files of one part", f"{path}: {names}", "name one of the files")
    images, labels, problems = [], [], []
    for file in files:
        try:
            images.append(open_idx(file))
            labels.append(open_idx(_labels_of(file)))
            _check_pair(images[-1], labels[-1])
            check_array(labels[-1], labels[-1].shape, most)
        except UserError as error:
            problems.append(error)
    raise_all(problems)
    indices, classes = index_classes(np.concatenate([part.whole() for part in labels]))
    array, notes = load_images(images, most=most)
    # Fashion-MNIST has MNIST's file names; its folder tells. A mirrored shirt is a shirt, a mirrored 3 is none.
    folder = files[0].resolve().parent
    fashion = "fashion" in (folder.parent if folder.name == "raw" else folder).name.lower()
    if fashion and classes == tuple("0123456789"):
        classes = FASHION
    return array_dataset(
        kind="MNIST IDX files",
        root=files[0].parent,
        array=array,
        parts=[(split, len(part)) for split, part in zip(splits, images, strict=True)],
        labels=indices,
        classes=classes,
        notes=[*notes, *_missing_parts(splits)],
        mirror=fashion or array.shape[1:] != (28, 28, 1),
    )


def open_idx(file: Path) -> Stored:
    """The array of one file by its header; sizes are compared before anything is allocated. Raises UserError."""
    with _stream(file) as stream:
        try:
            start = stream.read(4)
            zero, code, ndim = int.from_bytes(start[:2], "big"), *(start[2:4].ljust(2, b"\0"))
            if len(start) < 4 or zero or code not in TYPES or not ndim:
                seen = f"the file starts with {start.hex(' ')}" if start else "the file is empty"
                raise UserError(f"not an IDX file: {seen}, not 00 00 08", str(file), "copy or download it again")
            lengths = stream.read(4 * ndim)
        except DAMAGE as error:
            raise UserError(f"damaged or unreadable ({error})", str(file), "copy or download it again") from error
    if len(lengths) < 4 * ndim:
        raise UserError(f"IDX header of {4 + 4 * ndim} bytes expected, {4 + len(lengths)} there", str(file))
    shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
    packed = file.stat().st_size if _gzipped(file) else None
    stored = Stored(str(file), shape, np.dtype(TYPES[code]), lambda: _payload(file, 4 + 4 * ndim), packed=packed)
    _check_size(file, stored, 4 + 4 * ndim)
    return stored


def _check_size(file: Path, stored: Stored, header: int) -> None:
    size, expected = file.stat().st_size, header + stored.nbytes
    shape = " × ".join(map(str, stored.shape))
    if _gzipped(file):
        if expected > DEFLATE * size:
            what = f"the header promises {shape} = {expected:,} bytes; {size:,} gzipped bytes cannot hold them"
            raise UserError(what, str(file), "copy or download it again")
    elif size != expected:
        what = f"the header promises {shape} = {expected:,} bytes; the file has {size:,}"
        raise UserError(what, str(file), "copy or download it again")


def _check_pair(images: Stored, labels: Stored) -> None:
    if len(images.shape) < 3:
        raise UserError(f"{len(images.shape)} axes; images have at least 3 (N, H, W)", images.where)
    if len(labels.shape) != 1 or labels.dtype.kind == "f":
        raise UserError(f"labels of shape {labels.shape} and type {labels.dtype}; (N,) integers needed", labels.where)
    if len(images) != len(labels):
        what = f"{count(images, 'image')} but {count(labels, 'label')}"
        raise UserError(what, f"{images.where}, {labels.where}", "give the two files that belong together")


def _split(file: Path) -> str:
    start = file.name.lower()
    if "train" in start:
        return "train"
    if "t10k" in start or "test" in start:
        return "test"
    return "validation" if "val" in start else ""


def _missing_parts(splits: Sequence[str]) -> list[str]:
    return [f"only the {splits[0]} part is there"] if len(splits) == 1 and splits[0] else []


def _labels_of(file: Path) -> Path:
    match = IMAGES.fullmatch(file.name)
    assert match
    name = match["start"] + ("LABELS" if "IMAGES" in file.name else "labels")
    name += re.sub(r"(?i)(idx)\d", r"\g<1>1", match["end"])
    for beside in (file.with_name(name), file.with_name(f"{name}.gz")):
        if beside.is_file():
            return beside
    raise UserError(f"no labels: {name} is not beside it", str(file), f"put {name} or {name}.gz there")


def _gzipped(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _stream(file: Path) -> BufferedIOBase:
    try:
        return gzip.open(file) if _gzipped(file) else file.open("rb")
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", str(file)) from error


def _payload(file: Path, offset: int) -> BufferedIOBase:
    stream = _stream(file)
    stream.read(offset)
    return stream


def opened(path: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """MNIST's files in a folder, or where other programs put them below it; None where there are none."""
    found = next((place for place in reading.places(path, BELOW) if find_idx(place)), None)
    return read_idx(found, reading.max_pixels) if found else None
