"""labelme's JSON files as boxes: rectangles, and the smallest box around other shapes where that is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from neocog.data.dataset import BadImage
from neocog.data.formats.labelme import IGNORE, Shape, read_annotation
from neocog.data.readers.box_marks import EVERYWHERE, OTHER_SHAPES, Corners, Drawn, From, Marked, Marks, hull
from neocog.data.readers.labelme_dataset import image_of
from neocog.errors import UserError


def read_labelme(root: Path, files: Sequence[str], boxes_from: From) -> Marks:
    """``files``: JSON below ``root``. What is labelled ``__ignore__`` counts neither way, whatever is found there."""
    marks = Marks("labelme files")
    for name in files:
        try:
            found = read_annotation(root / name, name)
            image, note = image_of(root, found)
        except BadImage as error:
            marks.faults.append(UserError(error.what, error.where, error.fix))
            continue
        if not image:
            what = "the image is inside the JSON, where boxes are not read from"
            marks.faults.append(UserError(what, name, "put the image file beside it"))
            continue
        marks.notes += [note] if note else []
        marks.bad += found.faults
        boxes = []
        for number, shape in enumerate(found.shapes):
            where = f"{name}: shape {number}"
            if shape.kind != "rectangle" and (
                boxes_from != "shapes" or shape.kind not in ("polygon", "circle", "mask")
            ):
                fix = OTHER_SHAPES if shape.kind in ("polygon", "circle", "mask") else "remove it"
                marks.bad.append(UserError(f"a {shape.kind} '{shape.label[:40]}', no rectangle", where, fix))
                continue
            label = EVERYWHERE if shape.label == IGNORE else shape.label
            boxes.append(Drawn(label, _corners(shape), where, shape.label == IGNORE))
        size = (found.height, found.width) if found.height and found.width else None
        marks.images.append(Marked(image, tuple(boxes), name, size))
    return marks


def _corners(shape: Shape) -> Corners:
    """Edges: of a mask, whose points are its first and last pixel, to the end of that."""
    x0, y0, x1, y1 = hull(shape.points)
    if shape.kind == "circle":
        (x, y), radius = shape.points[0], math.dist(*shape.points)
        return x - radius, y - radius, x + radius, y + radius
    return (x0, y0, x1 + 1, y1 + 1) if shape.kind == "mask" else (x0, y0, x1, y1)
