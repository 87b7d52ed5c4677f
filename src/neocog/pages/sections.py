"""Sections to JSON and back: what was written reads back equal, and anything else is refused by name."""

from __future__ import annotations

import json
import math
import re
import types
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from neocog.errors import UserError, pick
from neocog.run import ITEMS, Item, Section, to_json

BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def sections_to_json(sections: Sequence[Section]) -> str:
    """The text of sections.json. NaN is written as null."""
    return to_json(list(sections))


def sections_from_json(text: str, where: str = "sections.json") -> list[Section]:
    """The sections; raises UserError for anything that is not exactly a list of them."""
    try:
        return [_read(Section, entry, f"[{i}]") for i, entry in enumerate(_list(json.loads(text), ""))]
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(
            f"not valid JSON: {error}", where, "write the report's sections again: run the evaluation"
        ) from None
    except UserError as error:
        raise UserError(error.what, f"{where} {error.where}".rstrip(), error.fix) from None


def _read(kind: Any, value: Any, place: str) -> Any:
    """``value`` (from JSON) as an instance of the type ``kind``."""
    origin = get_origin(kind)
    if kind is Item:
        name = value.get("kind") if isinstance(value, dict) else None
        if not isinstance(name, str):
            raise UserError(f"an item without a kind: {str(value)[:60]!r}", place)
        return _read(pick(ITEMS, name, what="kind of item"), value, place)
    if origin is tuple:
        return tuple(_read(get_args(kind)[0], entry, f"{place}[{i}]") for i, entry in enumerate(_list(value, place)))
    if origin is Literal:
        if value in get_args(kind):
            return value
        raise UserError(f"{value!r} is none of {', '.join(map(repr, get_args(kind)))}", place)
    if origin in (Union, types.UnionType):
        if isinstance(value, bool) or not isinstance(value, get_args(kind)):
            raise UserError(f"{str(value)[:60]!r} is no table cell", place)
        return value
    if kind is float:
        if value is None:
            return math.nan
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    elif kind in (str, int, bool):
        if type(value) is kind:
            return value
    else:
        return _record(kind, value, place)
    raise UserError(f"{str(value)[:60]!r} is no {kind.__name__}", place)


def _record(kind: type[Any], value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise UserError(f"expected a {kind.__name__}, found {str(value)[:60]!r}", place)
    known = get_type_hints(kind)
    for name in value:
        if name not in known:
            raise UserError(f"a {kind.__name__} has no field {name!r}", place)
    for field in fields(kind):
        if field.name not in value and field.default is MISSING:
            raise UserError(f"a {kind.__name__} needs {field.name!r}", place)
    record = kind(**{name: _read(known[name], entry, f"{place}.{name}") for name, entry in value.items()})
    if "png" in value and not BASE64.fullmatch(value["png"]):
        raise UserError("a picture that is not base64", place)
    return record


def _list(value: Any, place: str) -> list[Any]:
    if isinstance(value, list):
        return value
    raise UserError(f"expected a list, found {str(value)[:60]!r}", place)
