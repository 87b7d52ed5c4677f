"""A pandas or polars frame of paths and what is known of them: the columns are told as those of a CSV are."""

from __future__ import annotations

import math
import os
import sys
from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neocog.data.dataset import Dataset
from neocog.data.formats.decoding import Decoding
from neocog.data.readers.column_names import IMAGE, plain
from neocog.data.readers.reading import Reading
from neocog.data.readers.rows import Rows
from neocog.data.readers.table import listing_of, read_table
from neocog.data.readers.values import read_values
from neocog.errors import UserError, listed


def is_frame(source: object) -> bool:
    """Whether it is a pandas or a polars DataFrame, neither of which is imported to find out."""
    frames = (sys.modules.get(name) for name in ("pandas", "polars"))
    return any(isinstance(source, library.DataFrame) for library in frames if library is not None)


def read_frame(frame: Any, decoding: Decoding, reading: Reading) -> Dataset:
    """The images whose paths stand in a column: relative to the working folder, or whole. Raises UserError with every fault."""
    header = [str(name) for name in frame.columns]
    if repeated := listed(name for name, times in Counter(header).items() if times > 1):
        raise UserError(f"several columns are called {repeated}", "frame", "rename all but one of them")
    if not len(frame):
        raise UserError("a frame without rows", "frame", "give one image a row")
    columns = [_cells(_no_pictures(str(name), frame[name].to_list())) for name in frame.columns]
    folder = _folder(columns)
    cells = [[_below(cell, folder) for cell in column] for column in columns]
    table = Rows(header, cells, array("q", range(1, len(frame) + 1)), ",")
    listing = listing_of(folder / "frame", table, reading)
    return read_values(listing, decoding) if listing.columns.values else read_table(listing, decoding)


def image_column(frame: Any) -> list[Path]:
    """The paths of a frame's images. Raises UserError where no column is called so."""
    name = next((name for known in IMAGE for name in frame.columns if plain(str(name)) == known), None)
    if name is None:
        what = f"a frame with no column of images: {listed(map(str, frame.columns))}"
        raise UserError(what, "frame", "rename the column of their paths to image")
    return [Path(_cell(value)) for value in _no_pictures(str(name), frame[name].to_list())]


def _folder(columns: Sequence[Sequence[str]]) -> Path:
    """Where the images of a frame lie: the folder that all whole paths of a column have in common, else the working folder."""
    for column in columns:
        if all(Path(cell).is_absolute() for cell in column):
            return Path(os.path.commonpath([Path(cell).parent for cell in column]))
    return Path.cwd()


def _no_pictures(name: str, values: list[Any]) -> list[Any]:
    """A column's ``values``. Raises UserError where these are not written in a word, as images in memory are not."""
    if any(
        getattr(value, "shape", ()) or hasattr(value, "getpixel") or isinstance(value, bytes | dict) for value in values
    ):
        what = f"column '{name}' holds {type(values[0]).__name__}, not paths, numbers or text"
        fix = f"give images apart: (list(frame['{name}']), frame['label']), and groups as a third"
        raise UserError(what, "frame", fix)
    return values


def _cells(values: list[Any]) -> list[str]:
    """A column. Whole numbers among which some are missing are decimals to pandas, and here whole again: 1, not 1.0."""
    cells = [_cell(value) for value in values]
    known = [value for value, cell in zip(values, cells, strict=True) if cell]
    made_decimal = len(known) < len(values) and all(isinstance(value, float) and value.is_integer() for value in known)
    return [cell.removesuffix(".0") for cell in cells] if made_decimal else cells


def _cell(value: Any) -> str:
    """As a CSV has it: what is missing is blank."""
    missing = value is None or (isinstance(value, float) and math.isnan(value)) or str(value) in ("<NA>", "NaT")
    return "" if missing else str(value)


def _below(cell: str, folder: Path) -> str:
    """A whole path below the folder as a relative one; all else as it is."""
    whole = Path(cell).is_absolute() and Path(cell).is_relative_to(folder)
    return Path(cell).relative_to(folder).as_posix() if whole else cell
