"""Layouts of other tools that annotate images: told by what they are, from their files' first bytes.

COCO's outlines can become masks; what lies in boxes is found by the task that learns these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath

from neocog.checked import number
from neocog.data.readers.folders import entries, is_image
from neocog.errors import UserError, printable
from neocog.traits import task_of

MOST_LOOKED = 20_000  # entries of a folder; annotations lie near its top
HEAD = 1 << 20  # bytes of a JSON file at either end in which COCO's keys are looked for
MOST_TEXTS = 20  # text files that are looked into
COCO_MASKS = (
    "outlines become masks with: pip install pycocotools pillow; python -c \"import sys, numpy as n; from PIL import Image; "
    "from pycocotools.coco import COCO; c = COCO(sys.argv[1]); k = {d: i for i, d in enumerate(sorted(c.cats), 1)}; "
    "[Image.fromarray(n.max([c.annToMask(a) * k[a['category_id']] for a in c.imgToAnns[i]] or "
    "[n.zeros((m['height'], m['width']))], 0).astype('uint8')).save('masks/' + m['file_name'].rsplit('.', 1)[0] + '.png') "
    "for i, m in c.imgs.items()]\" FILE.json, with a folder masks/ beside images/"
)  # fmt: skip


def has_boxes(root: Path) -> str:
    """Which tool's boxes lie below a folder, and the first file of them; "" where there are none."""
    return next((found for find in (_coco, _voc, _yolo, _others) if (found := find(root))), "")


def annotated(root: Path) -> UserError | None:
    """An error for masks that are wanted where a tool's annotations lie that are no masks; None where there are none."""
    found, boxes = has_boxes(root), f"--task {task_of('boxes')} learns boxes"
    if not found:
        return None
    fix = f"{COCO_MASKS}; {boxes}" if found.startswith("COCO") else boxes
    return UserError(
        f"annotations in {found.partition(': ')[0]}, and no masks",
        f"{printable(str(root))}: {found.partition(': ')[2]}",
        fix,
    )


def _files(root: Path, suffix: str) -> Iterator[str]:
    for path, entry in islice(entries(root), MOST_LOOKED):
        if entry.name.lower().endswith(suffix) and entry.is_file():
            yield path


def _coco(root: Path) -> str:
    for name in islice(_files(root, ".json"), MOST_TEXTS):
        text = _ends(root / name)
        if all(re.search(rb'"%s"\s*:\s*\[' % key, text) for key in (b"images", b"annotations", b"categories")):
            return f"COCO's format (JSON): {printable(name)}"
    return ""


def _ends(path: Path) -> bytes:
    with path.open("rb") as file:
        text = file.read(HEAD)
        file.seek(max(file.tell(), path.stat().st_size - HEAD))
        return text + file.read(HEAD)


def _voc(root: Path) -> str:
    name = _xml_with(root, b"<annotation", b"<bndbox")
    return f"Pascal VOC's format (XML): {printable(name)}" if name else ""


def _xml_with(root: Path, *words: bytes) -> str:
    """The first XML file that begins with all of the words; "" where there is none."""
    for name in islice(_files(root, ".xml"), MOST_TEXTS):
        with (root / name).open("rb") as file:
            head = file.read(65_536)
        if all(word in head for word in words):
            return name
    return ""


def _yolo(root: Path) -> str:
    """Text files of "class x y width height", each named like an image."""
    images = {PurePosixPath(path).stem for path, entry in islice(entries(root), MOST_LOOKED) if is_image(entry.name)}
    texts = [name for name in _files(root, ".txt") if PurePosixPath(name).stem in images]
    read = [(root / name).read_bytes()[:65_536] for name in texts[:MOST_TEXTS]]
    lines = [line.split() for text in read for line in text.splitlines() if line.strip()]
    if not lines or not all(len(parts) >= 5 and parts[0].isdigit() and all(map(_is_number, parts)) for parts in lines):
        return ""
    return f"YOLO's format (text): {printable(texts[0])}"


def _others(root: Path) -> str:
    """CVAT's XML and Label Studio's JSON."""
    if name := _xml_with(root, b"<annotations", b"<image"):
        return f"CVAT's format (XML): {printable(name)}"
    for name in islice(_files(root, ".json"), MOST_TEXTS):
        if b'"rectanglelabels"' in _ends(root / name):
            return f"Label Studio's format (JSON): {printable(name)}"
    return ""


def _is_number(text: bytes) -> bool:
    return number(text.decode("ascii", "replace")) is not None
