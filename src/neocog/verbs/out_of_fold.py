"""Predictions of samples by networks that had not seen them: what the folds of a run say together.

With ``--repeats`` a sample is predicted several times. Those predictions are no independent samples: what is measured counts
each sample once, and its predictions as a cluster. Letters: n samples, R predictions of them (n times the repeats), K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.cells import plain_cell
from neocog.facts import read_facts
from neocog.metrics import classification_measures, in_top, scale_of, widened
from neocog.metrics.classification import mean_of_shares
from neocog.metrics.intervals import proportion_measures
from neocog.pages.predictions import tested
from neocog.predictor import probabilities
from neocog.records import Measure
from neocog.run import Run
from neocog.traits import TASKS, traits

Array = NDArray[Any]
TINY = 1e-300  # a probability that was written as 0
# Networks that learned from shared samples are better or worse together, which single predictions do not show (Bates, Hastie
# and Tibshirani 2024): a standard error this much larger, with which bench/fold_coverage.py finds 0.95 to 0.98 to hold
SHARED = 1.15


@dataclass(frozen=True)
class OutOfFold:
    """R predictions of n samples, each by a network that had not seen the sample."""

    logits: Array  # (R, K) up to a constant a row
    labels: NDArray[np.int64]  # (R,)
    temperature: Array  # (R, 1) of the network that said it
    offsets: Array  # (R, K)
    samples: Array  # (R,) names
    groups: Array  # (R,) "" for a sample without one

    @property
    def repeats(self) -> int:
        return len(self.samples) // max(1, len(np.unique(self.samples)))

    def measures(self, seed: int) -> dict[str, Measure]:
        """Over all predictions, those of one sample, or of one group, being one unit; ``n`` counts samples.

        AUROC is left out: logits of several networks share no scale on which to rank (Forman and Scholz 2010).
        """
        grouped = bool((self.groups != "").any())
        units = np.where(self.groups == "", np.char.add("sample ", self.samples), np.char.add("group ", self.groups))
        found = classification_measures(
            self.logits,
            self.labels,
            units if grouped or self.repeats > 1 else None,
            seed,
            self.temperature,
            self.offsets,
        )
        found |= {} if grouped else {name: m for name, m in self.shares().items() if name in found}
        n = len(self.samples) // self.repeats
        return {
            name: widened(replace(m, n=n, units=m.units if grouped else None), SHARED, scale_of(name))
            for name, m in found.items()
            if name != "auroc"
        }

    def of_samples(self) -> tuple[Array, Array]:
        """((n,) names, (n, K) calibrated probabilities), the mean over the repeats."""
        names, place = np.unique(self.samples, return_inverse=True)
        stated = probabilities(self.logits / self.temperature + self.offsets)
        sums = np.zeros((len(names), stated.shape[1]))
        np.add.at(sums, place, stated)
        return names, sums / np.bincount(place)[:, None]

    def shares(self) -> dict[str, Measure]:
        """Shares of samples that have no groups, with the intervals of n samples that were predicted once: the mean over the
        predictions of a sample varies by no more than one of them."""
        k, top = self.logits.shape[1], 5 if self.logits.shape[1] > 5 else 3
        n, right = len(self.labels) / self.repeats, self.logits.argmax(axis=1) == self.labels
        held, hit = (np.bincount(self.labels, each, k) / self.repeats for each in (np.ones(len(right)), right))
        near = in_top(self.logits, self.labels, top)
        found = proportion_measures([right.sum() / self.repeats, near.sum() / self.repeats], [n, n])
        balanced = mean_of_shares(hit[held > 0], held[held > 0])
        return {"accuracy": found[0], f"top_{top}": found[1], "balanced_accuracy": balanced}


def out_of_fold(parts: Sequence[Run]) -> OutOfFold | None:
    """What the folds wrote of their test parts; None of tasks without classes, and of more classes than
    predictions.csv has columns for. Raises UserError for damaged files."""
    found = [predictions for part in parts if (predictions := _predictions(part)) is not None]
    return _joined(found) if len(found) == len(parts) else None


def _predictions(part: Run) -> OutOfFold | None:
    facts = read_facts(part)
    classes, task = facts["classes"], facts["task"]
    heads = [f"p:{name}" for name in classes]
    if not (TASKS.knows(task) and traits(task).logits):
        return None
    test = tested(part, ("path", "label"))
    if not test.lines or not all(head in test.lines[0] for head in heads):
        return None
    stated = np.array([[float(line[head]) for head in heads] for line in test.lines])
    known = {name: place for place, name in enumerate(classes)}
    labels = np.array([known[plain_cell(line["label"])] for line in test.lines], np.int64)
    temperature, offsets = float(facts.get("temperature", 1.0)), np.array(facts.get("offsets") or [0.0] * len(classes))
    logits = (np.log(np.maximum(stated, TINY)) - offsets) * temperature
    names = np.array([line["path"] for line in test.lines], dtype=str)
    rows = len(names)
    return OutOfFold(
        logits, labels, np.full((rows, 1), temperature), np.tile(offsets, (rows, 1)), names, test.groups.astype(str)
    )


def _joined(found: Sequence[OutOfFold]) -> OutOfFold:
    return OutOfFold(
        *(np.concatenate([getattr(one, name) for one in found]) for name in OutOfFold.__dataclass_fields__)
    )
