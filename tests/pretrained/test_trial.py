"""``--tune auto`` of few samples: halves of the training part decide, and nothing of the test part does."""

from __future__ import annotations

import copy
import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load, save
from safetensors.torch import load_file

import neocog
from neocog.config import Config
from neocog.engine.precision import choose
from neocog.engine.probe import features_of
from neocog.engine.ranks import Ranks
from neocog.errors import UserError
from neocog.metrics.calibration import fit_temperature
from neocog.progress import Progress
from neocog.run import Run
from neocog.verbs import fit, halves
from neocog.verbs.ahead import planned
from neocog.verbs.features import features_file, training_features
from neocog.verbs.held_out import held_out
from neocog.verbs.prepare import arrange, read
from neocog.verbs.trial import tried

GIVEN: dict[str, Any] = {"epochs": 2, "threads": 1, "quiet": True, "augment": ("off",), "save_every": 0}
STAGES = [f"trial-{half}-{tune}" for tune in ("head", "all") for half in (1, 2)]


def of(path: Path) -> Any:
    return json.loads(path.read_text())


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def learned(folder: Path, part: str = "train") -> set[str]:
    return {row["sample"] for row in rows(folder / "splits.csv") if row["split"] == part}


def tells(monkeypatch: pytest.MonkeyPatch, gain: float) -> None:
    """Let tuning be better by so much on every sample, or worse."""
    told = iter([gain, 0.0])
    monkeypatch.setattr(halves, "_losses", lambda _, answers: np.full(len(answers.labels), next(told)))


@pytest.fixture(scope="module")
def run(photos: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("tried") / "run"
    return Run(neocog.train(photos, out=out, pretrained=trained, **GIVEN).folder)


def test_each_half_answers_for_the_other_and_the_test_part_for_none(run: Run) -> None:
    first, second = (learned(run.folder / name) for name in STAGES[:2])
    assert [learned(run.folder / name) for name in STAGES[2:]] == [first, second]
    assert [learned(run.folder / name, "test") for name in STAGES] == [second, first] * 2
    assert not first & second and first | second == learned(run.folder), "the network itself learns from all"
    assert not learned(run.folder, "validation") and len(learned(run.folder, "test")) == 3
    assert all(not learned(run.folder / name, "validation") for name in STAGES)


def test_what_is_recorded_is_what_the_networks_answered(run: Run) -> None:
    right = {
        tune: {
            row["path"]: int(row["correct"])
            for half in (1, 2)
            for row in rows(run.folder / f"trial-{half}-{tune}" / "predictions.csv")
        }
        for tune in ("head", "all")
    }
    gain = [right["all"][path] - right["head"][path] for path in right["head"]]
    trial = of(run.folder / "trial.json")
    assert (trial["samples"], trial["better"], trial["worse"]) == (25, gain.count(1), gain.count(-1))
    assert (trial["tune"] == "all") == (sum(gain) > len([x for x in gain if x]) ** 0.5)
    assert of(run.result)["trial"] == trial and trial["why"] in run.report.read_text()
    assert of(run.plan)["stages"] == [*STAGES, "."] and of(run.plan)["settings"]["transfer"]["tune"] == "auto"
    assert not any((run.folder / name / "checkpoints").exists() for name in STAGES)


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Classes that no network tells apart without mistakes."""
    folder, rng = tmp_path_factory.mktemp("alike"), np.random.default_rng(5)
    for name, level in (("dark", 115), ("bright", 121)):
        (folder / name).mkdir()
        for number in range(30):
            pixels = level + rng.normal(0, 8) + rng.integers(-60, 60, (16, 16, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.png")
    return folder


@pytest.mark.parametrize(("gain", "tune"), [(1.0, "all"), (-1.0, "head")])
def test_the_network_learns_as_it_was_decided_and_is_calibrated_by_what_it_had_not_seen(
    gain: float, tune: str, alike: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        tells(patch, gain)
        run = Run(neocog.train(alike, out=tmp_path / "run", pretrained=trained, **GIVEN).folder)
    given = {**GIVEN, "split": (0.9, 0, 0.1), "tune": tune}
    if tune == "head":
        del given["epochs"], given["augment"]
    same = Run(neocog.train(alike, out=tmp_path / "same", pretrained=trained, **given).folder)
    mine, theirs = load_file(run.weights), load_file(same.weights)
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    if tune == "head":  # by folds of its own features, with or without a trial
        assert of(run.model_json)["temperature"] == of(same.model_json)["temperature"] != 1.0
        assert "cross-validated predictions of the probe" in run.report.read_text()
        return
    config = planned(Config(), {"data": str(alike), "pretrained": str(trained), "threads": 1, "split": (0.9, 0, 0.1)})
    quiet = Progress(quiet=True)
    session = arrange(config, read(config, quiet), Ranks(), quiet)
    answers = held_out(tried(run, tune), session, lambda _: None)
    assert of(run.model_json)["temperature"] == fit_temperature(answers.logits, answers.labels) != 1.0
    assert of(run.model_json)["conformal"]["n"] == len(learned(run.folder))


@pytest.mark.parametrize("stopped", [1, 3, 4, 5])
def test_a_run_that_was_stopped_in_any_stage_ends_in_the_same_bytes(
    stopped: int, run: Run, photos: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, ends = fit.finish_run, []

    def ended(*given: Any) -> None:
        ends.append(given[2].run.folder.name)
        if len(ends) == stopped:
            raise RuntimeError("stopped")
        finish(*given)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="stopped"):
        patch.setattr(fit, "finish_run", ended)
        neocog.train(photos, out=tmp_path / "run", pretrained=trained, **GIVEN)
    done = {name: (tmp_path / "run" / name / "result.json").stat().st_mtime_ns for name in ends[:-1]}
    neocog.resume(tmp_path / "run", quiet=True)
    assert done == {name: (tmp_path / "run" / name / "result.json").stat().st_mtime_ns for name in done}
    for name in ("weights.safetensors", "model.json", "metrics.csv", "predictions.csv", "trial.json", "splits.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (run.folder / name).read_bytes(), name


def test_tuning_is_tried_where_the_time_is_there_or_epochs_are_given(
    photos: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {**GIVEN, "epochs": 0, "quiet": False}
    with monkeypatch.context() as patch:
        patch.setattr(halves, "timed", lambda *_: {1: 100.0})
        run = Run(neocog.train(photos, out=tmp_path / "run", pretrained=trained, **given).folder)
    trial = of(run.folder / "trial.json")
    assert (trial["tune"], trial["samples"]) == ("head", 0) and "would take about 94 minutes" in trial["why"]
    assert trial["why"] in capsys.readouterr().err and trial["why"] in run.report.read_text()
    assert not any((run.folder / name).exists() for name in STAGES)
    brief = {**GIVEN, "epochs": 0, "minutes": 0.02}
    run = Run(neocog.train(photos, out=tmp_path / "brief", pretrained=trained, **brief).folder)
    minutes = [of(run.folder / name / "plan.json")["settings"]["training"]["minutes"] for name in STAGES]
    assert minutes == pytest.approx([0, 0, 0.005, 0.005])


def test_folds_share_the_time_that_is_there(
    photos: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(halves, "timed", lambda *_: {1: 5.0})
    given = {**GIVEN, "epochs": 0, "folds": 4, "fold": 1}
    fold = neocog.train(photos, out=tmp_path / "run", pretrained=trained, **given).folder / "fold-1"
    trial = of(fold / "trial.json")
    assert trial["samples"] == 0 and "minutes, more than 2.5 (" in trial["why"]


def test_few_photographs_are_told_of_pretrained_weights(
    pictures: Callable[..., Path], photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = pictures(tmp_path / "large", side=64)
    for folder, settings, said in (
        (large, {}, True),
        (photos, {}, False),
        (large, {"model": "cnn"}, False),
        (large, {"task": "vae"}, False),
    ):
        config, progress = planned(Config(), {"data": str(folder), "threads": 1, **settings}), Progress()
        arrange(config, read(config, progress), Ranks(), progress)
        assert (
            "only 22 training images for a network from scratch: --from imagenet" in capsys.readouterr().err
        ) == said


@pytest.mark.parametrize(
    ("settings", "enough", "validate"),
    [
        ({}, 100, 0),
        ({}, 2, 3),
        ({"split": (0.7, 0.2, 0.1)}, 100, 6),
        ({"patience": 2}, 100, 3),
        ({"tune": "all"}, 100, 3),
        ({"folds": 4}, 100, 0),
        ({"folds": 4}, 2, 7),
    ],
)
def test_nothing_is_kept_back_where_it_would_be_too_few_to_choose_by(
    settings: dict[str, Any], enough: int, validate: int, photos: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(halves, "ENOUGH", enough)
    quiet = Progress(quiet=True)
    config = planned(Config(), {"data": str(photos), "pretrained": str(trained), "threads": 1, **settings})
    data = read(config, quiet)
    session = arrange(
        halves.without_validation(config, data, quiet), data, Ranks(), quiet, 0 if config.data.folds else None
    )
    assert session.counts()["validation"] == validate
    assert halves.is_open(session) == (validate == 0)
    given = np.array(["validation"] * 4 + ["train"] * (len(data.dataset) - 4))
    parted = replace(data, dataset=replace(data.dataset, splits=given))
    assert halves.without_validation(config, parted, quiet) == config, "what the data keep back stays so"


def test_a_few_samples_are_not_halved(
    pictures: Callable[..., Path], trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pictures(tmp_path / "few", each=6)
    run = Run(neocog.train(folder, out=tmp_path / "run", pretrained=trained, **GIVEN).folder)
    trial = of(run.folder / "trial.json")
    assert trial["tune"] == "head" and "too few" in trial["why"] and of(run.result)["best_epoch"] == 0


def test_a_difference_must_be_above_its_standard_error_over_what_repeats() -> None:
    alone = [str(k) for k in range(40)]
    gain = np.array([1.0] * 16 + [-1.0] * 9 + [0.0] * 15)
    assert halves.pays(gain, alone) and not halves.pays(-gain, alone)
    assert not halves.pays(np.array([1.0] * 13 + [-1.0] * 9 + [0.0] * 18), alone), "4 of 22 is within chance"
    assert not halves.pays(np.zeros(40), alone)
    of_groups = ["a"] * 16 + ["b"] * 9 + alone[25:]
    assert not halves.pays(gain, of_groups), "one group was better and one was worse"


def test_every_fold_has_a_trial_and_the_curve_learns_as_it_decided(
    photos: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(halves, "_losses", lambda _, answers: np.zeros(len(answers.labels)))
    run = neocog.train(photos, out=tmp_path / "run", pretrained=trained, folds=4, refit=True, **GIVEN)
    for fold in (1, 2, 3, 4):
        inner = run.folder / f"fold-{fold}"
        assert of(inner / "trial.json")["tune"] == "head" and not learned(inner, "validation")
        tested = learned(inner, "test")
        assert not any(tested & (learned(inner / name) | learned(inner / name, "test")) for name in STAGES)
    assert of(run.folder / "model.json")["refit"]["epochs"] == 0
    curve = neocog.train(photos, out=tmp_path / "curve", pretrained=trained, curve=True, **GIVEN)
    tunes = [of(curve.folder / f"curve-{k}" / "plan.json")["settings"]["transfer"]["tune"] for k in (8, 4, 2)]
    assert tunes == ["head"] * 3 and len(rows(curve.folder / "metrics.csv")) == 1


def test_features_are_computed_once_in_a_run_and_kept_no_longer(
    photos: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []

    def counting(net: Any, loader: Any, *rest: Any) -> Any:
        counted.append(len(loader.parts["train"]))
        return features_of(net, loader, *rest)

    def halfway(session: Any, learner: Any, loop: Any, *rest: Any) -> None:
        assert (tmp_path / "run" / "features.safetensors").is_file()
        raise RuntimeError("stopped")

    monkeypatch.setattr("neocog.verbs.features.features_of", counting)
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="stopped"):
        patch.setattr(fit, "finish_run", halfway)
        neocog.train(photos, out=tmp_path / "run", pretrained=trained, curve=True, **GIVEN)
    neocog.resume(tmp_path / "run", quiet=True)
    assert counted == [25], "not of the trial's halves, the curve's parts, the network itself, or its calibration"
    assert not list((tmp_path / "run").rglob("features.safetensors"))


def test_features_of_others_or_damaged_ones_are_not_taken(photos: Path, trained: Path, tmp_path: Path) -> None:
    config = planned(Config(), {"data": str(photos), "pretrained": str(trained), "threads": 1, "split": (0.9, 0, 0.1)})
    quiet, ranks, run = Progress(quiet=True), Ranks(), Run(tmp_path)
    session, precision = arrange(config, read(config, quiet), ranks, quiet), choose("cpu", "fp32")
    net = fit.ready(session, ranks).nets["model"]
    found, targets, samples = training_features(session, net, precision, run, quiet)
    file, right = features_file(run), features_file(run).read_bytes()

    def taken(network: Any = net, content: bytes = right) -> bool:
        file.write_bytes(content)
        mark = load(content) if content == right else {}
        if mark:  # what is taken from the file is told by this
            with safe_open(file, "numpy") as opened:
                file.write_bytes(save({**mark, "features": mark["features"] + 1}, opened.metadata()))
        again, same, order = training_features(session, network, precision, run, quiet)
        assert np.array_equal(same, targets) and np.array_equal(order, samples)
        return bool(np.array_equal(again, found + 1))

    assert taken() and not taken(content=right[:-7])
    other = copy.deepcopy(net)
    with torch.no_grad():
        next(other.parameters()).add_(1e-3)
    assert not taken(network=other)


def test_a_record_of_a_trial_that_is_damaged_is_told(run: Run, tmp_path: Path, photos: Path) -> None:
    from neocog.verbs.trial import read_trial

    (tmp_path / "trial.json").write_text('{"tune": "some", "why": ""}')
    with pytest.raises(UserError, match="tune"):
        read_trial(Run(tmp_path))
