"""Orientation, from settings to report: images that stand upright teach a network to set others upright."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.config import Config
from neocog.data.augment import Augmentation, Changes
from neocog.data.augment.turning import Turning, in_disc
from neocog.data.cells import safe_cell
from neocog.data.dataset import Array, Dataset
from neocog.data.feed import Streamed
from neocog.data.normalise import normalise
from neocog.data.preprocessing import Preprocessing
from neocog.engine.loop import Learner, Loop
from neocog.errors import UserError
from neocog.measures.circular import angular_error, orientation_measures
from neocog.networks import build
from neocog.predictor import Predictor
from neocog.studies.files import pieces
from neocog.studies.job import Job
from neocog.studies.pictures import thumbnails
from neocog.studies.study import Advance, Judgement, Predicted, Study, outputs, position
from neocog.tasks import chapters as chapter
from neocog.tasks.orientation import Orientation, directions
from neocog.verbs.screen import Screen

SHOWN = 12
FALSE = ("flip_vertical", "shear", "stretch")  # a picture changed so has another angle, or none


class OrientationStudy(Study):
    """The angle by which an image was turned; labels are not needed, but told apart where there are any."""

    name = "orientation"
    losses = ("circular",)
    models: ClassVar = {"images": "cnn"}
    has_baseline = True

    def check(self, config: Config, dataset: Dataset) -> None:
        if dataset.form != "images":
            raise UserError(f"--task orientation is not for {dataset.form}", fix="give images")

    def task(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing, train: NDArray[np.int64]
    ) -> Orientation:
        model, bins = config.model, bins_of(config)

        def network() -> torch.nn.Module:
            return build(model.model, preprocessing.inputs, preprocessing.size, bins, **model.options)

        return Orientation(network, bins)

    def changes(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing
    ) -> tuple[Changes | None, Changes | None]:
        light = 0.1 if max(preprocessing.plane) > 64 and preprocessing.pictures else 0.0
        usual = Augmentation(
            scale=0.1, translate=0.05 if dataset.mirror else 0.15, brightness=light, contrast=2 * light
        )
        policy = usual.changed(config.training.augment)
        false = [name for name in FALSE if getattr(policy, name)]
        if false:
            what = f"augmentation {', '.join(false)} would falsify the angle that is learned"
            raise UserError(
                what, fix="leave it out: flip (mirrored before the turn), scale, translate, blur, noise … are fine"
            )
        quarters = config.data.turns == "quarter"
        radius = radius_of(policy, dataset.mirror)
        # Judged with the shifts of training: data whose centre of mass was put in one place tell the angle by it otherwise
        return Turning(policy, quarters, radius), Turning(Augmentation(translate=policy.translate), quarters, radius)

    def judge(self, job: Job, learner: Learner, loop: Loop, screen: Screen) -> Judgement:
        seed, dataset, always = job.config.training.seed, job.dataset, job.feed.always
        assert isinstance(always, Turning)
        found = {part: judged(job, learner, loop, part) for part in ("test", "validation")}
        measures = {
            part: orientation_measures(each["error"], groups_of(dataset, each["samples"]), seed)
            for part, each in found.items()
            if len(each["samples"])
        }
        test = found["test"]
        apart = by_class(dataset, test["samples"], test["error"], seed)
        pictures = shown(job, loop, test)
        return Judgement(
            measures=measures,
            predictions=predictions_csv(dataset, test),
            chapters=[
                chapter.measures_chapter(measures),
                *chapter.orientation_chapters(test["truth"], test["predicted"], test["error"], apart, pictures),
            ],
            result={"per_class": apart},
            facts={"outputs": bins_of(job.config), "radius": always.radius, "translate": always.policy.translate},
        )

    def evaluate(
        self, predictor: Predictor, dataset: Dataset, chosen: NDArray[np.int64], config: Config, advance: Advance
    ) -> dict[str, Any]:
        """Each image turned by the angle that belongs to its position in the data."""
        facts = predictor.facts
        shifts = Augmentation(translate=float(facts["translate"]))
        turning = Turning(shifts, int(facts["outputs"]) == 4, float(facts["radius"]))
        recipe, errors = predictor.preprocessing, []
        wanted = [chosen[start : start + 256] for start in range(0, len(chosen), 256)]
        for samples, pixels in zip(wanted, Streamed(dataset.images, recipe).stream(iter(wanted)), strict=True):
            given, none = torch.as_tensor(pixels), torch.empty(0)
            turned, truth = turning(given, none, torch.from_numpy(samples), config.training.seed, 0, recipe)
            errors.append(angular_error(angles(predictor, turned)[0], truth.numpy()))
            advance(len(samples))
        error = np.concatenate(errors)
        measures = orientation_measures(error, groups_of(dataset, chosen), config.training.seed)
        return {"measures": {"test": {name: asdict(m) for name, m in measures.items()}}}

    def inputs(self, predictor: Predictor, pixels: Tensor) -> Tensor:
        return normalise(
            in_disc(pixels, predictor.preprocessing, float(predictor.facts["radius"])), predictor.preprocessing
        )

    def asked(self, predictor: Predictor, outputs: Tensor, about: str) -> tuple[Tensor, list[str]]:
        """The logit of the direction."""
        names = [f"{360 * k / outputs.shape[1]:g}°" for k in range(outputs.shape[1])]
        named = position(about, names)
        index = outputs.argmax(1) if named is None else torch.full((len(outputs),), named)
        return outputs.gather(1, index[:, None])[:, 0], [f"turned by {names[k]}" for k in index.tolist()]

    def predict(self, predictor: Predictor, paths: Sequence[Path], out: Path | None, advance: Advance) -> Predicted:
        """The angle in degrees, counter-clockwise, by which each image has been turned, and how sure that is."""
        rows: list[dict[str, Any]] = []
        for piece in pieces(paths, predictor.preprocessing, advance):
            good = [part.pixels for part in piece if part.pixels is not None]
            found = iter(zip(*angles(predictor, torch.from_numpy(np.stack(good))), strict=True) if good else ())
            for part in piece:
                row: dict[str, Any] = {"path": part.name, "skipped": part.fault}
                if not part.fault:
                    angle, sure = next(found)
                    row |= {"angle": round(float(angle), 2), "probability": round(float(sure), 4)}
                rows.append(row)
        return Predicted(("path", "angle", "probability", "skipped"), tuple(rows))


def radius_of(policy: Augmentation, mirror: bool) -> float:
    """The disc that holds nothing from outside the image, however it is scaled and shifted.

    Digits and letters (``mirror`` False) lie on a plain ground that looks the same outside: of them all is shown.
    """
    if not mirror:
        return 0.5
    radius = 0.5 / (1 + policy.scale) - policy.translate
    if radius < 0.2:
        what = f"augmentation scale={policy.scale:g} translate={policy.translate:g} leaves a disc of {radius:.2f} of the side"
        raise UserError(what, fix="give smaller ones: what lies outside the image tells its angle")
    return radius


def bins_of(config: Config) -> int:
    """Directions that the network tells apart."""
    return 4 if config.data.turns == "quarter" else 72


@torch.no_grad()
def angles(predictor: Predictor, pixels: torch.Tensor) -> tuple[Array, Array]:
    """Fitted pixels (B, C, H, W) → angles (B,) in degrees and their probabilities (B,)."""
    recipe = predictor.preprocessing
    shown = in_disc(pixels, recipe, float(predictor.facts["radius"]))
    found, sure = directions(predictor.network(normalise(shown, recipe)).float())
    return found.numpy(), sure.numpy()


def judged(job: Job, learner: Learner, loop: Loop, part: str) -> dict[str, Array]:
    """(n,) each: samples, truth, predicted, sure, error over a whole part."""
    columns: list[list[Array]] = [[np.empty(0, np.int64)], [np.empty(0)], [np.empty(0)], [np.empty(0)]]
    for samples, logits, truth in outputs(job, learner, loop, part):
        predicted, sure = directions(torch.from_numpy(logits))
        for column, values in zip(columns, (samples, truth, predicted.numpy(), sure.numpy()), strict=True):
            column.append(values)
    names = ("samples", "truth", "predicted", "sure")
    found: dict[str, Array] = {name: np.concatenate(column) for name, column in zip(names, columns, strict=True)}
    return found | {"error": angular_error(found["predicted"], found["truth"])}


def groups_of(dataset: Dataset, samples: Array) -> Array | None:
    return None if dataset.groups is None else dataset.groups[samples]


def by_class(dataset: Dataset, samples: Array, error: Array, seed: int) -> dict[str, dict[str, Any]]:
    """Measures of each class: some things look the same upside down."""
    if not dataset.has_classes or len(dataset.classes) < 2:
        return {}
    labels = dataset.labels[samples]
    return {
        name: {key: asdict(m) for key, m in orientation_measures(error[labels == index], None, seed).items()}
        for index, name in enumerate(dataset.classes)
        if (labels == index).any()
    }


def shown(job: Job, loop: Loop, test: dict[str, Array]) -> list[tuple[str, str, float, float]]:
    """(PNG, name, truth, predicted) of the surest mistakes, then of the surest right answers; pictures as they stand upright."""
    wrong = np.abs(test["error"]) > 30
    order = np.argsort(-test["sure"], kind="stable")
    chosen = np.concatenate([order[wrong[order]][:SHOWN], order[~wrong[order]][:SHOWN]])
    pictures = thumbnails(job, loop, test["samples"][chosen])
    names = [str(job.dataset.names[index]) for index in test["samples"][chosen]]
    return list(zip(pictures, names, test["truth"][chosen].tolist(), test["predicted"][chosen].tolist(), strict=True))


def predictions_csv(dataset: Dataset, test: dict[str, Array]) -> str:
    """One row a test image: by what it was turned, what the network said, and how far off that is."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "angle", "prediction", "error", "probability"])
    columns = (test[name] for name in ("samples", "truth", "predicted", "error", "sure"))
    for sample, truth, predicted, error, sure in zip(*columns, strict=True):
        name = safe_cell(str(dataset.names[sample]))
        writer.writerow([name, f"{truth:.2f}", f"{predicted:.2f}", f"{error:.2f}", f"{sure:.4f}"])
    return text.getvalue()
