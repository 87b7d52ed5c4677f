"""Layouts of other tools that annotate images: COCO, YOLO, Pascal VOC's boxes. They are told by what they are.

Object detection is not learned; outlines can become masks, and what lies in a box can become a picture of its class.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath

from neocog.checked import number
from neocog.data.readers.folders import entries, is_image
from neocog.errors import UserError, printable

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
CROPS = "object detection is not learned; cut out the boxes (magick in.jpg -crop WxH+X+Y out.png) into a folder for each class"


def annotated(root: Path) -> UserError | None:
    """An error that says which tool's annotations lie in a folder and how they become what is read; None where there are none."""
    for find in (_coco, _voc, _yolo):
        if found := find(root):
            return found
    return None


def _files(root: Path, suffix: str) -> Iterator[str]:
    for path, entry in islice(entries(root), MOST_LOOKED):
        if entry.name.lower().endswith(suffix) and entry.is_file():
            yield path


def _coco(root: Path) -> UserError | None:
    for name in islice(_files(root, ".json"), MOST_TEXTS):
        with (root / name).open("rb") as file:
            text = file.read(HEAD)
            file.seek(max(file.tell(), (root / name).stat().st_size - HEAD))
            text += file.read(HEAD)
        if all(re.search(rb'"%s"\s*:\s*\[' % key, text) for key in (b"images", b"annotations", b"categories")):
            what = "annotations in COCO's format (JSON), which is not read"
            return UserError(what, f"{printable(str(root))}: {printable(name)}", f"{COCO_MASKS}; boxes: {CROPS}")
    return None


def _voc(root: Path) -> UserError | None:
    for name in islice(_files(root, ".xml"), MOST_TEXTS):
        with (root / name).open("rb") as file:
            head = file.read(65_536)
        if b"<annotation" in head and b"<bndbox" in head:
            what = "boxes in Pascal VOC's format (XML), which are not read"
            return UserError(what, f"{printable(str(root))}: {printable(name)}", CROPS)
    return None


def _yolo(root: Path) -> UserError | None:
    """Text files of "class x y width height", each named like an image."""
    images = {PurePosixPath(path).stem for path, entry in islice(entries(root), MOST_LOOKED) if is_image(entry.name)}
    texts = [name for name in _files(root, ".txt") if PurePosixPath(name).stem in images]
    read = [(root / name).read_bytes()[:65_536] for name in texts[:MOST_TEXTS]]
    lines = [line.split() for text in read for line in text.splitlines() if line.strip()]
    if not lines or not all(len(parts) >= 5 and parts[0].isdigit() and all(map(_is_number, parts)) for parts in lines):
        return None
    outlines = any(len(parts) > 6 for parts in lines)
    what = (
        f"{len(texts)} text files of {'outlines' if outlines else 'boxes'} in YOLO's format (.txt), which is not read"
    )
    return UserError(what, f"{printable(str(root))}: {printable(texts[0])}", CROPS)


def _is_number(text: bytes) -> bool:
    return number(text.decode("ascii", "replace")) is not None
