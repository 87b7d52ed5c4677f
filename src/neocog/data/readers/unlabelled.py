"""All images below a folder, for tasks that make their own labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neocog.data.dataset import Dataset
from neocog.data.formats.decoding import Decoding
from neocog.data.formats.files import files_with
from neocog.data.images import FileImages
from neocog.data.names import Names
from neocog.data.readers.folders import Found, class_folders
from neocog.data.readers.reading import Reading
from neocog.data.readers.table import CSV_SUFFIXES
from neocog.errors import UserError, count, printable, raise_all


def opened(path: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """All images of a folder, where no labels are wanted, or any would do and nothing in the folder says any."""
    if not path.is_dir() or reading.labels not in ("none", "any"):
        return None
    says = reading.labels == "any" and (class_folders(path) or files_with(path, *CSV_SUFFIXES, ".npz"))
    return None if says else read_unlabelled(path, decoding)


def read_unlabelled(root: Path, decoding: Decoding) -> Dataset:
    """Every image file below ``root``, without classes. Raises UserError where there is none, or a folder is closed."""
    found = Found()
    files = Names(found.images(root, ""))
    raise_all(found.problems)
    if not len(files):
        raise UserError("no images in the folder", printable(str(root)), "give a folder of image files")
    others = sum(found.others.values())
    return Dataset(
        kind="images without labels",
        root=root,
        names=files,
        labels=np.zeros(len(files), dtype=np.int64),
        classes=(),
        images=FileImages(root, files, decoding),
        notes=(f"{count(others, 'file')} that are no images left out",) if others else (),
    )
