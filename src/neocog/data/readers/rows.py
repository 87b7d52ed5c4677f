"""The rows of a CSV file as text, each with its line. The encoding must be certain; nothing is guessed or dropped."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from neocog.errors import UserError, listed, printable

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
    """A header and the rows below it, empty lines left out, each as long as the header."""

    header: list[str]
    rows: list[list[str]]
    lines: list[int]  # the line of the file on which each row begins, from 1
    delimiter: str


def read_rows(file: Path, expected: Collection[str]) -> Rows:
    """All rows. The delimiter (comma, ";", tab or "|") is the one that finds most of the ``expected`` names in the header.

    Raises UserError: bytes that are no text (line and byte), an open quote or a field beyond csv's limit (line), rows
    with another number of fields than the header (lines and both numbers).
    """
    text, shown = _text(file), printable(str(file))
    text, skipped, delimiter = _without_mark(text)
    delimiter = delimiter or _delimiter(text, expected)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    found: list[tuple[int, list[str]]] = []
    begin = 1
    try:
        for row in reader:
            if row:
                found.append((begin + skipped, row))
            begin = reader.line_num + 1
    except csv.Error as error:
        noticed = f" (noticed on line {reader.line_num + skipped})" if reader.line_num > begin else ""
        where = f"{shown}: line {begin + skipped}{noticed}"
        open_quote = "unexpected end" in str(error)
        what = "a quote is opened and never closed" if open_quote else f"broken CSV: {error}"
        raise UserError(what, where, "close the quote, or double it inside a quoted field") from error
    if not found:
        raise UserError("the file is empty", shown, "the first line names the columns")
    header = [name.strip() for name in found[0][1]]
    uneven = [f"line {line} has {len(row)}" for line, row in found if len(row) != len(header)]
    if uneven:
        what = f"{len(uneven)} rows without the {len(header)} fields of the header"
        raise UserError(
            what, f"{shown}: {listed(uneven)}", f"separate the fields by '{delimiter}', quote those with it"
        )
    return Rows(header, [row for _, row in found[1:]], [line for line, _ in found[1:]], delimiter)


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
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        return [name.strip() for name in next((row for row in rows if row), [])]
    except csv.Error:  # told with its line when the rows are read
        return []
