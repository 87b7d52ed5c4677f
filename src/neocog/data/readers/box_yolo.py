"""YOLO's text files: a line a box, "class x y width height", the centre and the sides as shares of the image's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from neocog.checked import number
from neocog.data.readers.box_marks import OTHER_SHAPES, Corners, Drawn, From, Marked, Marks, hull
from neocog.data.readers.mask_classes import CLASS_FILES, read_names
from neocog.documents import read_text
from neocog.errors import UserError, printable

NAMES_FILES = ("data.yaml", "dataset.yaml", "data.yml", "obj.names", *CLASS_FILES)
FIX = "correct the line"


def texts_of(names: Sequence[str], images: Sequence[str]) -> dict[str, str]:
    """{image: its text file} among the ``names`` of a folder: beside it, or below labels/ where it is below images/."""
    there = set(names)
    found = {}
    for image in images:
        path = PurePosixPath(image)
        parts = ["labels" if part == "images" else part for part in path.parts[:-1]]
        for folder in (path.parent, PurePosixPath(*parts)):
            if (text := str(folder / f"{path.stem}.txt")) in there:
                found[image] = text
                break
    return found


def looks_like_yolo(root: Path, texts: Sequence[str]) -> bool:
    """Whether most of the first lines of some text files are a class and numbers."""
    lines = [line.split() for text in texts for line in _start(root / text)]
    good = sum(len(parts) >= 5 and parts[0].isdigit() and None not in map(number, parts) for parts in lines)
    return bool(lines) and 2 * good >= len(lines)


def _start(path: Path) -> list[str]:
    try:
        text = path.read_bytes()[:65_536].decode("utf-8", "replace")
    except OSError:
        return []
    return [line for line in text.splitlines()[:50] if line.strip()]


def read_yolo(root: Path, texts: Mapping[str, str], boxes_from: From) -> Marks:
    """``texts``: {image: file}. Longer lines are outlines, which count where ``boxes_from`` says shapes."""
    marks = Marks("YOLO text files", shares=True, meaning="centres", held_in="lines")
    names = _names(root, marks)
    for image, file in texts.items():
        boxes = []
        try:
            lines = read_text(root / file).splitlines()
        except UserError as error:
            marks.faults.append(error)
            continue
        for row, line in enumerate(lines, 1):
            where = f"{file}: line {row}"
            if not line.strip():
                continue
            try:
                label, corners = _box(line.split(), names, boxes_from)
            except ValueError as error:
                fix = OTHER_SHAPES if "outline" in str(error) else FIX
                marks.bad.append(UserError(str(error), where, fix))
                continue
            boxes.append(Drawn(label, corners, where))
        marks.images.append(Marked(image, tuple(boxes), file))
    marks.classes = [names[key] for key in sorted(names)]
    return marks


def _box(parts: list[str], names: Mapping[int, str], boxes_from: From) -> tuple[str, Corners]:
    values = [number(part) for part in parts]
    if any(value is None or not abs(value) < 1e9 for value in values):
        raise ValueError(f"'{printable(' '.join(parts))[:60]}': not all are numbers")
    kind, *numbers = [value for value in values if value is not None]
    if kind != int(kind) or kind < 0:
        raise ValueError(f"'{parts[0][:20]}' is no number of a class")
    if len(numbers) not in (4, 5) and (len(numbers) < 6 or len(numbers) % 2):
        raise ValueError(f"{len(parts)} numbers, expected a class, x, y, width and height")
    if max(numbers) > 1.5:
        raise ValueError(f"{max(numbers):g}: pixels, where shares of the image's sides are expected")
    if names and kind not in names:
        raise ValueError(f"class {kind:g}, where {len(names)} classes have names")
    label = names.get(int(kind), str(int(kind)))
    if len(numbers) >= 6:
        if boxes_from != "shapes":
            raise ValueError("an outline, no box")
        return label, hull(list(zip(numbers[::2], numbers[1::2], strict=True)))
    x, y, wide, high = numbers[:4]
    return label, (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)


def _names(root: Path, marks: Marks) -> dict[int, str]:
    """{number: class} of data.yaml, classes.txt and the like; numbers stand for themselves where there is none."""
    for file in (root / name for name in NAMES_FILES):
        if file.is_file():
            found = _of_yaml(file) if file.suffix in (".yaml", ".yml") else dict(enumerate(read_names(file)))
            if found:
                return found
    marks.notes.append(
        f"no {', '.join(NAMES_FILES[:1])} or classes.txt names the classes: they are called by their numbers"
    )
    return {}


def _of_yaml(file: Path) -> dict[int, str]:
    """``names`` of a YAML file: a list in brackets or below each other, or numbers and names."""
    text = read_text(file)
    if inline := re.search(r"^names\s*:\s*\[(.*?)\]", text, re.M | re.S):
        return dict(enumerate(_plain(name) for name in inline[1].split(",") if _plain(name)))
    if inline := re.search(r"^names\s*:\s*\{(.*?)\}", text, re.M | re.S):
        pairs = [re.fullmatch(r"\s*(\d+)\s*:(.*)", part, re.S) for part in inline[1].split(",")]
        return {int(pair[1]): _plain(pair[2]) for pair in pairs if pair}
    block = re.search(r"^names\s*:[^\S\n]*(?:#.*)?\n((?:[^\S\n]*(?:-|\d+\s*:).*\n?|\s*\n)+)", text, re.M)
    lines = block[1].splitlines() if block else []
    listed = [_plain(line.strip()[1:]) for line in lines if line.strip().startswith("-")]
    pairs = [re.fullmatch(r"\s*(\d+)\s*:(.*)", line) for line in lines]
    return dict(enumerate(listed)) or {int(pair[1]): _plain(pair[2]) for pair in pairs if pair}


def _plain(text: str) -> str:
    """A word of YAML without quotes and comments."""
    quoted = re.match(r"""\s*(["'])(.*?)\1""", text)
    return quoted[2] if quoted else re.sub(r"(^|\s)#.*", "", text).strip()
