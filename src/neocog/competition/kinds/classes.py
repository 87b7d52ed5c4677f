"""A class for each sample, scored by accuracy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from neocog.competition.kinds.kind import Given, Kind, Points
from neocog.competition.kinds.vectors import insist_on_numbers, vectors
from neocog.competition.result import Failed
from neocog.data.cells import plain_cell
from neocog.data.dataset import Array, Dataset
from neocog.metrics.counts import confusion
from neocog.metrics.intervals import share_measure
from neocog.metrics.paired import mcnemar
from neocog.predictor import Predictor
from neocog.records import Matrix, Measure, Section, Table

MOST_CONFUSED = 30  # classes of a confusion matrix


class Classes(Kind):
    """Truth (n,): places in ``names``. Of an answer its class is kept (n, 1); logits (n, K) are what it gives."""

    learned: ClassVar[Literal["classes"]] = "classes"
    measure = "accuracy"
    progress = "accuracy"
    hard = "Misclassified by all entries"

    @classmethod
    def of(cls, dataset: Dataset, public: NDArray[np.int64]) -> Kind:
        there = sorted(set(dataset.labels[public].tolist()))
        return cls(tuple(dataset.classes[k] for k in there))

    @classmethod
    def present(cls, dataset: Dataset, positions: NDArray[np.int64]) -> set[str]:
        return {dataset.classes[k] for k in dataset.labels[positions].tolist()}

    @classmethod
    def known(cls, dataset: Dataset, positions: NDArray[np.int64], folder: Path) -> dict[str, list[str]]:
        return {"label": [dataset.classes[k] for k in dataset.labels[positions].tolist()]}

    def truth(self, columns: Sequence[Sequence[str]], read: Callable[[str], bytes]) -> NDArray[Any]:
        place = {name: index for index, name in enumerate(self.names)}
        return np.array([place[plain_cell(label)] for label in columns[0]], np.int64)

    @classmethod
    def answers(cls, predictor: Predictor, dataset: Dataset) -> tuple[Sequence[str], Array]:
        return predictor.classes, vectors(predictor, dataset, len(predictor.classes))

    def rows(self, names: Sequence[str], given: Array, truth: NDArray[Any]) -> Array:
        known = {name: index for index, name in enumerate(self.names)}
        insist_on_numbers(given, (len(truth), len(names)))
        if not set(names) <= set(known):
            raise Failed("answers", "it answers with classes that there are none of")
        places: Array = np.array([known[name] for name in names])[given.argmax(axis=1)]
        return places[:, None]

    def points(self, rows: Array, truth: NDArray[Any]) -> Points:
        right: NDArray[np.bool_] = rows[:, 0] == truth
        return right.astype(np.float64)

    def measured(self, rows: Array, truth: NDArray[Any], groups: Array | None) -> Measure:
        return share_measure(rows[:, 0] == truth, groups)

    def p(self, first: Points, second: Points, groups: Array | None, draws: int) -> float:
        return mcnemar(first, second) if groups is None else super().p(first, second, groups, draws)

    def test(self, grouped: bool) -> str:
        return super().test(grouped) if grouped else "McNemar's exact test"

    def sections(self, given: Given, truth: NDArray[Any]) -> list[Section]:
        """How much of each class each entry got right, and what the first of them confuses."""
        rows = []
        for k in np.unique(truth).tolist():
            own = truth == k
            rows.append((self.names[k], int(own.sum()), *(float((each[own, 0] == k).mean()) for _, each in given)))
        note = "Recall: share of a class that an entry classified correctly."
        table = Table(("class", "samples", *(name for name, _ in given)), tuple(rows), note)
        return [Section("Results by class", (table, *self._confused(given[0], truth)), "classes")]

    def _confused(self, best: tuple[str, Array], truth: NDArray[Any]) -> list[Matrix]:
        if len(self.names) > MOST_CONFUSED:
            return []
        counts = confusion(truth, best[1][:, 0].astype(np.int64), len(self.names))
        rows = tuple(map(tuple, counts.astype(float).tolist()))
        return [Matrix(self.names, self.names, rows, note=f"Confusion matrix of {best[0]}.")]

    def hardest(self, best: Points, most: int) -> tuple[NDArray[np.int64], str]:
        """Those that no entry got right."""
        wrong = np.flatnonzero(best == 0)
        cut = f", of which {most} are shown" if len(wrong) > most else ""
        return wrong[:most], f"{len(wrong):,} of {len(best):,} samples{cut}."

    def caption(self, place: int, given: Given, truth: NDArray[Any]) -> str:
        answer, votes = Counter(int(rows[place, 0]) for _, rows in given).most_common(1)[0]
        return f"{self.names[truth[place]]}, predicted as {self.names[answer]} by {votes} of {len(given)}"
