"""What a program wrote into the package is what it would write today; and what a type checker makes of it."""

from __future__ import annotations

import importlib.util
import inspect
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import neocog
from neocog.cli.main import main
from neocog.cli.words import PAGES
from neocog.config import SECTIONS, names_of
from neocog.verbs import models

ROOT = Path(__file__).resolve().parent.parent
DUE = "python bench/generated.py"


@pytest.fixture(scope="module")
def generated() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generated", ROOT / "bench" / "generated.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_stored_table_is_what_building_each_network_counts(generated: ModuleType) -> None:
    """torchvision's own list grows with its versions: of that, only what is stored must be there."""
    now, stored = json.loads(generated.table()), models.stored_table()
    assert stored["networks"] == now["networks"], DUE
    for family, names in stored["torchvision"].items():
        assert set(names) <= set(now["torchvision"][family]), DUE


def test_models_are_counted_anew_where_something_else_is_asked_for() -> None:
    usual, others = neocog.models(), neocog.models(outputs=3)
    assert [row["name"] for row in usual] == [row["name"] for row in others]
    assert {row["name"]: row for row in usual} == models.stored_table()["networks"]
    assert all(row["outputs"] == 3 and row["parameters"] for row in others)


def test_a_network_that_is_not_in_the_table_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(models.MODELS, "lenet", "neocog.networks.lenet5:LeNet5")
    rows = {row["name"]: row for row in neocog.models()}
    assert rows["lenet"] == {**rows["lenet5"], "name": "lenet"}


def test_models_loads_no_torch() -> None:
    code = "import sys; from neocog.cli.main import main; main(['models']); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "lenet5" in done.stdout and "resnet18" in done.stdout


def test_the_stored_pages_of_help_are_those_of_today(generated: ModuleType) -> None:
    assert PAGES.read_text(encoding="utf-8") == generated.pages(), DUE


@pytest.mark.parametrize("words", [[], ["--help"], ["help"], ["train", "--help"], ["help", "train"], ["audit", "-h"]])
def test_stored_help_loads_neither_the_parser_nor_the_settings(words: list[str]) -> None:
    code = (
        f"import sys; from neocog.cli.main import main; main({words!r}); "
        "sys.exit(bool({'torch', 'cyclopts', 'rich', 'neocog.config'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith("Usage: neocog "), done.stdout + done.stderr


def test_a_page_for_one_task_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", "--task", "vae", "--help"])
    assert "For --task vae:" in capsys.readouterr().out


def test_the_stub_has_the_settings_of_today(generated: ModuleType) -> None:
    assert generated.STUB.read_text(encoding="utf-8") == generated.stub(), DUE


@pytest.mark.parametrize("verb", ["train", "preview", "audit", "evaluate"])
def test_every_setting_stands_in_the_signature_that_editors_complete(verb: str) -> None:
    shown = inspect.signature(getattr(neocog, verb)).parameters
    sections = list(SECTIONS.values()) if verb in ("train", "preview") else [SECTIONS["data"].__base__]
    assert {name for section in sections for name in names_of(section) if name != "data"} <= set(shown)
    assert ("lr" in shown) == (verb in ("train", "preview"))


TYPED = """
import neocog
run = neocog.train("digits", "out", lr=0.1, size=28, augment=["flip=off"], widths=(16, 32), task="vae")
neocog.evaluate(run, ignore=255)
neocog.train("digits", learning_rate=0.1)
neocog.train("digits", optimizer="adamm")
neocog.train("digits", epochs="many")
neocog.audit("digits", lr=0.1)
neocog.preview("digits", batchh=3)
"""


def test_a_type_checker_finds_misspelt_settings_and_wrong_values(tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(TYPED)
    options = [
        "--config-file=",
        "--follow-imports=skip",
        f"--cache-dir={tmp_path}",
        "--no-error-summary",
        "--no-pretty",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "typed.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PATH": "", "MYPYPATH": str(ROOT / "src")},
    )  # fmt: skip
    faulty = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert [int(line.split(":")[1]) for line in faulty] == [5, 6, 7, 8, 9], done.stdout + done.stderr
    assert "learning_rate" in faulty[0] and "optimizer" in faulty[1]
