"""``import neocog``: the verbs are functions, whatever has been imported before."""

from __future__ import annotations

import importlib
import types
from pathlib import Path

import pytest

import neocog


def test_every_verb_stays_a_function_after_every_module_was_imported() -> None:
    source = Path(neocog.__file__).parent
    for path in source.rglob("*.py"):
        if path.stem not in ("__main__", "__init__"):
            importlib.import_module(".".join(["neocog", *path.relative_to(source).with_suffix("").parts]))
    for verb in neocog.VERBS:
        assert isinstance(getattr(neocog, verb), types.FunctionType), verb


def test_a_name_that_is_no_verb_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="trian"):
        neocog.trian  # noqa: B018
