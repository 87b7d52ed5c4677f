"""Found boxes as files: a table, COCO's JSON, and labelme's, in which a person corrects them before they are learned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neocog.data.cells import csv_of
from neocog.run import to_json
from neocog.tasks.detection.own_size import Found

COLUMNS = ("path", "label", "score", "x0", "y0", "x1", "y1")
Image = tuple[str, tuple[int, int], Found]  # its path, its height and width, what was found in it


def table_csv(images: Sequence[Image], classes: Sequence[str]) -> str:
    """A row a box; corners are edges in pixels."""
    rows = (
        (path, classes[label], f"{score:.4f}", *(round(value, 2) for value in corners))
        for path, _, found in images
        for corners, label, score in _rows(found)
    )
    return csv_of(COLUMNS, rows)


def coco_json(images: Sequence[Image], classes: Sequence[str]) -> str:
    """Images, categories and annotations with their scores."""
    boxes = [(number, *row) for number, (_, _, found) in enumerate(images, 1) for row in _rows(found)]
    return to_json({
        "images": [
            {"id": number, "file_name": path, "height": size[0], "width": size[1]}
            for number, (path, size, _) in enumerate(images, 1)
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes, 1)],
        "annotations": [
            {
                "id": k, "image_id": image, "category_id": label + 1, "iscrowd": 0, "score": round(score, 4),
                "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0),
            }
            for k, (image, (x0, y0, x1, y1), label, score) in enumerate(boxes, 1)
        ],
    })  # fmt: skip


def labelme_json(name: str, size: tuple[int, int], found: Found, classes: Sequence[str]) -> str:
    """Of the image ``name``, which lies beside."""
    shapes: list[dict[str, Any]] = [
        {
            "label": classes[label], "points": [[x0, y0], [x1, y1]], "group_id": None, "description": f"score {score:.3f}",
            "shape_type": "rectangle", "flags": {},
        }
        for (x0, y0, x1, y1), label, score in _rows(found)
    ]  # fmt: skip
    return to_json({
        "version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": Path(name).name, "imageData": None,
        "imageHeight": size[0], "imageWidth": size[1],
    })  # fmt: skip


def _rows(found: Found) -> list[tuple[list[float], int, float]]:
    return list(zip(found.corners.tolist(), found.labels.tolist(), found.scores.tolist(), strict=True))
