"""Masks around the loop: streamed from disk, evaluated at their own size, written as rows and pictures."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from neocog.data.cells import csv_of
from neocog.data.dataset import Array, Dataset, Masks, reading
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError, listed
from neocog.metrics.segmentation import dice, hd95, iou, mask_confusion, mean_measure, segmentation_measures
from neocog.records import Measure
from neocog.tasks.segmentation.objective import first_counted
from neocog.tasks.segmentation.report import palette

MOST_DISTANCES = 2000  # images × classes up to which boundary distances are measured


@dataclass(frozen=True)
class StreamedMasks:
    """Masks read and fitted when they are needed."""

    masks: Masks
    preprocessing: Preprocessing
    workers: int = 2

    def stream(self, wanted: Iterable[NDArray[np.int64]]) -> Iterator[Array | Tensor]:
        with ThreadPoolExecutor(max(1, self.workers), "masks") as pool:
            for indices in wanted:
                yield np.stack(list(pool.map(self._one, indices.tolist())))

    def _one(self, index: int) -> Array:
        with reading(self.masks, index):
            return self.masks.fitted(index, self.preprocessing.size, self.preprocessing.fit)


@dataclass(frozen=True)
class Answers:
    """Counts of pixels (n, K, K) of the images ``samples`` (n,), and the mean HD95 of each (n,), NaN where undefined."""

    samples: NDArray[np.int64]
    confusions: NDArray[np.int64]
    distances: NDArray[np.float64]
    first: int  # class from which on the means count

    @property
    def dice(self) -> NDArray[np.float64]:
        """(n,) mean over each image's classes; NaN where there is none to find and none was found."""
        return row_means(dice(self.confusions)[:, self.first :])


def compared(
    dataset: Dataset, classes: Sequence[str], found: Iterable[tuple[int, Array]], positions: NDArray[np.int64]
) -> Answers:
    """``found``: (position in the data, mask (H, W)) of every sample at ``positions`` (n,), in any order.

    ``classes``: the run's, by whose numbers the found masks are numbered. Raises UserError.
    """
    assert dataset.masks is not None
    first, k = first_counted(classes), len(classes)
    measured = len(positions) * (k - first) <= MOST_DISTANCES
    place = {index: row for row, index in enumerate(positions.tolist())}
    confusions, distances = np.zeros((len(place), k, k), np.int64), np.full(len(place), np.nan)
    order, table = class_order(dataset, classes), np.arange(256, dtype=np.uint8)
    table[: len(order)] = order
    for index, predicted in found:
        truth = table[dataset.masks.read(index)]
        if truth.shape != predicted.shape:
            sizes = [" × ".join(map(str, shape)) for shape in (truth.shape, predicted.shape)]
            raise UserError(
                f"a mask of {sizes[0]} for an image of {sizes[1]}", str(dataset.names[index]), "give it another"
            )
        confusions[place[index]] = mask_confusion(truth, predicted, k)
        masked = np.where(truth == 255, 255, predicted)
        each = [hd95(truth == c, masked == c) for c in range(first, k)] if measured else [np.nan]
        distances[place[index]] = row_means(np.array([each]))[0]
    return Answers(positions, confusions, distances, first)


def row_means(values: Array) -> NDArray[np.float64]:
    """(n, J) → (n,) means of what is defined; NaN where nothing is."""
    defined = ~np.isnan(values)
    count = defined.sum(axis=1)
    sums = np.where(defined, values, 0.0).sum(axis=1)
    means: NDArray[np.float64] = np.where(count > 0, sums / np.maximum(count, 1), np.nan)
    return means


def measured(
    found: Answers, classes: Sequence[str], groups: Array | None, seed: int
) -> tuple[dict[str, Measure], dict[str, dict[str, Measure]]]:
    """Measures, mean Dice over images first, and those of each class."""
    every = segmentation_measures(found.confusions, classes, groups, found.first == 0, seed)
    measures = {"image_dice": mean_measure(found.dice, groups, seed)}
    measures |= {name: value for name, value in every.items() if ": " not in name and name not in measures}
    if not np.isnan(found.distances).all():
        measures["hd95"] = mean_measure(found.distances, groups, seed, "positive")
    each = {name: {key: every[f"{key}: {name}"] for key in ("dice", "iou")} for name in classes}
    return measures, each


def class_order(dataset: Dataset, classes: Sequence[str]) -> NDArray[np.int64]:
    """(K′,) the run's number of each class of the data. Raises UserError for classes that the run does not know."""
    unknown = [name for name in dataset.classes if name not in classes]
    if unknown:
        raise UserError(f"the run does not know the classes {listed(unknown)}", fix=f"it knows {listed(classes, 30)}")
    return np.array([list(classes).index(name) for name in dataset.classes], np.int64)


def predictions_csv(dataset: Dataset, test: Answers) -> str:
    """One row a test image: its mean Dice, its HD95, and Dice and IoU of each class; blank where undefined."""
    rows, heads = [], [f"{key}: {name}" for name in dataset.classes for key in ("dice", "iou")]
    each = np.stack([dice(test.confusions), iou(test.confusions)], axis=-1).reshape(len(test.samples), -1)
    for index, mean, distance, values in zip(test.samples, test.dice, test.distances, each, strict=True):
        cells = ("" if np.isnan(value) else float(value) for value in (mean, distance, *values))
        rows.append([str(dataset.names[index]), *cells])
    return csv_of(("path", "dice", "hd95", *heads), rows)


def index_png(mask: Array, classes: int) -> bytes:
    """A palette PNG whose pixel values are the class numbers, in the colours of the report."""
    image = Image.fromarray(mask, "L").convert("L")
    image.putpalette(palette(classes).tobytes())
    return png(image)


def png(image: Image.Image, level: int = 6) -> bytes:
    """``level``: of compression, 0 to 9; of photographs 3 takes a third of the time of 6, and a tenth more bytes."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=level)
    return file.getvalue()


def names_of(paths: Sequence[Path]) -> list[Path]:
    """Relative names for the masks of these files: the inputs' own, as .png, below their common folder; all different."""
    absolute = [path.absolute() for path in paths]
    shared = absolute[0].parent if absolute else Path()
    while not all(path.is_relative_to(shared) for path in absolute):
        shared = shared.parent
    names: list[Path] = []
    taken: set[Path] = set()
    for path in absolute:
        inside = path.relative_to(shared)
        name = inside.with_suffix(".png")
        if name in taken:
            name = inside.with_name(f"{inside.name}.png")  # a.jpg beside a.tif
        taken.add(name)
        names.append(name)
    return names


def counts_of(masks: Masks, samples: NDArray[np.int64], classes: int) -> torch.Tensor:
    """(K,) pixels of each class in the masks of these samples."""
    total = np.zeros(256, np.int64)
    for index in samples.tolist():
        total += np.bincount(masks.read(index).reshape(-1), minlength=256)
    return torch.from_numpy(total[:classes])
