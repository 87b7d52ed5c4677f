"""The tables of a run folder as pandas frames, or as plain records where pandas is not installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neocog.checked import number
from neocog.data.cells import plain_cell
from neocog.documents import rows
from neocog.errors import UserError
from neocog.pages.record import Record

# Columns whose cells are text, also where they look like numbers: the digit "7" is a class
TEXT = {"path", "sample", "label", "prediction", "second", "third", "split", "group", "sha256", "pixels", "family"}


def records(path: Path, fix: str) -> list[dict[str, Any]]:
    """A CSV of the run folder, a row each; numbers are numbers, and an empty cell among them None (NaN in a frame)."""
    if not path.is_file():
        raise UserError(f"no {path.name} in the run folder", str(path.parent), fix)
    lines = rows(path)
    names = list(lines[0]) if lines else []
    columns = {plain_cell(name): _values(name, [line[name] for line in lines]) for name in names}
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def measures(record: Record) -> Any:
    """A row a measure and part: value, 95 % interval (None: too few samples), n, and independent groups."""
    return frame(
        [
            {
                "part": part, "measure": name, "value": m.value,
                **{end: bound if bound == bound else None for end, bound in (("low", m.low), ("high", m.high))},
                "n": m.n, "groups": m.units,
            }
            for part, found in record.measures.items()
            for name, m in found.items()
        ]
    )  # fmt: skip


def frame(records: Sequence[Mapping[str, Any]]) -> Any:
    """A pandas DataFrame, or the records themselves."""
    try:
        import pandas
    except ImportError:
        return list(records)
    return pandas.DataFrame(records)


def _values(name: str, cells: Sequence[str]) -> list[Any]:
    """The cells as numbers, whole ones as int, where all of them spell one; else as the text that was written."""
    found = [number(cell) if cell else None for cell in cells]
    text = name in TEXT or any(value is None and cell for value, cell in zip(found, cells, strict=True))
    if text or all(value is None for value in found):
        return [plain_cell(cell) for cell in cells]
    whole = all(cell.removeprefix("-").isdigit() for cell in cells)
    return [int(cell) for cell in cells] if whole else found
