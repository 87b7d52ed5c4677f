"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009): the binary version (.bin) and the pickled "python version".

A binary record is one label byte (CIFAR-100: coarse, then fine) and 3072 bytes: 32 × 32 red, green, then blue. The
python version holds the same rows as arrays ``data`` (N, 3072) with ``labels`` or ``fine_labels``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neocog.data.dataset import Array, Dataset
from neocog.data.formats.decoding import DEFAULT, Decoding, check_pixels
from neocog.data.formats.pickled import read_pickle
from neocog.data.formats.stored import allocate
from neocog.data.readers.arrays import array_dataset
from neocog.data.readers.reading import Reading
from neocog.errors import UserError, count, raise_all

BELOW = ("cifar-10-batches-bin", "cifar-10-batches-py", "cifar-100-binary", "cifar-100-python")
LAYOUT = "CIFAR-10/100 files"
PIXELS = 3 * 32 * 32
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class Layout:
    """How one of the four published folders is laid out."""

    kind: str
    files: dict[str, tuple[str, ...]]  # split → files in order
    names: tuple[str, ...]  # files that may hold the class names
    classes: int
    label_bytes: int = 0  # of a binary record; 0: pickled


def _ten(suffix: str) -> dict[str, tuple[str, ...]]:
    return {"train": tuple(f"data_batch_{i}{suffix}" for i in range(1, 6)), "test": (f"test_batch{suffix}",)}


LAYOUTS = (
    Layout("CIFAR-10 binary files", _ten(".bin"), ("batches.meta.txt", "batches.meta"), 10, label_bytes=1),
    Layout("CIFAR-10 python files", _ten(""), ("batches.meta", "batches.meta.txt"), 10),
    Layout(
        "CIFAR-100 binary files",
        {"train": ("train.bin",), "test": ("test.bin",)},
        ("fine_label_names.txt", "meta"),
        100,
        label_bytes=2,
    ),
    Layout("CIFAR-100 python files", {"train": ("train",), "test": ("test",)}, ("meta", "fine_label_names.txt"), 100),
)


def find_cifar(folder: Path) -> Layout | None:
    """The layout whose files the folder has, if any."""
    for layout in LAYOUTS:
        if any((folder / name).is_file() for names in layout.files.values() for name in names):
            return layout
    return None


def read_cifar(folder: Path, most: int = DEFAULT.max_pixels) -> Dataset:
    """A folder with CIFAR's own files, as its archive unpacks. CIFAR-100: the fine labels. Raises UserError."""
    check_pixels(32 * 32, "32 × 32", most, str(folder))
    layout = find_cifar(folder)
    if layout is None:
        raise UserError("no CIFAR files", str(folder))
    files = [(split, folder / name) for split, names in layout.files.items() for name in names]
    missing = [file.name for _, file in files if not file.is_file()]
    files = [(split, file) for split, file in files if file.is_file()]
    batches, problems = [], []
    for _, file in files:
        try:
            batches.append(_binary(file, layout) if layout.label_bytes else _pickled(file, layout))
        except UserError as error:
            problems.append(error)
    raise_all(problems)
    counts = [len(labels) for _, labels in batches]
    array = allocate((sum(counts), 32, 32, 3), np.dtype(np.uint8), str(folder))
    start = 0
    for pixels, labels in batches:
        for channel in range(3):  # plane by plane: faster than one transposed copy
            plane = pixels.reshape(-1, 3, 32, 32)[:, channel]
            array[start : start + len(labels), ..., channel] = plane
        start += len(labels)
    all_labels = np.concatenate([labels for _, labels in batches]).astype(np.int64)
    classes, notes = _classes(folder, layout)
    parts = {split: sum(n for (s, _), n in zip(files, counts, strict=True) if s == split) for split, _ in files}
    if missing:
        notes = (*notes, f"not there: {', '.join(missing)}")
    return array_dataset(layout.kind, folder, array, list(parts.items()), all_labels, classes, notes)


def _binary(file: Path, layout: Layout) -> tuple[Array, Array]:
    """(N, 3072) pixels and (N,) labels; the pixels are a view of the file."""
    record, size = layout.label_bytes + PIXELS, file.stat().st_size
    if not size or size % record:
        what = f"{size:,} bytes are not a whole number of {record}-byte records (record {size // record} is cut)"
        raise UserError(what, str(file), "copy or download the file again")
    records = np.memmap(file, np.uint8, "r").reshape(-1, record)
    return records[:, layout.label_bytes :], _checked(records[:, layout.label_bytes - 1], file, layout)


def _pickled(file: Path, layout: Layout) -> tuple[Array, Array]:
    batch = _dictionary(file)
    key = "labels" if layout.classes == 10 else "fine_labels"
    if not {"data", key} <= batch.keys():
        raise UserError(f"no 'data' and '{key}' in it; it has {', '.join(sorted(batch))}", str(file))
    pixels, labels = batch["data"], batch[key]
    if isinstance(labels, list) and all(isinstance(label, int) for label in labels):
        labels = np.array(labels)
    if not isinstance(labels, np.ndarray):
        raise UserError(f"'{key}' is not a list of whole numbers", str(file), "download it again")
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != (PIXELS,):
        raise UserError(f"'data' is not an (N, {PIXELS}) array of uint8", str(file), "download it again")
    if labels.dtype.kind not in "iu" or labels.shape != (len(pixels),):
        raise UserError(f"{count(pixels, 'image')} but {key} of shape {labels.shape}, type {labels.dtype}", str(file))
    return pixels, _checked(labels, file, layout)


def _checked(labels: Array, file: Path, layout: Layout) -> Array:
    bad = np.flatnonzero((labels < 0) | (labels >= layout.classes))
    if len(bad):
        what = f"record {bad[0]} has label {labels[bad[0]]}; labels go from 0 to {layout.classes - 1}"
        raise UserError(f"{what} ({len(bad)} such records)", str(file), "download it again")
    return labels


def _classes(folder: Path, layout: Layout) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names from the folder's own list, else CIFAR-10's well-known ten, else numbers; and a note."""
    for file in (folder / name for name in layout.names):
        for names in _listed(file):
            if len(names) != layout.classes or len(set(names)) != layout.classes:
                raise UserError(f"{len(set(names))} class names, {layout.classes} needed", str(file))
            return tuple(names), ()
    if layout.classes == 10:
        return CLASSES, (f"no {layout.names[0]}: the ten well-known class names are used",)
    return tuple(map(str, range(layout.classes))), (f"no {layout.names[0]}: the classes are numbers",)


def _listed(file: Path) -> Iterator[list[str]]:
    if not file.is_file():
        return
    if file.suffix == ".txt":
        yield file.read_text(encoding="ascii", errors="replace").split()
    else:
        content = _dictionary(file)
        names = content.get("fine_label_names", content.get("label_names"))
        yield [_text(name) for name in names] if isinstance(names, list) else []


def _dictionary(file: Path) -> dict[str, Any]:
    content = read_pickle(file.read_bytes(), str(file))
    if not isinstance(content, dict):
        raise UserError(f"a pickled {type(content).__name__}; CIFAR's files hold a dict", str(file))
    return {_text(key): value for key, value in content.items()}


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def opened(path: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """CIFAR's files in a folder, or where their archive puts them below it; None where there are none."""
    found = next((place for place in reading.places(path, BELOW) if find_cifar(place)), None)
    return read_cifar(found, reading.max_pixels) if found else None
