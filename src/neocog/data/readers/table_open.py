"""Which of a CSV's kinds a table is: sequences, or images with labels or with values."""

from __future__ import annotations

from pathlib import Path

from neocog.data.dataset import Dataset
from neocog.data.formats.decoding import Decoding
from neocog.data.formats.files import files_with
from neocog.data.readers.folders import class_folders
from neocog.data.readers.reading import Reading
from neocog.data.readers.sequence_table import describes_sequences, read_sequence_table
from neocog.data.readers.table import CSV_SUFFIXES, describes_images, read_listing, read_table
from neocog.data.readers.values import read_values
from neocog.errors import UserError

LAYOUT = "a CSV with the columns image and label, image and values, or sequence and label"


def opened(path: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """A table, or the only one of a folder; None for what is none by its name, unless sequences are asked for."""
    if reading.marks:
        return None
    if path.is_file():
        known = path.suffix.lower() in CSV_SUFFIXES or reading.kind == "sequences"
        return _read(path, decoding, reading) if known else None
    tables = files_with(path, *CSV_SUFFIXES)
    if len(tables) != 1 or not (reading.labels == "values" or _describes(tables[0]) or not class_folders(path)):
        return None
    return _read(tables[0], decoding, reading)


def _read(table: Path, decoding: Decoding, reading: Reading) -> Dataset:
    if reading.kind == "sequences" or (reading.kind == "auto" and describes_sequences(table)):
        return read_sequence_table(table, reading)
    listing = read_listing(table, reading)
    return read_values(listing, decoding) if listing.columns.values else read_table(listing, decoding)


def _describes(table: Path) -> bool:
    """Whether a table beside class folders is what describes the images."""
    try:
        return describes_images(table)
    except UserError:  # some other file that happens to end in .csv: the class folders beside it are the data
        return False
