"""Values as targets: columns of numbers in a CSV, or a number in each file's name. Units in a column's name are kept."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from neocog.data.dataset import Dataset, Taken
from neocog.data.formats.decoding import Decoding
from neocog.data.formats.files import without_suffix
from neocog.data.images import FileImages, form_of
from neocog.data.names import Names
from neocog.data.readers import angles, decimals
from neocog.data.readers.folders import Found
from neocog.data.readers.labels import is_missing
from neocog.data.readers.reading import Reading
from neocog.data.readers.sentinels import sentinels
from neocog.data.readers.table import Listing
from neocog.errors import UserError, listed, printable, raise_all

# The last number of a name: a minus counts only where it cannot be a hyphen, after "_", "=" or at the beginning.
NUMBER = re.compile(r"(?:(?:(?<=[_=])|^)-)?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def read_values(listing: Listing, decoding: Decoding) -> Dataset:
    """The images that a CSV lists with their values (N, V).

    Raises UserError with every fault: cells that are no finite number (with their lines), columns that are all alike.
    """
    header, lines, chosen = listing.table.header, listing.table.lines, listing.columns.values
    columns = [listing.cells(place) for place in chosen]
    skipped = listing.reading.unlabelled == "skip"
    unknown = {row for cells in columns for row, cell in enumerate(cells) if skipped and is_missing(cell)}
    values, style = [], (listing.table.delimiter, listing.reading.decimal)
    for place, cells in zip(chosen, columns, strict=True):
        decimals.refuse_doubtful(header[place], cells, *style, printable(str(listing.file)))
        found = decimals.numbers(cells, *style)
        if decimals.comma(cells, *style):
            taken = listing.columns.taken
            evidence = f"{taken[place].evidence}; read with a decimal comma"
            taken[place] = replace(taken[place], evidence=evidence, flag="--decimal")
        for row, (cell, line, value) in enumerate(zip(cells, lines, found, strict=True)):
            if row not in unknown and (value is None or not math.isfinite(value)):
                fix = "correct or remove these rows; --unlabelled skip leaves out those that say nan or nothing"
                listing.faults.add(f"{header[place]} that is no finite number", fix, line, cell)
        values.append([math.nan if value is None else value for value in found])
        if skipped:
            codes = sentinels(np.array(values[-1]))
            unknown |= {row for row, value in enumerate(values[-1]) if value in codes}
    listing.leave_out(unknown, [" ".join(row) for row in zip(*columns, strict=True)])
    kept = listing.kept(columns, unknown)
    array = np.array(values, np.float64).T[np.asarray(kept, np.int64)]
    raise_all(_constant(listing.file, [header[place] for place in chosen], array))
    target_names = _with_units(listing, array)
    return listing.dataset(
        kept,
        decoding,
        "CSV with values",
        labels=np.zeros(len(kept), np.int64),
        classes=(),
        values=array.astype(np.float32),
        target_names=target_names,
    )


def _with_units(listing: Listing, values: np.ndarray) -> tuple[str, ...]:
    """Names of the columns of values (N, V), angles in radians with that unit; what was taken says in which unit they are."""
    header, chosen, unit = listing.table.header, listing.columns.values, listing.reading.angles
    where, taken = printable(str(listing.file)), listing.columns.taken
    names = [header[place] for place in chosen]
    if unit != "auto" and not any(map(angles.without_unit, names)):
        what = f"--angles {unit}: no column to learn is an angle without a unit"
        raise UserError(what, f"{where}: {listed(names)}", "leave it out: the unit in the column name is used")
    for k, place in enumerate(chosen):
        if unit == "auto":
            angles.refuse_doubtful(names[k], values[:, k], where)
        elif unit == "radians" and angles.without_unit(names[k]):
            names[k] += " [rad]"
        if angles.period_of(names[k]):
            flag = "--angles degrees or radians" if angles.without_unit(header[place]) else taken[place].flag
            taken[place] = replace(taken[place], evidence=taken[place].evidence + angles.unit_note(names[k]), flag=flag)
    return tuple(names)


def values_in_names(root: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """All images below a folder, each with the last number of its name: img_037.5.png is 37.5. Raises UserError.

    A guess, for where values are wanted and no reader knows the path; else None.
    """
    if reading.labels != "values" or not root.is_dir():
        return None
    found = Found()
    files = Names(found.images(root, ""))
    raise_all(found.problems)
    if not len(files):
        raise UserError("no images in the folder", printable(str(root)), "give a folder of images, or a CSV")
    numbers_ = [number_in(without_suffix(name).rpartition("/")[2]) for name in files]
    without = [name for name, number in zip(files, numbers_, strict=True) if number is None]
    if without:
        what = f"{len(without)} of {len(files):,} images have no number in their name"
        raise UserError(
            what, listed(map(printable, without)), "name them like img_037.5.png, or write a CSV: image,value"
        )
    values = np.array(numbers_, np.float64)[:, None]
    raise_all(_constant(root, ["value"], values))
    return Dataset(
        kind="images with values in their names",
        root=root,
        names=files,
        labels=np.zeros(len(files), np.int64),
        classes=(),
        images=FileImages(root, files, decoding),
        form=form_of(files, decoding),
        values=values.astype(np.float32),
        target_names=("value",),
        taken=(Taken("last number of a file's name", "target", f"--task regression: {files[0]} is {values[0, 0]:g}"),),
    )


def number_in(stem: str) -> float | None:
    """The last number of a file's name without its suffix.

    >>> [number_in(stem) for stem in ("img_037.5", "t-5", "t_-5", "a=-1e-3", "none")]
    [37.5, 5.0, -5.0, -0.001, None]
    """
    found = NUMBER.findall(stem)
    return float(found[-1]) if found else None


def _constant(where: Path, names: Sequence[str], values: np.ndarray) -> list[UserError]:
    same = [name for name, column in zip(names, values.T, strict=True) if len(column) and np.ptp(column) == 0]
    fix = "leave it out with --targets: there is nothing to learn"
    return [UserError(f"{name} is the same in all {len(values):,} rows", printable(str(where)), fix) for name in same]
