"""Orientation, from settings to report: images that stand upright teach a network to set others upright."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.augment import Augmentation
from neocog.augment.turning import Turning, in_disc
from neocog.config import Config
from neocog.data.cells import csv_of
from neocog.data.dataset import Array, Dataset
from neocog.data.loader import Transform
from neocog.data.normalise import normalise
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError
from neocog.metrics.circular import angular_error, orientation_measures
from neocog.networks import build
from neocog.predictor import Predictor
from neocog.records import Measure
from neocog.tasks.about import position
from neocog.tasks.evaluation import Advance, Evaluation, Report, Samples, measures_of
from neocog.tasks.files import batches, chunks
from neocog.tasks.orientation.objective import Orientation, directions
from neocog.tasks.orientation.report import orientation_sections
from neocog.tasks.orientation.traits import OrientationTraits
from neocog.tasks.report.quality import measures_section
from neocog.tasks.task import Predicted, Session, Task, Trained
from neocog.tasks.thumbnails import thumbnails

SHOWN = 12
FALSE = ("flip_vertical", "shear", "stretch")  # a picture changed so has another angle, or none


@dataclass(frozen=True)
class Answers:
    """(n,) each: the angle by which an image was turned, the predicted one in degrees, and its probability."""

    truth: Array
    predicted: Array
    sure: Array

    @property
    def error(self) -> Array:
        return angular_error(self.predicted, self.truth)


class OrientationTask(OrientationTraits, Task):
    """The angle by which an image was turned; labels are not needed, but told apart where there are any."""

    models: ClassVar = {"images": "cnn"}

    def check(self, config: Config, dataset: Dataset) -> None:
        if dataset.form != "images":
            raise UserError(f"--task orientation is not for {dataset.form}", fix="give images")

    def objective(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing, train: NDArray[np.int64]
    ) -> Orientation:
        model, bins = config.model, bins_of(config)

        def network() -> torch.nn.Module:
            return build(model.model, preprocessing.inputs, preprocessing.size, bins, **model.options)

        return Orientation(network, bins)

    def changes(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing
    ) -> tuple[Transform | None, Transform | None]:
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
        # Evaluated with the shifts of training: data whose centre of mass was put in one place tell the angle by it otherwise
        return Turning(policy, quarters, radius), Turning(Augmentation(translate=policy.translate), quarters, radius)

    def facts(self, session: Session) -> dict[str, Any]:
        always = session.loader.always
        assert isinstance(always, Turning)
        return {"outputs": bins_of(session.config), "radius": always.radius, "translate": always.policy.translate}

    def answers(self, predictor: Predictor, samples: Samples, advance: Advance) -> Answers:
        """Each image turned by the angle that belongs to its position in the data."""
        facts, preprocessing = predictor.facts, predictor.preprocessing
        turning = Turning(
            Augmentation(translate=float(facts["translate"])), int(facts["outputs"]) == 4, float(facts["radius"])
        )
        columns = [[np.empty(0, np.float32)] for _ in range(3)]
        for where, pixels in samples.batches(preprocessing):
            turned, truth = turning(
                pixels, torch.empty(0), torch.from_numpy(where).to(pixels.device), samples.seed, 0, preprocessing
            )
            for column, values in zip(columns, (truth.cpu().numpy(), *angles(predictor, turned)), strict=True):
                column.append(values)
            advance(len(where))
        return Answers(*map(np.concatenate, columns))

    def evaluation(self, predictor: Predictor, answers: Answers, samples: Samples) -> Evaluation:
        measures = orientation_measures(answers.error, samples.groups, samples.seed)
        return Evaluation(measures, {"per_class": by_class(samples, answers.error)})

    def report(
        self, session: Session, trained: Trained, predictor: Predictor, answers: Answers,
        evaluated: Mapping[str, Evaluation],
    ) -> Report:  # fmt: skip
        test = session.loader.parts["test"]
        measures, apart = measures_of(evaluated)
        pictures = pictures_of(session, test, answers)
        return Report(
            predictions=predictions_csv(session.dataset, test, answers),
            sections=[
                measures_section(measures),
                *orientation_sections(answers.truth, answers.predicted, answers.error, apart, pictures),
            ],
        )

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

    def in_memory(self, predictor: Predictor, images: Sequence[Array], names: Sequence[str]) -> Array | list[Array]:
        """(N,) degrees, counter-clockwise, by which each image has been turned."""
        return np.concatenate([angles(predictor, pixels)[0] for pixels in batches(images, names, predictor)])

    def preprocess(self, pixels: Tensor, preprocessing: Preprocessing, facts: Mapping[str, Any]) -> Tensor:
        """What lies in the disc that turning keeps."""
        return in_disc(pixels, preprocessing, float(facts["radius"]))

    def predict(self, predictor: Predictor, paths: Sequence[Path], out: Path | None, advance: Advance) -> Predicted:
        """The angle in degrees, counter-clockwise, by which each image has been turned, and how sure that is."""
        rows: list[dict[str, Any]] = []
        for chunk in chunks(paths, predictor, advance):
            good = [part.pixels for part in chunk if part.pixels is not None]
            found = iter(zip(*angles(predictor, torch.from_numpy(np.stack(good))), strict=True) if good else ())
            for part in chunk:
                row: dict[str, Any] = {"path": part.name, "skipped": part.fault}
                if not part.fault:
                    angle, sure = next(found)
                    row |= {"angle": float(angle), "probability": float(sure)}
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
    preprocessing = predictor.preprocessing
    shown = in_disc(pixels.to(predictor.device), preprocessing, float(predictor.facts["radius"]))
    found, sure = directions(torch.from_numpy(predictor.of_pixels(shown)))
    return found.numpy(), sure.numpy()


def by_class(samples: Samples, error: Array) -> dict[str, dict[str, Measure]]:
    """Measures of each class: some things look the same upside down."""
    dataset = samples.dataset
    if not dataset.has_classes or len(dataset.classes) < 2:
        return {}
    labels = dataset.labels[samples.positions]
    return {
        name: orientation_measures(error[labels == index], None, samples.seed)
        for index, name in enumerate(dataset.classes)
        if (labels == index).any()
    }


def pictures_of(session: Session, samples: Array, test: Answers) -> list[tuple[str, str, float, float]]:
    """(PNG, name, truth, predicted) of the most confident errors, then right answers; pictures as they stand upright."""
    wrong = np.abs(test.error) > 30
    order = np.argsort(-test.sure, kind="stable")
    chosen = np.concatenate([order[wrong[order]][:SHOWN], order[~wrong[order]][:SHOWN]])
    pictures = thumbnails(session, samples[chosen])
    names = [str(session.dataset.names[index]) for index in samples[chosen]]
    return list(zip(pictures, names, test.truth[chosen].tolist(), test.predicted[chosen].tolist(), strict=True))


def predictions_csv(dataset: Dataset, samples: Array, test: Answers) -> str:
    """One row a test image: by what it was turned, what the network said, and how far off that is."""
    columns = (column.tolist() for column in (samples, test.truth, test.predicted, test.error, test.sure))
    rows = ([str(dataset.names[sample]), *values] for sample, *values in zip(*columns, strict=True))
    return csv_of(("path", "angle", "prediction", "error", "probability"), rows)
