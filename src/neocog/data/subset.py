"""A part of a data set, as a data set of its own; and classes set aside to be unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import ArrayImages, Dataset
from neocog.data.images import FileImages
from neocog.data.names import Names
from neocog.errors import UserError, count, listed

LEAST = 4  # classes set aside: half of them set the threshold, the others test it


def subset(data: Dataset, indices: NDArray[np.int64]) -> Dataset:
    """The samples at ``indices`` with the classes that they have. Raises UserError for masks, which go with their images."""
    names = Names(data.names[i] for i in indices.tolist())
    images: Any = data.images
    if isinstance(images, ArrayImages):
        images = replace(images, array=images.array[indices], names=names)
    elif isinstance(images, FileImages):
        same = images.files is data.names
        seen = None if images.recorded is None else [images.recorded[i] for i in indices.tolist()]
        files = names if same else Names(images.files[i] for i in indices.tolist())
        images = replace(images, files=files, recorded=seen)
    else:
        raise UserError(f"{data.kind}: no part can be taken of these data")
    present, labels = np.unique(data.labels[indices], return_inverse=True)
    return replace(
        data,
        names=names,
        images=images,
        labels=labels.astype(np.int64),
        classes=tuple(data.classes[k] for k in present.tolist()),
        splits=None if data.splits is None else data.splits[indices],
        groups=None if data.groups is None else data.groups[indices],
        weights=None if data.weights is None else data.weights[indices],
    )


def set_aside(data: Dataset, every: int) -> tuple[Dataset, Dataset | None]:
    """The known classes, and every ``every``-th class in their order, which no network is to see; 0: none.

    Raises UserError where too few classes would be left on either side.
    """
    if not every:
        return data, None
    chosen = np.arange(0, len(data.classes), every)
    known = len(data.classes) - len(chosen)
    if len(chosen) < LEAST or known < 2:
        what = f"--unseen {every} sets {len(chosen)} of {len(data.classes)} classes aside and leaves {known}"
        raise UserError(what, fix=f"at least {LEAST} are needed to be set aside, and 2 to be learned")
    away = np.isin(data.labels, chosen)
    aside = subset(data, np.flatnonzero(away))
    note = (
        f"{count(aside.classes, 'class')} ({count(aside, 'sample')}) are set aside as unknown: {listed(aside.classes)}"
    )
    kept = subset(data, np.flatnonzero(~away))
    return replace(kept, notes=(*kept.notes, note)), aside
