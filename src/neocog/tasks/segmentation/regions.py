"""The regions of given and of seen masks, image by image, and where they contradict each other.

Letters: H × W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from neocog.data.dataset import Array, Dataset
from neocog.data.masks import IGNORED
from neocog.data.objects import UNKNOWN, ObjectMasks
from neocog.data.readers.mask_look import pieces
from neocog.metrics.region_labels import Regions
from neocog.predictor import Predictor
from neocog.tasks.detection.pictures import Colour
from neocog.tasks.masks import class_order
from neocog.tasks.segmentation.instances import LOOKED_AT, objects_of
from neocog.tasks.segmentation.objective import first_counted
from neocog.tasks.segmentation.own_size import mask_and_probabilities


@dataclass(frozen=True)
class Contrast:
    """Of an image the labelled and the seen regions, and (H, W) the ``probable`` of each pixel's given label; seen regions below
    ``least`` pixels are noise."""

    given: Regions
    seen: Regions
    probable: Array
    least: int


def contrast(predictor: Predictor, dataset: Dataset, index: int, least: int) -> Contrast:
    """Of single objects, or of pieces of the classes of a mask. Raises BadImage."""
    assert dataset.masks is not None
    stored = dataset.images.read(index)
    if isinstance(dataset.masks, ObjectMasks):
        truth = dataset.masks.objects(index)
        mask, probable = mask_and_probabilities(
            predictor, stored, np.where(truth < 0, IGNORED, truth > 0), _object_or_not
        )
        return Contrast(_alike(truth), _alike(objects_of(predictor, mask)), probable, least)
    table, order = np.full(256, IGNORED, np.uint8), class_order(dataset, predictor.classes)
    table[: len(order)] = order
    truth, first = table[dataset.masks.read(index)], first_counted(predictor.classes)
    mask, probable = mask_and_probabilities(predictor, stored, truth)
    return Contrast(regions_of(truth, first), regions_of(mask, first), probable, least)


def regions_of(mask: Array, first: int) -> Regions:
    """The connected pieces of a mask (H, W) of classes, of which those below ``first`` are background."""
    numbers, count = pieces(mask)
    classes = np.zeros(count + 1, np.int64)
    classes[numbers.reshape(-1)] = mask.reshape(-1)
    kept = np.where((classes >= first)[numbers], numbers, 0)
    return Regions(np.where(mask == IGNORED, UNKNOWN, kept), classes)


def least_region(predictor: Predictor, dataset: Dataset, positions: NDArray[np.int64]) -> int:
    """Half the pixels of nearly the smallest labelled region, as for single objects the training has told."""
    if isinstance(dataset.masks, ObjectMasks):
        return int(predictor.facts["smallest"][0])
    assert dataset.masks is not None
    first, areas = first_counted(dataset.classes), [np.zeros(0, np.int64)]
    for index in positions[:: -(-len(positions) // LOOKED_AT)].tolist():
        numbers = regions_of(dataset.masks.read(index), first).numbers
        areas.append(np.bincount(numbers[numbers > 0])[1:])
    known = np.concatenate(areas)
    return max(1, int(np.percentile(known[known > 0], 1) / 2)) if (known > 0).any() else 1


def outline(numbers: Array, number: int) -> NDArray[np.bool_]:
    """(H, W) the pixels of a region at its border."""
    inside = numbers == number
    return np.asarray(inside & ~ndimage.binary_erosion(inside))


def drawn(picture: Array, lines: list[tuple[NDArray[np.bool_], Colour]]) -> Array:
    """(H, W, 3) with pixels in these colours."""
    shown = picture.copy()
    for where, colour in lines:
        shown[where] = colour
    return shown


def _alike(objects: Array) -> Regions:
    return Regions(objects, np.ones(int(objects.max(initial=0)) + 1, np.int64))


def _object_or_not(logits: Array) -> Array:
    """(3, h, w) logits of background, interior and border → (2, h, w)."""
    return np.stack([logits[0], np.logaddexp.reduce(logits[1:], axis=0)])
