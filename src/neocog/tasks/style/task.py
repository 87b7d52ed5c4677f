"""Fast style transfer, from settings to report: a network that repaints any photo in the style of one painting."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from neocog.config import Config
from neocog.data.dataset import Array, BadImage, Dataset
from neocog.data.formats.files import read_bytes
from neocog.data.preprocessing import Preprocessing
from neocog.data.resize import fit
from neocog.errors import UserError, printable
from neocog.interop.onnx import Answer
from neocog.networks import build
from neocog.predictor import Predictor
from neocog.styling.painting import in_proportion
from neocog.styling.pictures import colour
from neocog.styling.pictures import read as read_picture
from neocog.styling.shown import as_array, as_bytes
from neocog.tasks.evaluation import Advance, Evaluation, Report, Samples, measures_of
from neocog.tasks.exported import pixels_of
from neocog.tasks.files import put, read
from neocog.tasks.masks import names_of, png
from neocog.tasks.shown import Shown
from neocog.tasks.style.answers import Answers, answers_of, evaluation_of, predictions_csv, restyled
from neocog.tasks.style.objective import Style
from neocog.tasks.style.report import performance_section, pictures_section
from neocog.tasks.style.traits import StyleTraits
from neocog.tasks.task import Predicted, Session, Task, Trained

SHOWN = 6  # test photos in the report
LEAST = 16  # pixels a side of a photo: the network halves them twice and mirrors borders


class StyleTask(StyleTraits, Task):
    """One painting, any photo."""

    purpose = "pictures"
    models: ClassVar = {"images": "johnson"}
    scored = False
    most_batch = 4
    steps = 500
    most_epochs = 200

    def check(self, config: Config, dataset: Dataset) -> None:
        if dataset.form != "images":
            raise UserError(f"--task {self.name} is not for {dataset.form}", fix="give photos")
        self.strokes_of_painting()

    def strokes_of_painting(self) -> Tensor:
        """(1, 3, h, w) of as many pixels as a square of side ``strokes``. Raises UserError for no painting, or another."""
        if not self.painting:
            raise UserError(f"--task {self.name} needs a painting", fix="--painting wave.jpg")
        if self.painting_sha256 and self.painting_sha256 != digest(self.painting):
            what = "the painting is another file than the one that the run learns: its pictures would be of two styles"
            raise UserError(what, printable(self.painting), "restore it, or begin another run")
        return in_proportion(colour(read_picture(Path(self.painting), "painting", [])), (self.strokes, self.strokes))

    def resolved(self, config: Config, dataset: Dataset) -> Config:
        config = super().resolved(config, dataset)
        own = {
            **config.data.task_options,
            "painting": str(Path(self.painting).resolve()),
            "painting_sha256": digest(self.painting),
        }
        return replace(config, data=replace(config.data, task_options=own))

    def scaled(self, preprocessing: Preprocessing) -> Preprocessing:
        """Shares of the range from black to white."""
        low, spread, count = preprocessing.low, preprocessing.high - preprocessing.low, preprocessing.channels
        return replace(preprocessing, mean=(low,) * count, std=(spread,) * count)

    def objective(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing, train: NDArray[np.int64]
    ) -> Style:
        model, plan = config.model, preprocessing

        def network() -> torch.nn.Module:
            return build(model.model, plan.inputs, plan.size, plan.channels, **model.options)

        return Style(network, self.strokes_of_painting(), config.training.seed, self.style_weight)

    def facts(self, session: Session) -> dict[str, Any]:
        return {"outputs": session.preprocessing.channels, "seed": session.config.training.seed}

    def answers(self, predictor: Predictor, samples: Samples, advance: Advance) -> Answers:
        seed = int(predictor.facts["seed"])
        objective = Style(lambda: predictor.network, self.strokes_of_painting(), seed, self.style_weight)
        return answers_of(predictor, objective, samples, advance)

    def evaluation(self, predictor: Predictor, answers: Answers, samples: Samples) -> Evaluation:
        return evaluation_of(answers, samples)

    def scores(self, predictor: Predictor, answers: Answers) -> NDArray[np.float64]:
        """How near each picture is to the painting: the style loss, negative."""
        return -answers.column("network", "style_loss")

    def report(
        self, session: Session, trained: Trained, predictor: Predictor, answers: Answers,
        evaluated: Mapping[str, Evaluation],
    ) -> Report:  # fmt: skip
        dataset, strokes = session.dataset, self.strokes_of_painting()
        pairs = [
            (str(dataset.names[index]), *photo_and_painted(predictor, dataset.images.read(index)))
            for index in answers.samples[:SHOWN].tolist()
        ]
        painting = as_bytes(as_array(strokes))
        return Report(
            predictions=predictions_csv(dataset, answers),
            sections=[
                pictures_section(painting, pairs),
                performance_section(measures_of(evaluated)[0], evaluated["test"].more["baselines"]),
            ],
        )

    def asked(self, predictor: Predictor, outputs: Tensor, about: str) -> tuple[Tensor, list[str]]:
        fix = "look at the report of the run, or at style.html of `neocog style`, which shows what the layers hold"
        raise UserError(f"--task {self.name} gives pictures, which have no one score to be explained", fix=fix)

    def shown(self, predictor: Predictor, pixels: Array, outputs: Tensor) -> Shown:
        return Shown(image=as_bytes(outputs[0].permute(1, 2, 0).numpy()))

    def exported(self, predictor: Predictor) -> Answer:
        """Pictures (B, 3, H, W) in stored units, as restored images are."""
        return pixels_of(predictor, "styled")

    def in_memory(self, predictor: Predictor, images: Sequence[Array], names: Sequence[str]) -> Array | list[Array]:
        """(H, W, 3) uint8 of each photo."""
        return [photo_and_painted(predictor, image, name)[1] for image, name in zip(images, names, strict=True)]

    def predict(self, predictor: Predictor, paths: Sequence[Path], out: Path | None, advance: Advance) -> Predicted:
        """Sizes, and how far each photo was changed; with ``out``, a new folder, the restyled pictures too."""
        rows, written = list[dict[str, Any]](), list[Path]()
        if out is not None:
            out.mkdir(parents=True)
        for path, name in zip(paths, names_of(paths), strict=True):
            row: dict[str, Any] = {"path": str(path), "skipped": ""}
            try:
                stored, _ = read(path, predictor.preprocessing)
                photo, found = photo_and_painted(predictor, stored, str(path))
            except BadImage as error:
                row["skipped"] = error.what
            else:
                change = float(np.square(found.astype(np.float32) - photo).mean() ** 0.5) / 255
                row |= {"height": found.shape[0], "width": found.shape[1], "change": round(change, 4)}
                if out is not None:
                    written.append(put(out / "styled" / name.with_suffix(".png"), png(Image.fromarray(found), level=3)))
            rows.append(row)
            advance(1)
        return Predicted(("path", "height", "width", "change", "skipped"), tuple(rows), tuple(written))


def photo_and_painted(
    predictor: Predictor, stored: Array, name: str = ""
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(H, W, 3) each, of a photo (H, W, C) of any size. Raises BadImage."""
    plan = predictor.preprocessing
    if min(stored.shape[:2]) < LEAST:
        raise BadImage(f"{stored.shape[0]} × {stored.shape[1]} pixels: too few to repaint", name, f"{LEAST} at least")
    pixels = fit(stored, replace(plan, size=stored.shape[:2], fit="corner"), name)
    shares = (pixels.transpose(1, 2, 0).astype(np.float32) - plan.low) / (plan.high - plan.low)
    return as_bytes(shares), restyled(predictor, pixels)


def digest(painting: str) -> str:
    """SHA-256 of the file. Raises UserError where it cannot be read."""
    return hashlib.sha256(read_bytes(Path(painting), printable(painting))).hexdigest()
