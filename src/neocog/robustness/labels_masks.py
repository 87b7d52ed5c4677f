"""Part ``labels`` of masks: the regions, or single objects, of the run's own predictions beside the given ones."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neocog.data.dataset import Array, Dataset
from neocog.data.objects import ObjectMasks
from neocog.metrics.label_quality import soft_minimum
from neocog.metrics.region_labels import RegionDoubt, Regions, region_doubts
from neocog.predictor import Predictor
from neocog.robustness.labels_drawn import Checked, listed_files
from neocog.robustness.labels_drawn_report import SIDE, Doubtful, Image
from neocog.robustness.subject import Subject
from neocog.tasks.detection.pictures import TRUE, WRONG, around, picture_of
from neocog.tasks.evaluation import Samples
from neocog.tasks.segmentation.regions import contrast, drawn, least_region, outline


@dataclass(frozen=True)
class Masks:
    what: str = "regions"

    def checked(self, predictor: Predictor, samples: Samples) -> Checked:
        dataset, found = samples.dataset, Checked([], [])
        objects = isinstance(dataset.masks, ObjectMasks)
        classes = ("", "object") if objects else predictor.classes
        least = least_region(predictor, dataset, samples.positions)
        for index in samples.positions.tolist():
            name, each = str(dataset.names[index]), contrast(predictor, dataset, index, least)
            known = each.probable[~np.isnan(each.probable)]
            quality = soft_minimum(known) if known.size else None
            labels = int((np.bincount(each.given.numbers[each.given.numbers > 0]) > 0).sum())
            found.images.append(Image(index, name, quality, labels))
            for doubt in region_doubts(each.given, each.seen, each.probable, each.least):
                called = [_called(classes, *of) for of in ((each.given, doubt.given), (each.seen, doubt.seen))]
                found.doubts.append(_doubtful(doubt, index, name, *called))
        return found

    def picture(self, predictor: Predictor, dataset: Dataset, doubt: Doubtful) -> Array:
        each = contrast(predictor, dataset, doubt.position, 1)
        picture = picture_of(dataset.images.read(doubt.position), predictor.preprocessing)
        sides = ((each.given.numbers, TRUE), (each.seen.numbers, WRONG))
        lines = [(outline(of, n), colour) for (of, colour), n in zip(sides, doubt.numbers, strict=True) if n]
        return around(drawn(picture, lines), np.array(doubt.around, np.float64), [], SIDE)

    def correcting(self, subject: Subject, positions: Sequence[int]) -> str:
        """The masks of these images, and ``predict`` to look at beside."""
        dataset = subject.dataset
        assert dataset.masks is not None
        images, masks = (listed_files(dataset, each, positions) for each in (dataset.images, dataset.masks))
        run, data = (shlex.quote(str(each)) for each in (subject.run.folder, subject.config.data.data))
        return (
            f"`neocog predict {run} {images} --out seen` writes what the network sees in these images (seen/masks, and over the "
            f"images in seen/overlays). Correct the labels in the program that they were drawn with, here {masks}, and train "
            f"again: `neocog train {data}`, with the settings of this run."
        )


def _called(classes: tuple[str, ...], of: Regions, number: int) -> str:
    return classes[int(of.classes[number])] if number else ""


def _doubtful(doubt: RegionDoubt, index: int, name: str, label: str, seen: str) -> Doubtful:
    overlap = doubt.overlap if doubt.given and doubt.seen else None
    numbers = doubt.given, doubt.seen
    return Doubtful(
        index, name, doubt.kind, doubt.quality, label, seen, overlap, doubt.corners, doubt.seen_corners, numbers
    )
