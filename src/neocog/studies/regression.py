"""Regression, from settings to report: numbers for each sample, each with an interval that holds what it promises."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.config import Config
from neocog.data.augment import Changes
from neocog.data.augment.values import ValueChanges, check, is_angle, usual
from neocog.data.augment.volume import VolumeChanges
from neocog.data.augment.volume_values import true_changes
from neocog.data.cells import safe_cell
from neocog.data.dataset import Array, Dataset
from neocog.data.preprocessing import Preprocessing
from neocog.engine.loop import Learner, Loop
from neocog.errors import UserError, listed
from neocog.measures.regression import COVERED, coverage, half_width, regression_measures, several
from neocog.networks import build
from neocog.predictor import Predictor
from neocog.run import Measure, Picture
from neocog.studies.files import pieces
from neocog.studies.job import Job
from neocog.studies.pictures import thumbnails
from neocog.studies.study import Advance, Judgement, Predicted, Study, outputs, position
from neocog.tasks import chapters as chapter
from neocog.tasks.regression import Regression
from neocog.verbs.screen import Screen

SHOWN = 12


@dataclass(frozen=True)
class Judged:
    """Of one part: ``samples`` (n,), and (n, V) each: values, their stated spread, the truth, the error."""

    samples: NDArray[np.int64]
    values: Array
    spread: Array
    truth: Array
    error: Array


class RegressionStudy(Study):
    """Numbers, in the units of their columns."""

    name = "regression"
    needs = "regression"
    losses = ("mse", "mae", "huber", "gaussian")
    models: ClassVar = {"images": "cnn", "volumes": "resnet3d"}
    has_baseline = True

    def task(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing, train: NDArray[np.int64]
    ) -> Regression:
        assert dataset.values is not None
        known = dataset.values[train].astype(np.float64)
        spread = known.std(axis=0)
        same = [name for name, width in zip(dataset.quantities, spread, strict=True) if width == 0]
        if same:
            what = f"{listed(same)} does not vary over the {len(train):,} training samples"
            raise UserError(what, fix="leave it out with --targets, or split the data otherwise")
        facts = {
            "mean": known.mean(axis=0).tolist(),
            "std": spread.tolist(),
            "loss": config.training.loss,
            "periods": [360.0 if is_angle(name) else 0.0 for name in dataset.quantities],
        }
        model, count = config.model, width(facts)
        return task_of(
            facts, lambda: build(model.model, preprocessing.inputs, preprocessing.size, count, **model.options)
        )

    def changes(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing
    ) -> tuple[Changes | None, Changes | None]:
        """Mirroring where it falsifies nothing, and what is asked for, unless that falsifies a target."""
        if dataset.form == "volumes":
            volumes = true_changes(dataset.quantities, config.training.augment)
            return (VolumeChanges(volumes) if volumes.is_on() else None), None
        if dataset.form != "images":
            return super().changes(config, dataset, preprocessing)
        policy = usual(dataset.quantities, dataset.mirror).changed(config.training.augment)
        check(policy, dataset.quantities)
        angles = tuple(map(is_angle, dataset.quantities))
        assert dataset.values is not None
        positive = any(angles) and bool((dataset.values[:, angles] >= 0).all())
        return (ValueChanges(policy, angles, positive) if policy.is_on() else None), None

    def judge(self, job: Job, learner: Learner, loop: Loop, screen: Screen) -> Judgement:
        """The width of the intervals comes from the validation part; the test part says whether they hold."""
        task, dataset = job.task, job.dataset
        assert isinstance(task, Regression)
        found = {part: judged(job, learner, loop, part) for part in ("test", "validation")}
        judge, test = found["validation"], found["test"]
        half = [half_width(judge.error[:, k], judge.spread[:, k]) for k in range(len(dataset.quantities))]
        measures = {
            part: measured(each, dataset, job.config.training.seed, half)
            for part, each in found.items()
            if len(each.samples)
        }
        facts = {"mean": task.mean, "std": task.std, "loss": task.loss, "periods": task.periods}
        quantities = [
            chapter.Quantity(
                name,
                test.truth[:, k],
                test.error[:, k],
                half[k] * test.spread[:, k],
                coverage(test.error[:, k], test.spread[:, k], half[k]),
            )
            for k, name in enumerate(dataset.quantities)
        ]
        return Judgement(
            measures=measures,
            predictions=predictions_csv(dataset, test, half),
            chapters=[
                chapter.measures_chapter(measures),
                chapter.regression_chapter(quantities, COVERED),
                extremes(job, loop, test, task),
            ],
            result={"quantities": list(dataset.quantities)},
            facts={**facts, "half": half, "outputs": width(facts)},
        )

    def evaluate(
        self, predictor: Predictor, dataset: Dataset, chosen: NDArray[np.int64], config: Config, advance: Advance
    ) -> dict[str, Any]:
        names = list(predictor.facts["quantities"])
        missing = [name for name in names if name not in dataset.quantities]
        if missing:
            raise UserError(f"the data have no {listed(missing)}", fix=f"columns needed: {listed(names, 30)}")
        assert dataset.values is not None
        truth = dataset.values[chosen][:, [dataset.quantities.index(name) for name in names]]
        task, values, spread = task_of(predictor.facts), [], []
        for part in predictor.outputs(dataset.images, chosen.tolist()):
            both = task.read(torch.from_numpy(part))
            values.append(both[0].numpy())
            spread.append(both[1].numpy())
            advance(len(part))
        said = np.concatenate(values)
        error = task.error(torch.from_numpy(said), torch.from_numpy(truth)).numpy()
        found = Judged(chosen, said, np.concatenate(spread), truth, error)
        measures = measured(
            found, dataset, config.training.seed, [float(h or np.inf) for h in predictor.facts["half"]], names
        )
        return {"measures": {"test": {name: asdict(m) for name, m in measures.items()}}}

    def asked(self, predictor: Predictor, outputs: Tensor, about: str) -> tuple[Tensor, list[str]]:
        """The value of the quantity, in its unit; of several the first."""
        names = list(predictor.facts["quantities"])
        index = position(about, names) or 0
        values = task_of(predictor.facts).read(outputs)[0][:, index]
        return values, [f"{names[index]} {value:.4g}" for value in values.tolist()]

    def predict(self, predictor: Predictor, paths: Sequence[Path], out: Path | None, advance: Advance) -> Predicted:
        """Each quantity with the interval that holds the truth in 90 of 100 cases."""
        task, names = task_of(predictor.facts), list(predictor.facts["quantities"])
        heads = [head for name in names for head in (name, f"{name} low", f"{name} high")]
        rows: list[dict[str, Any]] = []
        for piece in pieces(paths, predictor.preprocessing, advance):
            good = [part.pixels for part in piece if part.pixels is not None]
            raw = (
                predictor.of_pixels(torch.from_numpy(np.stack(good)))
                if good
                else np.empty((0, 2 * len(names)), np.float32)
            )
            values, spread = (side.numpy() for side in task.read(torch.from_numpy(raw)))
            found = iter(zip(values, spread, strict=True))
            for part in piece:
                row: dict[str, Any] = {"path": part.name, "skipped": part.fault}
                if not part.fault:
                    row |= dict(zip(heads, bounds(*next(found), predictor.facts["half"]), strict=True))
                rows.append(row)
        return Predicted(("path", *heads, "skipped"), tuple(rows))


def task_of(facts: Any, network: Any = None) -> Regression:
    """The task from what model.json records of it."""
    columns = {name: tuple(map(float, facts[name])) for name in ("mean", "std", "periods")}
    return Regression(network, loss=facts["loss"], **columns)


def width(facts: Any) -> int:
    """Outputs of the network: the values, and with the gaussian loss as many log-variances."""
    return len(facts["mean"]) * (2 if facts["loss"] == "gaussian" else 1)


def judged(job: Job, learner: Learner, loop: Loop, part: str) -> Judged:
    """Everything that is said of one part."""
    task, count = job.task, len(job.dataset.quantities)
    assert isinstance(task, Regression)
    samples, said, truth = [np.empty(0, np.int64)], [np.empty((0, 2 * count), np.float32)], [np.empty((0, count))]
    for where, found, targets in outputs(job, learner, loop, part):
        samples.append(where)
        said.append(found)
        truth.append(targets)
    both, known = np.concatenate(said), np.concatenate(truth)
    error = task.error(torch.from_numpy(both[:, :count]).double(), torch.from_numpy(known).double()).numpy()
    return Judged(np.concatenate(samples), both[:, :count], both[:, count:], known, error)


def measured(
    found: Judged, dataset: Dataset, seed: int, half: Sequence[float], names: Sequence[str] = ()
) -> dict[str, Measure]:
    """Every quantity's errors with intervals, and how often its stated intervals held."""
    groups = None if dataset.groups is None else dataset.groups[found.samples]
    each = []
    for k in range(found.error.shape[1]):
        measures = regression_measures(found.error[:, k], found.truth[:, k], groups, seed)
        each.append(measures | {"coverage_90": coverage(found.error[:, k], found.spread[:, k], half[k])})
    return several(each, names or dataset.quantities)


def bounds(values: Array, spread: Array, half: Sequence[float | None]) -> list[float | str]:
    """Value, low and high of each quantity; no bounds where the validation part was too small to set them."""
    found: list[float | str] = []
    for value, one, times in zip(values.tolist(), spread.tolist(), half, strict=True):
        sure = times is not None and np.isfinite(times)
        found += [
            float(f"{value:.6g}"),
            *([float(f"{value + s * one * times:.6g}") for s in (-1, 1)] if sure else ["", ""]),
        ]
    return found


def predictions_csv(dataset: Dataset, test: Judged, half: Sequence[float]) -> str:
    """One row a test sample: for each quantity truth, prediction, and the interval's bounds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [safe_cell(name) for name in dataset.quantities]
    heads = [f"{head}{name}" for name in names for head in ("true ", "", "low ", "high ")]
    writer.writerow(["path", *heads])
    for sample, truth, values, spread in zip(test.samples, test.truth, test.values, test.spread, strict=True):
        said = bounds(values, spread, half)
        row: list[Any] = [safe_cell(str(dataset.names[sample]))]
        for k in range(len(names)):
            row += [f"{truth[k]:.6g}", *said[3 * k : 3 * k + 3]]
        writer.writerow(row)
    return text.getvalue()


def extremes(job: Job, loop: Loop, test: Judged, task: Regression) -> Any:
    """Pictures of the largest and smallest errors, in standard deviations over all quantities."""
    size = np.abs(test.error / np.array(task.std)).mean(axis=1)
    order = np.argsort(-size, kind="stable")
    groups = []
    for chosen, tone in ((order[:SHOWN], "bad"), (order[::-1][:SHOWN], "good")):
        found = []
        for png, place in zip(thumbnails(job, loop, test.samples[chosen]), chosen, strict=True):
            said = ", ".join(f"{v:.4g}" for v in test.values[place])
            true = ", ".join(f"{v:.4g}" for v in test.truth[place])
            found.append(Picture(png, f"said {said}\nin truth {true}\n{job.dataset.names[test.samples[place]]}", tone))  # type: ignore[arg-type]
        groups.append(found)
    return chapter.extremes_chapter(groups[0], groups[1])
