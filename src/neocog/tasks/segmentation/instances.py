"""Single objects (``--instances``): found in the masks of background, interior and border, compared, counted, written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from neocog.data.cells import csv_of
from neocog.data.dataset import Array, BadImage, Dataset
from neocog.data.objects import ObjectMasks, separated
from neocog.metrics.objects import Matched, match, object_measures
from neocog.metrics.segmentation import dice, mask_confusion, mean_measure
from neocog.predictor import Predictor
from neocog.records import Measure, Section
from neocog.tasks.masks import png
from neocog.tasks.segmentation.objects import object_cases_section, pair
from neocog.tasks.segmentation.report import grey_levels

SHOWN = 4  # cases of each kind
LOOKED_AT = 64  # training masks from which the smallest object is known
MOST_OBJECTS = 65535  # that a PNG of 16 bits can number
COLUMNS = ("image", "object", "area", "row", "column")


@dataclass(frozen=True)
class ObjectAnswers:
    """Of the images ``samples`` (n,): their matched objects, and pixels (n, 2, 2) of background and objects."""

    samples: NDArray[np.int64]
    matched: list[Matched]
    confusions: NDArray[np.int64]

    @property
    def dice(self) -> NDArray[np.float64]:
        """(n,) of what is object, whichever."""
        found: NDArray[np.float64] = dice(self.confusions)[:, 1]
        return found


def smallest(masks: ObjectMasks, train: NDArray[np.int64]) -> list[int]:
    """Half of [the pixels of nearly the smallest training object, those of its interior]: what is below is noise."""
    areas, cores = [], []
    for index in train[:: -(-len(train) // LOOKED_AT)].tolist():
        objects = masks.objects(index)
        inside = masks.read(index) == 1
        areas.append(np.bincount(objects[objects > 0])[1:])
        cores.append(np.bincount(objects[(objects > 0) & inside], minlength=len(areas[-1]) + 1)[1:])
    known = [np.concatenate(sizes) for sizes in (areas, cores)]
    return [max(1, int(np.percentile(sizes[sizes > 0], 1) / 2)) if (sizes > 0).any() else 1 for sizes in known]


def objects_of(predictor: Predictor, classes: Array) -> Array:
    """(H, W) int32 objects of a predicted mask of background, interior and border."""
    return separated(classes, *predictor.facts["smallest"])


def compared_objects(
    predictor: Predictor, dataset: Dataset, found: Iterable[tuple[int, Array]], positions: NDArray[np.int64]
) -> ObjectAnswers:
    """``found``: (position in the data, predicted mask (H, W)) of every sample at ``positions`` (n,), in any order."""
    assert isinstance(dataset.masks, ObjectMasks)
    rows: dict[int, tuple[Matched, Array]] = {}
    for index, classes in found:
        truth, objects = dataset.masks.objects(index), objects_of(predictor, classes)
        kinds = np.where(truth < 0, 255, truth > 0)
        rows[index] = match(truth, objects), mask_confusion(kinds, objects > 0, 2)
    ordered = [rows[index] for index in positions.tolist()]
    confusions = np.array([counts for _, counts in ordered], np.int64).reshape(-1, 2, 2)
    return ObjectAnswers(positions, [matched for matched, _ in ordered], confusions)


def measured_objects(found: ObjectAnswers, groups: Array | None, seed: int) -> dict[str, Measure]:
    """F1 of objects first, then counts, and the Dice of what is object."""
    return object_measures(found.matched, groups, seed) | {"image_dice": mean_measure(found.dice, groups, seed)}


def objects_csv(dataset: Dataset, test: ObjectAnswers) -> str:
    """One row a test image: objects there are, found, matched at an overlap of 0.5, F1, and the Dice of all together."""
    rows = []
    for index, one, overlap in zip(test.samples, test.matched, test.dice, strict=True):
        cells = ("" if np.isnan(value) else float(value) for value in (one.f1, overlap))
        rows.append([str(dataset.names[index]), one.true, one.found, int(one.hits[0]), *cells])
    return csv_of(("path", "objects", "found", "matched", "f1", "dice"), rows)


def object_cases(predictor: Predictor, dataset: Dataset, test: ObjectAnswers, classes_of: Any) -> Section:
    """Pictures of the worst and the best test images by their F1. ``classes_of``: stored pixels and name → predicted mask."""
    assert isinstance(dataset.masks, ObjectMasks)
    f1 = np.array([one.f1 for one in test.matched])
    order = np.flatnonzero(~np.isnan(f1))[np.argsort(f1[~np.isnan(f1)], kind="stable")]
    half = min(SHOWN, -(-len(order) // 2))
    chosen = order[:half], order[half:][::-1][:SHOWN]

    def shown(place: int) -> tuple[str, str]:
        index, one = int(test.samples[place]), test.matched[place]
        stored, preprocessing = dataset.images.read(index), predictor.preprocessing
        objects = objects_of(predictor, classes_of(stored, str(dataset.names[index])))
        picture = grey_levels(stored.transpose(2, 0, 1), preprocessing.low, preprocessing.high)
        assert isinstance(dataset.masks, ObjectMasks)
        text = f"F1 {one.f1:.3f}, {one.found} found of {one.true}\n{dataset.names[index]}"
        return pair(picture, dataset.masks.objects(index), objects), text

    worst, best = ([shown(place) for place in places.tolist()] for places in chosen)
    return object_cases_section(worst, best)


def labels_png(objects: Array, name: str) -> bytes:
    """A PNG of 16 bits whose pixel values number the objects. Raises BadImage for more than it can number."""
    if objects.max(initial=0) > MOST_OBJECTS:
        raise BadImage(f"{objects.max()} objects, more than a PNG can number", name, "cut the image into parts")
    return png(Image.fromarray(objects.astype(np.uint16)))


def counts(objects: Array) -> dict[str, int]:
    """How many objects (H, W) are, and how many pixels they have together."""
    return {"objects": int(objects.max()), "area": int((objects > 0).sum())}


def object_rows(name: str, objects: Array) -> list[tuple[Any, ...]]:
    """(image, number, pixels, row and column of its middle) of each object."""
    numbers = np.arange(1, int(objects.max(initial=0)) + 1)
    areas = np.bincount(objects.reshape(-1), minlength=len(numbers) + 1)[1:]
    middles = ndimage.center_of_mass(objects > 0, objects, numbers) if len(numbers) else []
    return [
        (name, int(number), int(area), round(float(row), 2), round(float(column), 2))
        for number, area, (row, column) in zip(numbers, areas, middles, strict=True)
    ]


def table_csv(rows: Sequence[tuple[Any, ...]]) -> str:
    """``object_rows`` of all images."""
    return csv_of(COLUMNS, rows)
