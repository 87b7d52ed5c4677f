"""``--curve``: trainings on 1/8, 1/4 and 1/2 of the training part beside the whole, and what is said of twice as much."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.documents import rows
from neocog.errors import UserError
from neocog.records import Measure
from neocog.run import Run
from neocog.verbs import fit
from neocog.verbs.curve import Curve, curve_section, in_words

QUICK: dict[str, Any] = {"quiet": True, "model": "mlp", "augment": ("off",), "threads": 1}
FOLDERS = ("curve-8", "curve-4", "curve-2", ".")


def of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.fixture(scope="module")
def photos(dark_and_light: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dark_and_light(tmp_path_factory.mktemp("photos"), (95, 125), 50, 70)


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return neocog.train(photos, out=tmp_path_factory.mktemp("out") / "run", curve=True, epochs=3, batch=16, **QUICK)


def parts(run: Run, folder: str) -> dict[str, set[str]]:
    split = rows(run.folder / folder / "splits.csv")
    return {part: {r["sample"] for r in split if r["split"] == part} for part in ("train", "validation", "test", "")}


def test_training_parts_are_nested_and_the_others_are_the_same(run: Run) -> None:
    smallest, quarter, half, whole = (parts(run, folder) for folder in FOLDERS)
    assert [len(each["train"]) for each in (smallest, quarter, half, whole)] == [10, 20, 40, 80]
    assert smallest["train"] < quarter["train"] < half["train"] < whole["train"]
    for each in (smallest, quarter, half):
        assert each["test"] == whole["test"] and each["validation"] == whole["validation"]
        assert each[""] == whole["train"] - each["train"]
        assert sum(name.startswith("dark") for name in each["train"]) == len(each["train"]) / 2


def test_the_network_itself_is_that_without_a_curve(run: Run, photos: Path, tmp_path: Path) -> None:
    alone = neocog.train(photos, out=tmp_path / "run", epochs=3, batch=16, **QUICK)
    assert alone.weights.read_bytes() == run.weights.read_bytes()


def test_points_are_the_results_of_the_trainings_and_stand_in_result_and_report(run: Run) -> None:
    curve = of(run.result)["curve"]
    assert [point["samples"] for point in curve["points"]] == [10, 20, 40, 80]
    for point, folder in zip(curve["points"], FOLDERS, strict=True):
        assert point["accuracy"] == of(run.folder / folder / "result.json")["measures"]["test"]["accuracy"]["value"]
    twice = curve["twice"]
    assert twice["samples"] == 160 and 0 <= twice["low"] <= twice["value"] <= twice["high"] <= 1
    page = run.report.read_text()
    assert "Learning curve" in page and ("160 (expected)" in page) == (curve["exponent"] > 0)
    assert of(run.plan)["stages"] == list(FOLDERS)


def test_settings_that_are_not_given_are_decided_for_each_number_of_samples(photos: Path, tmp_path: Path) -> None:
    run = neocog.train(photos, out=tmp_path / "run", curve=True, batch=16, minutes=0.004, **QUICK)
    settings = [of(run.folder / folder / "plan.json")["settings"]["training"] for folder in FOLDERS]
    assert [one["batch"] for one in settings] == [10, 16, 16, 16]
    assert [one["minutes"] for one in settings] == pytest.approx([0.0005, 0.001, 0.002, 0.004])
    assert [one["curve"] for one in settings] == [False, False, False, True]


def batches(run: Path) -> list[int]:
    return [of(run / folder / "plan.json")["settings"]["training"]["batch"] for folder in FOLDERS]


def test_a_curve_that_was_stopped_decides_its_settings_as_it_did_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 160 training samples a batch is 16, of 20, 40 and 80 of them 8: what the whole resolved is not what was asked."""
    rng = np.random.default_rng(0)
    for name, level in (("dark", 95), ("light", 125)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(100):
            pixels = np.clip(level + rng.normal(0, 70, (8, 8)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{number}.png")

    def stopped(*_: Any) -> None:
        raise RuntimeError("stopped")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="stopped"):
        patch.setattr(fit, "finish_run", stopped)
        neocog.train(tmp_path / "data", out=tmp_path / "run", curve=True, epochs=1, **QUICK)
    run = neocog.resume(tmp_path / "run", quiet=True)
    assert batches(run.folder) == [8, 8, 8, 16]
    folds = neocog.train(
        tmp_path / "data", out=tmp_path / "folds", curve=True, epochs=1, folds=3, split=(0.8, 0, 0.2), **QUICK
    )
    assert batches(folds.folder / "fold-2") == [8, 8, 8, 13]


def test_with_folds_every_fold_has_its_curve_and_the_whole_is_over_all_predictions(
    photos: Path, tmp_path: Path
) -> None:
    run = neocog.train(
        photos, out=tmp_path / "run", curve=True, folds=3, refit=True, epochs=2, split=(0.8, 0, 0.2), **QUICK
    )
    curve, rights = of(run.result)["curve"], []
    for folder in FOLDERS:
        said = [r for k in (1, 2, 3) for r in rows(run.folder / f"fold-{k}" / folder / "predictions.csv")]
        assert len({row["path"] for row in said}) == len(said) == 100
        rights.append(np.mean([row["correct"] == "1" for row in said]))
    assert [point["accuracy"] for point in curve["points"]] == pytest.approx(rights)
    assert [point["samples"] for point in curve["points"]] == pytest.approx([8, 17, 33, 67], abs=1)
    assert "Learning curve" in run.report.read_text()


def test_folds_that_are_too_small_for_a_curve_are_told_before_the_first_is_trained(
    photos: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    for name in ("dark", "light"):
        (small / name).mkdir(parents=True)
        for number in range(3):
            (small / name / f"{number}.png").write_bytes((photos / name / f"{number}.png").read_bytes())
    with pytest.raises(UserError, match="cannot be halved 3 times"):
        neocog.train(small, out=tmp_path / "run", curve=True, folds=3, split=(0.8, 0, 0.2), **QUICK)
    assert not (tmp_path / "run").exists()


def curve(*values: float, name: str = "accuracy") -> Curve:
    measures = tuple(Measure(value, value - 0.02, value + 0.02, 400) for value in values)
    return Curve(name, (50, 100, 200, 400), measures)


def test_it_is_said_where_four_points_tell_and_where_they_do_not() -> None:
    steady = in_words(curve(0.6, 0.717, 0.8, 0.8586))
    assert "twice the samples (800) the expected accuracy is 0.900" in steady and "too few" not in steady
    assert "too few to be sure" in in_words(curve(0.80, 0.77, 0.83, 0.81))
    falling = curve(0.83, 0.67, 0.50, 0.66)
    assert "has not become better: it is 0.660" in in_words(falling) and "expected" not in in_words(falling)
    assert "(expected)" not in str(curve_section(falling)) and "(expected)" in str(
        curve_section(curve(0.6, 0.7, 0.8, 0.9))
    )
    errors = in_words(curve(0.4, 0.283, 0.2, 0.1414, name="mae"))
    assert "the expected mean absolute error is 0.100" in errors and "too few" not in errors


def test_nothing_wrong_is_no_proof_of_nothing_ever_wrong() -> None:
    value, low, high = curve(0.9, 0.95, 1.0, 1.0).expected(800)
    assert low < value < 1 and high <= 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"task": "vae", "model": "auto"}, "--curve is not for --task vae"),
        ({"split": (0.04, 0.48, 0.48)}, "training samples cannot be halved 3 times"),
    ],
)
def test_where_it_makes_no_sense_it_is_refused_before_anything_is_written(
    given: dict[str, Any], says: str, photos: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=says):
        neocog.train(photos, out=tmp_path / "run", curve=True, **QUICK | given)
    assert not (tmp_path / "run").exists()
