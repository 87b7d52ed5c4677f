"""A CSV that names images and what is known of them: a label, values, a group, a given split, a weight.

Which column is which is decided in ``columns.py``. Every fault is told at once, with its line.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from neocog.data.dataset import Dataset, LeftOut
from neocog.data.digests import distinct
from neocog.data.formats.decoding import Decoding
from neocog.data.images import FileImages, form_of
from neocog.data.names import Names, keyed
from neocog.data.readers.classes import index_classes, look_alikes, misspelt, unified
from neocog.data.readers.column_names import IMAGE, LABEL, describes
from neocog.data.readers.columns import Columns, columns_of, shown
from neocog.data.readers.decimals import numbers, refuse_doubtful
from neocog.data.readers.faults import Faults
from neocog.data.readers.folders import SPLIT_NAMES, is_image
from neocog.data.readers.kinds import BOOLEAN
from neocog.data.readers.labels import missing, refuse_several
from neocog.data.readers.reading import Reading
from neocog.data.readers.rows import Rows, read_header, read_rows
from neocog.data.readers.table_paths import names_of
from neocog.errors import UserError, count, did_you_mean, listed, printable, raise_all
from neocog.traits import task_of

CSV_SUFFIXES = (".csv", ".tsv")
KNOWN = ("image", "path", "filename", "label", "class", "target", "group", "patient_id", "subject", "split", "weight")
LONGEST = 255  # characters of a label or group: as long as the name of a folder can be
UNKNOWN = "--unlabelled skip leaves these rows out"


def describes_images(file: Path) -> bool:
    """Whether the header names an image and a label column. Raises UserError where the file is no text."""
    return describes(read_header(file, KNOWN), {"image": IMAGE, "label": LABEL})


@dataclass(frozen=True)
class Listing:
    """The rows of a CSV that names images; what they tell of each image is left to the reader."""

    file: Path
    table: Rows
    columns: Columns
    reading: Reading
    names: Names
    splits: list[str] | None
    weights: list[float] | None
    notes: list[str]
    faults: Faults
    left_out: list[LeftOut] = field(default_factory=list)

    def cells(self, place: int) -> list[str]:
        """A column's cells, without blanks around them."""
        return self.table.cells(place)

    def leave_out(self, rows: Collection[int], cells: Sequence[str]) -> None:
        """Count rows whose label or value is not known; ``cells``: what stands there instead."""
        self.left_out.extend(LeftOut(self.names[i], "", f"not labelled: '{cells[i]}'") for i in sorted(rows))

    def kept(self, targets: Sequence[Sequence[str]], dropped: Collection[int] = ()) -> Sequence[int]:
        """Rows to keep: repeated and ``dropped`` ones go. ``targets``: columns of labels or values. Raises all faults so far."""
        roles = self.columns.roles
        columns = [*targets, *(self.cells(roles[role]) for role in ("group", "split", "weight") if role in roles)]
        kept, repeated = _distinct(self.names, columns, self.table.lines, dropped, self.faults)
        self.left_out.extend(
            LeftOut(self.names[i], targets[0][i] if targets else "", "the same row again") for i in repeated
        )
        raise_all(self.faults.errors(self.file))
        return kept

    def dataset(
        self, kept: Sequence[int], decoding: Decoding, kind: str, notes: Sequence[str] = (), **known: Any
    ) -> Dataset:
        """The kept rows with what else is ``known`` of them."""
        files = self.names.take(np.asarray(kept, np.int64))
        groups, alike = (
            unified(self.cells(self.columns.roles["group"])) if "group" in self.columns.roles else (None, ())
        )
        return Dataset(
            kind=kind,
            root=self.file.parent,
            names=files,
            images=FileImages(self.file.parent, files, decoding),
            form=form_of(files, decoding),
            splits=None if self.splits is None else np.array([self.splits[i] for i in kept]),
            groups=None if groups is None else np.array([groups[i] for i in kept]),
            weights=None if self.weights is None else np.array([self.weights[i] for i in kept]),
            notes=(*self.notes, *_notes(self.table, self.columns, self.left_out), *notes, *alike),
            taken=tuple(shown(self.columns, self.table.header)),
            left_out=tuple(self.left_out),
            **known,
        )


def read_listing(file: Path, reading: Reading, learned: bool = True) -> Listing:
    """The rows and what is common to all such tables. Image paths are relative to the CSV's folder and stay inside it.

    ``learned``: whether one of the columns must be what is learned. Raises UserError where a column is lacking; faults of
    rows are collected.
    """
    table = read_rows(file, KNOWN)
    _check_header(file, table)
    return listing_of(file, table, reading, learned)


def listing_of(file: Path, table: Rows, reading: Reading, learned: bool = True) -> Listing:
    """As ``read_listing``, of rows that are there already; ``file`` is what messages call them."""
    columns = columns_of(file, table, reading if learned else Reading(task=task_of("masks"), columns=reading.columns))
    raise_all(_missing_columns(file, table.header, columns, reading, learned))
    faults, roles = Faults(), columns.roles
    names, notes = names_of(file.parent, table.columns[roles["image"]], table.lines, faults)
    cells = {role: table.cells(place) for role, place in roles.items() if role in ("group", "split", "weight")}
    if "group" in cells:
        _check_text("group", cells["group"], table.lines, faults)
    splits = read_splits(cells["split"], table.lines, faults) if "split" in cells else None
    weights = _weights(cells["weight"], table, reading, faults, printable(str(file))) if "weight" in cells else None
    return Listing(file, table, columns, reading, names, splits, weights, notes, faults)


def read_table(listing: Listing, decoding: Decoding) -> Dataset:
    """The images that a CSV lists, each with its label. Raises UserError with every fault."""
    reading, lines, notes = listing.reading, listing.table.lines, list[str]()
    cells = _one_hot(listing) if listing.columns.one_hot else listing.cells(listing.columns.roles["label"])
    unknown, note = missing(cells, reading)
    cells, alike = unified(cells)
    notes += [*([note] if note else []), *alike]
    if not any(text.startswith("label=") for text in reading.columns):
        name = listing.table.header[listing.columns.roles["label"]] if "label" in listing.columns.roles else ""
        refuse_several(name, cells, lines, printable(str(listing.file)))
    if reading.unlabelled == "skip":
        listing.leave_out(unknown, cells)
    else:
        for row in sorted(unknown):
            what = "label that may stand for none" if cells[row] else "blank label"
            fix = (
                f"{UNKNOWN}; --unlabelled class takes it for a class" if cells[row] else f"write a label, or {UNKNOWN}"
            )
            listing.faults.add(what, fix, lines[row], cells[row])
    _check_text("label", ["-" if row in unknown else cell for row, cell in enumerate(cells)], lines, listing.faults)
    kept = listing.kept([cells], unknown if reading.unlabelled == "skip" else ())
    labels, classes = index_classes([cells[i] for i in kept])
    notes += [*look_alikes(classes), *misspelt(Counter(cells[i] for i in kept))]
    return listing.dataset(kept, decoding, "CSV", labels=labels, classes=classes, notes=notes)


def _one_hot(listing: Listing) -> list[str]:
    """(N,) the name of the column that has the 1 of each row; other rows are faults."""
    names = [listing.table.header[place] for place in listing.columns.one_hot]
    columns = [[BOOLEAN.get(cell.lower(), -1) for cell in listing.cells(place)] for place in listing.columns.one_hot]
    found = []
    for line, *ones in zip(listing.table.lines, *columns, strict=True):
        if sorted(ones) != [0] * (len(ones) - 1) + [1]:
            listing.faults.add(
                "row without a single 1: several labels are not supported", "correct it", line, f"{ones}"
            )
        found.append(names[ones.index(max(ones))])
    return found


def _check_header(file: Path, table: Rows) -> None:
    if not len(table):
        raise UserError("no rows below the header", printable(str(file)), "list one image a line")
    named = [name for name in table.header if is_image(name) and (file.parent / name).is_file()]
    if named:
        what = f"the first line names no columns: it is about {printable(named[0])}"
        raise UserError(what, f"{printable(str(file))}: line 1", "put a first line above it, such as image,label")
    lower = [name.lower() for name in table.header]
    twice = {name for name, low in zip(table.header, lower, strict=True) if low in KNOWN and lower.count(low) > 1}
    if twice:
        where = f"{printable(str(file))}: line 1"
        raise UserError(f"columns that stand twice: {listed(sorted(twice))}", where, "keep one of each")


def _missing_columns(
    file: Path, header: list[str], columns: Columns, reading: Reading, learned: bool
) -> list[UserError]:
    where, names, problems = f"{printable(str(file))}: line 1", [name.lower() for name in header], []
    needed = {"image": (IMAGE[:3], "image" in columns.roles)}
    if reading.labels != "values" and learned:
        found = bool(columns.one_hot or columns.values or "label" in columns.roles)
        needed["label"] = (LABEL[:3], found)
    for role, (known, found) in needed.items():
        if not found:
            near = next((text for alias in known if (text := did_you_mean(alias, names))), "")
            what = f"no {role} column ({', '.join(known)}); the header has: {listed(header)}"
            fix = f"{near}name the column '{role}', or say which it is: --columns {role}=NAME"
            problems.append(UserError(what, where, fix))
    if reading.labels == "values" and learned and not columns.values:
        what = f"no column of numbers among: {listed(header) or 'none'}"
        problems.append(UserError(what, where, "name the column of values 'value', or choose with --targets"))
    return problems


def _check_text(role: str, cells: Sequence[str], lines: Sequence[int], faults: Faults) -> None:
    for cell, line in zip(cells, lines, strict=True):
        if not cell.strip():
            faults.add(f"blank {role}", f"write a {role}, or remove the row", line, cell)
        elif len(cell) > LONGEST:
            faults.add(f"{role} of more than {LONGEST} characters", "is a quote open?", line, cell)


def read_splits(cells: list[str], lines: Sequence[int], faults: Faults) -> list[str]:
    """ "train", "validation", "test", or "" where the cell is blank."""
    splits = []
    for cell, line in zip(cells, lines, strict=True):
        split = SPLIT_NAMES.get(cell.lower(), "")
        if cell and not split:
            faults.add("unknown split", "write train, validation or test", line, cell)
        splits.append(split)
    return splits


def _weights(cells: list[str], table: Rows, reading: Reading, faults: Faults, where: str) -> list[float]:
    """Finite numbers from 0 up."""
    refuse_doubtful("weight", cells, table.delimiter, reading.decimal, where)
    weights, found = [], numbers(cells, table.delimiter, reading.decimal)
    for cell, line, weight in zip(cells, table.lines, found, strict=True):
        if weight is None or not 0 <= weight < math.inf:
            faults.add("weight that is no finite number from 0 up", "correct it", line, cell)
        weights.append(math.nan if weight is None else weight)
    if not any(weights):
        faults.add("weights that are all 0", "give some images a weight", table.lines[0], cells[0])
    return weights


def _distinct(
    names: Names, columns: list[Sequence[str]], lines: Sequence[int], dropped: Collection[int], faults: Faults
) -> tuple[Sequence[int], list[int]]:
    """Rows to keep, and repeated ones, which go; a file that two rows tell different things about is a fault."""
    left = np.ones(len(names), bool)
    left[sorted(dropped)] = False
    rows = np.flatnonzero(left)
    first, which = distinct(keyed(names.take(rows)))
    earlier = rows[first][which]
    for i, before in zip(rows[earlier != rows].tolist(), earlier[earlier != rows].tolist(), strict=True):
        left[i] = False
        if any(cells[i] != cells[before] for cells in columns):
            line = f"{names[i]} (line {lines[before]} tells otherwise)"
            faults.add("image listed again with another label, group, split or weight", "keep one row", lines[i], line)
    repeated = rows[earlier != rows].tolist()
    return range(len(names)) if left.all() else np.flatnonzero(left).tolist(), repeated


def _notes(table: Rows, columns: Columns, left_out: Sequence[LeftOut]) -> list[str]:
    notes = []
    repeated = sum(one.reason == "the same row again" for one in left_out)
    if repeated:
        notes.append(f"{repeated} repeated rows dropped")
    if len(left_out) > repeated:
        notes.append(f"{len(left_out) - repeated} rows left out, as they are not labelled")
    unused = [name for i, name in enumerate(table.header) if columns.taken[i].role == "not used"]
    if unused:
        notes.append(f"columns not used: {listed(name or '(without a name)' for name in unused)}")
    blanks = sum(cell != cell.strip() for cells in table.columns for cell in cells)
    if blanks:
        notes.append(f"{count(blanks, 'cell')} with blanks around them, which do not count")
    if table.delimiter != ",":
        notes.append(f"fields separated by {'tabs' if table.delimiter == chr(9) else repr(table.delimiter)}")
    return notes
