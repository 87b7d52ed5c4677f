"""``audit A --against B``: how far annotators agree on the same images, and where they differ most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from neocog.data.dataset import Array, Dataset
from neocog.data.masks import IGNORED
from neocog.errors import UserError, listed, printable
from neocog.metrics.segmentation import cohen_kappa, dice, iou, mask_confusion
from neocog.progress import Progress
from neocog.run import write_atomically
from neocog.tasks.masks import png
from neocog.tasks.segmentation.report import overlay
from neocog.traits import task_of
from neocog.verbs.convert import as_picture
from neocog.verbs.outputs import insist_on_new
from neocog.verbs.session import open_data, settings_for

SHOWN = 6  # pictures of a pair


@dataclass(frozen=True)
class Agreement:
    """Of one pair of annotators, over the pixels of all images that both know and neither ignores."""

    first: str
    second: str
    images: int
    kappa: float
    dice: dict[str, float]  # of each class; NaN where neither uses it
    iou: dict[str, float]
    differing: tuple[tuple[str, float], ...]  # (image, share of its pixels that differ), the worst first


def agreement(sources: Sequence[str | Path], out: Path | None = None, **settings: Any) -> list[Agreement]:
    """Compare two or more folders of images with masks, pair by pair; images are the same where their names are.

    With ``out``, a new folder, the images on which a pair differs most are drawn there: both masks side by side.
    ``settings``: how all of them are read, fields of ``neocog.config.ReadConfig``.
    Raises UserError where classes or sizes differ, or no image is in both.
    """
    insist_on_new(out)
    opened = [(str(source), _opened(source, settings)) for source in sources]
    return [_compared(first, second, out) for first, second in combinations(opened, 2)]


def _opened(source: str | Path, settings: Mapping[str, Any]) -> Dataset:
    return open_data(settings_for(source, {**settings, "task": task_of("masks")}).data, Progress(quiet=True))


def _compared(first: tuple[str, Dataset], second: tuple[str, Dataset], out: Path | None) -> Agreement:
    (name_a, a), (name_b, b) = first, second
    if a.classes != b.classes:
        where = f"{name_a}: {listed(a.classes)}; {name_b}: {listed(b.classes)}"
        raise UserError("the annotators have different classes", printable(where), "give both one classes.txt")
    known = {PurePosixPath(name).stem: index for index, name in enumerate(b.names)}
    pairs = [(i, known[stem]) for i, name in enumerate(a.names) if (stem := PurePosixPath(name).stem) in known]
    if not pairs:
        raise UserError("no image is in both", printable(f"{name_a} and {name_b}"), "images are compared by name")
    k = len(a.classes)
    matrices = np.stack([_confusion(a, b, i, j, k) for i, j in pairs])
    counted = np.maximum(matrices.sum(axis=(1, 2)), 1)
    differ = 1 - np.trace(matrices, axis1=1, axis2=2) / counted
    worst = [int(at) for at in np.argsort(-differ, kind="stable")[:SHOWN] if differ[at] > 0]
    for rank, at in enumerate(worst if out is not None else []):
        assert out is not None
        out.mkdir(parents=True, exist_ok=True)
        stem = PurePosixPath(a.names[pairs[at][0]]).stem
        write_atomically(
            out / f"{rank + 1}-{stem}-{Path(name_a).name}-{Path(name_b).name}.png", _picture(a, b, *pairs[at], k)
        )
    total = matrices.sum(axis=0)
    return Agreement(
        name_a, name_b, len(pairs), float(cohen_kappa(total)),
        dict(zip(a.classes, dice(total).tolist(), strict=True)), dict(zip(a.classes, iou(total).tolist(), strict=True)),
        tuple((str(a.names[pairs[at][0]]), float(differ[at])) for at in worst),
    )  # fmt: skip


def _masks(a: Dataset, b: Dataset, i: int, j: int) -> tuple[Array, Array]:
    """Both masks of one image, 255 wherever one of them does not count."""
    assert a.masks is not None and b.masks is not None
    first, second = a.masks.read(i), b.masks.read(j)
    if first.shape != second.shape:
        raise UserError(f"masks of {first.shape} and {second.shape} for one image", printable(str(a.names[i])))
    ignored = (first == IGNORED) | (second == IGNORED)
    return np.where(ignored, IGNORED, first).astype(np.uint8), np.where(ignored, IGNORED, second).astype(np.uint8)


def _confusion(a: Dataset, b: Dataset, i: int, j: int, classes: int) -> Array:
    return mask_confusion(*_masks(a, b, i, j), classes)


def _picture(a: Dataset, b: Dataset, i: int, j: int, classes: int) -> bytes:
    picture = as_picture(a.images.read(i))
    return png(Image.fromarray(np.hstack([overlay(picture, mask, classes) for mask in _masks(a, b, i, j)])))
