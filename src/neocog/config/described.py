"""What each setting is for: its docstring in the section, which Python itself does not keep."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Iterable, Iterator
from itertools import pairwise

from neocog.checked import Range, bare, choices, describe
from neocog.config.sections import SECTIONS


@functools.cache
def documented() -> dict[str, str]:
    """{setting: its docstring}."""
    kinds = dict.fromkeys(kind for section in SECTIONS.values() for kind in reversed(section.__mro__[:-1]))
    classes = [
        node for kind in kinds for node in ast.parse(inspect.getsource(kind)).body if isinstance(node, ast.ClassDef)
    ]
    found = {}
    for field, text in (pair for node in classes for pair in pairwise(node.body)):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[ast.unparse(field.target)] = " ".join(str(text.value.value).split())
    return found


def described(settings: Iterable[inspect.Parameter]) -> str:
    """Settings for ``help``: of each its default, its type and range, and what it is for."""
    return "Settings:\n\n" + "\n".join(_lines(settings))


def _lines(settings: Iterable[inspect.Parameter]) -> Iterator[str]:
    for setting in settings:
        kind, allowed = bare(setting.annotation)
        names = choices(setting.annotation)
        what = f"one of {', '.join(map(str, names))}" if names else describe(kind)
        what += f", {allowed}" if isinstance(allowed, Range) else ""
        yield f"{setting.name} = {setting.default!r} ({what})"
        yield textwrap.fill(documented()[setting.name], 110, initial_indent="    ", subsequent_indent="    ")
