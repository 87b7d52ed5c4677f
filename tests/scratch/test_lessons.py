"""What the lessons say is what happens: every snippet of the essay, and the two stories that draw the pictures."""

from __future__ import annotations

import doctest
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
ESSAY = ROOT / "docs" / "how-the-gradient-flows.md"


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_snippet_of_the_essay_says_what_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    results = doctest.testfile(str(ESSAY), module_relative=False)
    assert results.failed == 0 and results.attempted > 30


@pytest.mark.parametrize("page", ["how-the-gradient-flows.md", "lenet-by-hand.md"])
def test_every_picture_that_a_page_shows_is_there(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    shown = re.findall(r"\]\(([^)]+\.(?:png|md))\)", text)
    assert any(name.endswith(".png") for name in shown)
    for name in shown:
        assert (ROOT / "docs" / name).is_file(), name


def test_pictures_of_the_essay_can_be_drawn_again(tmp_path: Path) -> None:
    load(ROOT / "docs" / "pictures" / "draw.py").main(tmp_path, iterations=3)
    assert len(list(tmp_path.glob("gradient-*.png"))) == 3


def test_weights_explode_at_too_high_a_rate_and_a_penalty_or_a_lower_rate_cures_them(tmp_path: Path) -> None:
    ends = load(ROOT / "examples" / "03_lenet_by_hand.py").main(tmp_path, iterations=40)
    high, held, low = ends["rate 3"], ends["rate 3, L2 penalty 0.003"], ends["rate 1.5"]
    assert high["largest weight"] > 1e4 and high["test accuracy"] < 0.25
    assert held["largest weight"] < 1 and held["test accuracy"] > 0.5
    assert low["largest weight"] < 1 and low["test accuracy"] > 0.6
    assert (tmp_path / "curves.png").stat().st_size > 10_000
    assert len((tmp_path / "predicted.csv").read_text().splitlines()) == 51


def test_one_digit_goes_there_and_back(tmp_path: Path) -> None:
    accuracy = load(ROOT / "examples" / "04_one_digit_there_and_back.py").main(tmp_path, iterations=10)
    assert np.isfinite(accuracy)
    assert (tmp_path / "one_digit.png").stat().st_size > 50_000 and (tmp_path / "filters.png").exists()
