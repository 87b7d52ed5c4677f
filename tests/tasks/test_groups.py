"""Whatever is learned, the groups of its samples reach each of its measures: 120 images of 6 patients are 6 that speak."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from neocog.tasks import masks
from neocog.tasks.classification import task as classification
from neocog.tasks.evaluation import Evaluation
from neocog.tasks.orientation import task as orientation
from neocog.tasks.regression import task as regression
from neocog.tasks.segmentation import task as segmentation
from neocog.tasks.vae import codes

N, PATIENTS = 120, np.repeat([f"p{i}" for i in range(6)], 20)
RNG = np.random.default_rng(0)
LEVEL = np.repeat(RNG.normal(size=6), 20)  # patients are easy or hard


def evaluated(task: str, groups: np.ndarray | None) -> Evaluation:
    samples: Any = SimpleNamespace(groups=groups, seed=0, part="test", positions=np.arange(N))
    rng = np.random.default_rng(1)
    predictor: Any
    answers: Any
    if task == "classification":
        labels = np.arange(N) % 2
        logits = rng.normal(size=(N, 2)) + (1 + LEVEL)[:, None] * np.eye(2)[labels]
        predictor = SimpleNamespace(temperature=1.0, offsets=None, classes=["a", "b"], facts={})
        answers = classification.Answers(logits.astype(np.float32), labels)
        return classification.ClassificationTask().evaluation(predictor, answers, samples)
    if task == "regression":
        error, truth = (LEVEL + 0.3 * rng.normal(size=N))[:, None], rng.normal(size=(N, 1))
        predictor = SimpleNamespace(coverage=None, facts={"half": [1.0], "target_names": ["x"]})
        answers = regression.Answers(truth + error, np.ones((N, 1)), truth, error)
        return regression.RegressionTask().evaluation(predictor, answers, samples)
    if task == "orientation":
        answers = orientation.Answers(np.zeros(N), 20 * LEVEL + 5 * rng.normal(size=N), np.ones(N))
        return Evaluation(orientation.orientation_measures(answers.error, samples.groups, samples.seed))
    if task == "segmentation":
        hit = np.clip(50 + 20 * LEVEL + 3 * rng.normal(size=N), 1, 99).astype(int)
        matrices = np.stack([np.stack([900 + hit, 100 - hit], 1), np.stack([100 - hit, hit], 1)], 1)
        answers = masks.Answers(np.arange(N), matrices, np.exp(LEVEL + 0.1 * rng.normal(size=N)), 1)
        return segmentation.SegmentationTask().evaluation(
            SimpleNamespace(classes=["background", "x"]), answers, samples
        )  # type: ignore[arg-type]
    found = codes.Found.__new__(codes.Found)
    values = {
        "samples": np.arange(N), "likely": np.arange(N), "nll": LEVEL + 0.1 * rng.normal(size=N),
        "reconstruction": LEVEL + 0.1 * rng.normal(size=N), "divergences": (LEVEL + 0.1 * rng.normal(size=N))[:, None],
    }  # fmt: skip
    for name, value in values.items():
        object.__setattr__(found, name, value)
    return Evaluation(found.measures(samples_of(groups), 0))


def samples_of(groups: np.ndarray | None) -> Any:
    return SimpleNamespace(groups=groups)


@pytest.mark.parametrize("task", ["classification", "regression", "orientation", "segmentation", "vae"])
def test_each_measure_knows_its_groups(task: str) -> None:
    grouped, alone = evaluated(task, PATIENTS), evaluated(task, None)
    assert grouped.measures.keys() - {"group_dice"} == alone.measures.keys()
    for name, m in grouped.measures.items():
        assert m.units == 6, name
        if name != "group_dice":
            assert alone.measures[name].units is None and m.value == pytest.approx(alone.measures[name].value), name
    wider = [
        name
        for name, m in alone.measures.items()
        if m.high - m.low < grouped.measures[name].high - grouped.measures[name].low
    ]
    assert {"accuracy", "mae", "mean_error", "image_dice", "elbo"} & set(wider), wider
    for row in grouped.more.get("per_class", {}).values():
        assert all(m.units == 6 for m in row.values())


def test_distances_of_boundaries_are_bounded_by_nothing_but_zero() -> None:
    m = evaluated("segmentation", PATIENTS).measures["hd95"]
    assert 0 < m.low < m.value < m.high and m.high - m.value > m.value - m.low
