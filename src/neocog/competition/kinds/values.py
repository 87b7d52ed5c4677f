"""Values for each sample, scored by their mean absolute error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.competition.kinds.kind import Given, Kind, Points
from neocog.competition.kinds.vectors import insist_on_numbers, vectors
from neocog.competition.result import Failed
from neocog.config import Config
from neocog.data.dataset import Array, Dataset
from neocog.data.readers.angles import period_of, without_unit
from neocog.errors import UserError, listed
from neocog.metrics.names import title
from neocog.metrics.regression import regression_measures
from neocog.predictor import Predictor
from neocog.records import Measure, Section, Table
from neocog.tasks.regression.task import objective_of, width


class Values(Kind):
    """Truth and what is kept of an answer: (n, T) in the units of their names.

    An answer's error is the absolute one, of angles the shorter way round; of several values the mean over them, each in
    standard deviations of the public values.
    """

    learned: ClassVar[Literal["values"]] = "values"
    measure = "mae"
    progress = "explained"
    reading = ("decimal=point",)

    @classmethod
    def of(cls, dataset: Dataset, public: NDArray[np.int64]) -> Kind:
        assert dataset.values is not None
        spread = dataset.values[public].astype(np.float64).std(axis=0)
        same = [name for name, one in zip(dataset.target_names, spread, strict=True) if one == 0]
        if same:
            what = f"{listed(same)} does not vary over the {len(public):,} public samples"
            raise UserError(what, fix="leave it out with --targets, or hold out other samples")
        return cls(with_units(dataset), tuple(spread.tolist()))

    @property
    def title(self) -> str:
        return f"{title(self.measure)}, {self.names[0] if len(self.names) == 1 else 'in standard deviations'}"

    @property
    def unit(self) -> float:
        return self.spread[0] if len(self.names) == 1 else 1.0

    @classmethod
    def known(cls, dataset: Dataset, positions: NDArray[np.int64], folder: Path) -> dict[str, list[str]]:
        assert dataset.values is not None
        columns = zip(with_units(dataset), dataset.values[positions].T.tolist(), strict=True)
        return {name: [f"{value:.9g}" for value in column] for name, column in columns}

    @classmethod
    def texts(cls, dataset: Dataset, positions: NDArray[np.int64]) -> list[str]:
        return [f"{with_units(dataset)} {text}" for text in super().texts(dataset, positions)]

    def truth(self, columns: Sequence[Sequence[str]], read: Callable[[str], bytes]) -> NDArray[Any]:
        return np.array([list(map(float, column)) for column in columns]).T

    def outputs(self, config: Config) -> int:
        return width({"mean": self.names, "loss": config.training.loss})

    @classmethod
    def answers(cls, predictor: Predictor, dataset: Dataset) -> tuple[Sequence[str], Array]:
        outputs = vectors(predictor, dataset, int(predictor.facts["outputs"]))
        return predictor.facts["target_names"], objective_of(predictor.facts).read(torch.from_numpy(outputs))[0].numpy()

    def rows(self, names: Sequence[str], given: Array, truth: NDArray[Any]) -> Array:
        if sorted(names) != sorted(self.names):
            raise Failed("answers", f"it answers with other values than {listed(self.names)}")
        insist_on_numbers(given, (len(truth), len(names)))
        return given[:, [list(names).index(name) for name in self.names]].astype(np.float64)

    def errors(self, rows: Array, truth: NDArray[Any]) -> Points:
        """(n, T) answer − truth, as the task has it."""
        periods = [period_of(name) for name in self.names]
        facts = {"mean": [0.0] * len(periods), "std": self.spread, "periods": periods, "loss": "mse"}
        found: Points = objective_of(facts).error(torch.from_numpy(rows), torch.from_numpy(truth)).numpy()
        return found

    def points(self, rows: Array, truth: NDArray[Any]) -> Points:
        error = np.abs(self.errors(rows, truth))
        return -(error[:, 0] if len(self.names) == 1 else (error / np.array(self.spread)).mean(axis=1))

    def measured(self, rows: Array, truth: NDArray[Any], groups: Array | None) -> Measure:
        return regression_measures(self.points(rows, truth), truth[:, 0], groups)[self.measure]

    def sections(self, given: Given, truth: NDArray[Any]) -> list[Section]:
        """Each value's errors."""
        rows: list[tuple[str | float, ...]] = []
        for t, name in enumerate(self.names):
            each = [regression_measures(self.errors(one, truth)[:, t], truth[:, t]) for _, one in given]
            rows += [(name, title(key), *(found[key].value for found in each)) for key in ("mae", "rmse", "r2")]
        table = Table(("value", "measure", *(name for name, _ in given)), tuple(rows))
        return [Section("Results by value", (table,), "values")]

    def caption(self, place: int, given: Given, truth: NDArray[Any]) -> str:
        here = slice(place, place + 1)
        name, rows = max(given, key=lambda one: float(self.points(one[1][here], truth[here])[0]))
        true, answer = (", ".join(f"{value:.4g}" for value in one[place].tolist()) for one in (truth, rows))
        return f"true {true}\nnearest: {answer}, by {name}"


def with_units(dataset: Dataset) -> tuple[str, ...]:
    """Names of the values. An angle without a unit is in degrees: its name says so then, as fewer samples may not show it."""
    return tuple(f"{name} [°]" if without_unit(name) else name for name in dataset.target_names)
