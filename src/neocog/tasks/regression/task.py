"""Regression, from settings to report: numbers for each sample, each with an interval that holds what it promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.augment.values import ValueChanges, check, usual
from neocog.augment.volume import VolumeChanges
from neocog.augment.volume_values import true_changes
from neocog.config import Config
from neocog.data.cells import csv_of
from neocog.data.dataset import Array, Dataset
from neocog.data.loader import Transform
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers.angles import period_of
from neocog.errors import UserError, listed
from neocog.metrics.conformal import kept
from neocog.metrics.regression import COVERED, coverage, half_width, regression_measures, several
from neocog.networks import build
from neocog.predictor import Predictor
from neocog.records import Picture
from neocog.tasks.about import position
from neocog.tasks.evaluation import Advance, Evaluation, Report, Samples, measures_of, outputs_of
from neocog.tasks.files import batches, rows_of
from neocog.tasks.regression.objective import Regression
from neocog.tasks.regression.report import Target, extremes_section, regression_section
from neocog.tasks.regression.traits import RegressionTraits
from neocog.tasks.report.quality import measures_section
from neocog.tasks.shown import Shown, Value
from neocog.tasks.task import Predicted, Session, Task, Trained
from neocog.tasks.thumbnails import thumbnails

SHOWN = 12


@dataclass(frozen=True)
class Answers:
    """(n, V) each: values, their stated spread, the truth, the error."""

    values: Array
    spread: Array
    truth: Array
    error: Array


class RegressionTask(RegressionTraits, Task):
    """Numbers, in the units of their columns."""

    models: ClassVar = {"images": "cnn", "volumes": "resnet3d"}

    def objective(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing, train: NDArray[np.int64]
    ) -> Regression:
        assert dataset.values is not None
        known = dataset.values[train].astype(np.float64)
        spread = known.std(axis=0)
        same = [name for name, width in zip(dataset.target_names, spread, strict=True) if width == 0]
        if same:
            what = f"{listed(same)} does not vary over the {len(train):,} training samples"
            raise UserError(what, fix="leave it out with --targets, or split the data otherwise")
        facts = {
            "mean": known.mean(axis=0).tolist(),
            "std": spread.tolist(),
            "loss": config.training.loss,
            "periods": [period_of(name) for name in dataset.target_names],
        }
        model, count = config.model, width(facts)
        return objective_of(
            facts, lambda: build(model.model, preprocessing.inputs, preprocessing.size, count, **model.options)
        )

    def changes(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing
    ) -> tuple[Transform | None, Transform | None]:
        """Mirroring where it falsifies nothing, and what is asked for, unless that falsifies a target."""
        if dataset.form == "volumes":
            volumes = true_changes(dataset.target_names, config.training.augment)
            return (VolumeChanges(volumes) if volumes.is_on() else None), None
        if dataset.form != "images":
            return super().changes(config, dataset, preprocessing)
        policy = usual(dataset.target_names, dataset.mirror).changed(config.training.augment)
        check(policy, dataset.target_names)
        periods = tuple(map(period_of, dataset.target_names))
        assert dataset.values is not None
        positive = any(periods) and bool((dataset.values[:, np.array(periods) > 0] >= 0).all())
        return (ValueChanges(policy, periods, positive) if policy.is_on() else None), None

    def facts(self, session: Session) -> dict[str, Any]:
        assert isinstance(session.objective, Regression)
        objective = session.objective
        facts = {"mean": objective.mean, "std": objective.std, "loss": objective.loss, "periods": objective.periods}
        return facts | {"outputs": width(facts)}

    def answers(self, predictor: Predictor, samples: Samples, advance: Advance) -> Answers:
        return self.read(predictor, samples, outputs_of(predictor, samples, int(predictor.facts["outputs"]), advance))

    def read(self, predictor: Predictor, samples: Samples, outputs: Array) -> Answers:
        objective = objective_of(predictor.facts)
        truth = truths(samples.dataset, predictor.facts["target_names"])[samples.positions]
        values, spread = objective.read(torch.from_numpy(outputs))
        error = objective.error(values.double(), torch.from_numpy(truth).double()).numpy()
        return Answers(values.numpy(), spread.numpy(), truth, error)

    def learned(
        self, predictor: Predictor, validation: Answers, session: Session, parts: Mapping[str, Samples],
        advance: Advance,
    ) -> dict[str, Any]:  # fmt: skip
        """The width of the intervals; the test part says whether they hold."""
        columns = zip(validation.error.T, validation.spread.T, strict=True)
        facts: dict[str, Any] = {"half": [half_width(error, spread) for error, spread in columns]}
        if len(validation.error):
            facts["conformal"] = kept(np.abs(validation.error / validation.spread).T)
        return facts

    def evaluation(self, predictor: Predictor, answers: Answers, samples: Samples) -> Evaluation:
        """Every target's errors with intervals, and how often its stated intervals held."""
        each = []
        for error, spread, truth, half in zip(
            answers.error.T, answers.spread.T, answers.truth.T, halves(predictor), strict=True
        ):
            measures = regression_measures(error, truth, samples.groups, samples.seed)
            each.append(measures | {"coverage_90": coverage(error, spread, half, samples.groups, samples.seed)})
        return Evaluation(several(each, predictor.facts["target_names"]))

    def scores(self, predictor: Predictor, answers: Answers) -> NDArray[np.float64]:
        """Less the absolute error, in standard deviations of the training values, the mean over the targets."""
        found: NDArray[np.float64] = -np.abs(answers.error / np.array(predictor.facts["std"])).mean(axis=1)
        return found

    def report(
        self, session: Session, trained: Trained, predictor: Predictor, answers: Answers,
        evaluated: Mapping[str, Evaluation],
    ) -> Report:  # fmt: skip
        names, half = session.dataset.target_names, halves(predictor)
        targets = [
            Target(
                name,
                answers.truth[:, k],
                answers.error[:, k],
                half[k] * answers.spread[:, k],
                coverage(answers.error[:, k], answers.spread[:, k], half[k]),
            )
            for k, name in enumerate(names)
        ]
        return Report(
            predictions=predictions_csv(session.dataset, session.loader.parts["test"], answers, half),
            sections=[
                measures_section(*measures_of(evaluated)),
                regression_section(targets, COVERED),
                extremes(session, answers, objective_of(predictor.facts)),
            ],
            result={"target_names": list(names)},
        )

    def asked(self, predictor: Predictor, outputs: Tensor, about: str) -> tuple[Tensor, list[str]]:
        """The value of the target, in its unit; of several the first."""
        names = list(predictor.facts["target_names"])
        index = position(about, names) or 0
        values = objective_of(predictor.facts).read(outputs)[0][:, index]
        return values, [f"{names[index]} {value:.4g}" for value in values.tolist()]

    def asked_about(self, predictor: Predictor) -> Sequence[str]:
        names: Sequence[str] = predictor.facts["target_names"]
        return names

    def shown(self, predictor: Predictor, pixels: Array, outputs: Tensor) -> Shown:
        """Each target, with the interval that ``predict`` gives it."""
        values, spread = (side[0].numpy() for side in objective_of(predictor.facts).read(outputs.float()))
        found = bounds(values, spread, halves(predictor))
        limits = [None if side == "" else float(side) for side in found]
        names = predictor.facts["target_names"]
        return Shown(
            tuple(Value(name, float(found[3 * k]), *limits[3 * k + 1 : 3 * k + 3]) for k, name in enumerate(names))
        )

    def in_memory(self, predictor: Predictor, images: Sequence[Array], names: Sequence[str]) -> Array | list[Array]:
        """(N, V) values in their units, in the order of the run's targets."""
        objective, found = objective_of(predictor.facts), list[Array]()
        for pixels in batches(images, names, predictor):
            found.append(objective.read(torch.from_numpy(predictor.of_pixels(pixels)))[0].numpy())
        return np.concatenate(found)

    def predict(self, predictor: Predictor, paths: Sequence[Path], out: Path | None, advance: Advance) -> Predicted:
        """Each target with the interval that holds the truth in 90 of 100 cases, or as often as is asked."""
        objective, names = objective_of(predictor.facts), list(predictor.facts["target_names"])
        heads = [head for name in names for head in (name, f"{name} low", f"{name} high")]

        def says(outputs: Array) -> dict[str, Any]:
            values, spread = (side[0].numpy() for side in objective.read(torch.from_numpy(outputs[None])))
            return dict(zip(heads, bounds(values, spread, halves(predictor)), strict=True))

        return Predicted(("path", *heads, "skipped"), tuple(rows_of(paths, predictor, advance, says)))


def objective_of(facts: Any, network: Any = None) -> Regression:
    """The task from what model.json records of it."""
    columns = {name: tuple(map(float, facts[name])) for name in ("mean", "std", "periods")}
    return Regression(network, loss=facts["loss"], **columns)


def width(facts: Any) -> int:
    """Outputs of the network: the values, and with the gaussian loss as many log-variances."""
    return len(facts["mean"]) * (2 if facts["loss"] == "gaussian" else 1)


def truths(dataset: Dataset, names: Sequence[str]) -> Array:
    """(N, V) the values of the run's targets. Raises UserError where the data have not all of them."""
    missing = [name for name in names if name not in dataset.target_names]
    if missing:
        raise UserError(f"the data have no {listed(missing)}", fix=f"columns needed: {listed(names, 30)}")
    assert dataset.values is not None
    return dataset.values[:, [dataset.target_names.index(name) for name in names]]


def halves(predictor: Predictor) -> list[float]:
    """(V,) spreads to either side that hold 90 of 100 truths, or as many as are asked for; infinite where the validation
    part was too small to say."""
    if predictor.coverage is not None:
        return predictor.thresholds
    return [np.inf if half is None else float(half) for half in predictor.facts["half"]]


def bounds(values: Array, spread: Array, half: Sequence[float]) -> list[float | str]:
    """Value, low and high of each target; no bounds where the validation part was too small to set them."""
    found: list[float | str] = []
    for value, one, times in zip(values.tolist(), spread.tolist(), half, strict=True):
        found += [value, *([value + s * one * times for s in (-1, 1)] if np.isfinite(times) else ["", ""])]
    return found


def predictions_csv(dataset: Dataset, samples: NDArray[np.int64], test: Answers, half: Sequence[float]) -> str:
    """One row a test sample: for each target truth, prediction, and the interval's bounds."""
    names, rows = dataset.target_names, []
    heads = [f"{head}{name}" for name in names for head in ("true ", "", "low ", "high ")]
    for sample, truth, values, spread in zip(samples, test.truth.tolist(), test.values, test.spread, strict=True):
        intervals = bounds(values, spread, half)
        row: list[Any] = [str(dataset.names[sample])]
        for k in range(len(names)):
            row += [truth[k], *intervals[3 * k : 3 * k + 3]]
        rows.append(row)
    return csv_of(("path", *heads), rows)


def extremes(session: Session, test: Answers, objective: Regression) -> Any:
    """Pictures of the largest and smallest errors, in standard deviations over all targets."""
    size = np.abs(test.error / np.array(objective.std)).mean(axis=1)
    order = np.argsort(-size, kind="stable")
    groups, samples = [], session.loader.parts["test"]
    for chosen, tone in ((order[:SHOWN], "bad"), (order[::-1][:SHOWN], "good")):
        found = []
        for png, place in zip(thumbnails(session, samples[chosen]), chosen, strict=True):
            predicted = ", ".join(f"{v:.4g}" for v in test.values[place])
            true = ", ".join(f"{v:.4g}" for v in test.truth[place])
            caption = f"predicted {predicted}\ntruth: {true}\n{session.dataset.names[samples[place]]}"
            found.append(Picture(png, caption, tone))  # type: ignore[arg-type]
        groups.append(found)
    return extremes_section(groups[0], groups[1])
