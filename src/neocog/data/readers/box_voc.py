"""Pascal VOC: an XML for each image, whose corners are pixels, counted from 1 or from 0; lists of the parts in ImageSets/Main."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal
from xml.etree.ElementTree import Element

from neocog.data.dataset import Taken
from neocog.data.readers.box_marks import Drawn, Marked, Marks, real
from neocog.errors import UserError, count, listed

FirstPixel = Literal["auto", "0", "1"]
CORNERS = ("xmin", "ymin", "xmax", "ymax")
LISTS = {"train": "train", "val": "validation", "test": "test"}
FIX = "correct the file, or annotate the image again"


@dataclass(frozen=True)
class VocFile:
    name: str  # relative path
    root: Element


def read_voc(root: Path, files: Sequence[VocFile], first: FirstPixel) -> Marks:
    """``files``: those whose root element is <annotation>. A corner of 0 says that pixels are counted from 0.

    Counted from 1, the last pixel is part of the box, as VOC defines it; counted from 0, corners are edges, as labelImg draws them.
    """
    marks = Marks("Pascal VOC", meaning="corners", held_in="bndbox")
    found = [_image(file, marks) for file in files]
    low = [min(box.corners[:2]) for one in found for box in one.boxes]
    zeros = sum(value < 1 for value in low)
    counted = first if first != "auto" else "0" if zeros else "1"
    evidence = {
        "0": f"{zeros:,} of {len(low):,} boxes begin at 0" if zeros else "as asked",
        "1": f"none of {len(low):,} boxes begins at 0, {sum(value < 2 for value in low):,} begin at 1",
    }[counted]
    role = f"pixels counted from {counted}"
    marks.taken.append(
        Taken("corners of boxes", role, evidence if first == "auto" else "as asked", "--first-pixel 0 or 1")
    )
    shift = 1.0 if counted == "1" else 0.0
    parts = _parts(root, marks)
    for one in found:
        boxes = tuple(replace(box, corners=_edges(box.corners, shift)) for box in one.boxes)
        marks.images.append(replace(one, boxes=boxes, split=parts.get(PurePosixPath(one.where).stem, "")))
    return marks


def _edges(corners: tuple[float, float, float, float], shift: float) -> tuple[float, float, float, float]:
    """Counted from 1, pixel 1 begins at 0 and pixel x ends at x; a box without an area stays one."""
    x0, y0, x1, y1 = corners
    if x1 <= x0 or y1 <= y0:
        return x0 - shift, y0 - shift, x1 - shift, y1 - shift
    return x0 - shift, y0 - shift, x1, y1


def _image(file: VocFile, marks: Marks) -> Marked:
    boxes = []
    for number, element in enumerate(file.root.iter("object"), 1):
        where = f"{file.name}: object {number}"
        label = (element.findtext("name") or "").strip()
        try:
            if not label:
                raise ValueError("an object without a name")
            box = element.find("bndbox")
            if box is None:
                raise ValueError(f"'{label[:40]}' has no bndbox")
            x0, y0, x1, y1 = (real((box.findtext(corner) or "").strip()) for corner in CORNERS)
        except ValueError as error:
            marks.bad.append(UserError(str(error), where, FIX))
            continue
        hard = (element.findtext("difficult") or "0").strip() == "1"
        boxes.append(Drawn(label, (x0, y0, x1, y1), where, hard))
    stem = PurePosixPath(file.name).stem
    return Marked(_named(file), tuple(boxes), file.name, _size(file), stem=stem)


def _named(file: VocFile) -> str:
    """The image as its file calls it; the XML's own name where it does not."""
    return (file.root.findtext("filename") or "").strip() or PurePosixPath(file.name).stem


def _size(file: VocFile) -> tuple[int, int] | None:
    """As the file says; 0 × 0, as some programs write, says nothing."""
    try:
        height, width = (int(real((file.root.findtext(f"size/{side}") or "0").strip())) for side in ("height", "width"))
    except ValueError:
        return None
    return (height, width) if height > 0 and width > 0 else None


def _parts(root: Path, marks: Marks) -> dict[str, str]:
    """{name without suffix: part} of ImageSets/Main; trainval trains where there is no train."""
    folder, found, twice = root / "ImageSets" / "Main", dict[str, str](), list[str]()
    lists = {name: part for name, part in LISTS.items() if (folder / f"{name}.txt").is_file()}
    if "train" not in lists and (folder / "trainval.txt").is_file():
        lists = {"trainval": "train", **lists}
    for name, part in lists.items():
        for line in (folder / f"{name}.txt").read_text(encoding="utf-8", errors="replace").split("\n"):
            if stem := line.split(" ")[0].strip():
                twice += [stem] if found.get(stem, part) != part else []
                found[stem] = part
    if twice:
        marks.faults.append(
            UserError(
                f"{count(twice, 'image')} in two of the lists", f"ImageSets/Main: {listed(twice)}", "keep one of them"
            )
        )
    if lists:
        marks.taken.append(Taken("ImageSets/Main", "split", listed(f"{name}.txt" for name in lists)))
    return found
