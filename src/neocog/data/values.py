"""Values as targets: columns of numbers in a CSV, or a number in each file's name. Units in a column's name are kept."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neocog.data.dataset import Dataset
from neocog.data.decoding import Decoding
from neocog.data.folders import Found
from neocog.data.images import FileImages, form_of
from neocog.data.rows import read_header
from neocog.data.table import COLUMNS, KNOWN, Listing, numbers, read_listing
from neocog.errors import UserError, did_you_mean, listed, printable, raise_all

OTHERS = [name for role, names in COLUMNS.items() if role != "label" for name in names]
LABELS = COLUMNS["label"]
# The last number of a name: a minus counts only where it cannot be a hyphen, after "_", "=" or at the beginning.
NUMBER = re.compile(r"(?:(?:(?<=[_=])|^)-)?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


def describes_values(file: Path) -> bool:
    """Whether a CSV names images, no label, and other columns that could be values."""
    names = [name.lower() for name in read_header(file, KNOWN)]
    return (
        any(name in COLUMNS["image"] for name in names)
        and not set(names) & set(LABELS)
        and bool(set(names) - set(OTHERS))
    )


def read_values(file: Path, decoding: Decoding, targets: Sequence[str] = ()) -> Dataset:
    """The images that a CSV lists with their values (N, V): the columns ``targets``, or all columns of numbers.

    Raises UserError with every fault: no such column, cells that are no finite number (with their lines).
    """
    listing = read_listing(file, ("image",))
    chosen = _named(listing, targets) if targets else _numeric(listing)
    header, lines = listing.table.header, listing.table.lines
    columns = [[row[place] for row in listing.table.rows] for place in chosen]
    values = []
    for place, cells in zip(chosen, columns, strict=True):
        found = numbers(cells, listing.table.delimiter)
        for cell, line, value in zip(cells, lines, found, strict=True):
            if value is None or not math.isfinite(value):
                what = f"{header[place]} that is no finite number"
                listing.faults.add(what, "correct or remove the row", line, cell)
        values.append([math.nan if value is None else value for value in found])
    kept = listing.kept(columns)
    array = np.array(values, np.float64).T[kept]
    raise_all(_constant(file, [header[place] for place in chosen], array))
    return listing.dataset(
        kept,
        decoding,
        "CSV with values",
        used=chosen,
        labels=np.zeros(len(kept), np.int64),
        classes=(),
        values=array.astype(np.float32),
        quantities=tuple(header[place] for place in chosen),
    )


def values_in_names(root: Path, decoding: Decoding) -> Dataset:
    """All images below a folder, each with the last number of its name: img_037.5.png is 37.5. Raises UserError."""
    found = Found()
    found.add(root, "")
    raise_all(found.problems)
    if not found.images:
        raise UserError("no images in the folder", printable(str(root)), "give a folder of images, or a CSV")
    numbers_ = [number_in(Path(name).stem) for name in found.images]
    without = [name for name, number in zip(found.images, numbers_, strict=True) if number is None]
    if without:
        what = f"{len(without)} of {len(found.images):,} images have no number in their name"
        raise UserError(
            what, listed(map(printable, without)), "name them like img_037.5.png, or write a CSV: image,value"
        )
    values = np.array(numbers_, np.float64)[:, None]
    raise_all(_constant(root, ["value"], values))
    files = tuple(found.images)
    return Dataset(
        kind="images with values in their names",
        root=root,
        names=files,
        labels=np.zeros(len(files), np.int64),
        classes=(),
        images=FileImages(root, files, decoding),
        form=form_of(files, decoding),
        values=values.astype(np.float32),
        quantities=("value",),
        notes=(f"the last number of a name is its value: {files[0]} is {values[0, 0]:g}",),
    )


def number_in(stem: str) -> float | None:
    """The last number of a file's name without its suffix.

    >>> [number_in(stem) for stem in ("img_037.5", "t-5", "t_-5", "a=-1e-3", "none")]
    [37.5, 5.0, -5.0, -0.001, None]
    """
    found = NUMBER.findall(stem)
    return float(found[-1]) if found else None


def _named(listing: Listing, targets: Sequence[str]) -> list[int]:
    header = listing.table.header
    missing = [name for name in targets if header.count(name) != 1]
    if missing:
        what = f"no column, or more than one, called {listed(missing)}"
        hint = did_you_mean(missing[0], header)
        raise UserError(what, f"{printable(str(listing.file))}: line 1", f"{hint}the columns are: {listed(header, 30)}")
    return [header.index(name) for name in targets]


def _numeric(listing: Listing) -> list[int]:
    """Columns of which at least half of the cells are numbers: the rest of these are faults, not another kind of column."""
    header, rows = listing.table.header, listing.table.rows
    open_ = [place for place, name in enumerate(header) if name.lower() not in OTHERS]
    found = []
    for place in open_:
        parsed = numbers([row[place] for row in rows], listing.table.delimiter)
        if 2 * sum(value is not None for value in parsed) >= len(parsed):
            found.append(place)
    if not found:
        what = f"no column of numbers among: {listed([header[place] for place in open_]) or 'none'}"
        fix = "name the column of values 'value', or choose with --targets"
        raise UserError(what, f"{printable(str(listing.file))}: line 1", fix)
    return found


def _constant(where: Path, names: Sequence[str], values: np.ndarray) -> list[UserError]:
    same = [name for name, column in zip(names, values.T, strict=True) if len(column) and np.ptp(column) == 0]
    fix = "leave it out with --targets: there is nothing to learn"
    return [UserError(f"{name} is the same in all {len(values):,} rows", printable(str(where)), fix) for name in same]
