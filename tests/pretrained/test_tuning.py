"""How pretrained weights are learned further, between modules: what moves, at which rate, what is kept, and how it goes on."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import neocog
from neocog.config import Config
from neocog.engine.loop import Loop
from neocog.engine.precision import choose
from neocog.engine.ranks import Ranks
from neocog.engine.update import apply_update
from neocog.errors import UserError
from neocog.networks.head import features, head_of, layers_by_depth
from neocog.predictor import load_predictor
from neocog.progress import Progress
from neocog.run import Run, to_json
from neocog.tasks.task import Session
from neocog.verbs.ahead import planned
from neocog.verbs.fit import ready
from neocog.verbs.prepare import arrange, read
from neocog.verbs.probe import units

GIVEN: dict[str, Any] = {"epochs": 2, "threads": 1, "quiet": True, "augment": ("off",), "save_every": 0}
VALIDATED: dict[str, Any] = {**GIVEN, "split": (0.7, 0.15, 0.15)}  # said so: else so few are tried by halves
HEAD: dict[str, Any] = {"tune": "head", "threads": 1, "quiet": True}


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def result_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def arranged(data: Path, start: Path, **settings: Any) -> Session:
    given = {"data": str(data), "pretrained": str(start), "threads": 1, **settings}
    config, progress = planned(Config(), given), Progress(quiet=True)
    return arrange(config, read(config, progress), Ranks(), progress)


def moved(folder: Path, start: Path) -> set[str]:
    """Tensors that are other than those of the run that was started from."""
    before, after = load_file(start / "weights.safetensors"), load_file(folder / "weights.safetensors")
    return {name for name, value in after.items() if not torch.equal(value, before[name])}


def parameters_of(folder: Path, depths: slice) -> set[str]:
    """Names of the parameters of some layers, the head being 0."""
    net = load_predictor(Run(folder)).network
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    return {names[id(p)] for layer in layers_by_depth(net)[depths] for p in layer}


def test_a_probe_moves_the_head_alone_and_takes_no_step(photos: Path, trained: Path, tmp_path: Path) -> None:
    out = neocog.train(photos, out=tmp_path / "run", pretrained=neocog.load(trained), **HEAD).folder
    assert moved(out, trained) == parameters_of(out, slice(0, 1)) and len(rows_of(out)) == 1
    result = result_of(out)
    assert (result["epochs"], result["best_epoch"]) == (0, 0)
    again = json.loads(to_json(neocog.evaluate(out, quiet=True)))
    assert again["measures"]["test"] == result["measures"]["test"]
    assert "Epoch 0 is a linear probe" in (out / "report.html").read_text()


def test_a_probe_is_solved_for_on_the_whole_training_part(photos: Path, trained: Path, tmp_path: Path) -> None:
    """Its gradient, with the penalty's, is nought at the weights that were written."""
    out = neocog.train(photos, out=tmp_path / "run", pretrained=trained, precision="fp32", **HEAD).folder
    session, net = arranged(photos, trained, tune="head"), load_predictor(Run(out)).network
    whole = [(batch.inputs, batch.targets) for batch in session.loader.evaluation("train")]
    inputs, labels = (torch.cat(each) for each in zip(*whole, strict=True))
    with torch.no_grad():
        given, shares = features(net, inputs).double(), net(inputs).double().softmax(1)
    error = shares - torch.nn.functional.one_hot(labels, 2)
    assert abs(float(error.sum())) < 1e-6 and error.sum(0).abs().max() < 0.02 * len(labels)
    spread = given.std(0, correction=0)
    slope = (error.T @ ((given - given.mean(0)) / spread.clamp(min=1e-9)))[:, spread > 1e-6 * spread.max()]
    head = head_of(net)[1].weight.detach().double().flatten(1)
    inverse = json.loads(max(out.glob("checkpoints/step-*/state.json")).read_text())["counters"]["inverse_penalty"]
    penalty = (head * spread)[:, spread > 1e-6 * spread.max()] / inverse
    twice = 2 if penalty.shape[0] == 2 else 1  # of two classes one row is penalised, which is the difference of these
    assert (slope + twice * penalty).abs().max() < 0.05 * max(1.0, float(penalty.abs().max()))


def test_the_last_blocks_are_tuned_and_no_others(photos: Path, trained: Path, tmp_path: Path) -> None:
    out = neocog.train(
        photos, out=tmp_path / "run", pretrained=trained, split=(0.8, 0, 0.2), tune="last:1", **GIVEN
    ).folder
    assert moved(out, trained) == parameters_of(out, slice(0, 2))
    assert parameters_of(out, slice(2, None)), "there are layers before these"


@pytest.mark.parametrize("tune_norms", [False, True])
def test_batch_norm_keeps_its_statistics_unless_it_is_told(
    tune_norms: bool, photos: Path, trained: Path, tmp_path: Path
) -> None:
    given = {**GIVEN, "tune": "all", "tune_norms": tune_norms, "split": (0.8, 0, 0.2)}
    out = neocog.train(photos, out=tmp_path / "run", pretrained=trained, **given).folder
    means = {name for name in load_file(out / "weights.safetensors") if name.endswith("running_mean")}
    assert means and means & moved(out, trained) == (means if tune_norms else set())


def test_rates_and_decay_fall_with_the_depth(photos: Path, trained: Path) -> None:
    session = arranged(photos, trained, tune="all", layer_decay=0.5, epochs=1, weight_decay=0.1)
    (optimizer,) = ready(session, Ranks()).optimizers.values()
    factors = [group["factor"] for group in optimizer.param_groups]
    assert factors == [0.5**depth for depth in range(len(factors))] and len(factors) > 2
    fresh = ready(session, Ranks())
    net, (optimizer,) = fresh.nets["model"], fresh.optimizers.values()
    before = {p: p.detach().clone() for group in optimizer.param_groups for p in group["params"]}
    for parameter in before:
        parameter.grad = torch.zeros_like(parameter)
    apply_update(net, optimizer, session.config.training, 0.1)
    for depth, group in enumerate(optimizer.param_groups):
        for parameter in group["params"]:
            shrunk = 1 - 0.1 * 0.5**depth * 0.1 if parameter.ndim > 1 else 1.0
            assert torch.allclose(parameter, before[parameter] * shrunk)


def test_auto_keeps_the_probe_unless_the_end_of_tuning_is_better(photos: Path, trained: Path, tmp_path: Path) -> None:
    """A huge rate spoils the network: the best of its epochs does not count, nor does an equal end."""
    out = neocog.train(
        photos, out=tmp_path / "run", pretrained=trained, **{**VALIDATED, "lr": 50.0, "clip": 1.0}
    ).folder
    head = parameters_of(out, slice(0, 1))
    assert result_of(out)["best_epoch"] == 0 and moved(out, trained) <= head
    assert len(rows_of(out)) == 3
    assert "Tuning more layers was no better on the validation part" in (out / "report.html").read_text()


def test_auto_takes_the_end_of_tuning_where_it_is_better(
    photos: Path, trained: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    measured, measures = Loop.measured, iter([0.5, 0.9, 0.6])

    def told(self: Loop, *rest: Any) -> Any:
        return {**(measured(self, *rest) or {}), "accuracy": next(measures)}

    monkeypatch.setattr(Loop, "measured", told)
    out = neocog.train(photos, out=tmp_path / "run", pretrained=trained, **VALIDATED).folder
    assert result_of(out)["best_epoch"] == 2, "the end, and not the best of all, is held against the probe"
    assert len(moved(out, trained)) > 4


@pytest.mark.parametrize("tune", ["auto", "all", "last:1"])
@pytest.mark.parametrize("epochs_before", [0, 1])
def test_a_tuning_that_was_stopped_ends_in_the_same_bytes(
    tune: str, epochs_before: int, photos: Path, trained: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    whole = neocog.train(photos, out=tmp_path / "whole", pretrained=trained, tune=tune, **VALIDATED).folder

    def stop(row: Any) -> None:
        raise neocog.Stop

    if epochs_before:
        with pytest.raises(neocog.Interrupted):
            neocog.train(photos, out=tmp_path / "run", pretrained=trained, tune=tune, after_epoch=stop, **VALIDATED)
    else:  # between the probe and the first step
        with monkeypatch.context() as patch, pytest.raises(RuntimeError):
            patch.setattr(Loop, "go_on", lambda *_: (_ for _ in ()).throw(RuntimeError))
            neocog.train(photos, out=tmp_path / "run", pretrained=trained, tune=tune, **VALIDATED)
        monkeypatch.setattr("neocog.verbs.probe.solve", None)  # nothing is solved for again
    neocog.resume(tmp_path / "run", quiet=True)
    for name in ("weights.safetensors", "metrics.csv", "predictions.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (whole / name).read_bytes(), name


def test_groups_and_near_copies_stay_in_one_fold(photos: Path, trained: Path) -> None:
    session = arranged(photos, trained)
    count = len(session.dataset)
    groups = np.array(["a", "", "b", *["a"] * (count - 3)])
    data = replace(session.data, dataset=replace(session.dataset, groups=groups))
    assert units(data, np.array([0, 3, 2, 1])) == ["group a", "group a", "group b", "sample 1"]


def test_values_have_a_probe_by_ridge_regression(trained: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = (rng.integers(0, 100, (120, 16, 16, 3)) + rng.integers(0, 150, (120, 1, 1, 3))).astype(np.uint8)
    values = images.mean(axis=(1, 2)) @ np.array([3.0, 1.0, -1.0]) + 50
    data, given = (images, values), {"pretrained": trained, "task": "regression", "split": (0.7, 0.15, 0.15), **HEAD}
    run = neocog.train(data, tmp_path / "run", **given)
    assert result_of(run.folder)["epochs"] == 0 and moved(run.folder, trained) <= {"output.weight", "output.bias"}
    test = result_of(run.folder)["measures"]["test"]
    assert test["r2"]["value"] > 0.8 and test["mae"]["value"] < 40, "in the values' own units"
    assert "ridge regression" in run.report.read_text()
    auto = neocog.train(data, tmp_path / "auto", **{**given, "tune": "auto", "epochs": 1})
    first = rows_of(auto.folder)[0]
    assert first["epoch"] == "0" and first["validation_explained"] == rows_of(run.folder)[0]["validation_explained"]


@pytest.mark.parametrize(("name", "more"), [("value", {"loss": "mae"}), ("angle [°]", {})])
def test_what_cannot_be_solved_for_is_not_probed(name: str, more: Any, trained: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = [f"image,{name}"]
    for index in range(30):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(tmp_path / f"{index}.png")
        lines.append(f"{index}.png,{rng.uniform(0, 360):.3f}")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match="--tune head solves for classes, or for values"):
        neocog.train(tmp_path / "table.csv", tmp_path / "run", pretrained=trained, task="regression", **HEAD, **more)
    assert not (tmp_path / "run").exists()


def test_after_folds_a_probe_is_solved_for_on_all_samples(photos: Path, trained: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"tune": "head", "folds": 3, "refit": True, "threads": 1, "quiet": True}
    run = neocog.train(photos, out=tmp_path / "run", pretrained=str(trained), **settings)
    lines = run.metrics_csv.read_text().splitlines()
    assert len(lines) == 2 and lines[1].startswith("0,0,")
    assert json.loads(run.model_json.read_text())["refit"]["samples"] == 28


def test_the_precision_of_a_trial_is_that_of_the_steps_and_is_recorded(
    photos: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fp32(loop: Loop, learner: Any) -> Loop:
        learner.counters.precision = "fp32"
        return replace(loop, precision=choose("cpu", "fp32"))

    monkeypatch.setattr("neocog.verbs.fit.settled", fp32)
    out = neocog.train(photos, out=tmp_path / "run", pretrained=trained, tune="all", **GIVEN).folder
    assert result_of(out)["precision"] == "fp32" and "precision.chosen" in (out / "report.html").read_text()
    plain = neocog.train(photos, out=tmp_path / "plain", pretrained=trained, tune="head", threads=1, quiet=True)
    assert "precision.chosen" not in plain.report.read_text(), "no step, no trial"
