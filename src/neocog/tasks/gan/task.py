"""A generator and its discriminator, from settings to report: how like the data what it draws is, and how varied."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.config import Config, ModelConfig
from neocog.data.cells import csv_of
from neocog.data.dataset import Array, Dataset
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError, pick
from neocog.networks import build
from neocog.networks.dcgan import Discriminator, of_classes
from neocog.networks.shapes import shapes_only
from neocog.predictor import Predictor
from neocog.run import Run, write_atomically
from neocog.tasks.evaluation import Advance, Evaluation, Report, Samples
from neocog.tasks.gan.features import Extractor, extractor_of, in_bytes, source_of
from neocog.tasks.gan.objective import GAN, troubles
from neocog.tasks.gan.report import (
    copies_section,
    drawn_section,
    game_section,
    kept,
    quality_section,
    series_of,
    tiles_a_side,
)
from neocog.tasks.gan.sample_quality import SHOWN, SampleQuality, compared, neighbours
from neocog.tasks.gan.traits import GANTraits
from neocog.tasks.generative import Generative, drawn
from neocog.tasks.report.montage import montage, png_bytes
from neocog.tasks.task import Predicted, Session, Trained

CHUNK = 256  # latent vectors that are drawn from at once
MANY, FEW = 10_000, 2_000  # images that are evaluated: up to 32 × 32 pixels, and larger ones
COPIES = 1_000  # samples that copies are looked for
PREFIX = "validation_"


OWN = "extractor"  # the classifier that was trained below the run folder, where there is one


@dataclass(frozen=True)
class Answers:
    """Images (m, C, H, W) that were drawn, what they are worth, and the nearest training images of the first of them.

    ``searched``: training images and drawn ones among which copies were looked for; zeros where there was no training part.
    """

    quality: SampleQuality
    fake: Array
    rows: Array
    extractor: str
    searched: tuple[int, int] = (0, 0)


class GANTask(GANTraits, Generative):
    """``--loss``: how the two networks are set against each other."""

    models: ClassVar = {"images": "dcgan"}
    network = "generator"
    features = True
    pixels = (-1.0, 1.0)

    def resolved(self, config: Config, dataset: Dataset) -> Config:
        config = super().resolved(config, dataset)
        training = config.training
        if training.patience:
            what = "--patience waits for a better measure, and no loss of a gan tells which epoch is best"
            raise UserError(what, fix="leave it out: the last epoch is kept")
        if training.conditional and len(dataset.classes) < 2:
            raise UserError("--conditional needs images of at least two classes", fix="leave it out")
        config = replace(config, model=asked_of(config.model, len(dataset.classes) if training.conditional else 0))
        return config

    def objective(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing, train: NDArray[np.int64]
    ) -> GAN:
        training, model = config.training, config.model
        if training.extractor:
            # Told before the training where it does not fit
            extractor_of(source_of(training.extractor, Path()), preprocessing)
        channels, size = preprocessing.inputs, preprocessing.size
        classes = len(dataset.classes) if training.conditional else 0

        def generator() -> Any:
            return build(model.model, channels, size, 1, **model.options)

        with shapes_only():
            latent = int(generator().takes[0])
        width = {"width": int(model.options["width"])} if "width" in model.options else {}
        return GAN(
            generator,
            lambda: Discriminator(channels, size, spectral=training.loss == "hinge", classes=classes, **width),
            latent,
            training.loss,  # type: ignore[arg-type]
            training.diff_augment,
            training.seed,
            classes,
        )

    def input_shape(self, session: Session) -> tuple[int, ...]:
        return (gan_of(session).latent,)

    def after_epoch(self, session: Session, trained: Trained, run: Run) -> Sequence[str]:
        """Pictures of the same latent vectors in ``epochs/``, and a word where something goes wrong."""
        row = trained.rows[-1]
        epoch, last = int(row["epoch"]), math.ceil(trained.steps / session.loader.batches.per_epoch)
        if kept(epoch, last):
            count = tiles_a_side(session.preprocessing.plane)
            z = drawn(count**2, gan_of(session).latent, session.config.training.seed)
            if gan_of(session).classes:
                z = asking(z, np.arange(len(z)) % gan_of(session).classes, gan_of(session).classes)
            sheet = montage(
                as_uint8(made(trained.networks["generator"], z, session.preprocessing), session.preprocessing), count
            )
            (run.folder / "epochs").mkdir(exist_ok=True)
            write_atomically(run.folder / "epochs" / f"{epoch:05}.png", png_bytes(sheet))
        return troubles(measures_of(row), gan_of(session).loss)

    def facts(self, session: Session) -> dict[str, Any]:
        training = session.config.training
        return {
            "outputs": 1,
            "latent": gan_of(session).latent,
            "seed": training.seed,
            "extractor": training.extractor or OWN,
        }

    def answers(self, predictor: Predictor, samples: Samples, advance: Advance) -> Answers:
        """Images drawn by the seed beside the real ones, of the test part alone: nothing is chosen by validation images."""
        preprocessing, dataset, seed = predictor.preprocessing, samples.dataset, samples.seed
        given = predictor.facts["extractor"]
        extractor = extractor_of(source_of("" if given == OWN else given, predictor.folder), preprocessing)
        empty = np.empty((0, preprocessing.channels, *preprocessing.size))
        if samples.part != "test":
            return Answers(SampleQuality({}, empty, ()), empty, empty, extractor.name)
        classes = int(getattr(predictor.network, "classes", 0))
        known = samples.positions if samples.trained is None else samples.trained
        labels = dataset.labels[known] if classes and dataset.classes == predictor.classes else None
        count = how_many(preprocessing, extractor)
        fake, asked = generated(predictor.network, self.latent(predictor), count, seed, preprocessing, labels, classes)
        real = pixels_of(samples, samples.positions, preprocessing)
        advance(len(real))
        found = compared(extractor, fake, real, seed, asked if extractor.classes == predictor.classes else None)
        if samples.trained is None:
            return Answers(found, fake, empty, extractor.name)
        some = np.sort(np.random.default_rng(seed).permutation(samples.trained)[: extractor.most])
        copies, rows = neighbours(extractor, fake[:COPIES], pixels_of(samples, some, preprocessing), real)
        found.measures["memorised_pixels"], found.measures["memorised_features"] = copies
        return Answers(found, fake, np.stack(rows), extractor.name, (len(some), len(fake[:COPIES])))

    def evaluation(self, predictor: Predictor, answers: Answers, samples: Samples) -> Evaluation:
        return Evaluation(answers.quality.measures, {"extractor": answers.extractor})

    def report(
        self, session: Session, trained: Trained, predictor: Predictor, answers: Answers,
        evaluated: Mapping[str, Evaluation],
    ) -> Report:  # fmt: skip
        preprocessing, measures = session.preprocessing, evaluated["test"].measures
        failures = [*self.failures(session, trained), *answers.quality.sentences()]
        films = series_of(predictor.folder / "epochs", preprocessing.plane)
        if films.animation:
            write_atomically(predictor.folder / "epochs.png", films.animation)
            write_atomically(predictor.folder / "strip.png", films.strip)
        grey = [as_uint8(images, preprocessing) for images in (answers.fake[: 2 * SHOWN], *answers.rows)]
        copies = measures["memorised_pixels"], measures["memorised_features"]
        return Report(
            predictions=self.discriminator_scores(session, trained),
            sections=[
                quality_section(measures, answers.extractor, failures),
                drawn_section(grey[0], films),
                game_section(trained.rows, gan_of(session).loss, trained.averaged),
                *answers.quality.sections(),
                copies_section(grey[1:], answers.searched, copies),
            ],
            result={"latent": gan_of(session).latent, "failures": failures},
        )

    def failures(self, session: Session, trained: Trained) -> list[str]:
        """Each trouble of the training once, with the epochs in which it was there; the first tenth is a beginning only."""
        epochs: dict[str, list[int]] = {}
        total = len(trained.rows)
        for row in trained.rows[total // 10 :]:
            for line in troubles(measures_of(row), gan_of(session).loss):
                epochs.setdefault(line.partition(":")[0], []).append(int(row["epoch"]))
        return [
            f"{what}: in {len(where)} of {total} epochs, last in epoch {where[-1]}" for what, where in epochs.items()
        ]

    def discriminator_scores(self, session: Session, trained: Trained) -> str:
        """One row a test image: what the discriminator thinks of it."""
        dataset, rows = session.dataset, []
        believe = trained.networks["discriminator"].eval()
        with torch.no_grad():
            for batch in replace(session.loader, rank=0, world=1).evaluation("test"):
                found = gan_of(session).predict({"discriminator": believe}, batch.inputs)
                for sample, value in zip(batch.samples.tolist(), found.tolist(), strict=True):
                    label = dataset.classes[dataset.labels[sample]] if dataset.has_classes else ""
                    rows.append([str(dataset.names[sample]), label, value])
        return csv_of(("path", "label", "discriminator"), rows)

    def predict(self, predictor: Predictor, paths: Sequence[Path], out: Path | None, advance: Advance) -> Predicted:
        what = "a run of --task gan draws images and says nothing of given ones"
        raise UserError(what, fix="`neocog sample RUN` draws; --task vae finds codes of given images")

    def latent(self, predictor: Predictor) -> int:
        return int(predictor.facts["latent"])

    def of_classes(self, predictor: Predictor, z: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float32]:
        classes = int(getattr(predictor.network, "classes", 0))
        if not classes:
            return super().of_classes(predictor, z, names)
        places = {name: place for place, name in enumerate(predictor.classes)}
        wanted = np.array([pick(places, name, what="class") for name in names])
        return asking(z, np.resize(wanted, len(z)), classes)

    def living(self, predictor: Predictor) -> list[int]:
        return list(range(self.latent(predictor) - int(getattr(predictor.network, "classes", 0))))

    def images(self, predictor: Predictor, z: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = predictor.network(z)
        return found


def gan_of(session: Session) -> GAN:
    """The objective of a run of this task."""
    assert isinstance(session.objective, GAN)
    return session.objective


def asked_of(model: ModelConfig, classes: int) -> ModelConfig:
    """The generator's settings, with the number of classes that it can be asked for."""
    given = model.options.get("classes")
    if given is not None and str(given) != str(classes):
        raise UserError(
            "--classes is not a setting of its own", fix="--conditional, and the classes of the data are learned"
        )
    return replace(model, options=dict(model.options) | {"classes": classes}) if classes else model


def asking(z: Array, kinds: Array, classes: int) -> Array:
    """Latent vectors (n, L) that ask for images of the classes ``kinds`` (n,)."""
    return of_classes(torch.from_numpy(z), torch.from_numpy(kinds).long(), classes).numpy()


def generated(
    net: Any, latent: int, count: int, seed: int, preprocessing: Preprocessing, labels: Array | None, classes: int
) -> tuple[Array, Array | None]:
    """``count`` images, and the class of each that was asked for: as often as it stands among ``labels``."""
    z = drawn(count, latent, seed)
    if labels is None:
        return made(net, z, preprocessing), None
    kinds: Array = np.random.default_rng(seed).choice(labels, count)
    return made(net, asking(z, kinds, classes), preprocessing), kinds


@torch.no_grad()
def made(net: Any, z: Array, preprocessing: Preprocessing) -> Array:
    """Latent vectors (n, L) → pixels (n, C, H, W) like those of the data, in their type and range."""
    net.eval()
    device = next(net.parameters()).device
    low, high = preprocessing.low, preprocessing.high
    parts = []
    for start in range(0, len(z), CHUNK):
        images = net(torch.from_numpy(z[start : start + CHUNK]).to(device)).float()
        parts.append((low + (images + 1) / 2 * (high - low)).cpu().numpy())
    pixels: Array = np.concatenate(parts)
    return np.round(pixels).astype(preprocessing.dtype) if np.dtype(preprocessing.dtype).kind in "iu" else pixels


def as_uint8(pixels: Array, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """(n, C, H, W) pixels of the data → (n, H, W, C) bytes."""
    return in_bytes(pixels, preprocessing).transpose(0, 2, 3, 1)


def how_many(preprocessing: Preprocessing, extractor: Extractor) -> int:
    return min(MANY if math.prod(preprocessing.plane) <= 32 * 32 else FEW, extractor.most)


def pixels_of(samples: Samples, positions: NDArray[np.int64], preprocessing: Preprocessing) -> Array:
    """(n, C, H, W) fitted pixels of samples of the data."""
    return np.concatenate([pixels.cpu().numpy() for _, pixels in samples.batches(preprocessing, positions)])


def measures_of(row: Mapping[str, float]) -> dict[str, float]:
    """What the task measured in an epoch, out of its row of metrics.csv."""
    return {name.removeprefix(PREFIX): value for name, value in row.items() if name.startswith(PREFIX)}
