"""labelme's JSON files: shapes drawn on one image. Hostile or broken files become one line each, never a traceback."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from neocog.data.dataset import BadImage
from neocog.data.formats.files import open_regular
from neocog.errors import count

MAX_BYTES = 256 << 20  # of one JSON file, an embedded image included
FARTHEST = 1e6  # pixels from the corner: a coordinate beyond is a mistake
LEAST_POINTS = {"polygon": 3, "rectangle": 2, "circle": 2, "line": 2, "linestrip": 2, "point": 1, "mask": 2}
MOST_POINTS = {"rectangle": 2, "circle": 2, "line": 2, "point": 1, "mask": 2}
BACKGROUND, IGNORE = "_background_", "__ignore__"


@dataclass(frozen=True)
class Shape:
    """One drawn thing; ``mask`` is the PNG of a shape of kind mask, whose points are its first and last pixel."""

    label: str
    kind: str
    points: tuple[tuple[float, float], ...]  # (x, y)
    mask: bytes = b""


@dataclass(frozen=True)
class Annotation:
    """One JSON file. ``faults``: its shapes that cannot be drawn, which are not among ``shapes``."""

    name: str
    shapes: tuple[Shape, ...]
    faults: tuple[BadImage, ...]
    image_path: str
    image_data: str
    height: int | None
    width: int | None

    def embedded(self) -> bytes:
        """The image inside the file. Raises BadImage."""
        return _base64(self.image_data, "imageData", self.name)


def read_annotation(path: Path, name: str) -> Annotation:
    """Parse a labelme file. Raises BadImage where it is none, too large, too deep, or ambiguous."""
    with open_regular(path, name) as file:
        data = file.read(MAX_BYTES + 1)
    return parse_annotation(data, name)


def parse_annotation(data: bytes, name: str) -> Annotation:
    """The same of bytes."""
    if len(data) > MAX_BYTES:
        raise BadImage(f"more than {MAX_BYTES:,} bytes", name, "save the image beside the JSON, not in it")
    found = _json(data, name)
    if not isinstance(found, dict) or not isinstance(found.get("shapes"), list):
        raise BadImage("no labelme file: it has no list of shapes", name, "remove it from the data folder")
    sides = [found.get(key) for key in ("imageHeight", "imageWidth")]
    if any(side is not None and (type(side) is not int or side < 1) for side in sides):
        raise BadImage(
            f"imageHeight {sides[0]!r:.40} and imageWidth {sides[1]!r:.40} are no sizes", name, "save it anew"
        )
    texts = [found.get(key) or "" for key in ("imagePath", "imageData")]
    if not all(isinstance(text, str) for text in texts):
        raise BadImage("imagePath or imageData is no text", name, "save it anew in labelme")
    shapes, faults = [], []
    for index, raw in enumerate(found["shapes"]):
        try:
            shapes.append(_shape(raw, f"{name}: shape {index}"))
        except BadImage as error:
            faults.append(BadImage(error.what, error.where, error.fix))
    return Annotation(name, tuple(shapes), tuple(faults), *texts, *sides)  # type: ignore[arg-type]


def inside(path: str) -> bool:
    """Whether an imagePath stays below its folder, by its text alone."""
    return not re.match(r"[/\\]|[A-Za-z]:|[a-z]+://", path) and ".." not in re.split(r"[/\\]", path)


def base_name(path: str) -> str:
    """The last part of a path of any system."""
    return PurePosixPath(path.replace("\\", "/")).name


def _json(data: bytes, name: str) -> Any:
    def constant(text: str) -> NoReturn:
        raise BadImage(f"{text} is no number", name, "correct the coordinate")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise BadImage(f"the key '{twice:.40}' stands twice in one object", name, "keep one of them")
        return found

    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=constant, object_pairs_hook=unique)
    except RecursionError as error:
        raise BadImage("too deeply nested", name, "this is no labelme file: remove it") from error
    except BadImage as error:
        raise BadImage(error.what, error.where, error.fix) from None
    except ValueError as error:  # no JSON, no UTF-8, or an integer of thousands of digits
        text = " ".join(str(error).split())[:120]
        raise BadImage(f"no JSON: {text}", name, "save it anew in labelme, or remove it") from error


def _shape(raw: Any, where: str) -> Shape:
    if not isinstance(raw, dict) or not isinstance(raw.get("label"), str):
        raise BadImage("a shape without a label", where, "give it a label")
    label, kind = raw["label"], raw.get("shape_type") or "polygon"  # files before version 3 have polygons only
    where = f"{where} ({kind!s:.20} '{label:.40}')"
    if kind not in LEAST_POINTS:
        known = ", ".join(LEAST_POINTS)
        raise BadImage(f"unknown shape_type '{kind!s:.40}'", where, f"known: {known}; --on-bad skip leaves it out")
    points = raw.get("points")
    if not isinstance(points, list) or not all(_is_point(point) for point in points):
        raise BadImage("points that are no list of finite (x, y)", where, "draw it again")
    least, most = LEAST_POINTS[kind], MOST_POINTS.get(kind, len(points))
    if not least <= len(points) <= most:
        wanted = f"{least}" if least == most else f"at least {least}"
        raise BadImage(f"{count(points, 'point')}, expected {wanted}", where, "draw it again, or --on-bad skip")
    xy = tuple((float(x), float(y)) for x, y in points)
    if (kind == "polygon" and len(set(xy)) < 3) or (kind == "polygon" and _flat(xy)):
        raise BadImage("a polygon without an area", where, "draw it again, or --on-bad skip")
    if kind in ("rectangle", "circle") and xy[0] == xy[1]:
        raise BadImage(f"a {kind} without an area", where, "draw it again, or --on-bad skip")
    return Shape(label, kind, xy, _base64(raw.get("mask"), "mask", where) if kind == "mask" else b"")


def _is_point(point: Any) -> bool:
    numbers = isinstance(point, list) and len(point) == 2 and all(type(value) in (int, float) for value in point)
    return numbers and all(abs(value) <= FARTHEST for value in point)  # False for infinite ones too


def _flat(points: tuple[tuple[float, float], ...]) -> bool:
    """Whether all points lie on one line; a polygon that crosses itself may have no net area and yet cover pixels."""
    (x0, y0), (x1, y1) = points[0], max(points, key=lambda point: math.dist(point, points[0]))
    return all(abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) < 1e-9 for x, y in points)


def _base64(text: Any, what: str, where: str) -> bytes:
    if not isinstance(text, str) or not text:
        raise BadImage(f"{what} is empty", where, "save it anew in labelme")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadImage(f"{what} is no base64: {error}", where, "save it anew in labelme") from error
