"""Every example is a whole story of at most 80 lines that opens with its command, and runs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parent.parent / "examples").glob("[0-9]*.py"))


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_short_and_says_how_to_run_it(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 80
    assert any(f"python examples/{path.name}" in line for line in lines[:6])


def test_the_first_run_learns_and_finds_the_planted_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accuracy = load(EXAMPLES[0]).main(tmp_path, epochs=6)
    said = capsys.readouterr().out
    assert accuracy > 0.85
    assert "1 image stored in more than one class" in said
    assert "2 redundant images" in said
    assert "report.html" in said


def test_a_killed_run_ends_in_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert load(EXAMPLES[1]).main(tmp_path)
    said = capsys.readouterr().out
    assert "it has no result: True" in said and said.count(" same") == 3


def test_counts_of_nuclei_are_better_than_the_mean_and_their_pixels_sum_to_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], real_data: Callable[[str], Path]
) -> None:
    real_data("bbbc039")
    found = load(EXAMPLES[4]).main(tmp_path, epochs=6, folds=3)
    said = capsys.readouterr().out
    assert "refused: augmentation would falsify the targets: translate" in said
    assert "5.1 nuclei on average" in said  # 1,967 of them in 384 tiles
    assert found["mae"] < 0.8 * found["guess"]


def test_a_gan_tells_its_story_and_that_it_collapses_when_stopped_early(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = (p for p in EXAMPLES if p.name.startswith("07"))
    found = load(path).main(tmp_path, epochs=2, width=4, batch=256)
    said = capsys.readouterr().out
    assert found["fid"] > 10 * found["fid_floor"] and (tmp_path / "gan" / "strip.png").is_file()
    assert "went wrong: mode collapse: in 2 of 2 epochs" in said
    assert (tmp_path / "way.png").is_file() and "report.html" in said


def test_digits_lie_together_in_a_plane_that_saw_no_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = next(path for path in EXAMPLES if path.name == "06_the_latent_plane.py")
    found = load(path).main(tmp_path, epochs=25)
    assert found["alike"] > 0.3 and found["noise"] < found["zero"] - 10
    assert "by chance it would be 10 %" in capsys.readouterr().out
    for name in ("new", "between", "zero-to-one"):
        assert (tmp_path / f"{name}.png").is_file()


def named(start: str) -> ModuleType:
    return load(next(path for path in EXAMPLES if path.name.startswith(start)))


def test_blood_cells_are_found_and_come_back_from_labelme(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], real_data: Callable[[str], Path]
) -> None:
    real_data("bccd")
    found = named("08").main(tmp_path, epochs=2, size=(96, 128))
    said = capsys.readouterr().out
    assert "error: 2 boxes cannot be used" in said and "refused: " in said and "without an area" in said
    assert 0 <= found["nearest"] < 0.5 and found["red"] > 0
    assert len(list((tmp_path / "found" / "labelme").rglob("*.json"))) == 5


def test_photon_noise_is_taken_away_with_clean_images_and_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], real_data: Callable[[str], Path]
) -> None:
    real_data("bbbc039")
    found = named("09").main(tmp_path, epochs=1, width=8, blocks=1)
    assert found["clean"] > found["noisy"] and set(found) == {"clean", "noise2void", "noisy", "best without"}
    assert "best that needs no network" in capsys.readouterr().out
