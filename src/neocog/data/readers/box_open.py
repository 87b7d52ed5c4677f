"""Whether a path is opened for its boxes: where they are asked for, and where nothing else could be meant."""

from __future__ import annotations

from pathlib import Path

from neocog.data.dataset import Dataset
from neocog.data.formats.decoding import Decoding
from neocog.data.formats.files import files_with
from neocog.data.readers.box_dataset import open_boxes
from neocog.data.readers.box_table import holds_boxes
from neocog.data.readers.folders import is_image, subfolders
from neocog.data.readers.foreign import has_boxes
from neocog.data.readers.levels import SPLIT_NAMES
from neocog.data.readers.reading import Reading, ambiguous
from neocog.data.readers.table import CSV_SUFFIXES
from neocog.errors import printable
from neocog.traits import task_of

LAYOUT = "images with boxes (VOC, COCO, YOLO and others)"
BOX_LAYOUTS = (
    "boxes of Pascal VOC (XML), COCO (JSON), YOLO (text), labelme (JSON), CVAT (XML), Label Studio (JSON), a CSV with the columns "
    "image, label, x0, y0, x1, y1, or with --boxes-from masks images with masks"
)
TOOLS = frozenset(["images", "labels", "annotations", "imagesets", "jpegimages", *SPLIT_NAMES])  # folders of no class


def opened(path: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """The images with boxes of a path that has them, where they are wanted, or nothing is said. Raises UserError."""
    if reading.labels == "boxes":
        return open_boxes(path, decoding, reading)
    if reading.labels != "auto" or reading.targets or reading.columns:
        return None
    if path.is_file():
        suffix = path.suffix.lower()
        table = suffix in CSV_SUFFIXES and holds_boxes(path)
        return open_boxes(path, decoding, reading) if table or suffix in (".json", ".xml") else None
    tables = files_with(path, *CSV_SUFFIXES)
    if len(tables) == 1 and holds_boxes(tables[0]):
        return open_boxes(tables[0], decoding, reading)
    found = has_boxes(path)
    if not found:
        return None
    folders = [name for name in subfolders(path) if name.lower() not in TOOLS and _has_images(path / name)]
    if len(folders) > 1:
        classes = (
            f"{len(folders)} classes, the folders {', '.join(map(printable, folders[:3]))}",
            "--task classification",
        )
        where = f"{printable(str(path))}: {found}"
        raise ambiguous("images in folders, with boxes,", where, classes, ("their boxes", f"--task {task_of('boxes')}"))
    return open_boxes(path, decoding, reading)


def _has_images(folder: Path) -> bool:
    return any(is_image(file.name) for file in folder.iterdir())
