"""predictions.csv of several runs, side by side where they speak of the same samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neocog.documents import rows
from neocog.errors import UserError
from neocog.metrics import Units, class_counts, counts_of
from neocog.run import Run

Array = NDArray[Any]
TINY = 1e-12  # a probability written as 0


@dataclass(frozen=True)
class Predictions:
    """The test part in the order of its contents' hashes; labels and predictions (N,) as text."""

    digests: tuple[str, ...]
    labels: Array
    predictions: Array
    groups: Array  # "" for a sample without one
    truths: Array | None  # (N,) probability of the truth, where all probabilities were written

    @property
    def correct(self) -> Array:
        return np.asarray(self.labels == self.predictions)

    def sums(self, classes: Array, units: Units, losses: bool) -> Array:
        """(B, 3 K + 1) what ``rates`` takes, of each block: counts of the K ``classes``, and the log loss if asked for."""
        truth, guess = np.searchsorted(classes, self.labels), np.searchsorted(classes, self.predictions)
        counted = class_counts(truth, guess, len(classes), units).reshape(-1, 3 * len(classes))
        if not losses or self.truths is None:
            return counted
        return np.concatenate([counted, units.sums(-np.log(np.maximum(self.truths, TINY))[:, None])], axis=1)


def rates(sums: Array, classes: int) -> Array:
    """(…, 3 K + 1) sums → (…, J) accuracy, balanced accuracy, macro F1, and the log loss where it is among them."""
    counts = counts_of(sums[..., : 3 * classes], classes)
    seen = counts.support.sum(axis=-1)[..., None]
    losses = sums[..., 3 * classes :] / np.where(seen > 0, seen, np.nan)
    shares = np.stack([counts.accuracy, counts.balanced_accuracy, counts.macro_f1], axis=-1)
    return np.concatenate([shares, losses], axis=-1)


@dataclass(frozen=True)
class Tested:
    """The rows of predictions.csv in the order of their contents' hashes, and what splits.csv knows of them."""

    digests: tuple[str, ...]
    groups: Array  # (N,) "" for a sample without one
    lines: list[dict[str, str]]


def tested(run: Run, needed: Sequence[str]) -> Tested:
    """The test part of a run. Raises UserError where splits.csv and predictions.csv do not tell of the same samples."""
    split = {row["sample"]: row for row in _rows(run, "splits.csv", ("sample", "split", "sha256"))}
    answers = {row["path"]: row for row in _rows(run, "predictions.csv", needed)}
    test = sorted(
        (name for name, row in split.items() if row["split"] == "test"), key=lambda n: (split[n]["sha256"], n)
    )
    if missing := [name for name in test if name not in answers]:
        raise UserError(
            f"{len(missing)} of {len(test)} test samples have no prediction, the first is {missing[0]}",
            str(run.predictions_csv),
            "evaluate the run again",
        )
    groups = np.array([split[name].get("group", "") for name in test], dtype=str)
    return Tested(tuple(split[name]["sha256"] for name in test), groups, [answers[name] for name in test])


def predictions(run: Run) -> Predictions:
    """The test part of a classifier. Raises UserError."""
    test = tested(run, ("path", "label", "prediction"))
    lines = test.lines
    columns = {name.removeprefix("p:") for name in (lines[0] if lines else ()) if name.startswith("p:")}
    probabilities = None
    if columns and all(_plain(row["label"], columns) in columns for row in lines):
        probabilities = np.array([float(row[f"p:{_plain(row['label'], columns)}"]) for row in lines])
    labels, predicted = (np.array([row[name] for row in lines], dtype=str) for name in ("label", "prediction"))
    return Predictions(test.digests, labels, predicted, test.groups, probabilities)


class Samples(Protocol):
    """What runs must agree on to be compared sample by sample."""

    @property
    def digests(self) -> tuple[str, ...]: ...

    @property
    def labels(self) -> Array: ...


def same_samples(all_runs: Sequence[Samples]) -> str:
    """Why the runs cannot be compared sample by sample; nothing where they can."""
    first = all_runs[0]
    for other in all_runs[1:]:
        if other.digests != first.digests:
            shared = len(set(first.digests) & set(other.digests))
            return f"The test samples differ ({len(first.digests):,} and {len(other.digests):,}, {shared:,} in common)"
        if (other.labels != first.labels).any():
            return f"{int((other.labels != first.labels).sum()):,} test samples carry different labels"
    return ""


def _plain(name: str, columns: set[str]) -> str:
    """A class's name without the mark that keeps spreadsheets from running it."""
    return name if name in columns else name.removeprefix("'")


def _rows(run: Run, name: str, needed: Sequence[str]) -> list[dict[str, str]]:
    path = run.folder / name
    if not path.exists():
        raise UserError(f"no {name} in the run folder", str(run.folder), "evaluate the run again")
    found = rows(path)
    if found and (missing := [column for column in needed if column not in found[0]]):
        raise UserError(f"no column {', '.join(missing)}", str(path))
    return found
