"""Plain values out of JSON as what they are declared to be: dataclasses, tuples, choices, numbers; others are refused by place."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from neocog.errors import UserError, count, pick


def typed(
    kind: Any, value: Any, place: str, tagged: Mapping[Any, Mapping[str, Any]] = types.MappingProxyType({})
) -> Any:
    """``value`` (from JSON) as an instance of the type ``kind``; null is NaN where a float stands.

    ``tagged``: unions of dataclasses, each with its members by what their field ``kind`` says. Raises UserError.
    """
    origin = get_origin(kind)
    if kind in tagged:
        name = value.get("kind") if isinstance(value, dict) else None
        if not isinstance(name, str):
            raise UserError(f"an item without a kind: {str(value)[:60]!r}", place)
        return typed(pick(tagged[kind], name, what="kind of item"), value, place, tagged)
    if origin is tuple:
        first, *rest = get_args(kind)
        if Ellipsis not in rest and len(listing(value, place)) != 1 + len(rest):
            raise UserError(f"{count(value, 'entry')}, expected {1 + len(rest)}", place)
        return tuple(typed(first, entry, f"{place}[{i}]", tagged) for i, entry in enumerate(listing(value, place)))
    if origin is Literal:
        if value in get_args(kind):
            return value
        raise UserError(f"{value!r} is none of {', '.join(map(repr, get_args(kind)))}", place)
    if origin in (Union, types.UnionType):
        if isinstance(value, bool) or not isinstance(value, get_args(kind)):
            names = "table cell" if float in get_args(kind) else " or ".join(a.__name__ for a in get_args(kind))
            raise UserError(f"{str(value)[:60]!r} is no {names}", place)
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
        return _record(kind, value, place, tagged)
    raise UserError(f"{str(value)[:60]!r} is no {kind.__name__}", place)


def _record(kind: type[Any], value: Any, place: str, tagged: Mapping[Any, Mapping[str, Any]]) -> Any:
    if not isinstance(value, dict):
        raise UserError(f"expected a {kind.__name__}, found {str(value)[:60]!r}", place)
    known = get_type_hints(kind)
    for name in value:
        if name not in known:
            raise UserError(f"a {kind.__name__} has no field {name!r}", place)
    for field in fields(kind):
        if field.name not in value and field.default is MISSING:
            raise UserError(f"a {kind.__name__} needs {field.name!r}", place)
    return kind(**{name: typed(known[name], entry, f"{place}.{name}", tagged) for name, entry in value.items()})


def listing(value: Any, place: str) -> list[Any]:
    """A list of JSON."""
    if isinstance(value, list):
        return value
    raise UserError(f"expected a list, found {str(value)[:60]!r}", place)
