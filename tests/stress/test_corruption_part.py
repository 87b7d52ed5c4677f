"""Part ``corruption`` on a trained run: its numbers are those of evaluate on pictures that were changed and saved."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import neocog
from neocog.cli.main import main
from neocog.config import from_run
from neocog.data.split import read_splits
from neocog.errors import UserError
from neocog.pages.stress import outcomes
from neocog.predictor import load_predictor
from neocog.records import Measure, Pictures
from neocog.robustness.corruption_report import Found, not_withstood, verdict
from neocog.robustness.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from neocog.run import Run

FEW = ("gaussian_noise", "contrast", "shift")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of the corruptions, in the interest of time."""
    for name in set(CORRUPTIONS) - {*FEW, "substitutions", "slice_thickness"}:
        monkeypatch.delitem(CORRUPTIONS, name)


@pytest.fixture(scope="module")
def coloured(pictures: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on red and blue pictures, noisy enough that some are mistaken."""
    folder = tmp_path_factory.mktemp("coloured")
    data, parts = pictures(folder / "data", 40, 12, 8), (0.6, 0.1, 0.3)
    neocog.train(data, model="mlp", hidden=(4,), epochs=4, threads=1, split=parts, out=folder / "run", quiet=True)
    return folder / "run"


def rows_of(run: Path, **given: Any) -> dict[tuple[str, int], dict[str, Any]]:
    rows = neocog.stress(run, ["corruption"], quiet=True, **given)["corruption"]
    records = rows.to_dict("records") if hasattr(rows, "to_dict") else rows
    return {(row["corruption"], row["severity"]): row for row in records}


def test_the_measures_are_those_of_evaluate_before_and_after_the_change(coloured: Path, tmp_path: Path) -> None:
    rows = rows_of(coloured, samples=0)
    assert set(rows) == {("unchanged", 0), *((name, severity) for name in FEW for severity in SEVERITIES)}
    measured = neocog.evaluate(coloured, quiet=True)["measures"]["test"]["accuracy"]
    clean = rows["unchanged", 0]
    assert [clean[key] for key in ("value", "low", "high", "n")] == [
        measured[key] for key in ("value", "low", "high", "n")
    ]
    preprocessing = load_predictor(Run(coloured)).preprocessing
    splits, root = read_splits(Run(coloured).splits_csv), coloured.parent / "data"
    for place, (name, label, part) in enumerate(zip(splits.names, splits.labels, splits.parts, strict=True)):
        if part == "test":
            pixels = torch.from_numpy(np.array(Image.open(root / name))).permute(2, 0, 1)[None]
            changed = corrupted(pixels, torch.tensor([place]), "gaussian_noise", 5, preprocessing, 0)[0]
            (tmp_path / label).mkdir(exist_ok=True)
            Image.fromarray(changed.permute(1, 2, 0).numpy()).save(tmp_path / label / f"{place}.png")
    saved = neocog.evaluate(coloured, tmp_path, quiet=True)["measures"]["test"]["accuracy"]
    noisy = rows["gaussian_noise", 5]
    assert noisy["value"] == saved["value"] != clean["value"] and noisy["n"] == saved["n"]


def test_at_most_as_many_samples_as_asked_the_same_each_time_and_other_data_where_given(
    coloured: Path, pictures: Any, tmp_path: Path
) -> None:
    assert {row["n"] for row in rows_of(coloured, samples=7).values()} == {7}
    other = pictures(tmp_path / "other", 5, 12)
    for path in other.rglob("*.png"):  # so that none is known
        Image.fromarray(255 - np.array(Image.open(path))).save(path)
    assert {row["n"] for row in rows_of(coloured, on=other).values()} == {10}


def test_the_report_shows_one_picture_at_every_severity_and_all_corruptions_on_a_sheet(coloured: Path) -> None:
    rows_of(coloured, samples=5)
    section = outcomes(Run(coloured))["corruption"].sections[0]
    grids = [item for item in section.items if isinstance(item, Pictures)]
    assert [len(grid.pictures) for grid in grids] == [6, 6, 6, len(FEW)]
    for grid in grids[:-1]:
        assert len({picture.png for picture in grid.pictures}) == 6
    assert "Stress: corruptions" in (coloured / "report.html").read_text(encoding="utf-8")


def test_lengths_of_the_reference_are_other_pictures(coloured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[bool]()

    def change(*given: Any) -> Any:
        seen.append(given[-1])
        return corrupted(*given)

    monkeypatch.setattr("neocog.robustness.corruption.corrupted", change)
    rows_of(coloured, samples=3, lengths="reference")
    assert seen and not any(seen)


def test_what_moves_is_left_out_of_masks_and_that_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (tmp_path / "data" / kind).mkdir(parents=True)
    for i in range(30):
        mask = np.zeros((16, 16), np.uint8)
        mask[4:12, 2 + i % 8 : 8 + i % 8] = 255
        Image.fromarray((mask // 2 + rng.integers(0, 60, (16, 16))).astype(np.uint8)).save(
            tmp_path / "data" / "images" / f"{i}.png"
        )
        Image.fromarray(mask).save(tmp_path / "data" / "masks" / f"{i}.png")
    run = neocog.train(
        tmp_path / "data", model="unet", width=4, depth=2, epochs=2, threads=1, out=tmp_path / "run", quiet=True
    )
    rows = rows_of(run.folder)
    assert {name for name, _ in rows} == {"unchanged", "gaussian_noise", "contrast"}
    text = outcomes(run)["corruption"].sections[0].items[0]
    assert "the labels would have to move" in str(text)


def test_sequences_have_no_light_and_their_letters_are_changed(tmp_path: Path) -> None:
    rng, lines = np.random.default_rng(0), []
    for i in range(60):
        letters = "".join(rng.choice(list("ACGT"), 40))
        lines.append(f">s{i} {'ab'[i % 2]}\n{'ACGTACGTAC' * (i % 2)}{letters}\n")
    (tmp_path / "all.fasta").write_text("".join(lines))
    run = neocog.train(tmp_path / "all.fasta", label_field="2", model="mlp", hidden=(4,), epochs=2, threads=1,
                       out=tmp_path / "run", quiet=True)  # fmt: skip
    rows = rows_of(run.folder)
    assert {name for name, _ in rows} == {"unchanged", "substitutions"}
    assert "sequences have none" in str(outcomes(run)["corruption"].sections[0].items[0])


def test_the_augmentation_like_the_most_harmful_corruption_is_named_with_commands_that_run(
    coloured: Path, tmp_path: Path
) -> None:
    settings = {"epochs": 20, "lr": 0.02, "threads": 1, "split": (0.6, 0.1, 0.3), "quiet": True}
    neocog.train(coloured.parent / "data", tmp_path / "run", model="mlp", hidden=(4,), **settings)
    rows_of(tmp_path / "run")
    told = str(outcomes(Run(tmp_path / "run"))["corruption"].sections[0].items[1])
    assert "The augmentation noise=0.2 resembles gaussian noise." in told
    learn, test, compare = (
        shlex.split(each)[1:] for each in told.split("second run: ")[1].split("'")[0].strip(".").split("; ")
    )
    main([*learn, "--quiet"])
    second = Path(learn[learn.index("--out") + 1])
    assert from_run(Run(second).config).training.augment[-1] == "noise=0.2" and test[1] == str(second)
    neocog.stress(second, ["corruption"], quiet=True)
    assert "The augmentation noise" not in str(outcomes(Run(second))["corruption"].sections)
    assert compare[:3] == ["report", str(tmp_path / "run"), str(second)]


def test_a_task_without_truth_is_refused(tmp_path: Path) -> None:
    run = neocog.train("digits", task="vae", epochs=1, latent=2, threads=1, out=tmp_path / "run", quiet=True)
    with pytest.raises(UserError, match="corruptions are not for --task vae"):
        neocog.stress(run, ["corruption"], quiet=True)


def found(measure: str, clean: float, **values: tuple[float, float]) -> Found:
    """``values``: of contrast and gaussian noise at severity 3, each the measure and where it lies on all axes."""
    measures = {("unchanged", 0): Measure(clean, clean - 0.01, clean + 0.01, 100)}
    measures |= {(name, 3): Measure(value, value - 0.01, value + 0.01, 100) for name, (value, _) in values.items()}
    places = {(name, 3): [place] * 4 for name, (_, place) in values.items()}
    return Found(measure, measures, places, np.array([[0.0] * 4, [1.0] * 4]), 100, [], "training pictures")


def test_the_verdict_is_of_the_worst_change_that_could_be_among_the_data() -> None:
    far = verdict(found("accuracy", 0.9, contrast=(0.1, 5.0), gaussian_noise=(0.85, 0.5)))
    assert far.grade == "passed" and far.number == pytest.approx(0.85 / 0.9) and "gaussian noise" in far.sentence
    near = verdict(found("accuracy", 0.9, contrast=(0.1, 0.5), gaussian_noise=(0.85, 0.5)))
    assert near.grade == "failed" and "contrast at severity 3" in near.sentence
    assert near.sentence.endswith(" samples.")
    error = found("rmse", 1.0, contrast=(1.2, 0.5), gaussian_noise=(0.9, 0.5))
    assert verdict(error).grade == "doubtful" and error.names == ["contrast", "gaussian_noise"]
    none = verdict(found("accuracy", 0.9, contrast=(0.1, 5.0)))
    assert none.grade == "failed" and "at severity 3: contrast" in none.sentence


def test_only_what_is_judged_and_does_not_pass_is_advised_on() -> None:
    assert not_withstood(found("accuracy", 0.9, contrast=(0.1, 5.0), gaussian_noise=(0.85, 0.5))) == []
    assert not_withstood(found("accuracy", 0.9, contrast=(0.1, 0.5), gaussian_noise=(0.6, 0.5))) == [
        "contrast", "gaussian_noise"
    ]  # fmt: skip
