"""JSON, TOML, XML and text that others may have written, damaged or swapped: one way to read them, whose every fault is told.

No pipe is waited for, nothing larger or deeper taken in than such a file can be, and a key that is missing is told with the
file that it is missing in.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import stat
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from xml.etree import ElementTree
from xml.parsers import expat

from neocog.errors import UserError, count, printable

T = TypeVar("T")
MOST_BYTES = 256 << 20
DEEPEST = 64  # objects and lists within each other; ours are 10 deep at most
LARGEST = 2**64  # a whole number beyond is none of ours
WRONG = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RuntimeError)
RESTORE = "restore it from a backup"


class Fields(dict[str, Any]):
    """A JSON object. A key that it has not is a UserError that names the file."""

    where = ""
    fix = ""

    def __missing__(self, key: str) -> NoReturn:
        raise UserError(f"damaged: there is no '{printable(str(key))}' in it", self.where, self.fix)


@contextmanager
def expected(path: Path | str, fix: str = RESTORE) -> Iterator[None]:
    """What goes wrong in the block is the fault of the file, whose content is not what its place promises."""
    try:
        yield
    except WRONG as error:
        what = f"damaged: {printable(' '.join(str(error).split()))[:160] or type(error).__name__}"
        raise UserError(what, printable(str(path)), fix) from None


def read_bytes(path: Path, fix: str = RESTORE, most: int = MOST_BYTES) -> bytes:
    """The content of a regular file. Raises UserError."""
    where = printable(str(path))
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UserError("cannot be read: it is not a regular file", where, fix)
            if status.st_size > most:
                raise UserError(f"{status.st_size:,} bytes, at most {most:,} are read", where, fix)
            return file.read(status.st_size)
    except FileNotFoundError:
        raise UserError(f"no {printable(path.name)}", where, fix) from None
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where, fix) from None


def read_text(path: Path, fix: str = RESTORE) -> str:
    """The content of a text file in UTF-8, without the mark that some editors begin it with. Raises UserError."""
    content = read_bytes(path, fix)
    with expected(path, fix):
        return content.decode("utf-8-sig")


def read_rows(path: Path, fix: str = RESTORE) -> list[list[str]]:
    """The cells of a CSV file. Raises UserError."""
    text = read_text(path, fix)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise UserError(f"cannot be read: {error}", printable(str(path)), fix) from None


def rows(path: Path) -> list[dict[str, str]]:
    """A CSV file's rows by column name. Raises UserError where a row has more or fewer cells than the head."""
    table = read_rows(path)
    head = table[0] if table else []
    for number, row in enumerate(table[1:], 2):
        if len(row) != len(head):
            raise UserError(f"line {number} has {count(row, 'cell')}, the head has {len(head)}", str(path))
    return [dict(zip(head, row, strict=True)) for row in table[1:]]


def read_json(path: Path, fix: str = RESTORE) -> Fields:
    """The object in a JSON file. Raises UserError."""
    found = parse_json(read_text(path, fix), path, fix)
    if not isinstance(found, Fields):
        raise UserError(f"expected an object, found {type(found).__name__}", printable(str(path)), fix)
    return found


def parse_json(text: str, path: Path | str, fix: str = RESTORE) -> Any:
    """JSON without NaN, infinities and numbers beyond 64 bits. Raises UserError."""
    where = printable(str(path))

    def fields_of(found: dict[str, Any]) -> Fields:
        made = Fields(found)
        made.where, made.fix = where, fix
        return made

    return _parsed(
        "JSON", text, where, fix,
        lambda: json.loads(text, object_hook=fields_of, parse_constant=_number, parse_float=_number, parse_int=_integer),
    )  # fmt: skip


def parse_toml(text: str, path: Path | str, fix: str = "") -> dict[str, Any]:
    """The tables of TOML. Raises UserError."""
    return _parsed("TOML", text, printable(str(path)), fix, lambda: tomllib.loads(text))


def read_xml(path: Path, fix: str = RESTORE) -> ElementTree.Element:
    """The root of an XML file that declares no document type, and so no entities that grow without end. Raises UserError."""
    content, where = read_bytes(path, fix), printable(str(path))
    depth = 0

    def declared(*_: object) -> NoReturn:
        raise UserError("an XML with a document type, whose entities are not read", where, "remove the DOCTYPE")

    def opened(*_: object) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise UserError("not valid XML: too deeply nested", where, fix)

    def closed(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler, parser.StartElementHandler, parser.EndElementHandler = declared, opened, closed
    try:
        parser.Parse(content, True)
        return ElementTree.fromstring(content)  # noqa: S314 (nothing is declared in it)
    except (expat.ExpatError, ElementTree.ParseError, ValueError, LookupError) as error:
        raise UserError(f"not valid XML: {printable(str(error))[:160]}", where, fix) from None


def _parsed(kind: str, text: str, where: str, fix: str, parse: Callable[[], T]) -> T:
    if kind == "TOML" and len(text) > MOST_BYTES >> 8:
        raise UserError(f"not {kind} that is read: {len(text):,} letters, at most {MOST_BYTES >> 8:,}", where, fix)
    try:
        found = parse()
        _insist_on_shallow(found)
    except (ValueError, RecursionError) as error:
        reason = "too deeply nested" if isinstance(error, RecursionError) else str(error)
        raise UserError(f"not valid {kind}: {printable(reason)[:160]}", where, fix) from None
    return found


def _insist_on_shallow(value: Any) -> None:
    """Level by level, so that no depth can exhaust the stack here, either."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise RecursionError


def _number(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(f"{text[:40]} is no finite number")
    return found


def _integer(text: str) -> int:
    found = int(text) if len(text) < 40 else LARGEST
    if abs(found) >= LARGEST:
        raise ValueError(f"{text[:40]} has more than 64 bits")
    return found
