"""A folder of images with counts.json, {"a.png": 3, …}: how many objects each of them shows."""

import json

import numpy as np

from neocog import UserError
from neocog.data.dataset import Dataset, Taken
from neocog.data.images import FileImages

FILE = "counts.json"


def opened(path, decoding, reading):
    """The data set of a folder with counts.json; None of anything else, which other readers may know."""
    if not (path / FILE).is_file():
        return None
    counts = json.loads((path / FILE).read_text(encoding="utf-8"))
    missing = [name for name in counts if not (path / name).is_file()]
    if missing:
        raise UserError(f"{len(missing)} images are missing", str(path / missing[0]), f"remove them from {FILE}")
    names = sorted(counts)
    return Dataset(
        kind=f"images with {FILE}",
        root=path,
        names=names,
        labels=np.zeros(len(names), np.int64),
        classes=(),
        images=FileImages(path, names, decoding),
        values=np.array([[counts[name]] for name in names], np.float32),
        target_names=("count",),
        taken=(Taken("numbers of counts.json", "target", "one for each image"),),
    )
