"""The rows of a CSV file as text, each with its line. The encoding must be certain; nothing is guessed or dropped.

They are kept as columns, in which a text that stands in many rows is there once: as lists of their cells, rows of a million
images would take half a kilobyte each."""

from __future__ import annotations

import codecs
import csv
import re
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from neocog.errors import UserError, count, listed, printable

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")  # with its end
MANY = 1024  # different texts of a column that are kept in mind in any case
DELIMITERS = (",", ";", "\t", "|")
MARKS = (  # UTF-32's first, since it begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Rows:
    """A header and N rows below it, empty lines left out, each as long as the header."""

    header: list[str]
    columns: list[list[str]]  # of each name of the header its N cells
    lines: array[int]  # (N,) the line of the file on which each row begins, from 1
    delimiter: str

    def __len__(self) -> int:
        return len(self.lines)

    def cells(self, place: int) -> list[str]:
        """(N,) a column without blanks around its cells."""
        return [cell.strip() for cell in self.columns[place]]


def read_rows(file: Path, expected: Collection[str]) -> Rows:
    """All rows. The delimiter (comma, ";", tab or "|") is the one that finds most of the ``expected`` names in the header.

    Raises UserError: bytes that are no text (line and byte), an open quote or a field beyond csv's limit (line), rows
    with another number of fields than the header (lines and both numbers).
    """
    text, shown = _text(file), printable(str(file))
    text, skipped, delimiter = _without_mark(text)
    delimiter = delimiter or _delimiter(text, expected)
    rows = _rows(text, delimiter, skipped, shown)
    _, first = next(rows, (0, []))
    if not first:
        raise UserError("the file is empty", shown, "the first line names the columns")
    header, lines, uneven = [name.strip() for name in first], array("q"), list[str]()
    columns = [_Column() for _ in header]
    for line, row in rows:
        if len(row) != len(header):
            uneven.append(f"line {line} has {len(row)}")
            continue
        lines.append(line)
        for column, cell in zip(columns, row, strict=True):
            column.add(cell)
    if uneven:
        what = f"{count(uneven, 'row')} without the {len(header)} fields of the header"
        raise UserError(
            what, f"{shown}: {listed(uneven)}", f"separate the fields by '{delimiter}', quote those with it"
        )
    return Rows(header, [column.cells for column in columns], lines, delimiter)


class _Column:
    """Cells, each text once while texts come again."""

    def __init__(self) -> None:
        self.cells: list[str] = []
        self._known: dict[str, str] | None = {}

    def add(self, cell: str) -> None:
        if self._known is not None:
            cell = self._known.setdefault(cell, cell)
            if len(self._known) > MANY and 2 * len(self._known) > len(self.cells):
                self._known = None  # as of paths, of which each stands in one row
        self.cells.append(cell)


def _rows(text: str, delimiter: str, skipped: int, shown: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not empty and the line on which it begins, of a text of whose file so many lines are ``skipped``."""
    lines = (line[0] for line in LINE.finditer(text))
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    begin = 1
    try:
        for row in reader:
            if row:
                yield begin + skipped, row
            begin = reader.line_num + 1
    except csv.Error as error:
        noticed = f" (noticed on line {reader.line_num + skipped})" if reader.line_num > begin else ""
        where = f"{shown}: line {begin + skipped}{noticed}"
        open_quote = "unexpected end" in str(error)
        what = "a quote is opened and never closed" if open_quote else f"broken CSV: {error}"
        raise UserError(what, where, "close the quote, or double it inside a quoted field") from error


def read_header(file: Path, expected: Collection[str]) -> list[str]:
    """The names of the columns. Raises UserError where the file is no text."""
    text, _, delimiter = _without_mark(_text(file))
    return _first(text, delimiter or _delimiter(text, expected))


def _text(file: Path) -> str:
    data, shown = file.read_bytes(), printable(str(file))
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        before = bytes(error.object[: error.start])
        line, column = before.decode(error.encoding, "replace").count("\n") + 1, error.start - before.rfind(b"\n")
        place = f"line {line}, byte {column} is {error.object[error.start]:02x}"
        fix = "save it as UTF-8 (it may be Windows-1252, Latin-1, or UTF-16 without its mark)"
        raise UserError(f"not {encoding.removesuffix('-sig').upper()} text", f"{shown}: {place}", fix) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        fix = "save it as UTF-8 (it may be UTF-16 without its mark)"
        raise UserError("a NUL character: no plain text", f"{shown}: line {line}", fix)
    return text


def _without_mark(text: str) -> tuple[str, int, str]:
    """The text without Excel's first line "sep=;", the lines taken off, and the delimiter that it names."""
    mark = re.match(r'"?sep=(.)"?[;,\t]*\r?(?:\n|$)', text)
    return (text[mark.end() :], 1, mark[1]) if mark else (text, 0, "")


def _delimiter(text: str, expected: Collection[str]) -> str:
    def fit(delimiter: str) -> tuple[int, int]:
        names = _first(text, delimiter)
        return sum(name.lower() in expected for name in names), len(names)

    return max(DELIMITERS, key=fit)


def _first(text: str, delimiter: str) -> list[str]:
    try:
        rows = csv.reader((line[0] for line in LINE.finditer(text)), delimiter=delimiter, skipinitialspace=True)
        return [name.strip() for name in next((row for row in rows if row), [])]
    except csv.Error:  # told with its line when the rows are read
        return []
