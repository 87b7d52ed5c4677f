"""Segmentation, from settings to report: one class for each pixel of an image."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from neocog.config import Config
from neocog.data.augment import Augmentation, Changes
from neocog.data.augment.changes import MaskChanges, square, window
from neocog.data.dataset import Array, BadImage, Dataset
from neocog.data.feed import Resident, Store, Streamed
from neocog.data.fit import fit
from neocog.data.images import Decoding, decode
from neocog.data.masks import fit_mask
from neocog.data.normalise import normalise
from neocog.data.preprocessing import Preprocessing
from neocog.data.unfit import class_map
from neocog.engine.loop import Learner, Loop
from neocog.errors import UserError
from neocog.networks import build
from neocog.predictor import Predictor
from neocog.run import Section, write_atomically
from neocog.studies.job import Data, Job
from neocog.studies.masks import (
    Judged,
    StreamedMasks,
    class_order,
    counts_of,
    index_png,
    judge_masks,
    measured,
    names_of,
    png,
    predictions_csv,
)
from neocog.studies.study import Advance, Judgement, Predicted, Study, outputs, position
from neocog.tasks import chapters as chapter
from neocog.tasks.segmentation import Segmentation, first_counted
from neocog.tasks.segmentation_losses import LOSSES
from neocog.tiling import tiled
from neocog.verbs.screen import Screen

BATCH = 8  # images a step, unless --batch says otherwise
SHOWN = 6  # cases of each kind
AT_ONCE = 1 << 20  # pixels that go through a network together
LARGER = 1.5  # times the largest training image: from here on, an image keeps its scale and is cut into tiles
MOST_SHOWN = 1 << 22  # pixels of an overlay


class SegmentationStudy(Study):
    """One mask an image."""

    name = "segmentation"
    needs = "segmentation"
    purpose = "masks"
    most_epochs = 100
    losses = tuple(LOSSES)
    models: ClassVar = {"images": "unet"}

    def check(self, config: Config, dataset: Dataset) -> None:
        if dataset.form != "images":
            raise UserError(f"--task segmentation is not for {dataset.form}", fix="give images with masks")
        if len(dataset.classes) < 2:
            raise UserError("the masks have one class only", dataset.kind, "give masks with at least two classes")

    def resolved(self, config: Config, dataset: Dataset) -> Config:
        config = super().resolved(config, dataset)
        batch = config.training.batch or max(1, min(BATCH, len(dataset) // 4))
        return replace(config, training=replace(config.training, batch=batch, patch=square(config.training.patch)))

    def task(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing, train: NDArray[np.int64]
    ) -> Segmentation:
        model, classes = config.model, len(dataset.classes)

        def network(size: tuple[int, ...] = preprocessing.size) -> torch.nn.Module:
            return build(model.model, preprocessing.inputs, size, classes, masks=True, **model.options)

        if config.training.patch:
            try:
                network(config.training.patch)  # only to see whether it takes windows so small
            except UserError as error:
                shown = " ".join(map(str, config.training.patch))
                raise UserError(f"--patch {shown}: {error.what}", fix="a larger --patch, or another --model") from error
        weights: tuple[float, ...] = ()
        if config.training.class_weights == "balanced":
            assert dataset.masks is not None
            counts = counts_of(dataset.masks, train, classes).double()
            weights = tuple((counts.sum() / ((counts > 0).sum() * counts.clamp(min=1))).tolist())
        return Segmentation(network, dataset.classes, config.training.loss, weights)

    def targets(self, data: Data, config: Config) -> Store:
        if data.masks is not None and data.masks.fitted is not None:
            return Resident(data.masks.fitted)
        assert data.dataset.masks is not None
        return StreamedMasks(data.dataset.masks, data.plan, config.training.workers)

    def changes(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing
    ) -> tuple[Changes | None, Changes | None]:
        policy = Augmentation.default(preprocessing, dataset.mirror)
        policy, patch = policy.changed(config.training.augment), window(config.training.patch, preprocessing.plane)
        return (MaskChanges(policy, patch) if patch or policy.is_on() else None), None

    def at_most(self, pixels: int) -> int:
        return max(1, AT_ONCE // pixels)

    def judge(self, job: Job, learner: Learner, loop: Loop, screen: Screen) -> Judgement:
        """Every image at its own size, not at the network's."""
        seed, dataset = job.config.training.seed, job.dataset
        found = {part: judged(job, learner, loop, part) for part in ("test", "validation")}
        known = {part: measured(j, dataset, dataset.classes, seed) for part, j in found.items() if len(j.samples)}
        measures, each = {part: both[0] for part, both in known.items()}, known["test"][1]
        totals = {"confusion": torch.from_numpy(found["test"].confusions.sum(axis=0))}
        headers = [
            r.header for r, part in zip(job.data.records, job.parts, strict=True) if r.header and part == "train"
        ]
        return Judgement(
            measures=measures,
            predictions=predictions_csv(dataset, found["test"]),
            chapters=[
                chapter.segmentation_chapter(measures, each),
                cases(job, learner, loop, found["test"]),
                *job.task.sections(dataset.classes, totals),
            ],
            result={"per_class": each},
            facts={"stored": [max(h.height for h in headers), max(h.width for h in headers)]},
        )

    def evaluate(
        self, predictor: Predictor, dataset: Dataset, chosen: NDArray[np.int64], config: Config, advance: Advance
    ) -> dict[str, Any]:
        recipe, order = predictor.preprocessing, class_order(dataset, predictor.classes)
        step = min(64, self.at_most(math.prod(recipe.plane)))

        def found() -> Iterator[tuple[Array, Array]]:
            wanted = [chosen[start : start + step] for start in range(0, len(chosen), step)]
            for samples, pixels in zip(wanted, Streamed(dataset.images, recipe).stream(iter(wanted)), strict=True):
                yield samples, predictor.of_pixels(torch.as_tensor(pixels))
                advance(len(samples))

        result = judge_masks(dataset, predictor.classes, found(), recipe, len(chosen), order)
        measures, each = measured(result, dataset, predictor.classes, config.training.seed)
        return {
            "measures": {"test": {name: asdict(m) for name, m in measures.items()}},
            "per_class": {name: {key: asdict(m) for key, m in row.items()} for name, row in each.items()},
        }

    def asked(self, predictor: Predictor, outputs: Tensor, about: str) -> tuple[Tensor, list[str]]:
        """The mean logit of the class over the pixels that are given to it, or of all where there are none.

        Without ``about`` the class of the largest area, the background left out. After Vinogradova et al. 2020.
        """
        classes = predictor.classes
        said = torch.nn.functional.one_hot(outputs.argmax(1), len(classes)).flatten(1, -2)  # (B, pixels, K)
        area = said.sum(1)
        first = min(first_counted(classes), len(classes) - 1)
        named = position(about, classes)
        index = area[:, first:].argmax(1) + first if named is None else torch.full((len(outputs),), named)
        where = said.gather(2, index[:, None, None].expand(-1, said.shape[1], 1))[..., 0].to(outputs.dtype)
        where = torch.where(where.sum(1, keepdim=True) > 0, where, torch.ones_like(where))
        rows = torch.arange(len(outputs))
        scores = (outputs[rows, index].flatten(1) * where).sum(1) / where.sum(1)
        shares = area[rows, index] / said.shape[1]
        return scores, [
            f"{classes[k]} {share:.1%} of the pixels" for k, share in zip(index.tolist(), shares, strict=True)
        ]

    def predict(self, predictor: Predictor, paths: Sequence[Path], out: Path | None, advance: Advance) -> Predicted:
        """Areas of each class in pixels; with ``out``, a new folder, its ``masks`` and ``overlays`` too."""
        rows: list[dict[str, Any]] = []
        written: list[Path] = []
        recipe, classes = predictor.preprocessing, predictor.classes
        if out is not None:
            out.mkdir(parents=True)
        for path, name in zip(paths, names_of(paths), strict=True):
            row: dict[str, Any] = {"path": str(path), "skipped": ""}
            try:
                stored = decode(path, Decoding.recorded(recipe), str(path))
                mask = mask_of(predictor, stored)
            except BadImage as error:
                row["skipped"] = error.what
            else:
                areas = np.bincount(mask.reshape(-1), minlength=len(classes)).tolist()
                row |= {f"area: {label}": area for label, area in zip(classes, areas, strict=True)}
                if out is not None:
                    pictures = {"masks": index_png(mask, len(classes)), "overlays": shown(stored, mask, predictor)}
                    written += [put(out / folder / name, content) for folder, content in pictures.items()]
            rows.append(row)
            advance(1)
        return Predicted(("path", *(f"area: {label}" for label in classes), "skipped"), tuple(rows), tuple(written))


def judged(job: Job, learner: Learner, loop: Loop, part: str) -> Judged:
    """A whole part, compared at the images' own size."""
    found = ((samples, logits) for samples, logits, _ in outputs(job, learner, loop, part))
    return judge_masks(job.dataset, job.dataset.classes, found, job.preprocessing, int((job.parts == part).sum()))


def mask_of(predictor: Predictor, stored: Array) -> Array:
    """(H, W) uint8 classes of an image (H, W, C) at its own size. Raises BadImage.

    An image much larger than those of the training is not shrunk to the network's size but to their scale, and tiled.
    """
    recipe = predictor.preprocessing
    shape = (stored.shape[0], stored.shape[1])
    largest = predictor.facts["stored"]
    if max(shape[0] / largest[0], shape[1] / largest[1]) <= LARGER:
        logits = predictor.of_pixels(torch.from_numpy(fit(stored, recipe))[None])
        return class_map(logits[0], shape, recipe.fit)
    scale = [side / stored_side for side, stored_side in zip(recipe.plane, largest, strict=True)]
    if recipe.fit != "resize":  # both sides alike
        scale = [(max if recipe.fit == "crop" else min)(scale)] * 2
    size = tuple(max(1, round(side * times)) for side, times in zip(shape, scale, strict=True))
    pixels = fit(stored, replace(recipe, size=size, fit="resize"))
    mask = np.empty(size, np.uint8)
    for top, rows in tiled(predictor.of_pixels, pixels):
        mask[top : top + rows.shape[1]] = rows.argmax(axis=0)
    return mask if size == shape else fit_mask(mask, shape)


def shown(stored: Array, mask: Array, predictor: Predictor) -> bytes:
    """The classes' colours over the image, as PNG; of a very large one every n-th pixel."""
    step = max(1, round((mask.size / MOST_SHOWN) ** 0.5))
    recipe = predictor.preprocessing
    picture = chapter.grey_levels(stored[::step, ::step].transpose(2, 0, 1), recipe.low, recipe.high)
    return png(Image.fromarray(chapter.overlay(picture, mask[::step, ::step], len(predictor.classes))))


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    return path


def cases(job: Job, learner: Learner, loop: Loop, test: Judged) -> Section:
    """Pictures of the worst, the middle and the best test images by their Dice, at the network's size."""
    known = np.flatnonzero(~np.isnan(test.dice))
    order = known[np.argsort(test.dice[known], kind="stable")]
    third = min(SHOWN, len(order) // 3) if len(order) >= 3 else len(order)
    middle = max(third, (len(order) - third) // 2)
    chosen = (order[:third], order[middle : middle + third], order[::-1][: third if len(order) >= 3 else 0])
    worst, median, best = (_pictured(job, learner, loop, test, places) for places in chosen)
    return chapter.cases_chapter(worst, median, best, job.dataset.classes)


def _pictured(job: Job, learner: Learner, loop: Loop, test: Judged, places: Array) -> list[chapter.Case]:
    recipe, dataset, found = job.preprocessing, job.dataset, []
    assert dataset.masks is not None
    for place in places.tolist():
        index = int(test.samples[place])
        pixels = torch.as_tensor(next(iter(loop.feed.store.stream([np.array([index])])))).to(loop.feed.device)
        with torch.no_grad():
            said = job.task.predict(learner.judged, normalise(pixels, recipe))[0].argmax(0).cpu().numpy()
        picture = chapter.grey_levels(pixels[0].cpu().numpy(), recipe.low, recipe.high)
        truth = fit_mask(dataset.masks.read(index), recipe.size, recipe.fit)
        name = str(dataset.names[index])
        found.append(chapter.case(name, picture, truth, said, len(dataset.classes), float(test.dice[place])))
    return found
