"""A pandas or polars frame of paths and what is known of them: the columns are told as those of a CSV are."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

from neocog.data.dataset import Dataset
from neocog.data.formats.decoding import Decoding
from neocog.data.readers.reading import Reading
from neocog.data.readers.rows import Rows
from neocog.data.readers.table import listing_of, read_table
from neocog.data.readers.values import read_values
from neocog.errors import UserError


def is_frame(source: object) -> bool:
    """Whether it is a pandas or a polars DataFrame, neither of which is imported to find out."""
    frames = (sys.modules.get(name) for name in ("pandas", "polars"))
    return any(isinstance(source, library.DataFrame) for library in frames if library is not None)


def read_frame(frame: Any, decoding: Decoding, reading: Reading) -> Dataset:
    """The images whose paths, relative to the working folder, stand in a column. Raises UserError with every fault."""
    header = [str(name) for name in frame.columns]
    columns = [frame[name].to_list() for name in frame.columns]
    rows = [[_cell(value) for value in row] for row in zip(*columns, strict=True)]
    if not rows:
        raise UserError("a frame without rows", "frame", "give one image a row")
    paths = [[_relative(cell, name) for cell, name in zip(row, header, strict=True)] for row in rows]
    table = Rows(header, paths, list(range(1, len(rows) + 1)), ",")
    listing = listing_of(Path.cwd() / "frame", table, reading)
    return read_values(listing, decoding) if listing.columns.values else read_table(listing, decoding)


def _cell(value: Any) -> str:
    """As a CSV has it: what is missing is blank."""
    missing = value is None or (isinstance(value, float) and math.isnan(value)) or str(value) in ("<NA>", "NaT")
    return "" if missing else str(value)


def _relative(cell: str, column: str) -> str:
    """An absolute path below the working folder as a relative one."""
    path = Path(cell)
    here = path.is_absolute() and path.is_relative_to(Path.cwd())
    return path.relative_to(Path.cwd()).as_posix() if here else cell
