"""A CSV of boxes: a row each, with the columns image, label, x0, y0, x1, y1; a row without corners says that there is nothing."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from neocog.data.readers.box_marks import Drawn, Marked, Marks, real
from neocog.data.readers.column_names import IMAGE, LABEL, PEOPLE, SPLIT, plain
from neocog.data.readers.faults import Faults
from neocog.data.readers.levels import SPLIT_NAMES
from neocog.data.readers.rows import Rows, read_header, read_rows
from neocog.data.readers.table_paths import names_of
from neocog.errors import UserError, listed

CORNERS = (
    ("x0", "y0", "x1", "y1"), ("xmin", "ymin", "xmax", "ymax"), ("x1", "y1", "x2", "y2"), ("left", "top", "right", "bottom"),
)  # fmt: skip
SIDES = (
    ("x", "y", "width", "height"), ("x", "y", "w", "h"), ("xmin", "ymin", "width", "height"), ("left", "top", "width", "height"),
)  # fmt: skip
EXPECTED = (*IMAGE, *LABEL, *(name for four in (*CORNERS, *SIDES) for name in four))


def columns_in(header: list[str]) -> tuple[str, ...]:
    """Which four columns hold corners, or a corner and sides, as ``plain`` names; () where none do."""
    names = {plain(name) for name in header}
    return next((four for four in (*CORNERS, *SIDES) if names.issuperset(four)), ())


def holds_boxes(file: Path) -> bool:
    """Whether the header names an image, a label, and corners or sides."""
    try:
        header = read_header(file, EXPECTED)
    except UserError:
        return False
    names = {plain(name) for name in header}
    return bool(columns_in(header) and names & set(IMAGE) and names & set(LABEL))


def read_box_table(root: Path, file: Path) -> Marks:
    """Corners are edges in pixels, counted from 0. Raises UserError where the table is none."""
    table, marks, faults = read_rows(file, EXPECTED), Marks("CSV of boxes", complete=True), Faults()
    header = [plain(name) for name in table.header]
    four = columns_in(table.header)
    marks.meaning, marks.held_in = "sides" if four in SIDES else "corners", f"columns {', '.join(four)}"
    image, label = (_cells(table, header, known) for known in (IMAGE, LABEL))
    assert image is not None and label is not None
    split, group = (_cells(table, header, known) for known in (SPLIT, PEOPLE))
    names, notes = names_of(root, image, table.lines, faults)
    marks.notes += notes
    corners = [_cells(table, header, (name,)) or [] for name in four]
    boxes: defaultdict[str, list[Drawn]] = defaultdict(list)
    kinds: dict[str, tuple[str, str]] = {}
    for row, name in enumerate(names):
        where = f"{file.name}: line {table.lines[row]}"
        texts = [column[row] for column in corners]
        known = (split[row] if split else "", group[row] if group else "")
        if kinds.setdefault(name, known) != known:
            marks.faults.append(UserError("an image in two parts or groups", f"{where}: {name}", "name one of them"))
        if not any(texts) and not label[row]:
            boxes[name] += []
            continue
        try:
            x0, y0, x1, y1 = map(real, texts)
            if marks.meaning == "sides":
                x1, y1 = x0 + x1, y0 + y1
            if not label[row]:
                raise ValueError("a box without a label")
        except ValueError as error:
            marks.bad.append(UserError(str(error), where, "correct the line"))
            continue
        boxes[name].append(Drawn(label[row], (x0, y0, x1, y1), where))
    unknown = sorted({part for part, _ in kinds.values() if part and part.lower() not in SPLIT_NAMES})
    if unknown:
        marks.faults.append(UserError(f"parts of no split: {listed(unknown)}", file.name, "train, validation or test"))
    marks.faults += faults.errors(file)
    for name in dict.fromkeys(names):
        part, people = kinds[name]
        marks.images.append(
            Marked(name, tuple(boxes[name]), file.name, None, SPLIT_NAMES.get(part.lower(), ""), people)
        )
    return marks


def _cells(table: Rows, header: list[str], known: tuple[str, ...]) -> list[str] | None:
    place = next((header.index(name) for name in known if name in header), None)
    return None if place is None else table.cells(place)
