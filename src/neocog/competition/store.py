"""Samples written as files that neocog reads: an NPZ of arrays, a table with image files, or a table of sequences."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import ArrayImages, Dataset
from neocog.data.formats.lossless import encoded
from neocog.data.nucleotides import text as letters
from neocog.errors import UserError

ARRAYS, TABLE = "data.npz", "data.csv"
LABEL, HIDDEN = "label", "hidden"  # the column of classes, and the one class of samples whose own is not told
PICTURES = (1, 3, 4)  # channels of arrays that are read as they were written


@dataclass(frozen=True)
class Part:
    """Samples at ``positions`` (n,) with what is known of each, as they are to be written: in this order, under numbers.

    ``known``: columns of n cells, {"label": […]}.
    """

    dataset: Dataset
    positions: NDArray[np.int64]
    known: Mapping[str, Sequence[str]]
    groups: bool  # whether groups and weights are written, too


def store(part: Part, folder: Path) -> Path:
    """Write the samples into ``folder``; the path that ``train`` reads. Raises UserError for samples that cannot be stored."""
    data = part.dataset
    folder.mkdir(parents=True, exist_ok=True)
    if data.form == "sequences":
        return _sequences(part, folder)
    plain = data.groups is None and data.weights is None and list(part.known) == [LABEL]
    if isinstance(data.images, ArrayImages) and plain and data.images.array.shape[-1] in PICTURES:
        path = folder / ARRAYS
        with path.open("wb") as file:
            np.savez_compressed(file, images=data.images.array[part.positions], labels=np.array(part.known[LABEL]))
        return path
    return _files(part, folder)


def blind(dataset: Dataset, positions: NDArray[np.int64]) -> Part:
    """The samples without what is known of them."""
    return Part(dataset, positions, {LABEL: [HIDDEN] * len(positions)}, groups=False)


def stored(folder: Path) -> Path:
    """What ``store`` wrote into the folder, as ``train`` reads it."""
    return folder / (ARRAYS if (folder / ARRAYS).is_file() else TABLE)


def _sequences(part: Part, folder: Path) -> Path:
    images = part.dataset.images
    return _table(part, folder, "sequence", [letters(images.read(i)[0, :, 0]) for i in part.positions.tolist()])


def _files(part: Part, folder: Path) -> Path:
    (folder / "images").mkdir()
    names = []
    for number, index in enumerate(part.positions.tolist(), 1):
        suffix, content = _file(part.dataset, index)
        names.append(f"images/{number:06d}{suffix}")
        (folder / names[-1]).write_bytes(content)
    return _table(part, folder, "image", names)


def _file(data: Dataset, index: int) -> tuple[str, bytes]:
    """A sample's own file as it is stored, or its pixels without loss."""
    path = data.images.path(index)
    if path is not None:
        suffix = ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix.lower()
        return suffix, path.read_bytes()
    if data.form == "volumes":
        raise UserError(
            "volumes in an array with groups, weights or values cannot be written yet",
            str(data.root or ""),
            "give files",
        )
    return encoded(data.images.read(index).transpose(2, 0, 1))


def _table(part: Part, folder: Path, column: str, cells: Sequence[str]) -> Path:
    data, columns = part.dataset, {column: cells, **part.known}
    if part.groups and data.groups is not None:
        columns["group"] = data.groups[part.positions].tolist()
    if part.groups and data.weights is not None:
        columns["weight"] = [f"{weight:.17g}" for weight in data.weights[part.positions].tolist()]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([list(columns), *zip(*columns.values(), strict=True)])
    path = folder / TABLE
    path.write_text(text.getvalue(), encoding="utf-8")
    return path
