"""A CSV with a column of sequences; labels, groups and given splits are read as in a table of images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from neocog.data.dataset import Dataset, LeftOut
from neocog.data.readers.classes import unified
from neocog.data.readers.column_names import LABEL, SEQUENCE, plain
from neocog.data.readers.columns import Columns, columns_of, shown
from neocog.data.readers.faults import Faults
from neocog.data.readers.labels import missing, refuse_several
from neocog.data.readers.reading import Reading
from neocog.data.readers.rows import Rows, read_header, read_rows
from neocog.data.readers.sequences import dataset
from neocog.data.readers.table import UNKNOWN, read_splits
from neocog.errors import UserError, listed, printable, raise_all
from neocog.traits import task_of

RANKS = ("genus", "species")  # columns of names that are the label where none is called so
KNOWN = (*SEQUENCE, *LABEL, *RANKS)


def describes_sequences(file: Path) -> bool:
    """Whether a CSV has a column of sequences."""
    return any(plain(name) in SEQUENCE for name in read_header(file, KNOWN))


def read_sequence_table(path: Path, reading: Reading) -> Dataset:
    """The labelled sequences of a CSV file. Raises UserError with every fault."""
    where, table = printable(str(path)), read_rows(path, KNOWN)
    columns = _columns(path, table, reading)
    cells = {role: table.cells(place) for role, place in columns.roles.items()}
    (labels, alike), ids, faults = unified(cells["label"]), [f"line {line}" for line in table.lines], Faults()
    refuse_several(table.header[columns.roles["label"]], labels, table.lines, where)
    unknown, note = missing(labels, reading)
    for row in sorted(unknown) if reading.unlabelled != "skip" else ():
        faults.add("label that may stand for none", UNKNOWN, table.lines[row], labels[row])
    splits = read_splits(cells["split"], table.lines, faults) if "split" in cells else None
    raise_all(faults.errors(path))
    rows = [row for row in range(len(ids)) if row not in unknown]
    if not rows:
        raise UserError("no row with a label below the header", where, "list one sequence and its label a line")
    letters = [cells["sequence"][row].encode("utf-8") for row in rows]
    notes = [*([note] if note else []), *alike]
    data = dataset(path, "CSV of sequences", [ids[i] for i in rows], letters, [labels[i] for i in rows], reading, notes)
    place = {name: row for row, name in enumerate(ids)}
    kept = [place[name] for name in data.names]
    return replace(
        data,
        groups=np.array([cells["group"][row] for row in kept]) if "group" in cells else None,
        splits=np.array([splits[row] for row in kept]) if splits is not None else None,
        taken=tuple(shown(columns, table.header)),
        left_out=tuple(LeftOut(ids[row], "", f"not labelled: '{labels[row]}'") for row in sorted(unknown)),
    )


def _columns(path: Path, table: Rows, reading: Reading) -> Columns:
    """The columns' roles. Weights do not count for sequences, and a table without labels is none."""
    asked = (*reading.columns, *([f"label={reading.label_field}"] if reading.label_field else []))
    names = {plain(name): name for name in table.header}
    rank = next((names[name] for name in RANKS if name in names), "")
    if rank and not any(text.startswith("label=") for text in asked) and not names.keys() & set(LABEL):
        asked = (*asked, f"label={rank}")
    columns = columns_of(path, table, replace(reading, columns=asked, task=task_of("classes")), SEQUENCE)
    lacking = [role for role in ("sequence", "label") if role not in columns.roles]
    if lacking:
        what = f"no {' and no '.join(lacking)} column; the header has: {listed(table.header)}"
        fix = f"name it '{lacking[0]}', or say which it is: --columns {lacking[0]}=NAME"
        raise UserError(what, f"{printable(str(path))}: line 1", fix)
    return columns
