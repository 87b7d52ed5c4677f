"""Whether a path is opened for its masks: where they are asked for, and where it has some and nothing is asked for."""

from __future__ import annotations

from pathlib import Path

from neocog.data.dataset import Dataset, Taken
from neocog.data.formats.decoding import Decoding
from neocog.data.readers.mask_dataset import open_masks
from neocog.data.readers.photographs import photographs_beside
from neocog.data.readers.reading import Reading
from neocog.traits import task_of

LAYOUT = "images with masks (images/ masks/)"
MASK_LAYOUTS = (
    "images/ with masks/, labels/ or annotations/ of equal names; x_mask.png beside x.png; train/ with trainannot/; "
    "Pascal VOC; nnU-Net; a CSV with the columns image and mask; labelme JSON beside images"
)


def opened(path: Path, decoding: Decoding, reading: Reading) -> Dataset | Taken | None:
    """Images with masks. Photographs called x_mask.jpg, of which one cannot know by their names, are none."""
    if reading.labels not in ("auto", "masks") or reading.kind == "volumes":
        return None
    if path.is_dir() and reading.labels == "auto" and (count := photographs_beside(path, decoding)):
        evidence = f"{count:,} files with many colours, hardly two neighbours alike: photographs, no masks"
        return Taken("_mask in file names", "not used", evidence, f"--task {task_of('masks')}")
    return open_masks(path, decoding, reading)
