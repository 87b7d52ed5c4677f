"""COCO's JSON: images, annotations and categories, boxes as x, y, width, height, edges in pixels from 0."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from neocog.data.readers.box_marks import Drawn, Marked, Marks, real
from neocog.data.readers.levels import SPLIT_NAMES
from neocog.errors import UserError, count, printable

KEYS = ("images", "annotations", "categories")
FIX = "correct the annotation, or export it again"


def is_coco(found: Any) -> bool:
    """Whether parsed JSON has COCO's three lists."""
    return isinstance(found, dict) and all(isinstance(found.get(key), list) for key in KEYS)


def read_coco(name: str, found: Mapping[str, Any]) -> Marks:
    """One file. Crowds are ignored: found or not, they count neither way. Category ids may have gaps, or be text."""
    marks = Marks("COCO JSON", complete=True, meaning="sides", held_in="bbox")
    names = _categories(name, found["categories"], marks)
    marks.classes = tuple(dict.fromkeys(names.values()))
    images = _images(name, found["images"], marks)
    boxes: defaultdict[str, list[Drawn]] = defaultdict(list)
    nulls = 0
    for number, one in enumerate(found["annotations"], 1):
        where = f"{name}: annotation {number}"
        try:
            if not isinstance(one, dict):
                raise ValueError(f"a {type(one).__name__}, not an object")
            where = f"{name}: annotation {number} (id {printable(str(one.get('id')))[:40]})"
            image, category = _key(one.get("image_id")), _key(one.get("category_id"))
            if image not in images:
                raise ValueError(f"image_id {image[:40]} is none of the images'")
            if category not in names:
                raise ValueError(f"category_id {category[:40]} is none of the categories'")
            x, y, wide, high = _four(one.get("bbox"))
        except ValueError as error:
            marks.bad.append(UserError(str(error), where, FIX))
            continue
        nulls += "iscrowd" in one and one["iscrowd"] is None
        crowd = bool(one.get("iscrowd")) or bool(one.get("ignore"))
        boxes[image].append(Drawn(names[category], (x, y, x + wide, y + high), where, crowd))
    if nulls:
        marks.notes.append(f"{name}: {count(nulls, 'annotation')} whose iscrowd is null: single objects")
    part = _part(name)
    for key, (file, size) in images.items():
        marks.images.append(Marked(file, tuple(boxes[key]), f"{name}: image {key[:40]}", size, part))
    return marks


def _key(value: Any) -> str:
    """An id, which is a number or text, and the same as either."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def _four(box: Any) -> tuple[float, float, float, float]:
    if not isinstance(box, list) or len(box) != 4:
        raise ValueError("no bbox of four numbers")
    x, y, wide, high = map(real, box)
    return x, y, wide, high


def _categories(name: str, found: list[Any], marks: Marks) -> dict[str, str]:
    names = dict[str, str]()
    for number, one in enumerate(found, 1):
        where = f"{name}: category {number}"
        title = one.get("name") if isinstance(one, dict) else None
        if not isinstance(title, str) or not title.strip():
            marks.faults.append(UserError("a category without a name", where, FIX))
        elif names.get(_key(one.get("id")), title.strip()) != title.strip():
            marks.faults.append(UserError(f"id {_key(one.get('id'))[:40]} stands for two categories", where, FIX))
        else:
            names[_key(one.get("id"))] = title.strip()
    return names


def _images(name: str, found: list[Any], marks: Marks) -> dict[str, tuple[str, tuple[int, int] | None]]:
    """{id: (file, (H, W))}, in their order."""
    images = dict[str, tuple[str, tuple[int, int] | None]]()
    for number, one in enumerate(found, 1):
        where = f"{name}: image {number}"
        file = one.get("file_name") if isinstance(one, dict) else None
        if not isinstance(file, str) or not file.strip():
            marks.faults.append(UserError("an image without a file_name", where, FIX))
            continue
        if (key := _key(one.get("id"))) in images:
            marks.faults.append(UserError(f"id {key[:40]} stands for two images", where, FIX))
            continue
        sides = one.get("height"), one.get("width")
        known = all(type(side) is int and side > 0 for side in sides)
        images[key] = file, (sides if known else None)
    return images


def _part(name: str) -> str:
    """Of instances_train2017.json: train."""
    words = re.split(r"[^a-z]+", PurePosixPath(name).stem.lower())
    parts = {SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES}
    return parts.pop() if len(parts) == 1 else ""
