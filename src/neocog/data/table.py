"""A CSV that names images and their labels, with optional groups, given split and weights. Every fault is told at once.

Columns, in any case: image | path | filename; label | class | target; group | patient_id | subject; split; weight.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from neocog.data.classes import index_classes, look_alikes
from neocog.data.dataset import Dataset
from neocog.data.decoding import Decoding
from neocog.data.folders import SPLIT_NAMES
from neocog.data.images import FileImages, form_of
from neocog.data.rows import Rows, read_header, read_rows
from neocog.errors import UserError, did_you_mean, listed, printable, raise_all

CSV_SUFFIXES = (".csv", ".tsv")
COLUMNS = {
    "image": ("image", "path", "filename"),
    "label": ("label", "class", "target"),
    "group": ("group", "patient_id", "subject"),
    "split": ("split",),
    "weight": ("weight",),
}
KNOWN = [name for names in COLUMNS.values() for name in names]
LONGEST = 255  # characters of a label or group: as long as the name of a folder can be


@dataclass
class Faults:
    """What is wrong, by kind of fault, each with the lines that it is on."""

    lines: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, what: str, fix: str, line: int, value: str) -> None:
        self.lines[what, fix].append(f"line {line} '{value[:80]}'")

    def errors(self, file: Path) -> list[UserError]:
        return [
            UserError(f"{len(lines)} × {what}", f"{printable(str(file))}: {listed(lines)}", fix)
            for (what, fix), lines in self.lines.items()
        ]


def describes_images(file: Path) -> bool:
    """Whether the header names an image and a label column. Raises UserError where the file is no text."""
    return {"image", "label"} <= _columns(read_header(file, KNOWN)).keys()


def read_table(file: Path, decoding: Decoding) -> Dataset:
    """The images that a CSV lists with their labels. Raises UserError with every fault."""
    listing = read_listing(file, ("image", "label"))
    cells, lines = listing.cells["label"], listing.table.lines
    _check_text("label", cells, lines, listing.faults)
    _check_numbers(cells, lines, listing.faults)
    kept = listing.kept([cells])
    labels, classes = index_classes([cells[i] for i in kept])
    return listing.dataset(kept, decoding, "CSV", labels=labels, classes=classes, notes=look_alikes(classes))


@dataclass(frozen=True)
class Listing:
    """The rows of a CSV that names images; what they tell of each image is left to the reader."""

    file: Path
    table: Rows
    columns: dict[str, int]  # role → column
    cells: dict[str, list[str]]  # role → its column's cells
    names: list[str]
    splits: list[str] | None
    weights: list[float] | None
    notes: list[str]
    faults: Faults

    def kept(self, told: Sequence[list[str]]) -> list[int]:
        """Rows to keep: repeated ones go. ``told``: the columns of what is known of an image. Raises all faults so far."""
        columns = [*told, *(self.cells[role] for role in ("group", "split", "weight") if role in self.cells)]
        kept = _distinct(self.names, columns, self.table.lines, self.faults)
        raise_all(self.faults.errors(self.file))
        return kept

    def dataset(
        self,
        kept: list[int],
        decoding: Decoding,
        kind: str,
        used: Sequence[int] = (),
        notes: Sequence[str] = (),
        **told: Any,
    ) -> Dataset:
        """The kept rows with what is ``told`` of them; ``used``: further columns that were read."""
        files = tuple(self.names[i] for i in kept)
        groups = self.cells.get("group")
        return Dataset(
            kind=kind,
            root=self.file.parent,
            names=files,
            images=FileImages(self.file.parent, files, decoding),
            form=form_of(files, decoding),
            splits=None if self.splits is None else np.array([self.splits[i] for i in kept]),
            groups=None if groups is None else np.array([groups[i] for i in kept]),
            weights=None if self.weights is None else np.array([self.weights[i] for i in kept]),
            notes=(*self.notes, *_notes(self.table, [*self.columns.values(), *used], len(kept)), *notes),
            **told,
        )


def read_listing(file: Path, needed: Sequence[str]) -> Listing:
    """The rows and what is common to all such tables. Image paths are relative to the CSV's folder and stay inside it.

    Raises UserError where a ``needed`` role has no column; other faults are collected.
    """
    table = read_rows(file, KNOWN)
    columns = _columns(table.header)
    raise_all(_missing_columns(file, table.header, columns, needed))
    if not table.rows:
        raise UserError("no rows below the header", printable(str(file)), "list one image a line")
    cells = {role: [row[column] for row in table.rows] for role, column in columns.items()}
    faults = Faults()
    names, notes = _names(file.parent, cells["image"], table.lines, faults)
    if "group" in cells:
        _check_text("group", cells["group"], table.lines, faults)
    splits = _splits(cells["split"], table.lines, faults) if "split" in cells else None
    weights = _weights(cells["weight"], table, faults) if "weight" in cells else None
    used = {role: column for role, column in columns.items() if role != "label" or "label" in needed}
    return Listing(file, table, used, cells, names, splits, weights, notes, faults)


def _columns(header: Sequence[str]) -> dict[str, int]:
    """Which column plays which part; of several candidates, the one that stands first in ``COLUMNS``."""
    names = [name.lower() for name in header]
    found = {role: next((alias for alias in aliases if alias in names), "") for role, aliases in COLUMNS.items()}
    return {role: names.index(name) for role, name in found.items() if name}


def _missing_columns(file: Path, header: list[str], columns: dict[str, int], needed: Sequence[str]) -> list[UserError]:
    where, names = f"{printable(str(file))}: line 1", [name.lower() for name in header]
    problems = []
    for role in needed:
        if role not in columns:
            near = next((text for alias in COLUMNS[role] if (text := did_you_mean(alias, names))), "")
            what = f"no {role} column ({', '.join(COLUMNS[role])}); the header has: {listed(header)}"
            problems.append(UserError(what, where, f"{near}name the column '{role}'"))
    twice = {header[column] for column in columns.values() if names.count(names[column]) > 1}
    if twice:
        problems.append(UserError(f"columns that stand twice: {listed(sorted(twice))}", where, "keep one of each"))
    return problems


def _names(root: Path, cells: list[str], lines: list[int], faults: Faults) -> tuple[list[str], list[str]]:
    """Each image's path in one form (POSIX, no "./"), whether it can be had, and a note on backslashes."""
    names, turned = [], 0
    real_root, known = os.path.realpath(root), dict[str, bool]()
    for cell, line in zip(cells, lines, strict=True):
        path = cell
        if "\\" in cell and not os.path.lexists(root / cell):
            path, turned = cell.replace("\\", "/"), turned + 1
        if fault := _outside(path) or _unusable(real_root, path, known):
            faults.add(*fault, line, cell)
        names.append(PurePosixPath(path).as_posix())
    return names, [f"{turned} paths written with backslashes"] if turned else []


def _outside(path: str) -> tuple[str, str] | None:
    """Paths that cannot lie below the CSV's folder, by their text alone."""
    inside = "give paths relative to the CSV's folder, and inside it"
    if not path.strip():
        return "blank image", "name a file"
    if re.match(r"[a-z][a-z0-9+.-]*://|data:|file:", path, re.IGNORECASE):
        return "address instead of a path", "download the files, and give their paths"
    if re.match(r"[/\\]|[A-Za-z]:[/\\]", path):
        return "absolute path", inside
    return ("path that leads out of the folder", inside) if ".." in path.split("/") else None


def _unusable(root: str, path: str, known: dict[str, bool]) -> tuple[str, str] | None:
    """Files that are not there, lead outside through a link, or are no files.

    ``root`` has no links in it; ``known`` remembers which folders lie inside, since there are many files and few folders.
    """
    full, folder = os.path.join(root, path), os.path.dirname(path)  # noqa: PTH118, PTH120 (a million rows)
    if folder not in known:
        known[folder] = _lies_inside(root, os.path.join(root, folder))  # noqa: PTH118
    try:
        status = os.lstat(full)
        if not known[folder] or (stat.S_ISLNK(status.st_mode) and not _lies_inside(root, full)):
            return "link that leads out of the folder", "copy the file into the folder"
        if not stat.S_ISREG(os.stat(full).st_mode):  # noqa: PTH116
            return "image that is not a regular file", "name an image file"
    except FileNotFoundError:
        return "missing image file", "check the path; it is relative to the CSV's folder, and case counts"
    except OSError as error:
        return f"image file that cannot be read ({error.strerror})", "mend or remove it"
    return None


def _lies_inside(root: str, path: str) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(root)


def _check_text(role: str, cells: list[str], lines: list[int], faults: Faults) -> None:
    for cell, line in zip(cells, lines, strict=True):
        if not cell.strip():
            faults.add(f"blank {role}", f"write a {role}, or remove the row", line, cell)
        elif len(cell) > LONGEST:
            faults.add(f"{role} of more than {LONGEST} characters", "is a quote open?", line, cell)


def _check_numbers(labels: list[str], lines: list[int], faults: Faults) -> None:
    """NaN and infinity among numbers are failed measurements; among words they are words ("NA" is a class)."""
    values = [_number(label) for label in labels]
    if all(value is not None for value in values) and any(math.isfinite(value or 0) for value in values):
        for value, label, line in zip(values, labels, lines, strict=True):
            if value is not None and not math.isfinite(value):
                faults.add("label that is not finite among numbers", "correct or remove the row", line, label)


def _splits(cells: list[str], lines: list[int], faults: Faults) -> list[str]:
    """ "train", "validation", "test", or "" where the cell is blank."""
    splits = []
    for cell, line in zip(cells, lines, strict=True):
        split = SPLIT_NAMES.get(cell.strip().lower(), "")
        if cell.strip() and not split:
            faults.add("unknown split", "write train, validation or test", line, cell)
        splits.append(split)
    return splits


def _weights(cells: list[str], table: Rows, faults: Faults) -> list[float]:
    """Finite numbers from 0 up."""
    weights = []
    for cell, line, weight in zip(cells, table.lines, numbers(cells, table.delimiter), strict=True):
        if weight is None or not 0 <= weight < math.inf:
            faults.add("weight that is no finite number from 0 up", "correct it", line, cell)
        weights.append(math.nan if weight is None else weight)
    if not any(weights):
        faults.add("weights that are all 0", "give some images a weight", table.lines[0], cells[0])
    return weights


def numbers(cells: Sequence[str], delimiter: str) -> list[float | None]:
    """Each cell as a number, None where it is none. A decimal comma counts where the fields are not separated by commas
    and no point is used."""
    decimal_comma = delimiter != "," and not any("." in cell for cell in cells)
    return [_number(cell.replace(",", ".", 1) if decimal_comma else cell) for cell in cells]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _distinct(names: list[str], columns: list[list[str]], lines: list[int], faults: Faults) -> list[int]:
    """Rows to keep: a repeated row goes, a file that two rows tell different things about is a fault."""
    first: dict[str, int] = {}
    kept = []
    for i, name in enumerate(names):
        earlier = first.setdefault(name, i)
        if earlier == i:
            kept.append(i)
        elif any(cells[i] != cells[earlier] for cells in columns):
            told = f"{name} (line {lines[earlier]} tells otherwise)"
            faults.add("image listed again with another label, group, split or weight", "keep one row", lines[i], told)
    return kept


def _notes(table: Rows, columns: Sequence[int], kept: int) -> list[str]:
    notes = []
    if kept < len(table.rows):
        notes.append(f"{len(table.rows) - kept} repeated rows dropped")
    unused = [name for i, name in enumerate(table.header) if i not in columns]
    if unused:
        notes.append(f"columns not used: {listed(unused)}")
    if table.delimiter != ",":
        notes.append(f"fields separated by {'tabs' if table.delimiter == chr(9) else repr(table.delimiter)}")
    return notes
