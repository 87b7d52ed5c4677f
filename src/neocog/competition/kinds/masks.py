"""A mask for each image, scored by Dice: the mean over the images of each one's mean over its classes."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import Module

from neocog.competition.kinds.kind import Given, Kind, Points
from neocog.competition.result import Failed
from neocog.data.dataset import Array, Dataset
from neocog.data.objects import ObjectMasks
from neocog.data.unchanged import mask_digest
from neocog.errors import UserError
from neocog.metrics.segmentation import mask_confusion
from neocog.predictor import Predictor
from neocog.records import Measure, Section, Table
from neocog.tasks.masks import Answers, counts_of, measured, png
from neocog.tasks.segmentation.objective import first_counted
from neocog.tasks.segmentation.own_size import mask_of

FOLDER, NAMES = "masks", "classes.txt"


class Masks(Kind):
    """Truth (n,): masks as PNGs, 255 where a pixel does not count. Of an answer its confusion matrix (n, K · K) is kept; it
    gives the classes of all pixels, images one after the other, each at its own size."""

    learned: ClassVar[Literal["masks"]] = "masks"
    measure = "image_dice"
    progress = "dice"
    masks = True
    reading = ("ignore=255",)

    @classmethod
    def of(cls, dataset: Dataset, public: NDArray[np.int64]) -> Kind:
        if isinstance(dataset.masks, ObjectMasks):
            raise UserError("compete scores the class of each pixel, not single objects", fix="leave out --instances")
        return cls(dataset.classes)

    @classmethod
    def present(cls, dataset: Dataset, positions: NDArray[np.int64]) -> set[str]:
        assert dataset.masks is not None
        counts = counts_of(dataset.masks, positions, len(dataset.classes)).tolist()
        return {name for name, count in zip(dataset.classes, counts, strict=True) if count}

    @classmethod
    def known(cls, dataset: Dataset, positions: NDArray[np.int64], folder: Path) -> dict[str, list[str]]:
        assert dataset.masks is not None
        (folder / FOLDER).mkdir()
        (folder / NAMES).write_text("".join(f"{name}\n" for name in dataset.classes), encoding="utf-8")
        names = [f"{FOLDER}/{number:06d}.png" for number in range(1, len(positions) + 1)]
        for name, index in zip(names, positions.tolist(), strict=True):
            (folder / name).write_bytes(png(Image.fromarray(dataset.masks.read(index))))
        return {"mask": names}

    @classmethod
    def texts(cls, dataset: Dataset, positions: NDArray[np.int64]) -> list[str]:
        assert dataset.masks is not None
        return [f"{dataset.classes} {mask_digest(dataset.masks.read(i))}" for i in positions.tolist()]

    def truth(self, columns: Sequence[Sequence[str]], read: Callable[[str], bytes]) -> NDArray[Any]:
        return np.array([read(name) for name in columns[0]], object)

    @classmethod
    def answers(cls, predictor: Predictor, dataset: Dataset) -> tuple[Sequence[str], Array]:
        predictor.network.register_forward_hook(_insist_on_numbers)
        found = [mask_of(predictor, dataset.images.read(i), str(name)) for i, name in enumerate(dataset.names)]
        return predictor.classes, np.concatenate([mask.reshape(-1) for mask in found])

    def rows(self, names: Sequence[str], given: Array, truth: NDArray[Any]) -> Array:
        if sorted(names) != sorted(self.names):
            raise Failed("answers", "it answers with other classes than the masks have")
        masks = [np.asarray(Image.open(io.BytesIO(content))) for content in truth]
        ends = np.cumsum([mask.size for mask in masks])
        if given.shape != (ends[-1],) or given.dtype != np.uint8:
            raise Failed("answers", f"its answers are not the classes of {ends[-1]:,} pixels")
        if given.max() >= len(names):
            raise Failed("answers", f"it answers with class {given.max()}, of {len(names)}")
        own = np.array([self.names.index(name) for name in names], np.uint8)[given]
        pieces = zip(masks, np.split(own, ends[:-1]), strict=True)
        return np.stack([mask_confusion(mask.reshape(-1), one, len(names)).reshape(-1) for mask, one in pieces])

    def answered(self, rows: Array) -> Answers:
        """As the task has them; boundaries are not measured."""
        k, n = len(self.names), len(rows)
        counts = rows.astype(np.int64).reshape(n, k, k)
        return Answers(np.arange(n), counts, np.full(n, np.nan), first_counted(self.names))

    def points(self, rows: Array, truth: NDArray[Any]) -> Points:
        return self.answered(rows).dice

    def measured(self, rows: Array, truth: NDArray[Any], groups: Array | None) -> Measure:
        return measured(self.answered(rows), self.names, groups, 0)[0][self.measure]

    def sections(self, given: Given, truth: NDArray[Any]) -> list[Section]:
        """Each class's Dice, of all pixels together."""
        each = [measured(self.answered(rows), self.names, None, 0)[1] for _, rows in given]
        rows: list[tuple[str | float, ...]] = [
            (name, *(found[name]["dice"].value for found in each)) for name in self.names
        ]
        table = Table(
            ("class", *(name for name, _ in given)), tuple(rows), "Dice of each class, of all pixels together."
        )
        return [Section("Results by class", (table,), "classes")]

    def caption(self, place: int, given: Given, truth: NDArray[Any]) -> str:
        dice = [(float(self.answered(rows[place : place + 1]).dice[0]), name) for name, rows in given]
        best, name = max((one for one in dice if not np.isnan(one[0])), default=(np.nan, ""))
        return f"Dice {best:.3f}\nat best, by {name}"


def _insist_on_numbers(network: Module, inputs: Any, scores: Tensor) -> None:
    """Raise UserError for scores (B, K, H, W) among which no largest one can be told."""
    if not bool(scores.isfinite().all()):
        raise UserError("scores that are NaN or infinite", fix="forward returns finite numbers")
