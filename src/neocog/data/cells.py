"""Cells of the CSV files that neocog writes: any text comes back the same, on one line, and none is a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any


def csv_of(heads: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """A table as CSV: text is made safe, numbers are written as they are."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    for row in chain([heads], rows):  # one after the other: rows may be generators that share what they run over
        writer.writerow([safe_cell(cell) if isinstance(cell, str) else cell for cell in row])
    return text.getvalue()


def safe_cell(text: str) -> str:
    """A cell that any spreadsheet takes for text (against CSV injection), in one line of valid UTF-8.

    A leading = + - or @ gets a ' before it; control characters and undecodable bytes become \\uXXXX, a backslash two.

    >>> safe_cell("=cmd()"), safe_cell("a\\nb")
    ("'=cmd()", 'a\\\\u000ab')
    """
    text = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text.replace("\\", r"\\"))
    return f"'{text}" if re.match(r"'*[=+\-@]", text) else text


def plain_cell(cell: str) -> str:
    """The text that ``safe_cell`` was given."""
    if cell[:1] == "'" and re.match(r"'+[=+\-@]", cell):
        cell = cell[1:]
    if "\\" not in cell:  # nearly all, and there may be millions
        return cell
    return re.sub(r"\\(?:\\|u([0-9a-f]{4}))", lambda found: chr(int(found[1], 16)) if found[1] else "\\", cell)
