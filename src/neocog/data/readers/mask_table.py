"""A CSV with the columns image and mask, and perhaps group and split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neocog.data.dataset import Array
from neocog.data.readers.mask_folders import Layout
from neocog.data.readers.mask_pairs import Pairs
from neocog.data.readers.reading import Reading
from neocog.data.readers.rows import read_header
from neocog.data.readers.table import KNOWN, read_listing
from neocog.data.readers.table_paths import names_of
from neocog.errors import UserError

MASK = ("mask", "segmentation", "annotation", "mask_path")


@dataclass(frozen=True)
class MaskTable:
    layout: Layout
    groups: Array | None  # (N,)


def masks_in_table(file: Path) -> MaskTable | None:
    """The pairs that a CSV lists; None where it has no column of masks. Raises UserError with every fault of a row."""
    try:
        names = [name.lower() for name in read_header(file, [*KNOWN, *MASK])]
    except UserError:
        return None
    if not set(names) & set(MASK):
        return None
    listing = read_listing(file, Reading(), learned=False)
    column = next(names.index(name) for name in MASK if name in names)
    cells = listing.table.columns[column]
    masks, notes = names_of(file.parent, cells, listing.table.lines, listing.faults)
    kept = listing.kept([cells])
    splits = np.array([listing.splits[i] for i in kept]) if listing.splits else np.full(len(kept), "")
    rows = np.asarray(kept, np.int64)
    pairs = Pairs(listing.names.take(rows), masks.take(rows), splits)
    groups = listing.cells(listing.columns.roles["group"]) if "group" in listing.columns.roles else None
    layout = Layout("CSV with masks", pairs, notes=tuple(dict.fromkeys((*listing.notes, *notes))))
    return MaskTable(layout, None if groups is None else np.array([groups[i] for i in kept]))
