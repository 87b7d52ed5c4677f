"""The network that learns from all samples after the folds: for how long, with which temperature, and whose measures it states."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.config import Config, TransferConfig
from neocog.documents import rows
from neocog.errors import UserError
from neocog.metrics import fit_temperature
from neocog.run import Run
from neocog.verbs import refit
from neocog.verbs.out_of_fold import out_of_fold

QUICK: dict[str, Any] = {"quiet": True, "model": "mlp", "epochs": 3, "augment": ("off",), "threads": 1, "folds": 3}
TOLD = 1e-3  # of a temperature that is found twice, of float32 and of written probabilities


def of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.fixture(scope="module")
def photos(dark_and_light: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of each of two classes that are hard to tell apart."""
    return dark_and_light(tmp_path_factory.mktemp("few"), (95, 110), 12, 70)


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return neocog.train(photos, out=tmp_path_factory.mktemp("out") / "run", repeats=2, refit=True, **QUICK)


def folds(run: Run) -> list[Run]:
    return [Run(Path(folder)) for folder in of(run.result)["folds"]]


def test_it_learns_of_every_sample_for_the_median_of_the_best_epochs(run: Run) -> None:
    assert {row["split"] for row in rows(run.splits_csv)} == {"train"}
    best = sorted(of(fold.result)["best_epoch"] for fold in folds(run))
    assert len(rows(run.metrics_csv)) == best[2] == of(run.model_json)["refit"]["epochs"]


def test_of_an_even_number_of_folds_the_lower_middle_counts(tmp_path: Path) -> None:
    made = []
    for number, best in enumerate((9, 3, 4, 9)):
        made.append(Run(tmp_path / f"fold-{number}"))
        made[-1].folder.mkdir()
        made[-1].result.write_text(json.dumps({"best_epoch": best}))
    assert refit.best_epochs(made) == 4 and refit.best_epochs(made[:3]) == 4


def test_that_number_of_epochs_is_what_it_learns(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refit, "best_epochs", lambda _: 2)
    run = neocog.train(photos, out=tmp_path / "run", refit=True, **QUICK)
    assert len(rows(run.metrics_csv)) == 2
    assert of(run.plan)["stages"] == ["fold-1", "fold-2", "fold-3", "."]


def test_its_temperature_is_that_of_the_folds_test_answers(run: Run) -> None:
    said = out_of_fold(folds(run))
    assert said is not None and len(said.labels) == 48
    temperature = of(run.model_json)["temperature"]
    assert temperature == pytest.approx(fit_temperature(said.logits, said.labels), rel=TOLD)
    assert all(abs(of(fold.model_json)["temperature"] - temperature) > TOLD for fold in folds(run))


def test_its_measures_are_those_of_the_folds_and_it_is_said_where_they_are_read(run: Run) -> None:
    result, stated = of(run.result), of(run.model_json)["refit"]
    assert result["refit"] == stated and stated["measure"] == "accuracy"
    accuracy = result["measures"]["test"]["accuracy"]
    assert (stated["value"], stated["low"], stated["n"]) == (accuracy["value"], accuracy["low"], 24)
    page = run.report.read_text()
    assert "Final network" in page and "None is left to test it" in page


def test_it_predicts_and_is_not_evaluated_on_what_it_learned(run: Run, photos: Path, tmp_path: Path) -> None:
    assert neocog.predict(run, [photos / "dark" / "3.png"], quiet=True).rows[0]["label"] in ("dark", "light")
    with pytest.raises(UserError, match="learned from all samples: none is left to test it"):
        neocog.evaluate(run, quiet=True)
    with pytest.raises(UserError, match="24 of these 24 images were used to train this run"):
        neocog.evaluate(run, photos, quiet=True)


def test_folds_as_jobs_of_their_own_end_in_the_same_network(photos: Path, run: Run, tmp_path: Path) -> None:
    for fold in (2, 6, 1, 5, 3, 4):
        assert not (tmp_path / "jobs" / "weights.safetensors").exists()
        job = neocog.train(photos, out=tmp_path / "jobs", repeats=2, refit=True, fold=fold, **QUICK)
    assert job.weights.read_bytes() == run.weights.read_bytes()
    assert job.model_json.read_bytes() == run.model_json.read_bytes()
    assert of(job.result)["measures"] == of(run.result)["measures"]


def test_values_get_intervals_as_wide_as_the_folds_errors(tmp_path: Path) -> None:
    rng, lines = np.random.default_rng(0), ["image,size"]
    for number in range(30):
        size = int(rng.integers(1, 8))
        pixels = rng.integers(0, 60, (8, 8)).astype(np.uint8)
        pixels[:size] += 120
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{size + 0.5}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    run = neocog.train(tmp_path / "table.csv", out=tmp_path / "run", refit=True, **QUICK)
    half = of(run.model_json)["half"][0]
    errors = [
        abs(float(row["size"]) - float(row["true size"])) for fold in folds(run) for row in rows(fold.predictions_csv)
    ]
    assert np.mean(np.array(errors) <= half) == pytest.approx(0.9, abs=0.1)


@pytest.mark.parametrize(
    ("tune", "epochs", "becomes"),
    [("auto", 0, "head"), ("auto", 5, "all"), ("last:2", 5, "last:2"), ("all", 0, "head")],
)
def test_what_the_folds_chose_is_given_to_the_training_in_which_nothing_validates(
    tune: str, epochs: int, becomes: str
) -> None:
    found = refit.as_folds_did(Config(transfer=TransferConfig(pretrained="imagenet", tune=tune)), epochs)
    assert (found.transfer.tune, found.training.epochs) == (becomes, epochs)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"folds": 0}, "--refit trains on all samples after --folds"),
        ({"task": "vae", "model": "auto"}, "--refit is not for --task vae"),
    ],
)
def test_where_it_makes_no_sense_it_is_refused(given: dict[str, Any], says: str, photos: Path) -> None:
    with pytest.raises(UserError, match=says):
        neocog.train(photos, refit=True, **QUICK | given)
