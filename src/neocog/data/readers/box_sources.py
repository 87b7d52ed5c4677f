"""Which tool drew the boxes below a path: told from the files themselves. Two tools' files in one folder are not mixed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from neocog.data.readers.box_coco import KEYS, is_coco, read_coco
from neocog.data.readers.box_cvat import read_cvat
from neocog.data.readers.box_labelme import read_labelme
from neocog.data.readers.box_marks import Marks, joined
from neocog.data.readers.box_studio import is_studio, read_studio
from neocog.data.readers.box_table import holds_boxes, read_box_table
from neocog.data.readers.box_voc import VocFile, read_voc
from neocog.data.readers.box_yolo import looks_like_yolo, read_yolo, texts_of
from neocog.data.readers.folders import entries, is_image
from neocog.data.readers.labelme_dataset import labelme_files
from neocog.data.readers.reading import Reading
from neocog.data.readers.table import CSV_SUFFIXES
from neocog.documents import parse_json, read_text, read_xml
from neocog.errors import UserError, printable

HEAD = 1 << 20  # bytes at either end of a JSON file in which its kind is looked for
LOOKED_AT = 20  # text files
FIX = "export it again, or remove it"


def marks_of(path: Path, reading: Reading) -> Marks | None:
    """All that is said of boxes below a folder, or in a file; None where nothing is. Raises UserError."""
    root = path if path.is_dir() else path.parent
    names = [name for name, _ in entries(root)] if path.is_dir() else [path.name]
    faults = list[UserError]()
    found = [*_xml(root, names, reading, faults), *_json(root, names), *_tables(root, names)]
    if path.is_dir():
        found += _labelme(root, reading)
        texts = texts_of(names, [name for name in names if is_image(name)])
        if looks_like_yolo(root, [*texts.values()][:LOOKED_AT]):
            found.append(read_yolo(root, texts, reading.boxes_from))
    kinds = sorted({marks.kind for marks in found})
    if len(kinds) > 1:
        what = f"boxes of several tools: {', '.join(kinds)}"
        raise UserError(what, printable(str(path)), "keep one of them, or give the file that is to be read")
    if not found and faults:
        raise faults[0]
    return joined(found) if found else None


def _xml(root: Path, names: Sequence[str], reading: Reading, faults: list[UserError]) -> Iterator[Marks]:
    """VOC's files together, CVAT's one by one; other XML is none of ours. ``faults`` gets what cannot be read as XML."""
    voc, others = list[VocFile](), list[Marks]()
    for name in names:
        if not name.lower().endswith(".xml"):
            continue
        try:
            tree = read_xml(root / name, FIX)
        except UserError as error:
            faults.append(UserError(error.what, name, error.fix))
            continue
        if tree.tag == "annotation":
            voc.append(VocFile(name, tree))
        elif tree.tag == "annotations":
            others.append(read_cvat(name, tree, reading.boxes_from))
    if voc:
        others.insert(0, read_voc(root, voc, reading.first_pixel))
    if others:
        others[0].faults += faults
    yield from others


def _json(root: Path, names: Sequence[str]) -> Iterator[Marks]:
    for name in names:
        if not name.lower().endswith(".json") or not (len(names) == 1 or _could_be(root / name)):
            continue
        found = parse_json(read_text(root / name, FIX), name, FIX)
        if is_coco(found):
            yield read_coco(name, found)
        elif is_studio(found):
            yield read_studio(name, found)


def _could_be(path: Path) -> bool:
    """Whether the ends of a JSON file have the words of COCO or Label Studio."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            text = file.read(HEAD)
            file.seek(max(file.tell(), path.stat().st_size - HEAD))
            text += file.read(HEAD)
    except OSError:
        return False
    return b"rectanglelabels" in text or all(re.search(rb'"%s"\s*:\s*\[' % key.encode(), text) for key in KEYS)


def _tables(root: Path, names: Sequence[str]) -> Iterator[Marks]:
    """Those at the top of the folder."""
    for name in names:
        if (
            "/" not in name
            and name.lower().endswith(CSV_SUFFIXES)
            and (root / name).is_file()
            and holds_boxes(root / name)
        ):
            yield read_box_table(root, root / name)


def _labelme(root: Path, reading: Reading) -> list[Marks]:
    files = labelme_files(root)
    return [read_labelme(root, files, reading.boxes_from)] if files else []
