"""A linear probe on several views of each training image: what they are, that they are computed once, and what has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import neocog
from neocog.config import Config
from neocog.engine.precision import choose
from neocog.engine.probe import features_of, solve
from neocog.engine.ranks import Ranks
from neocog.errors import UserError
from neocog.networks.head import features, head_of
from neocog.predictor import load_predictor
from neocog.progress import Progress
from neocog.run import Run
from neocog.tasks.task import Session
from neocog.verbs import fit
from neocog.verbs.ahead import planned
from neocog.verbs.features import features_file, training_features
from neocog.verbs.prepare import arrange, read
from neocog.verbs.transfer import start_from

FLIPS = ("flip=1", "turn=20", "noise=0.1")
GIVEN: dict[str, Any] = {"tune": "head", "probe_views": 3, "augment": FLIPS, "threads": 1, "precision": "fp32"}
QUIET = Progress(quiet=True)


def arranged(data: Path, start: Path, **settings: Any) -> Session:
    config = planned(Config(), {"data": str(data), "pretrained": str(start), **GIVEN, **settings})
    return arrange(config, read(config, QUIET), Ranks(), QUIET)


def network_of(session: Session) -> torch.nn.Module:
    fresh = fit.ready(session, Ranks())
    start_from(session, fresh)
    return fresh.nets["model"].eval()


@pytest.fixture(scope="module")
def viewed(photos: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("viewed") / "run"
    return Run(neocog.train(photos, out=out, pretrained=trained, quiet=True, **GIVEN).folder)


def test_the_first_view_is_the_image_and_the_others_are_random_changes_of_it(
    photos: Path, trained: Path, tmp_path: Path
) -> None:
    session = arranged(photos, trained)
    net = network_of(session)
    found, targets, samples = training_features(session, net, choose("cpu", "fp32"), Run(tmp_path), QUIET)
    assert found.shape[:2] == (3, len(samples)) and len(targets) == len(samples)
    with torch.no_grad():
        for view in range(3):
            seen = session.loader.seen(samples, view or None)
            np.testing.assert_allclose(found[view], features(net, seen.inputs).numpy(), rtol=1e-4, atol=1e-4)
    assert all(np.abs(found[a] - found[b]).max() > 0.01 for a, b in ((0, 1), (0, 2), (1, 2)))


def test_the_head_is_solved_for_on_all_views_and_the_run_says_so(viewed: Run, photos: Path, trained: Path) -> None:
    session, folder = arranged(photos, trained), viewed.folder
    net = network_of(session)
    given, labels, samples = training_features(session, net, choose("cpu", "fp32"), Run(folder / "elsewhere"), QUIET)
    expected = solve(given, labels, 2, groups=[f"sample {each}" for each in samples], seed=session.config.training.seed)
    own = head_of(load_predictor(viewed).network)[1].weight.detach().flatten(1).numpy()
    np.testing.assert_allclose(own, expected.weight, rtol=1e-3, atol=1e-5)
    plain = solve(given[0], labels, 2, groups=None, seed=session.config.training.seed)
    assert not np.allclose(own, plain.weight, rtol=1e-3, atol=1e-5)
    assert "unaugmented training samples and of 2 augmented versions of each" in viewed.report.read_text()


def test_views_are_computed_once_and_a_resume_takes_them(
    viewed: Run, photos: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int | None] = []

    def counting(*given: Any) -> Any:
        counted.append(given[5])
        return features_of(*given)

    def stopped(*_: Any) -> None:
        assert features_file(Run(tmp_path / "run")).is_file()
        raise RuntimeError("stopped")

    monkeypatch.setattr("neocog.verbs.features.features_of", counting)
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="stopped"):
        patch.setattr("neocog.verbs.probe.solve", stopped)
        neocog.train(photos, out=tmp_path / "run", pretrained=trained, quiet=True, **GIVEN)
    neocog.resume(tmp_path / "run", quiet=True)
    assert counted == [None, 1, 2], "neither for the head, nor for its calibration by folds"
    for name in ("weights.safetensors", "model.json", "metrics.csv", "predictions.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (viewed.folder / name).read_bytes(), name
    assert not features_file(Run(tmp_path / "run")).exists()


@pytest.mark.parametrize("other", [{"seed": 9}, {"augment": ("flip=1", "turn=5")}, {"probe_views": 2}])
def test_views_that_were_changed_otherwise_are_not_taken(
    other: dict[str, Any], photos: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, precision, run = arranged(photos, trained), choose("cpu", "fp32"), Run(tmp_path)
    net = network_of(session)
    first, _, _ = training_features(session, net, precision, run, QUIET)
    again = arranged(photos, trained, **other)
    found, _, _ = training_features(again, net, precision, run, QUIET)
    assert found.shape[0] == again.config.transfer.probe_views
    if other != {"probe_views": 2}:
        assert not np.array_equal(found[1], first[1]) and np.array_equal(found[0], first[0])
    monkeypatch.setattr("neocog.verbs.features.features_of", None)
    assert np.array_equal(training_features(again, net, precision, run, QUIET)[0], found), "now these are kept"


def test_a_tuning_and_values_begin_with_the_same_probe(trained: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = (rng.integers(0, 100, (60, 16, 16, 3)) + rng.integers(0, 150, (60, 1, 1, 3))).astype(np.uint8)
    values = images.mean(axis=(1, 2, 3))
    given = {**GIVEN, "pretrained": trained, "task": "regression", "split": (0.7, 0.15, 0.15), "quiet": True}
    head = neocog.train((images, values), tmp_path / "head", **given)
    tuned = neocog.train((images, values), tmp_path / "all", **{**given, "tune": "all", "epochs": 1})
    first, second = (run.metrics_csv.read_text().splitlines()[1].split(",")[3:] for run in (head, tuned))
    assert first == second and "of 2 augmented versions of each" in head.report.read_text()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"augment": ("off",)}, "--probe-views 3: nothing changes the images at random"),
        ({"probe_views": 1}, "--augment flip=1 turn=20 noise=0.1|--augment is about the steps"),
        ({"probe_views": 11}, "--probe-views 11"),
        ({"probe_views": 0}, "--probe-views 0"),
        ({"pretrained": ""}, "--probe-views says how pretrained weights are learned further|--tune"),
        ({"task": "segmentation", "tune": "all"}, "."),
    ],
)
def test_views_without_effect_are_refused(
    settings: dict[str, Any], said: str, photos: Path, trained: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=said):
        neocog.train(photos, out=tmp_path / "run", quiet=True, **{**GIVEN, "pretrained": trained, **settings})
    assert not (tmp_path / "run").exists()


def test_what_has_no_probe_has_no_views_of_it(trained: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, values = rng.integers(0, 255, (40, 16, 16, 3)).astype(np.uint8), rng.normal(size=40)
    given = {**GIVEN, "tune": "all", "loss": "mae", "task": "regression", "quiet": True, "pretrained": trained}
    with pytest.raises(UserError, match="--probe-views 3 is about the linear probe, and there is none"):
        neocog.train((images, values), tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()
