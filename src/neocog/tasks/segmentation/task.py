"""Segmentation, from settings to report: one class for each pixel of an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from neocog.augment import Augmentation
from neocog.augment.transforms import MaskChanges, square, window
from neocog.config import Config
from neocog.data.dataset import Array, BadImage, Dataset
from neocog.data.loader import Resident, Store, Transform
from neocog.data.objects import ObjectMasks
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError
from neocog.networks import build
from neocog.predictor import Predictor
from neocog.records import Section
from neocog.tasks.about import position
from neocog.tasks.evaluation import AT_ONCE, Advance, Evaluation, Report, Samples, measures_of
from neocog.tasks.files import header_in_memory, put, read
from neocog.tasks.masks import (
    Answers,
    StreamedMasks,
    compared,
    counts_of,
    index_png,
    measured,
    names_of,
    png,
    predictions_csv,
)
from neocog.tasks.segmentation.instances import (
    ObjectAnswers,
    compared_objects,
    counts,
    labels_png,
    measured_objects,
    object_cases,
    object_rows,
    objects_csv,
    objects_of,
    smallest,
    table_csv,
)
from neocog.tasks.segmentation.objective import Segmentation, first_counted
from neocog.tasks.segmentation.objects import COLOURS, coloured, objects_section
from neocog.tasks.segmentation.own_size import header_of, is_large, mask_of, shrunk
from neocog.tasks.segmentation.report import Case, case, cases_section, grey_levels, overlay, segmentation_section
from neocog.tasks.segmentation.traits import SegmentationTraits
from neocog.tasks.shown import Shown, Value
from neocog.tasks.task import Data, Predicted, Session, Task, Trained

BATCH = 8  # images a step, unless --batch says otherwise
SHOWN = 6  # cases of each kind
MOST_SHOWN = 1 << 22  # pixels of an overlay


class SegmentationTask(SegmentationTraits, Task):
    """One mask an image."""

    purpose = "masks"
    most_epochs = 100
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

    def objective(
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
    ) -> tuple[Transform | None, Transform | None]:
        policy = Augmentation.default(preprocessing, dataset.mirror)
        policy, patch = policy.changed(config.training.augment), window(config.training.patch, preprocessing.plane)
        return (MaskChanges(policy, patch) if patch or policy.is_on() else None), None

    def at_most(self, pixels: int) -> int:
        return max(1, AT_ONCE // pixels)

    def overlaid(self, picture: Array, target: Array) -> Array:
        """(H, W, 3) with the mask (H, W) over it in the colours of its classes."""
        classes = target.astype(np.uint8)
        return overlay(picture, classes, int(classes[classes < 255].max(initial=0)) + 1)

    def facts(self, session: Session) -> dict[str, Any]:
        """``stored``: the largest sides of the training images, from which on an image is tiled rather than shrunk; of single
        objects ``smallest``."""
        train = np.flatnonzero(session.parts == "train")
        facts: dict[str, Any] = {"stored": session.stored_sizes("train").max(axis=0).tolist()}
        masks = session.dataset.masks
        return facts | ({"smallest": smallest(masks, train)} if isinstance(masks, ObjectMasks) else {})

    def answers(self, predictor: Predictor, samples: Samples, advance: Advance) -> Answers | ObjectAnswers:
        """Every image at its own size, not at the network's: the mask that ``predict`` writes, against the given one."""
        dataset, preprocessing = samples.dataset, predictor.preprocessing
        large = np.array([is_large(predictor, header_of(dataset, index)) for index in samples.positions.tolist()], bool)

        def found() -> Iterator[tuple[int, Array]]:
            for where, pixels in samples.batches(preprocessing, samples.positions[~large]):
                for index, one in zip(where.tolist(), pixels, strict=True):
                    yield index, shrunk(predictor, one, header_of(dataset, index))
                    advance(1)
            for index in samples.positions[large].tolist():
                yield index, mask_of(predictor, dataset.images.read(index), str(dataset.names[index]))
                advance(1)

        if of_objects(predictor):
            return compared_objects(predictor, dataset, found(), samples.positions)
        return compared(dataset, predictor.classes, found(), samples.positions)

    def evaluation(self, predictor: Predictor, answers: Answers | ObjectAnswers, samples: Samples) -> Evaluation:
        if isinstance(answers, ObjectAnswers):
            return Evaluation(measured_objects(answers, samples.groups, samples.seed))
        measures, each = measured(answers, predictor.classes, samples.groups, samples.seed)
        return Evaluation(measures, {"per_class": each})

    def scores(self, predictor: Predictor, answers: Answers | ObjectAnswers) -> NDArray[np.float64]:
        """Each image's Dice."""
        return answers.dice

    def report(
        self, session: Session, trained: Trained, predictor: Predictor, answers: Answers | ObjectAnswers,
        evaluated: Mapping[str, Evaluation],
    ) -> Report:  # fmt: skip
        if isinstance(answers, ObjectAnswers):
            pictures = object_cases(predictor, session.dataset, answers, partial(mask_of, predictor))
            sections = [objects_section(measures_of(evaluated)[0]), pictures]
            return Report(objects_csv(session.dataset, answers), sections)
        totals = {"confusion": torch.from_numpy(answers.confusions.sum(axis=0))}
        return Report(
            predictions=predictions_csv(session.dataset, answers),
            sections=[
                segmentation_section(*measures_of(evaluated)),
                cases(session, predictor, answers),
                *session.objective.sections(session.dataset.classes, totals),
            ],
        )

    def asked(self, predictor: Predictor, outputs: Tensor, about: str) -> tuple[Tensor, list[str]]:
        """The mean logit of the class over the pixels that are given to it, or of all where there are none.

        Without ``about`` the class of the largest area, the background left out. After Vinogradova et al. 2020.
        """
        classes = predictor.classes
        predicted = torch.nn.functional.one_hot(outputs.argmax(1), len(classes)).flatten(1, -2)  # (B, pixels, K)
        area = predicted.sum(1)
        first = min(first_counted(classes), len(classes) - 1)
        named = position(about, classes)
        index = area[:, first:].argmax(1) + first if named is None else torch.full((len(outputs),), named)
        where = predicted.gather(2, index[:, None, None].expand(-1, predicted.shape[1], 1))[..., 0].to(outputs.dtype)
        where = torch.where(where.sum(1, keepdim=True) > 0, where, torch.ones_like(where))
        rows = torch.arange(len(outputs))
        scores = (outputs[rows, index].flatten(1) * where).sum(1) / where.sum(1)
        shares = area[rows, index] / predicted.shape[1]
        return scores, [
            f"{classes[k]} {share:.1%} of the pixels" for k, share in zip(index.tolist(), shares, strict=True)
        ]

    def shown(self, predictor: Predictor, pixels: Array, outputs: Tensor) -> Shown:
        mask = outputs[0].argmax(0).to(torch.uint8).numpy()
        if not of_objects(predictor):
            return Shown(mask=mask)
        found = objects_of(predictor, mask)
        return Shown((Value("objects", counts(found)["objects"]),), mask=coloured(found), objects=True)

    def in_memory(self, predictor: Predictor, images: Sequence[Array], names: Sequence[str]) -> Array | list[Array]:
        """(H, W) of each image at its own size: the class of each pixel, or the number of its object (0: none)."""
        pairs = zip(images, names, strict=True)
        masks = [mask_of(predictor, image, name, header_in_memory(image)) for image, name in pairs]
        return [objects_of(predictor, mask) for mask in masks] if of_objects(predictor) else masks

    def predict(self, predictor: Predictor, paths: Sequence[Path], out: Path | None, advance: Advance) -> Predicted:
        """Areas of each class in pixels, or counts of objects; with ``out``, a new folder, ``masks`` and ``overlays`` too."""
        rows: list[dict[str, Any]] = []
        objects: list[tuple[Any, ...]] = []
        written: list[Path] = []
        preprocessing, classes = predictor.preprocessing, predictor.classes
        if out is not None:
            out.mkdir(parents=True)
        for path, name in zip(paths, names_of(paths), strict=True):
            row: dict[str, Any] = {"path": str(path), "skipped": ""}
            try:
                stored, header = read(path, preprocessing)
                mask = mask_of(predictor, stored, str(path), header)
                if of_objects(predictor):
                    found = objects_of(predictor, mask)
                    objects += object_rows(str(path), found)
                    counted, label = counts(found), labels_png(found, str(path))
                    mask, colours = coloured(found), COLOURS
                else:
                    counted, label, colours = areas(mask, classes), index_png(mask, len(classes)), len(classes)
            except BadImage as error:
                row["skipped"] = error.what
            else:
                row |= counted
                if out is not None:
                    pictures = {"masks": label, "overlays": overlay_png(stored, mask, preprocessing, colours)}
                    written += [put(out / folder / name, content) for folder, content in pictures.items()]
            rows.append(row)
            advance(1)
        if out is not None and of_objects(predictor):
            written.append(put(out / "objects.csv", table_csv(objects)))
        nothing = np.zeros((1, 1), np.int32)
        columns = counts(nothing) if of_objects(predictor) else areas(nothing, classes)
        return Predicted(("path", *columns, "skipped"), tuple(rows), tuple(written))


def of_objects(predictor: Predictor) -> bool:
    """Whether single objects are told apart."""
    return "smallest" in predictor.facts


def overlay_png(stored: Array, mask: Array, preprocessing: Preprocessing, classes: int) -> bytes:
    """The classes' colours over the image, as PNG; of a very large one every n-th pixel."""
    step = max(1, round((mask.size / MOST_SHOWN) ** 0.5))
    picture = grey_levels(stored[::step, ::step].transpose(2, 0, 1), preprocessing.low, preprocessing.high)
    return png(Image.fromarray(overlay(picture, mask[::step, ::step], classes)))


def areas(mask: Array, classes: Sequence[str]) -> dict[str, int]:
    """Pixels of each class."""
    pixels = np.bincount(mask.reshape(-1), minlength=len(classes)).tolist()
    return {f"area: {label}": area for label, area in zip(classes, pixels, strict=True)}


def cases(session: Session, predictor: Predictor, test: Answers) -> Section:
    """Pictures of the worst, the middle and the best test images by their Dice, at the network's size."""
    known = np.flatnonzero(~np.isnan(test.dice))
    order = known[np.argsort(test.dice[known], kind="stable")]
    third = min(SHOWN, len(order) // 3) if len(order) >= 3 else len(order)
    middle = max(third, (len(order) - third) // 2)
    chosen = (order[:third], order[middle : middle + third], order[::-1][: third if len(order) >= 3 else 0])
    worst, median, best = (_pictured(session, predictor, test, places) for places in chosen)
    return cases_section(worst, median, best, session.dataset.classes)


def _pictured(session: Session, predictor: Predictor, test: Answers, places: Array) -> list[Case]:
    preprocessing, dataset, found = session.preprocessing, session.dataset, []
    assert dataset.masks is not None
    for place in places.tolist():
        index = int(test.samples[place])
        pixels = torch.as_tensor(next(iter(session.loader.store.stream([np.array([index])]))))
        predicted = predictor.of_pixels(pixels)[0].argmax(0)
        picture = grey_levels(pixels[0].cpu().numpy(), preprocessing.low, preprocessing.high)
        truth = dataset.masks.fitted(index, preprocessing.size, preprocessing.fit)
        name = str(dataset.names[index])
        found.append(case(name, picture, truth, predicted, len(dataset.classes), float(test.dice[place])))
    return found
