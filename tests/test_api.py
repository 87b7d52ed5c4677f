"""``import neocog``: the verbs are functions, whatever has been imported before."""

from __future__ import annotations

import importlib
import inspect
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.config import SECTIONS, TABLES, parameters


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


def test_every_path_may_be_a_string(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As people type them in a notebook."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save("eight.png")
    Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8)).save("colour.png")
    settings = {"model": "lenet5", "size": (12,), "epochs": 1, "threads": 1, "augment": ("off",), "quiet": True}
    run = neocog.train("digits", "runs/one", **settings)
    assert run.report == Path("runs/one/report.html") and run.report.is_file()
    neocog.resume("runs/one", quiet=True)
    neocog.evaluate("runs/one", out="measures.json", quiet=True)
    neocog.predict("runs/one", "eight.png", "answers.csv", quiet=True)
    neocog.explain("runs/one", ["eight.png"], "maps", layers="c1", quiet=True)
    neocog.embed("runs/one", ["eight.png", "colour.png"], "seen", quiet=True)
    neocog.export("runs/one", "numpy", "by-hand", quiet=True)
    pages = [neocog.report(one, "page.html") for one in ("runs/one", Path("runs/one"), run, ["runs/one"], [run])]
    assert pages == [Path("page.html")] * 5
    neocog.audit("digits", verify="runs/one", quiet=True)
    neocog.preview("digits", "sheet.png")
    neocog.filters("eight.png", "bank.png")
    neocog.kmeans("colour.png", 3, out="parts")
    made = ("measures.json", "answers.csv", "maps", "seen", "by-hand", "page.html", "sheet.png", "bank.png", "parts")
    assert [name for name in made if not Path(name).exists()] == []


def test_help_tells_every_setting_of_a_verb_with_its_default_type_and_range() -> None:
    told = inspect.getdoc(neocog.train) or ""
    for section in SECTIONS.values():
        for setting in (p for p in parameters(section) if p.name not in ("data", *TABLES)):
            line = next(line for line in told.splitlines() if line.startswith(f"{setting.name} = "))
            assert f"= {setting.default!r} (" in line
    assert "lr = 0.002 (a finite number, above 0 to 1,000)\n    Peak learning rate." in told
    assert "precision = 'auto' (one of auto, fp32, bf16)" in told
    assert "lr = " not in (inspect.getdoc(neocog.audit) or ""), "which takes the settings of reading alone"
    assert inspect.signature(neocog.train).parameters["lr"].annotation is float
