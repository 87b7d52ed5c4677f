"""What a classifier's probabilities are made of: the network's logits, a temperature, and offsets where its loss drew it away
from the classes' shares; and of which shares they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Array
from neocog.metrics.calibration import fit_offsets, fit_temperature
from neocog.predictor import Predictor
from neocog.tasks.classification.objective import Classification
from neocog.tasks.task import Session

TOLD = 0.05  # difference of a class's shares from which on it is told
PARTS = {"train": "training", "validation": "validation"}


def pull(session: Session) -> NDArray[np.float64] | None:
    """(K,) logarithm of what each class counts in the loss beyond its share of the training part, which a network that has
    learned it adds to its logits; None where the loss leaves the probabilities alone.

    Saerens et al. 2002: weights multiply the odds. What smoothed labels, mixed images or an absolute error do has no such form: 0.
    """
    objective, dataset = session.objective, session.dataset
    assert isinstance(objective, Classification)
    weights = np.array(objective.class_weights or (1.0,) * len(dataset.classes))
    if dataset.weights is not None:
        train = session.loader.parts["train"]
        counts = np.bincount(dataset.labels[train], minlength=len(weights))
        sums = np.bincount(dataset.labels[train], dataset.weights[train], minlength=len(weights))
        weights = weights * np.where(sums > 0, sums, 1) / np.maximum(counts, 1) / dataset.weights[train].mean()
    if (
        not objective.class_weights
        and dataset.weights is None
        and not objective.label_smoothing
        and session.loader.mixing is None
        and objective.loss != "mae"
    ):
        return None
    logs: NDArray[np.float64] = np.log(weights)
    return logs


def calibration(logits: Array, labels: Array, pulled: Array | None, train: Array) -> dict[str, Any]:
    """What model.json keeps: ``temperature``, ``offsets`` (K,) where they are needed, and the ``prevalence`` for which the
    probabilities hold: the part and its share of each class. ``logits`` (n, K) and ``labels`` (n,) of the validation part,
    which may be empty; ``train`` (m,): the training part's labels.
    """
    classes = logits.shape[1]
    if pulled is None:
        facts: dict[str, Any] = {"temperature": fit_temperature(logits, labels)}
    else:
        temperature, offsets = fit_offsets(logits, labels, -pulled)
        facts = {"temperature": temperature, "offsets": offsets.tolist()}
    part, known = ("train", train) if pulled is None or not len(labels) else ("validation", labels)
    return facts | {"prevalence": {"part": part, "shares": shares(known, classes).tolist()}}


def shares(labels: Array, classes: int) -> NDArray[np.float64]:
    """(K,) of labels (n,)."""
    found: NDArray[np.float64] = np.bincount(labels, minlength=classes) / max(1, len(labels))
    return found


def stated(facts: Mapping[str, Any]) -> str:
    """Of which shares the probabilities are, in words."""
    where = PARTS[facts["prevalence"]["part"]]
    text = f"The probabilities hold where the classes are as frequent as in the {where} part"
    if "offsets" not in facts:
        return f"{text}."
    return (
        f"{text}: the effect of class weights, sample weights or label smoothing is removed from them. The predicted class is "
        "chosen with these weights, so it need not be the one with the highest probability."
    )


def other_shares(predictor: Predictor, labels: Array) -> list[str]:
    """Where the classes of labels (n,) are not as frequent as those for which the probabilities hold: the class that differs
    most, in words. Beyond chance (four standard deviations of the share) and by more than ``TOLD``."""
    given = predictor.facts.get("prevalence")
    if given is None or not len(labels):
        return []
    expected, found = np.array(given["shares"]), shares(labels, len(predictor.classes))
    apart = np.abs(found - expected)
    most = int(apart.argmax())
    chance = 4 * np.sqrt(max(expected[most] * (1 - expected[most]), 1 / len(labels)) / len(labels))
    if apart[most] <= max(TOLD, chance):
        return []
    name = predictor.classes[most]
    return [
        f"{found[most]:.1%} of the samples are {name}, {expected[most]:.1%} in the {PARTS[given['part']]} part: the stated "
        "probabilities hold for the latter, and log loss and calibration suffer"
    ]
