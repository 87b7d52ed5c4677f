"""What a run decides by the clock, from the outside: how --minutes is shared, and which threads are told and kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from neocog.engine.minutes import Minutes
from neocog.engine.pace import Pace
from neocog.run import Run
from neocog.verbs import evaluate, fit
from neocog.verbs.train import train

SMALL: dict[str, Any] = {"model": "mlp", "hidden": (4,), "augment": ("off",), "batch": 256, "quiet": True}


def facts(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.model_json.read_text())
    return found


def test_folds_share_the_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[float] = []

    def noted(budget: float) -> Minutes:
        budgets.append(budget)
        return Minutes(budget)

    monkeypatch.setattr(fit, "Minutes", noted)
    train("digits", tmp_path / "run", minutes=0.03, folds=3, threads=1, **SMALL)
    assert budgets == pytest.approx([0.6] * 3)


def test_the_classifier_of_a_gan_takes_of_its_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[float] = []
    begin = Pace.begin

    def noted(pace: Pace, loop: Any, learner: Any, spent: float = 0.0) -> None:
        taken.append(spent)
        begin(pace, loop, learner, spent)

    monkeypatch.setattr(Pace, "begin", noted)
    run = train(
        "digits", tmp_path / "run", task="gan", width=4, latent=4, minutes=0.02, threads=1, batch=256, quiet=True
    )
    extractor = json.loads((run.folder / "extractor" / "result.json").read_text())
    assert taken == [0.0, extractor["seconds"]]


def test_a_run_tells_its_threads_and_is_evaluated_on_as_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = train("digits", tmp_path / "run", epochs=1, **SMALL)
    assert facts(run)["threads"] == 1 and "1 from step 0" in run.report.read_text()
    monkeypatch.setattr("neocog.verbs.finish.torch.get_num_threads", lambda: 2)
    other = train("digits", tmp_path / "other", epochs=1, **SMALL)
    monkeypatch.undo()
    seen: list[int] = []
    load = evaluate.load_predictor

    def noted(*words: Any) -> Any:
        seen.append(torch.get_num_threads())
        return load(*words)

    monkeypatch.setattr(evaluate, "load_predictor", noted)
    for each in (run, other):
        evaluate.evaluate(each, quiet=True)
    assert seen == [1, 2]


def test_given_threads_are_told_in_the_settings_alone(tmp_path: Path) -> None:
    run = train("digits", tmp_path / "run", epochs=1, threads=1, **SMALL)
    assert "threads" not in facts(run) and "threads.chosen" not in run.report.read_text()
