"""Restoration, from settings to report: super-resolution, denoising and deblurring as one way from images to images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.augment.windows import Windows
from neocog.config import Config
from neocog.data.dataset import Array, BadImage, Dataset, Header
from neocog.data.degrade import Degradation
from neocog.data.hidden import SHARE
from neocog.data.imresize import as_type
from neocog.data.loader import Resident, Store, Streamed, Transform
from neocog.data.normalise import normalise
from neocog.data.pairs import wanted_plan
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError
from neocog.interop.onnx import Answer
from neocog.metrics.pixel_errors import error_map, error_quantiles
from neocog.networks import build, check_options, options
from neocog.networks.shapes import shapes_only
from neocog.predictor import Predictor
from neocog.tasks.evaluation import AT_ONCE, Advance, Evaluation, Report, Samples, measures_of
from neocog.tasks.exported import pixels_of
from neocog.tasks.files import header_in_memory, put, read
from neocog.tasks.masks import names_of
from neocog.tasks.restoration.answers import Answers, answers_of, evaluation_of, predictions_csv
from neocog.tasks.restoration.baselines import USUAL, baselines, best_amounts, details
from neocog.tasks.restoration.cases import cases
from neocog.tasks.restoration.explained import sharpest
from neocog.tasks.restoration.files import content_of, name_of
from neocog.tasks.restoration.objective import Restoration
from neocog.tasks.restoration.report import baselines_section, performance_section
from neocog.tasks.restoration.traits import RestorationTraits
from neocog.tasks.restoration.trust import trust_sections
from neocog.tasks.restoration.whole import restored
from neocog.tasks.segmentation.report import grey_levels
from neocog.tasks.shown import Shown
from neocog.tasks.task import Data, Predicted, Session, Task, Trained

BATCH = 4  # images a step, unless --batch says otherwise
PATCH = 48  # pixels a side of a window of the target image divided by the scale, 24 at least
LOOKED_AT = 8  # training images on which the baselines are chosen


class RestorationTask(RestorationTraits, Task):
    """One image out of another."""

    purpose = "images"
    most_epochs = 1000
    models: ClassVar = {"images": "edsr"}

    @property
    def degradation(self) -> Degradation | None:
        return Degradation.of(self.degrade) if self.degrade else None

    def check(self, config: Config, dataset: Dataset) -> None:
        if dataset.form != "images":
            raise UserError(f"--task restoration is not for {dataset.form}", fix="give images")
        if self.supervision == "noise2noise" and dataset.truth == "clean" and not self.degrade:
            raise UserError("--supervision noise2noise needs two noisy takes of each image", fix="take1/ with take2/")

    def resolved(self, config: Config, dataset: Dataset) -> Config:
        """The scale is that of the data; brightness alone is restored where pictures in colour are enlarged."""
        config = super().resolved(config, dataset)
        model, own, heads = config.model, dict(config.model.options), headers_of(dataset)
        channels = config.data.channels or max(head.channels for head in heads)
        given = check_options(model.model, own)
        if given.get("scale", dataset.scale) != dataset.scale:
            what = f"--scale {given['scale']}, and the target images are {dataset.scale} times as large as their inputs"
            raise UserError(what, fix="leave --scale out")
        if "scale" in options(model.model):
            own["scale"] = dataset.scale
        elif dataset.scale > 1:
            raise UserError(
                f"--model {model.model} keeps the size, and the target images are larger", fix="--model edsr"
            )
        if "luma" in options(model.model) and "luma" not in own:
            own["luma"] = dataset.scale > 1 and channels == 3 and all(head.dtype == "uint8" for head in heads)
        with shapes_only():  # only to see whether there is such a network
            build(model.model, channels, (8, 8), channels, **own)
        training = config.training
        batch = training.batch or max(1, min(BATCH, len(dataset) // 4))
        training = replace(training, batch=batch, patch=patch_of(training.patch, heads, dataset.scale))
        return replace(config, model=replace(model, options=own), training=training)

    def scaled(self, preprocessing: Preprocessing) -> Preprocessing:
        """Shares of the range from black to white."""
        low, spread = preprocessing.low, preprocessing.high - preprocessing.low
        count = preprocessing.channels
        return replace(preprocessing, mean=(low,) * count, std=(spread,) * count)

    def objective(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing, train: NDArray[np.int64]
    ) -> Restoration:
        model, plan = config.model, preprocessing

        def network() -> torch.nn.Module:
            return build(model.model, plan.inputs, config.training.patch, plan.channels, **model.options)

        luma = bool(model.options.get("luma"))
        pictures = (
            plan.dtype == "uint8" and self.supervision != "noise2void"
        )  # whose hidden values are of single channels
        return Restoration(network, plan.low, plan.high, config.training.loss, luma, pictures)

    def targets(self, data: Data, config: Config) -> Store:
        if data.pairs is not None and data.pairs.pixels is not None:
            return Resident(data.pairs.pixels)
        assert data.dataset.pairs is not None
        return Streamed(data.dataset.pairs, wanted_plan(data.plan, data.dataset.scale), config.training.workers)

    def changes(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing
    ) -> tuple[Transform | None, Transform | None]:
        how = self.degradation
        windows = Windows(
            patch=config.training.patch,  # type: ignore[arg-type]
            count=self.windows,
            scale=dataset.scale,
            sizes=sizes_of(dataset),
            how=how if how is not None and how.is_random and self.supervision != "noise2void" else None,
            turned="off" not in config.training.augment,
            supervision=self.supervision,
            along=self.noise_along,
            by=self.replace_by,
        )
        return windows, replace(windows, fixed=True)

    def at_most(self, pixels: int) -> int:
        return max(1, AT_ONCE // (pixels * self.windows))

    def caption(self, dataset: Dataset, index: int) -> str:
        return str(dataset.names[index])

    def pictured(self, inputs: Tensor, target: Tensor, preprocessing: Preprocessing) -> Tensor:
        """The input, enlarged by repeating pixels, beside what is wanted; of windows the first one."""
        first, second = (each[:, 0] if each.ndim == 4 else each for each in (inputs, target))
        times = second.shape[-1] // first.shape[-1]
        large = first.repeat_interleave(times, -1).repeat_interleave(times, -2)
        second = second.nan_to_num(preprocessing.low)  # of hidden values the others are not wanted
        return torch.cat([large, normalise(second[None], preprocessing)[0]], dim=-1)

    def facts(self, session: Session) -> dict[str, Any]:
        """``scale``; ``outputs``: channels; ``baselines``: how much of the Gaussian and of non-local means is best on training
        images."""
        dataset, plan = session.dataset, session.preprocessing
        facts: dict[str, Any] = {"scale": dataset.scale, "outputs": plan.channels}
        if dataset.truth == "itself":
            how = {"noise_along": self.noise_along, "replace_by": self.replace_by}
            return facts | {"baselines": dict(USUAL), **how}
        train = np.flatnonzero(session.parts == "train")
        chosen = train[:: -(-len(train) // LOOKED_AT)]
        return facts | (
            {"baselines": best_amounts(details(dataset, chosen), plan.high - plan.low)} if dataset.scale == 1 else {}
        )

    def answers(self, predictor: Predictor, samples: Samples, advance: Advance) -> Answers:
        return answers_of(predictor, samples, advance)

    def learned(
        self,
        predictor: Predictor,
        validation: Answers,
        session: Session,
        parts: Mapping[str, Samples],
        advance: Advance,
    ) -> dict[str, Any]:
        """How far off pixels are by their value, as the validation part shows it."""
        counts = validation.errors.sum(axis=0)
        return {"error_quantiles": error_quantiles(counts)} if counts.any() else {}

    def evaluation(self, predictor: Predictor, answers: Answers, samples: Samples) -> Evaluation:
        return evaluation_of(predictor, answers, samples)

    def scores(self, predictor: Predictor, answers: Answers) -> NDArray[np.float64]:
        """Each image's PSNR."""
        return answers.column("network", "psnr")

    def report(
        self, session: Session, trained: Trained, predictor: Predictor, answers: Answers,
        evaluated: Mapping[str, Evaluation],
    ) -> Report:  # fmt: skip
        measures, _ = measures_of(evaluated)
        more = evaluated["test"].more
        return Report(
            predictions=predictions_csv(session.dataset, answers),
            sections=[
                performance_section(measures, what_is_measured(session), session.dataset.truth),
                baselines_section(measures["test"], more["baselines"]),
                *trust_sections(predictor, more, session.dataset.truth),
                cases(session.dataset, predictor, answers),
            ],
        )

    def asked(self, predictor: Predictor, outputs: Tensor, about: str) -> tuple[Tensor, list[str]]:
        if about:
            what = f"--about {about}: a restored image has no classes, its sharpest place is explained"
            raise UserError(what, str(predictor.folder), "leave it out")
        return sharpest(outputs)

    def shown(self, predictor: Predictor, pixels: Array, outputs: Tensor) -> Shown:
        return Shown(image=grey_levels(outputs[0].numpy(), 0, 1))

    def exported(self, predictor: Predictor) -> Answer:
        return pixels_of(predictor, "restored", predictor.facts["scale"])

    def in_memory(self, predictor: Predictor, images: Sequence[Array], names: Sequence[str]) -> Array | list[Array]:
        """(s·H, s·W, C) of each image, of its own type."""
        return [
            restored(predictor, image, name, header_in_memory(image)) for image, name in zip(images, names, strict=True)
        ]

    def predict(self, predictor: Predictor, paths: Sequence[Path], out: Path | None, advance: Advance) -> Predicted:
        """Sizes, and how far the image was changed; with ``out``, a new folder, the restored images too, and in errors/ what the
        error of 95 of 100 pixels of such a value does not exceed."""
        rows, written = list[dict[str, Any]](), list[Path]()
        scale, plan = predictor.facts["scale"], predictor.preprocessing
        before = next(iter(baselines(scale, predictor.facts.get("baselines", {})).values()))
        if out is not None:
            out.mkdir(parents=True)
        for path, name in zip(paths, names_of(paths), strict=True):
            row: dict[str, Any] = {"path": str(path), "skipped": ""}
            try:
                stored, header = read(path, plan)
                found = restored(predictor, stored, str(path), header)
            except BadImage as error:
                row["skipped"] = error.what
            else:
                apart = np.square(found.astype(np.float64) - before(stored)).mean() ** 0.5 / (plan.high - plan.low)
                row |= {"height": found.shape[0], "width": found.shape[1], "change": round(float(apart), 5)}
                if out is not None:
                    target = out / "restored" / name_of(name.with_suffix(path.suffix), found)
                    written.append(put(target, content_of(found, target.suffix.lower(), path, scale)))
                    if "error_quantiles" in predictor.facts:
                        off = error_map(found, predictor.facts["error_quantiles"]["0.95"], plan.low, plan.high)
                        content = content_of(as_type(off, found.dtype), target.suffix.lower(), path, scale)
                        written.append(put(out / "errors" / target.relative_to(out / "restored"), content))
            rows.append(row)
            advance(1)
        return Predicted(("path", "height", "width", "change", "skipped"), tuple(rows), tuple(written))


def headers_of(dataset: Dataset) -> list[Header]:
    """Of the inputs that can be read; the others are told when they are decoded."""
    found = list[Header]()
    for index in range(len(dataset)):
        with suppress(BadImage):
            found.append(dataset.images.header(index))
    return found


def sizes_of(dataset: Dataset) -> NDArray[np.int64]:
    """(N, 2) height and width of the inputs; 0 where one cannot be read."""
    found = np.zeros((len(dataset), 2), np.int64)
    for index in range(len(dataset)):
        with suppress(BadImage):
            head = dataset.images.header(index)
            found[index] = head.height, head.width
    return found


def patch_of(given: Sequence[int], heads: Sequence[Header], scale: int) -> tuple[int, int]:
    """Height and width of the windows of the inputs. Raises UserError where an image is smaller than a given one."""
    least = min(head.height for head in heads), min(head.width for head in heads)
    if not given:
        side = max(24, PATCH // scale)
        return min(side, *least), min(side, *least)
    height, width = tuple(given) * (2 if len(given) == 1 else 1)
    if height > least[0] or width > least[1]:
        what = f"--patch {height} {width}: the smallest input is {least[0]} × {least[1]} pixels (height × width)"
        raise UserError(what, fix="a smaller --patch, or leave the small images out")
    return height, width


def what_is_measured(session: Session) -> str:
    """What PSNR and SSIM are of, in words."""
    plan, scale = session.preprocessing, session.dataset.scale
    if session.dataset.truth == "itself":
        return f"On {SHARE:.0%} of the values of each image, always the same ones, hidden and predicted. Means over images."
    peak = f"Peak: {plan.high - plan.low:g}, from black to white"
    colour = "on the luma of colour images (MATLAB's rgb2ycbcr), else " if plan.dtype == "uint8" else ""
    border = f", without {scale} pixels at the border" if scale > 1 else ""
    whole = "Means over whole images; inputs and outputs rounded to the stored type."
    return f"PSNR and SSIM {colour}on all channels{border}. {peak}. {whole}"
