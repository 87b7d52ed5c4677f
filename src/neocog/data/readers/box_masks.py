"""Boxes of what masks show (``--boxes-from masks``): around each single object, or each piece of a class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from neocog.data.boxes import Boxes
from neocog.data.dataset import Array, Dataset, Taken
from neocog.data.formats.decoding import Decoding
from neocog.data.masks import IGNORED, in_threads
from neocog.data.objects import ObjectMasks
from neocog.data.readers.mask_dataset import open_masks
from neocog.data.readers.reading import Reading
from neocog.errors import UserError, count, listed, printable
from neocog.traits import task_of

BACKGROUND = ("background", "bg", "void", "")
NEIGHBOURS = np.ones((3, 3), bool)
Found = tuple[list[tuple[float, float, float, float]], list[int], tuple[int, int]]


def boxes_of_masks(path: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """The images of a path that has masks, with boxes in their place. Raises UserError where the background is not known."""
    data = open_masks(path, decoding, replace(reading, task=task_of("masks")), boxed=True)
    if data is None or data.masks is None:
        return None
    objects = isinstance(data.masks, ObjectMasks)
    first = 1 if objects or _plain(data.classes[0]) in BACKGROUND else 0
    classes = ("object",) if objects else data.classes[first:]
    if not first:
        what = f"which of the masks' values is the background? They are {listed(data.classes)}"
        raise UserError(what, printable(str(path)), "--background VALUE, or --instances where values number objects")
    masks = data.masks

    def one(index: int) -> Found:
        return _of_objects(masks.objects(index)) if isinstance(masks, ObjectMasks) else _of_classes(masks.read(index))

    found = list(in_threads(one, len(data)))
    counts = np.cumsum([0, *(len(labels) for _, labels, _ in found)])
    boxes = Boxes(
        counts.astype(np.int64),
        np.array([four for corners, _, _ in found for four in corners], np.float64).reshape(-1, 4),
        np.array([label for _, labels, _ in found for label in labels], np.int64),
        np.zeros(int(counts[-1]), np.bool_),
        np.array([size for *_, size in found], np.int64).reshape(-1, 2),
    )
    what = "a box around each object" if objects else "a box around each piece: what touches is one"
    kind = Taken("masks", "objects to find", f"{count(boxes.labels, 'box')}; {what}", "" if objects else "--instances")
    return replace(data, classes=tuple(classes), masks=None, boxes=boxes, taken=(*data.taken, kind))


def _plain(name: str) -> str:
    return name.strip("_ ").lower()


def _of_objects(objects: Array) -> Found:
    """Of (H, W) numbered objects."""
    places = [place for place in ndimage.find_objects(np.maximum(objects, 0)) if place is not None]
    return [_edges(place) for place in places], [0] * len(places), (objects.shape[0], objects.shape[1])


def _of_classes(mask: Array) -> Found:
    """Of (H, W) classes, of which 0 is the background and 255 counts for nothing."""
    corners, labels = list[tuple[float, float, float, float]](), list[int]()
    for label in np.unique(mask[(mask > 0) & (mask != IGNORED)]).tolist():
        pieces, _ = ndimage.label(mask == label, NEIGHBOURS)
        own = [_edges(place) for place in ndimage.find_objects(pieces)]
        corners, labels = corners + own, labels + [label - 1] * len(own)
    return corners, labels, (mask.shape[0], mask.shape[1])


def _edges(place: tuple[slice, ...]) -> tuple[float, float, float, float]:
    rows, columns = place
    return float(columns.start), float(rows.start), float(columns.stop), float(rows.stop)
