"""All images below a folder, for tasks that make their own labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neocog.data.dataset import Dataset
from neocog.data.formats.decoding import Decoding
from neocog.data.images import FileImages
from neocog.data.names import Names
from neocog.data.readers.folders import Found
from neocog.errors import UserError, printable, raise_all


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
        notes=(f"{others} files that are no images left out",) if others else (),
    )
