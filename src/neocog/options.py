"""Settings of a network's or a task's own: the keyword-only parameters of its class, or of the function that builds it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from neocog.checked import read
from neocog.errors import UserError, did_you_mean, printable, raise_all


def keyword_only(function: Any) -> dict[str, inspect.Parameter]:
    """The keyword-only parameters of a function or class; annotations are types, not text."""
    parameters = inspect.signature(function, eval_str=True).parameters
    return {name: p for name, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}


def values(whose: str, known: Mapping[str, inspect.Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options given to ``whose`` ("model 'cnn'") as values of the declared types; all faults raised together."""
    values, errors = {}, []
    for option, value in given.items():
        try:
            if option not in known:
                names = ", ".join(known) or "none"
                fix = f"{did_you_mean(option, known)}known: {names}"
                raise UserError(f"{whose} has no option '{printable(option)}'", fix=fix)
            values[option] = read(option, value, known[option].annotation)
        except UserError as error:
            errors.append(error)
    raise_all(errors)
    return values
