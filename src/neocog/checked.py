"""A value checked against its declared type and range: one rule for text from a shell, for TOML and for Python.

Text that spells a number is that number ("0.01"), a whole float is a whole number (64.0), one item is a list of one, and
NumPy's scalars and arrays are what they hold. True is no number, and NaN and the infinities are none either.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import math
import numbers
import os
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from neocog.errors import UserError, did_you_mean, printable, raise_all

WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
# ASCII digits alone: Python's own float() also takes 1_2 for 12, and digits of other scripts
NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:inf|nan)|Infinity)|[+-](?i:infinity)"
)
IN_FILES = {  # settings that name a file, where Python has what would be in it
    "model": "write its class into a file, and give model='path/to/file.py:Class'",
    "pretrained": "safetensors.torch.save_file(net.state_dict(), 'weights.safetensors') makes a file of it: give that",
}
SPELLED = {"pretrained": "from"}  # settings whose flag is a word that Python keeps for itself
ENDLESS = 10**9  # a range's end from here on is a guard alone, and not told as a choice
F = TypeVar("F", bound=Callable[..., Any])


def number(text: str) -> float | None:
    """Text that spells a number, or a fraction of two, in ASCII digits (or inf, nan), None of any other.

    >>> [number(text) for text in ("1.5", "-2e3", "8/255", "1/0", "1_2", "infinity", "٣")]
    [1.5, -2000.0, 0.03137254901960784, None, None, None, None]
    """
    parts = [float(part) for part in text.split("/") if NUMBER.fullmatch(part.strip())]
    if text.count("/") == 1 and len(parts) == 2 and parts[1]:
        return parts[0] / parts[1]
    return parts[0] if "/" not in text and parts else None


@dataclass(frozen=True)
class Range:
    """The numbers from ``low`` to ``high``; with ``above`` (or ``below``) that end is not among them itself."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False

    def fault(self, value: float) -> str:
        """How a number lies outside; "" for those inside."""
        if value < self.low or (self.above and value == self.low):
            return f"{'not above' if self.above else 'below'} {grouped(self.low)}"
        if value > self.high or (self.below and value == self.high):
            return f"{'not below' if self.below else 'above'} {grouped(self.high)}"
        return ""

    def fix(self, value: float) -> str:
        return f"give {self}"

    def __str__(self) -> str:
        low, high = grouped(self.low), grouped(self.high)
        if self.high >= ENDLESS:
            return f"above {low}" if self.above else f"{low} or more"
        return f"{'above ' * self.above}{low} to {'below ' * self.below}{high}"


@dataclass(frozen=True)
class OneOf:
    """The names that are known: those that are listed, and whatever else ``knows`` says, such as a package's."""

    listed: Callable[[], Sequence[str]]
    knows: Callable[[str], bool]

    def fault(self, value: str) -> str:
        """How a name is none of them; "" for one that is."""
        known = self.listed()
        return "" if value in known or self.knows(value) else f"not one of {', '.join(known)}"

    def fix(self, value: str) -> str:
        return did_you_mean(value, self.listed()).strip() or "others come with the package that has them"


def grouped(number: float) -> str:
    """A number for a message."""
    return f"{number:,}" if isinstance(number, int) else f"{number:,.12g}"


def read(name: str, value: Any, hint: Any, where: str = "") -> Any:
    """``value`` as ``hint``: int, float, bool, str, Literal, tuple[int, …], a mapping, one of them | None; ``Annotated`` with
    a ``Range`` for the number or each of the numbers. Raises UserError.

    >>> read("widths", "32,64", tuple[int, ...])
    (32, 64)
    """
    kind, allowed = bare(hint)
    shown = f"{flag(name)} {as_typed(value)}"
    try:
        found = _read(value, kind)
    except (ValueError, TypeError, OverflowError):
        near = did_you_mean(str(value), [str(choice) for choice in choices(kind)])
        held = IN_FILES.get(name, "") if callable(value) or isinstance(value, Mapping) else ""
        fix = held or near.strip() or f"such as {flag(name)} {example(kind)}"
        raise UserError(f"{shown} is not {describe(kind)}", where, fix) from None
    for number in found if isinstance(found, tuple) else (found,):
        if allowed is not None and (fault := allowed.fault(number)):
            raise UserError(f"{shown}{f': {number}' * isinstance(found, tuple)} is {fault}", where, allowed.fix(number))
    return found


def bare(hint: Any) -> tuple[Any, Range | OneOf | None]:
    """The type without ``Annotated`` around it, and the range or the names that stand there."""
    if get_origin(hint) is not Annotated:
        return hint, None
    kind, *more = get_args(hint)
    return kind, next((item for item in more if isinstance(item, Range | OneOf)), None)


def purpose(hint: Any) -> str:
    """What an option is for, where its type is ``Annotated`` with a sentence; "" else."""
    return next((item for item in getattr(hint, "__metadata__", ()) if isinstance(item, str)), "")


def _read(value: Any, kind: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if hasattr(value, "tolist"):  # NumPy's and torch's
        value = value.tolist()
    if origin in (Union, types.UnionType):  # X | None
        if value is None or value in ("", "none", "None"):
            return None
        return _read(value, next(a for a in arguments if a is not type(None)))
    if origin is tuple:
        return tuple(_read(item, arguments[0]) for item in _items(value, arguments[0]))
    if origin is not None and origin is not Literal and issubclass(origin, Mapping):
        return {str(key): item for key, item in dict(value).items()}
    if origin is Literal:
        return _choice(value, arguments)
    return {bool: _bool, int: _int, float: _float, str: _str, Path: Path}[kind](value)


def _items(value: Any, kind: Any) -> Iterable[Any]:
    """What a list holds; a single value is a list of one, and text with commas a list of numbers, also where the shell gives
    it as one word among others."""
    if isinstance(value, str) and kind is not str:
        return value.replace(",", " ").split()
    if isinstance(value, list | tuple) and kind is not str:
        return [each for item in value for each in (_items(item, kind) if isinstance(item, str) else (item,))]
    if isinstance(value, str | os.PathLike | numbers.Number):
        return (value,)
    if isinstance(value, Mapping | set | frozenset):  # without an order
        raise TypeError
    return tuple(value)


def _choice(value: Any, known: tuple[Any, ...]) -> Any:
    return value if isinstance(value, str) and value in known else _refuse()


def _bool(value: Any) -> bool:
    return WORDS[str(value).lower()] if str(value).lower() in WORDS else _refuse()


def _int(value: Any) -> int:
    if isinstance(value, str):
        return int(value) if re.fullmatch("[+-]?[0-9]+", value.strip()) else _int(_float(value))
    if isinstance(value, bool) or not isinstance(value, numbers.Number) or value != int(value):  # type: ignore[call-overload]
        raise ValueError
    return int(value)  # type: ignore[call-overload,no-any-return]


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | numbers.Number):
        raise TypeError
    found = number(value) if isinstance(value, str) else float(value)  # type: ignore[arg-type]
    return found if found is not None and math.isfinite(found) else _refuse()


def _str(value: Any) -> str:
    return os.fspath(value) if isinstance(value, str | os.PathLike) else _refuse()


def _refuse() -> Any:
    raise ValueError


def flag(name: str) -> str:
    """A setting as a shell has it: label_smoothing → --label-smoothing."""
    return f"--{SPELLED.get(name, name).replace('_', '-')}"


def as_typed(value: Any) -> str:
    """A value for a message, as one would type it."""
    if isinstance(value, tuple | list):
        return " ".join(as_typed(item) for item in value) if value else "()"
    return printable(str(value)) if isinstance(value, str | os.PathLike) else printable(f"{value!r}"[:80])


def choices(kind: Any) -> tuple[Any, ...]:
    """The words of a Literal, or the names that are listed; () of other types."""
    kind, allowed = bare(kind)
    if isinstance(allowed, OneOf):
        return tuple(allowed.listed())
    return get_args(kind) if get_origin(kind) is Literal else ()


def describe(kind: Any) -> str:
    """The type in words, for messages and ``--help``."""
    kind = bare(kind)[0]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join("none" if a is type(None) else describe(a) for a in arguments)
    if origin is Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin is tuple:
        return "a list of " + {int: "whole numbers", float: "numbers"}.get(arguments[0], "names")
    if origin is not None:
        return "a table of options"
    return {int: "a whole number", float: "a finite number", bool: "true or false", Path: "a path"}.get(kind, "text")


def example(kind: Any) -> str:
    """A value that would be taken."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return example(arguments[0])
    if origin is Literal:
        return str(arguments[0])
    if origin is tuple:
        return {int: "32,64", float: "0.1,0.2"}.get(arguments[0], "NAME")
    return {int: "3", float: "0.1", bool: "true"}.get(kind, "NAME")


def readable(kind: Any) -> bool:
    """Whether ``read`` knows the type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return len(arguments) == 2 and type(None) in arguments and all(readable(a) for a in arguments)
    return kind in (bool, int, float, str, Path, type(None)) or origin in (Literal, tuple)


def takes_several(hint: Any) -> bool:
    """Whether the type is a sequence, or may be one: of a single text or path, not of its letters, a list is made then."""
    return Sequence in [get_origin(kind) for kind in (hint, *get_args(hint))]


def spelled_out(signature: inspect.Signature, settings: Iterable[inspect.Parameter]) -> inspect.Signature:
    """A verb's signature with its settings as arguments of their own, before the ``**`` that takes them."""
    *own, rest = signature.parameters.values()
    return signature.replace(parameters=[*own, *(p for p in settings if p.name not in signature.parameters), rest])


def checked(function: F, settings: Iterable[str] = (), offered: Iterable[inspect.Parameter] = ()) -> F:
    """A verb as Python calls it: names of arguments that it does not have, and values of another type, are all told at once;
    where several paths are taken, one alone is taken too.

    A verb with ``**settings`` checks these itself; of their names, ``settings`` are known, and those ``offered`` stand in
    its signature, where editors find them.
    """
    signature = inspect.signature(function, eval_str=True)
    takes = signature.parameters
    anything = any(p.kind is p.VAR_KEYWORD for p in takes.values())

    def nearest(name: str) -> str:
        return next(iter(difflib.get_close_matches(name, [*takes, *settings], n=1)), "")

    @functools.wraps(function)
    def call(*args: Any, **given: Any) -> Any:
        strange = [name for name in given if name not in takes and name not in settings]
        faults, unknown = list[UserError](), [name for name in strange if not anything or nearest(name) in takes]
        for name in unknown:
            fix = f"{did_you_mean(name, takes)}it takes: {', '.join(takes)}"
            faults.append(UserError(f"{function.__name__} has no argument '{printable(name)}'", fix=fix))
        bound = signature.bind(*args, **{name: value for name, value in given.items() if name not in unknown})
        for name, value in bound.arguments.items():
            hint = takes[name].annotation
            if isinstance(value, str | os.PathLike) and takes_several(hint):
                bound.arguments[name] = [value]
            if readable(bare(hint)[0]):
                try:
                    bound.arguments[name] = read(name, value, hint)
                except UserError as error:
                    faults.append(error)
        raise_all(faults)
        return function(*bound.args, **bound.kwargs)

    if offered := [p.replace(annotation=bare(p.annotation)[0]) for p in offered]:
        call.__signature__ = spelled_out(signature, offered)  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]
