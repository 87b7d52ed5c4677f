"""Where the objects are (``--objects``: masks or boxes of the same images, in any form that neocog reads), and how much of a map
lies there.

Letters: n samples, H × W pixels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.data.dataset import Dataset
from neocog.data.masks import IGNORED, fit_mask
from neocog.errors import UserError
from neocog.robustness.shortcuts.looked import Looked
from neocog.robustness.shortcuts.saliency import maps
from neocog.robustness.subject import Subject

SAMPLES = 64
AREA = "area"
FORMS = "images with masks, or with boxes, as `neocog audit` reads them"


def named(subject: Subject) -> tuple[Dataset, Mapping[int, int]] | None:
    """The data set of ``--objects``, and which of its samples is which of the run's; None: none was named.

    Raises UserError where that has no masks and no boxes, or none of the samples that are tried.
    """
    place = subject.options.get("objects")
    if place is None:
        return None
    read = subject.reread(data=str(place), task="auto", columns=(), levels="", groups="", targets=(), label_field="")
    if read.masks is None and read.boxes is None:
        what = f"--objects {place} was read as {read.kind}, which says of no pixel whether it is of an object"
        raise UserError(what, fix=f"give {FORMS}")
    there = matched([str(name) for name in subject.dataset.names], [str(name) for name in read.names])
    if not there:
        what = f"--objects {place} has none of the run's images: {read.names[0]} there, {subject.dataset.names[0]} here"
        raise UserError(what, fix="let files have the same names, whatever their folders and endings are")
    return read, there


def matched(names: list[str], others: list[str]) -> dict[int, int]:
    """{place in ``names``: place in ``others``} of the same name, without folders and ending; what occurs twice is left out."""
    here, there = ([PurePosixPath(name).stem for name in each] for each in (names, others))
    once = {stem for stem, count in Counter(there).items() if count == 1}
    twice = {stem for stem, count in Counter(here).items() if count > 1}
    place = {stem: i for i, stem in enumerate(there)}
    return {i: place[stem] for i, stem in enumerate(here) if stem in once - twice}


def fitted(read: Dataset, index: int, subject: Subject) -> NDArray[np.uint8]:
    """(H, W) as the network sees it: 1 on an object, 0 beside all, 255 where it does not count."""
    size, fit = subject.preprocessing.size, subject.preprocessing.fit
    if read.masks is not None:
        mask = read.masks.fitted(index, size, fit)
        return np.where(mask == IGNORED, IGNORED, mask > 0).astype(np.uint8)
    assert read.boxes is not None
    drawn = np.zeros(read.boxes.sizes[index], np.uint8)
    part = slice(read.boxes.first[index], read.boxes.first[index + 1])
    for corners, ignored in zip(read.boxes.corners[part], read.boxes.ignored[part], strict=True):
        left, top, right, bottom = (round(each) for each in corners.clip(0).tolist())
        drawn[top:bottom, left:right] = IGNORED if ignored else 1
    return fit_mask(drawn, size, fit)


def inside(shown: Tensor, objects: Tensor) -> Tensor:
    """(n,) the share of what each of ``shown`` (n, H, W) names that lies on the object; NaN of one that names nothing.
    ``objects`` (n, H, W): 1 on it, 0 beside it, 255 does not count."""
    weight = shown.double().clamp(min=0) * (objects != IGNORED)
    return (weight * (objects == 1)).sum((1, 2)) / weight.sum((1, 2))


def on_objects(subject: Subject, looked: Looked) -> dict[str, list[float]]:
    """{method: (m,) how much of its maps lies on objects}, of those samples whose object is in sight; "area": of a map that
    is the same everywhere. {} without ``--objects``, or where none of the samples has any."""
    found = named(subject)
    if found is None:
        return {}
    read, there = found
    known = [position for position in looked.positions.tolist() if position in there]
    drawn = {position: fitted(read, there[position], subject) for position in known}
    kept = [position for position, each in drawn.items() if (each == 1).any()][:SAMPLES]
    if not kept:
        return {}
    objects = torch.from_numpy(np.stack([drawn[position] for position in kept]))
    pixels = torch.from_numpy(np.stack([looked.fitted(looked.stored(position)) for position in kept])).float()
    chosen = torch.from_numpy(subject.predictor.of_pixels(pixels).argmax(axis=1))
    shown = {**maps(subject, subject.predictor.network, pixels, chosen), AREA: torch.ones(objects.shape)}
    return {name: inside(each, objects).tolist() for name, each in shown.items()}
