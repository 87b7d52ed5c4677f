"""Found boxes as files: a table, and as a data set of the images with their boxes, which a person can correct and train on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from neocog.data.cells import csv_of
from neocog.run import to_json
from neocog.tasks.detection.own_size import Found
from neocog.tasks.files import put

FORMATS = ("csv", "coco", "labelme", "yolo")
CORNERS = ("x0", "y0", "x1", "y1")


class Image(NamedTuple):
    """An image's file, what it is called where it is copied, its height and width, and what was found in it."""

    path: Path
    name: Path
    size: tuple[int, int]
    found: Found


def table_csv(images: Sequence[Image], classes: Sequence[str]) -> str:
    """A row a box; corners are edges in pixels, paths those of predictions.csv."""
    rows = ((str(image.path), *row) for image in images for row in _cells(image, classes))
    return csv_of(("path", "label", "score", *CORNERS), rows)


def data_set(folder: Path, form: str, images: Sequence[Image], classes: Sequence[str]) -> list[Path]:
    """Write copies of the images and their boxes as ``form``, so that ``folder`` can be trained on. Returns what was written."""
    copies = [put(folder / image.name, image.path.read_bytes()) for image in images]
    return [*copies, *(put(folder / name, text) for name, text in _annotations(form, images, classes).items())]


def _annotations(form: str, images: Sequence[Image], classes: Sequence[str]) -> dict[str, str]:
    """{file: text} below the folder of the images."""
    if form == "csv":
        return {"boxes.csv": _image_csv(images, classes)}
    if form == "coco":
        return {"boxes.json": coco_json(images, classes)}
    if form == "labelme":
        return {str(image.name.with_suffix(".json")): labelme_json(image, classes) for image in images}
    texts = {str(image.name.with_suffix(".txt")): yolo_text(image) for image in images}
    names = "".join(f"  {number}: {to_json(name).strip()}\n" for number, name in enumerate(classes))
    return texts | {"data.yaml": f"names:\n{names}"}


def _image_csv(images: Sequence[Image], classes: Sequence[str]) -> str:
    """A row a box; a row without any for an image in which nothing was found."""
    nothing = [("",) * (2 + len(CORNERS))]
    rows = ((image.name.as_posix(), *row) for image in images for row in _cells(image, classes) or nothing)
    return csv_of(("image", "label", "score", *CORNERS), rows)


def _cells(image: Image, classes: Sequence[str]) -> list[tuple[Any, ...]]:
    return [
        (classes[label], f"{score:.4f}", *(round(value, 2) for value in corners))
        for corners, label, score in _rows(image.found)
    ]


def coco_json(images: Sequence[Image], classes: Sequence[str]) -> str:
    """Images, categories and annotations with their scores."""
    boxes = [(number, *row) for number, image in enumerate(images, 1) for row in _rows(image.found)]
    return to_json({
        "images": [
            {"id": number, "file_name": image.name.as_posix(), "height": image.size[0], "width": image.size[1]}
            for number, image in enumerate(images, 1)
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


def labelme_json(image: Image, classes: Sequence[str]) -> str:
    """Of the image that lies beside."""
    shapes: list[dict[str, Any]] = [
        {
            "label": classes[label], "points": [[x0, y0], [x1, y1]], "group_id": None, "description": f"score {score:.3f}",
            "shape_type": "rectangle", "flags": {},
        }
        for (x0, y0, x1, y1), label, score in _rows(image.found)
    ]  # fmt: skip
    return to_json({
        "version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": image.name.name, "imageData": None,
        "imageHeight": image.size[0], "imageWidth": image.size[1],
    })  # fmt: skip


def yolo_text(image: Image) -> str:
    """A line a box: its class, centre and sides as shares of the image's."""
    height, width = image.size
    return "".join(
        f"{label} {(x0 + x1) / 2 / width:.6f} {(y0 + y1) / 2 / height:.6f} {(x1 - x0) / width:.6f} {(y1 - y0) / height:.6f}\n"
        for (x0, y0, x1, y1), label, _ in _rows(image.found)
    )


def _rows(found: Found) -> list[tuple[list[float], int, float]]:
    return list(zip(found.corners.tolist(), found.labels.tolist(), found.scores.tolist(), strict=True))
