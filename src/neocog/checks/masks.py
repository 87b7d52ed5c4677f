"""Masks: classes that never occur or hardly ever, empty masks, masks that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from neocog.data.dataset import Dataset
from neocog.data.masks import ScannedMasks
from neocog.errors import count, listed, printable
from neocog.records import Finding

RARE = 0.001  # share of all pixels


def mask_contents(dataset: Dataset, found: ScannedMasks) -> Iterator[Finding]:
    """Pixel shares of the classes, and masks without anything but class 0."""
    skipped = {out.name for out in dataset.left_out}
    broken = {index: error for index, error in found.errors.items() if dataset.names[index] not in skipped}
    if broken:
        what = f"{count(broken, 'mask')} cannot be read; the first: {next(iter(broken.values())).what}"
        yield Finding("error", what, tuple(dataset.names[index] for index in broken), "correct or remove them")
    pixels = found.counts.sum(axis=0, dtype=np.int64)
    shares = pixels / max(int(pixels.sum()), 1)
    yield Finding("note", f"share of the pixels: {_shares(dataset.classes, shares)}")
    absent = [name for name, share in zip(dataset.classes, shares, strict=True) if share == 0]
    if absent:
        advice = "remove them from the list of classes, or add masks that hold them"
        yield Finding("warning", f"{count(absent, 'class')} in no mask: {listed(map(printable, absent))}", (), advice)
    rare = [name for name, share in zip(dataset.classes, shares, strict=True) if 0 < share < RARE]
    if rare:
        what = f"{count(rare, 'class')} with less than {RARE:.1%} of the pixels: {listed(map(printable, rare))}"
        yield Finding("warning", what, (), "class weights, or a Dice or Tversky loss; more images of them")
    empty = np.asarray(found.counts[:, 1:].sum(axis=1) == 0, np.bool_)
    empty[list(found.errors)] = False
    if empty.any():
        what = f"{int(empty.sum())} of {len(dataset):,} masks hold {dataset.classes[0]} only"
        advice = "fine where such images are meant; their Dice is undefined and left out of the means"
        yield Finding("note", what, tuple(dataset.names[i] for i in np.flatnonzero(empty).tolist()), advice)


def _shares(classes: Sequence[str], shares: np.ndarray) -> str:
    """The classes with their shares, the largest first."""
    order = np.argsort(-shares, kind="stable")
    return listed([f"{classes[i]} {shares[i]:.2%}" for i in order], 20)
