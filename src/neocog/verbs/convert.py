"""``convert labelme``: labelme's shapes as mask files, with one class map for all, ready for training by any program."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from neocog.data.dataset import Array, Dataset
from neocog.data.formats.decoding import DEFAULT
from neocog.data.masks import IGNORED
from neocog.data.readers.labelme_dataset import LabelmeImages, OnBad, open_labelme
from neocog.errors import UserError, printable
from neocog.progress import Progress
from neocog.run import write_atomically
from neocog.tasks.masks import index_png, png
from neocog.tasks.segmentation.report import grey_levels, overlay
from neocog.verbs.outputs import insist_on_new


@dataclass(frozen=True)
class Converted:
    """What was written: masks, the classes, and how many pixels do not count."""

    out: Path
    masks: int
    classes: tuple[str, ...]
    ignored: int


def labelme(folder: Path, out: Path, *, on_bad: OnBad = "stop", quiet: bool = False) -> Converted:
    """Write the new folder ``out``: images/ (copies), masks/ (PNG, pixel value = class number, palette of colours),
    overlays/, classes.txt (one a line, in the order of their numbers) and classes.json ({name: number}).

    ``__ignore__`` becomes 255. ``on_bad``: whether shapes that cannot be drawn stop everything or are left out. Raises
    UserError with all faults, before anything is written.
    """
    insist_on_new(out)
    if not folder.is_dir():
        raise UserError("no such folder", printable(str(folder)), "give the folder of the labelme files")
    data, progress = open_labelme(folder, DEFAULT, on_bad), Progress(quiet)
    if data is None or data.masks is None:
        raise UserError("no labelme files with shapes", printable(str(folder)), "give the folder of their JSON files")
    for note in data.notes:
        progress.say(f"note: {note}")
    out.mkdir(parents=True)
    ignored = 0
    with progress.bar("drawing", len(data)) as advance:
        for index in range(len(data)):
            ignored += _write(data, index, out)
            advance(1)
    write_atomically(out / "classes.txt", "".join(f"{name}\n" for name in data.classes))
    numbers = {name: i for i, name in enumerate(data.classes)}
    write_atomically(out / "classes.json", json.dumps(numbers, ensure_ascii=False, indent=2) + "\n")
    return Converted(out, len(data), data.classes, ignored)


def _write(data: Dataset, index: int, out: Path) -> int:
    """One image with its mask and overlay; the count of pixels that do not count."""
    assert data.masks is not None and isinstance(data.images, LabelmeImages)
    mask, pixels = data.masks.read(index), data.images.read(index)
    name = PurePosixPath(data.names[index])
    if not data.images.images[index]:  # an embedded image: its bytes, as PNG
        name = name.with_suffix(".png")
        contents = png(Image.fromarray(as_picture(pixels)))
    else:
        contents = data.images.stored(index)
    files = {
        out / "images" / name: contents,
        out / "masks" / name.with_suffix(".png"): index_png(mask, len(data.classes)),
        out / "overlays" / name.with_suffix(".png"): png(
            Image.fromarray(overlay(as_picture(pixels), mask, len(data.classes)))
        ),
    }
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    return int((mask == IGNORED).sum())


def as_picture(pixels: Array) -> Array:
    """(H, W, C) as read → (H, W, 3) uint8 to look at: 8-bit as they are, deeper ones from their lowest to their highest."""
    low, high = (0.0, 255.0) if pixels.dtype == np.uint8 else (float(pixels.min()), float(pixels.max()))
    return grey_levels(pixels.transpose(2, 0, 1), low, high)
