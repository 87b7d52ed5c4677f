"""An option's value, checked against its declared type: from text ("32,64", "true") or from a TOML value. No torch."""

from __future__ import annotations

import math
import types
from typing import Any, Literal, Union, get_args, get_origin

from neocog.errors import UserError, did_you_mean, printable

WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def read_option(name: str, value: Any, kind: Any) -> Any:
    """``value`` as ``kind``: int, float, bool, str, Literal, tuple[int, …] or one of them | None.

    >>> read_option("widths", "32,64", tuple[int, ...])
    (32, 64)
    """
    try:
        return _read(value, kind)
    except (ValueError, TypeError):
        shown = printable(value) if isinstance(value, str) else repr(value)
        hint = ""
        if get_origin(kind) is Literal:
            hint = did_you_mean(str(value), [str(choice) for choice in get_args(kind)])
        fix = f"{hint}--{name} {example(kind)}"
        raise UserError(f"option {name} = {shown} is not {describe(kind)}", fix=fix) from None


def _read(value: Any, kind: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):  # X | None
        if value is None or value in ("", "none", "None"):
            return None
        return _read(value, next(a for a in arguments if a is not type(None)))
    if origin is Literal:
        if value in arguments:
            return value
        raise ValueError
    if origin is tuple:
        items = [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        if isinstance(items, int | float):
            items = [items]
        return tuple(_read(item, arguments[0]) for item in items)
    if kind is bool:
        if str(value).lower() not in WORDS:
            raise ValueError
        return WORDS[str(value).lower()]
    if kind is int:
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise ValueError
        return int(value)
    if kind is float:
        if isinstance(value, bool) or not math.isfinite(float(value)):
            raise ValueError
        return float(value)
    if kind is str and isinstance(value, str):
        return value
    raise TypeError


def describe(kind: Any) -> str:
    """The type in words, for messages and ``--help``."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join("none" if a is type(None) else describe(a) for a in arguments)
    if origin is Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin is tuple:
        return "a list of " + {int: "whole numbers", float: "numbers"}.get(arguments[0], "names")
    return {int: "a whole number", float: "a finite number", bool: "true or false"}.get(kind, "text")


def example(kind: Any) -> str:
    """A value that would be taken."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType, Literal):
        return example(arguments[0]) if origin is not Literal else str(arguments[0])
    if origin is tuple:
        return "32,64" if arguments[0] is int else "0.1,0.2"
    return {int: "3", float: "0.1", bool: "true"}.get(kind, "NAME")
