"""Boxes: those that cannot be used, that stand twice or in two classes, that are tiny, and objects that seem to have none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from neocog.data.boxes import Boxes, cut_by
from neocog.data.dataset import Dataset
from neocog.data.records import Records
from neocog.errors import count, listed
from neocog.metrics.detection import overlap
from neocog.records import Finding

SAME = 0.95  # overlap from which on two boxes are of one object
SMALL = 8  # pixels: two cells of 4, the least that a network tells apart
FEW, ENOUGH = 1 / 3, 20  # of the boxes that should be cut by the border, and how many should be at least


def unusable_boxes(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Those without an area, inside out, out of the image, or without a number."""
    faults = _boxes(dataset).faults
    if faults:
        what = f"{count(faults, 'box')} cannot be used; the first: {faults[0].what}"
        advice = "correct them, or --on-bad skip leaves them out"
        yield Finding("error", what, tuple(fault.where for fault in faults), advice)


def repeated_boxes(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """One object with two boxes of its class, or with two classes."""
    boxes = _boxes(dataset)
    twice, torn = dict[str, int](), dict[str, set[str]]()
    for index in range(len(boxes)):
        corners, labels, ignored = boxes.of(index)
        corners, labels = corners[~ignored], labels[~ignored]
        one, other = np.nonzero(np.triu(overlap(corners, corners) > SAME, 1))
        same, name = labels[one] == labels[other], str(dataset.names[index])
        if same.any():
            twice[name] = int(same.sum())
        if not same.all():
            pairs = zip(labels[one[~same]].tolist(), labels[other[~same]].tolist(), strict=True)
            torn[name] = {" and ".join(sorted(dataset.classes[k] for k in pair)) for pair in pairs}
    if twice:
        what = f"{count(sum(twice.values()), 'redundant box')}: two of one class around the same object"
        yield Finding("warning", what, tuple(twice), "remove one of the two: the other counts as missed")
    if torn:
        kinds = listed(sorted(set().union(*torn.values())), 3)
        what = f"objects with boxes of two classes in {count(torn, 'image')} ({kinds})"
        yield Finding("warning", what, tuple(torn), "keep the one that is right")


def small_boxes(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """So narrow that a network hardly sees them, at the images' own size."""
    boxes = _boxes(dataset)
    small = (boxes.sides.min(axis=1, initial=np.inf) < SMALL) & ~boxes.ignored
    if small.any():
        what = f"{int(small.sum()):,} of {len(small):,} boxes are narrower than {SMALL} pixels"
        advice = "a network's cell is 4 pixels or more: enlarge the images with --size, or leave such objects out"
        yield Finding("warning", what, _names(dataset, np.unique(boxes.images[small])), advice)


def border_boxes(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Objects that the image's border cuts have often no box; of those all over an image a known share should touch it."""
    boxes = _boxes(dataset)
    if boxes.open_border:  # --border-ignore: they are left out already
        return
    sizes, sides = boxes.sizes[boxes.images], boxes.sides
    shares = 1 - np.prod(1 - np.minimum(sides / sizes, 1), axis=1)
    near = cut_by(boxes.frames[boxes.images], boxes.corners)
    for label, name in enumerate(dataset.classes):
        own = (boxes.labels == label) & ~boxes.ignored
        expected, found = float(shares[own].sum()), int(near[own].sum())
        if expected >= ENOUGH and found < FEW * expected:
            what = f"{found:,} boxes of {name} touch the border of their image, where about {expected:,.0f} should"
            advice = (
                "objects that the border cuts seem to have no box: with --border-ignore, detections there are no errors"
            )
            yield Finding("note", what, (), advice)


def empty_images(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Images in which nothing is: learned as such."""
    bare = np.flatnonzero(np.diff(_boxes(dataset).first) == 0)
    if len(bare):
        what = f"{len(bare):,} of {len(dataset):,} images have no box: they count as images without objects"
        yield Finding(
            "note", what, _names(dataset, bare), "--without-boxes skip leaves them out where they are not annotated"
        )


def _boxes(dataset: Dataset) -> Boxes:
    assert dataset.boxes is not None
    return dataset.boxes


def _names(dataset: Dataset, indices: NDArray[np.int64]) -> tuple[str, ...]:
    return tuple(str(dataset.names[index]) for index in indices.tolist())
