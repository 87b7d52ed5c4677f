"""CVAT for images 1.1: one XML for all images, corners as edges in pixels."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from neocog.data.readers.box_marks import OTHER_SHAPES, Drawn, From, Marked, Marks, hull, real, turned
from neocog.errors import UserError, count

CORNERS = ("xtl", "ytl", "xbr", "ybr")


def read_cvat(name: str, root: Element, boxes_from: From) -> Marks:
    """``root``: <annotations>. Polygons, ellipses and the like count where ``boxes_from`` says shapes."""
    marks = Marks("CVAT XML", complete=True)
    if root.find("track") is not None:
        marks.faults.append(UserError("tracks of a video", name, "export as 'CVAT for images 1.1'"))
    turns = others = 0
    for number, image in enumerate(root.iter("image"), 1):
        title, boxes = (image.get("name") or "").strip(), list[Drawn]()
        for place, shape in enumerate(image, 1):
            where = f"{name}: image {number} ('{title[:60]}'), shape {place}"
            if shape.tag not in ("box", "polygon", "polyline", "points", "ellipse", "mask", "cuboid"):
                continue
            if shape.tag != "box" and (boxes_from != "shapes" or shape.tag not in ("polygon", "ellipse")):
                others += shape.tag in ("polygon", "ellipse")
                what = f"a {shape.tag} '{shape.get('label', '')[:40]}', no box"
                fix = OTHER_SHAPES if shape.tag in ("polygon", "ellipse") else "remove it"
                marks.bad.append(UserError(what, where, fix))
                continue
            try:
                label = (shape.get("label") or "").strip()
                if not label:
                    raise ValueError("a shape without a label")
                corners = _corners(shape)
                angle = real(shape.get("rotation") or 0)
            except ValueError as error:
                marks.bad.append(UserError(str(error), where, "correct it in CVAT"))
                continue
            if angle % 360:
                turns += 1
                x0, y0, x1, y1 = corners
                corners = turned(corners, angle, ((x0 + x1) / 2, (y0 + y1) / 2))
            boxes.append(Drawn(label, corners, where))
        marks.images.append(Marked(title, tuple(boxes), f"{name}: image {number}", _size(image)))
    if turns:
        marks.notes.append(f"{count(turns, 'turned box')}: the smallest upright box around each is taken")
    return marks


def _corners(shape: Element) -> tuple[float, float, float, float]:
    if shape.tag == "box":
        x0, y0, x1, y1 = (real(shape.get(corner)) for corner in CORNERS)
        return x0, y0, x1, y1
    if shape.tag == "ellipse":
        x, y, wide, high = (real(shape.get(name)) for name in ("cx", "cy", "rx", "ry"))
        return x - wide, y - high, x + wide, y + high
    points = [tuple(map(real, pair.split(","))) for pair in (shape.get("points") or "").split(";")]
    if any(len(point) != 2 for point in points):
        raise ValueError("points that are no pairs of numbers")
    return hull(points)


def _size(image: Element) -> tuple[int, int] | None:
    try:
        return int(real(image.get("height"))), int(real(image.get("width")))
    except ValueError:
        return None
