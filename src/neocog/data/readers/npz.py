"""NumPy's .npz: images and labels as arrays, checked by their headers before anything is allocated, no pickle allowed."""

from __future__ import annotations

import io
import warnings
import zipfile
from dataclasses import replace
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from neocog.data.dataset import SPLITS, Dataset, Taken
from neocog.data.formats.decoding import Decoding
from neocog.data.formats.files import files_with
from neocog.data.formats.stored import DAMAGE, DEFLATE, Stored
from neocog.data.readers.array_labels import indexed, labels_of, stored_labels, values_of
from neocog.data.readers.arrays import array_dataset, check_array, load_images
from neocog.data.readers.folders import class_folders
from neocog.data.readers.reading import Reading
from neocog.data.readers.table import CSV_SUFFIXES
from neocog.errors import UserError, did_you_mean, listed, printable, raise_all

KEYS = (  # (part, images, names of what is known of them), in any case
    ("train", "train_images", ("train_labels", "train_targets", "train_values")),
    ("validation", "val_images", ("val_labels", "val_targets", "val_values")),
    ("test", "test_images", ("test_labels", "test_targets", "test_values")),
    ("train", "x_train", ("y_train",)),
    ("validation", "x_val", ("y_val",)),
    ("validation", "x_valid", ("y_valid",)),
    ("test", "x_test", ("y_test",)),
    ("", "images", ("labels", "label", "targets", "target", "values", "y")),
    ("", "x", ("y", "labels", "targets")),
    ("", "data", ("labels", "label", "targets", "target")),
)
LAYOUT = "an NPZ of images or volumes with labels"
MOST_MEMBERS = 1000
LONGEST_HEADER = 10_000  # bytes; NumPy's own limit
UNMIRRORED = ("mnist", "emnist", "kmnist", "digits")  # file names of letters and digits


def read_npz(path: Path, reading: Reading) -> Dataset:
    """Images (N, H, W), (N, H, W, C) or (N, C, H, W) with labels (N,), (N, 1) or one-hot (N, K). Raises UserError.

    Volumes are (N, D, H, W), or have an axis of 1, 3 or 4 channels first or last. Four axes with such an axis first or
    last are taken for images, and said to be; ``reading.kind``: "images" or "volumes" overrules that. Numbers with
    decimals, and all numbers with ``--task regression``, are values (N, V).

    Names of the arrays: ``train_images`` with ``train_labels`` (``val_…``, ``test_…``), ``x_train`` with ``y_train``,
    ``images`` with ``labels`` or ``targets``, or ``X`` with ``y``.
    """
    members = _members(path)
    pairs = _pairs(path, members)
    images, labels, problems = [], [], []
    for _, image_key, label_key in pairs:
        try:
            images.append(_open(path, members[image_key]))
            labels.append(_open(path, members[label_key]))
            check_array(labels[-1], labels[-1].shape, reading.max_pixels)
            if len(images[-1]) != len(labels[-1]):
                what = f"{len(images[-1])} images but {len(labels[-1])} labels"
                raise UserError(what, f"{images[-1].where}, {labels[-1].where}", "store one label for each image")
        except UserError as error:
            problems.append(error)
    raise_all(problems)
    stored = [stored_labels(one) for one in labels]
    values = values_of(stored, [one.where for one in labels], pairs[0][2], reading)
    none = (np.zeros(sum(map(len, labels)), np.int64), tuple[str, ...]())
    indices, classes = (
        none
        if values
        else indexed([labels_of(a, one.where, reading) for a, one in zip(stored, labels, strict=True)], path)
    )
    array, notes = load_images(images, reading.kind, reading.max_pixels)
    unused = members.keys() - {key for _, *keys in pairs for key in keys}
    if unused:
        notes = (*notes, f"arrays not used: {listed(sorted(unused))}")
    parts = [(split, len(part)) for (split, _, _), part in zip(pairs, images, strict=True)]
    mirror = path.stem.lower() not in UNMIRRORED
    data = array_dataset("NPZ arrays", path, array, parts, indices, classes, notes, mirror)
    taken = [Taken(f"array '{image}'", "images", "named so") for _, image, _ in pairs]
    if values is None:
        evidence = f"named so: {len(classes)} different"
        return replace(
            data, taken=(*taken, *(Taken(f"array '{key}'", "label", evidence, "--task") for _, _, key in pairs))
        )
    numbers, evidence = values
    target_names = (
        (pairs[0][2],) if numbers.shape[1] == 1 else tuple(f"{pairs[0][2]} {i}" for i in range(numbers.shape[1]))
    )
    taken += [Taken(f"array '{key}'", "target", evidence, "--task classification") for _, _, key in pairs]
    return replace(data, values=numbers, target_names=target_names, taken=tuple(taken))


def stored_arrays(path: Path) -> dict[str, Stored]:
    """All arrays of a file by lower-case name, none of them read yet. Raises UserError."""
    return {name: _open(path, info) for name, info in _members(path).items()}


def _members(path: Path) -> dict[str, zipfile.ZipInfo]:
    """The archive's arrays by lower-case name, none of them read. A hostile archive ends here."""
    shown = printable(str(path))
    _check_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (*DAMAGE, NotImplementedError, ValueError) as error:
        raise UserError(f"not a readable .npz ({error})", shown, "copy or download it again") from error
    size = path.stat().st_size
    packed = sum(info.compress_size for info in infos)
    if packed > size:
        raise UserError(f"its members overlap: {packed:,} packed bytes in a file of {size:,}", shown, "do not trust it")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        key = info.filename.removesuffix(".npy").lower()
        if key in members:
            raise UserError(f"two arrays are called '{printable(key)}'", shown, "keep one of them")
        members[key] = info
    return members


def _check_directory(path: Path) -> None:
    """The count of members stands at the end of a zip file; too many are refused before they are listed."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 65_557))  # the end record: 22 bytes and a comment of at most 65,535
        tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    count = int.from_bytes(tail[place + 10 : place + 12], "little") if place >= 0 else 0
    if count > MOST_MEMBERS:
        raise UserError(
            f"{count:,} members, at most {MOST_MEMBERS:,} are read", printable(str(path)), "do not trust it"
        )


def _pairs(path: Path, members: dict[str, zipfile.ZipInfo]) -> list[tuple[str, str, str]]:
    """(part, images, labels) in the order train, validation, test."""
    shown, there = printable(str(path)), listed(sorted(members)) or "nothing"
    pairs = [pair for pair in KEYS if pair[1] in members]
    if not pairs:
        near = next((text for _, key, _ in KEYS if (text := did_you_mean(key, members))), "")
        known = ", ".join(f"{images}/{labels[0]}" for _, images, labels in KEYS)
        raise UserError(f"no array of images; it has: {there}", shown, f"{near}known names: {known}")
    missing = [(images, labels[0]) for _, images, labels in pairs if not any(name in members for name in labels)]
    raise_all(
        UserError(f"{images} without {labels}; it has: {there}", shown, f"add {labels}") for images, labels in missing
    )
    splits = [split for split, _, _ in pairs]
    if len(set(splits)) < len(splits) or ("" in splits and len(splits) > 1):
        found = ", ".join(images for _, images, _ in pairs)
        raise UserError(f"it is not clear which arrays belong together: {found}", shown, "keep one naming")
    chosen = [(part, images, next(name for name in labels if name in members)) for part, images, labels in pairs]
    return sorted(chosen, key=lambda pair: SPLITS.index(pair[0]) if pair[0] else 0)


def _open(path: Path, info: zipfile.ZipInfo) -> Stored:
    """The array by its header, which must agree with the bytes that the archive holds for it."""
    where = f"{printable(str(path))}: {printable(info.filename)}"
    if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UserError("encrypted or packed in a way that NumPy does not use", where, "store it with numpy.savez")
    shape, fortran, dtype, offset = _header(path, info, where)
    if dtype.hasobject:
        raise UserError("contains Python objects: refused", where, "store plain numbers or text")
    if not shape or min(shape) < 0:
        raise UserError(f"shape {shape}: no array of samples", where, "the first axis counts the samples")
    packed = None if info.compress_type == zipfile.ZIP_STORED else info.compress_size
    stored = Stored(where, shape, dtype, lambda: _stream(path, info, offset), fortran, packed)
    most = info.compress_size if info.compress_type == zipfile.ZIP_STORED else DEFLATE * (info.compress_size + 1)
    if offset + stored.nbytes != info.file_size or info.file_size > most:
        size = " × ".join(map(str, shape))
        what = f"the header promises {size} {dtype} = {offset + stored.nbytes:,} bytes"
        held = f"the archive holds {info.file_size:,} in {info.compress_size:,} packed ones"
        raise UserError(f"{what}; {held}", where, "copy or download it again")
    return stored


def _header(path: Path, info: zipfile.ZipInfo, where: str) -> tuple[tuple[int, ...], bool, np.dtype[np.generic], int]:
    """(shape, Fortran order, dtype, length of the header in bytes)"""
    try:
        with _stream(path, info, 0) as stream:
            start = stream.read(12)
            width = {b"\1\0": 2, b"\2\0": 4}.get(start[6:8])  # version → bytes of the header's length
            if start[:6] != b"\x93NUMPY" or width is None:
                raise UserError(f"no .npy array of version 1 or 2: starts with {start[:8].hex(' ')}", where)
            length = int.from_bytes(start[8 : 8 + width], "little")
            if length > LONGEST_HEADER:
                raise UserError(f"a header of {length:,} bytes, at most {LONGEST_HEADER:,} are read", where)
            header = io.BytesIO(start + stream.read(8 + width + length - len(start)))
        header.seek(8)
        read = np.lib.format.read_array_header_1_0 if width == 2 else np.lib.format.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # headers that Python 2 wrote
            shape, fortran, dtype = read(header)
    except UserError:
        raise
    except Exception as error:  # NumPy parses the header as Python text, which can fail in many ways
        what = f"damaged header ({type(error).__name__}: {printable(str(error))[:80]})"
        raise UserError(what, where, "copy or download it again") from error
    return shape, fortran, dtype, header.tell()


def _stream(path: Path, info: zipfile.ZipInfo, offset: int) -> BufferedIOBase:
    with zipfile.ZipFile(path) as archive:  # the member stays readable after the archive is closed
        stream = archive.open(info)
    assert isinstance(stream, BufferedIOBase)
    stream.read(offset)
    return stream


def opened(path: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """An NPZ, or the only one of a folder in which nothing else is known; None for what is none by its name."""
    if reading.marks:
        return None
    if path.is_file():
        return read_npz(path, reading) if path.suffix.lower() == ".npz" else None
    found = files_with(path, ".npz")
    alone = len(found) == 1 and reading.labels != "values" and not files_with(path, *CSV_SUFFIXES)
    return read_npz(found[0], reading) if alone and not class_folders(path) else None
