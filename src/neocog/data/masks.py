"""A class for every pixel: masks read from files, brought to the network's size, and scanned.

Letters: N masks, K classes, H × W pixels. 255 does not count, in every mask.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from neocog.data.dataset import Array, BadImage, Dataset, Masks, reading
from neocog.data.digests import Digests
from neocog.data.formats.decoding import DEFAULT, Decoding
from neocog.data.formats.mask_values import COLOUR, stored_values
from neocog.data.images import FileImages
from neocog.data.in_turn import in_turn
from neocog.data.preprocessing import Fit
from neocog.data.resize import placement
from neocog.data.shared import Zeros
from neocog.data.unchanged import mask_digest, unchanged
from neocog.limits import cores

T = TypeVar("T")
IGNORED = 255
_AHEAD = 64  # masks under way at once


@dataclass(frozen=True)
class Coding:
    """Which stored number or colour (a key, see ``stored_values``) is which class; ``values`` are in order."""

    values: tuple[int, ...]
    classes: tuple[int, ...]
    ranges: bool = False  # each value stands for all from it up to the next one

    def encode(self, keys: Array, name: str) -> Array:
        """(H, W) keys → uint8 classes. Raises BadImage with the first value that is none of them, and its place."""
        values, classes = np.array(self.values), np.array(self.classes, np.uint8)
        if self.ranges:
            return np.asarray(classes[np.searchsorted(values, keys, side="right") - 1])
        at = np.searchsorted(values, keys).clip(0, len(values) - 1)
        known = values[at] == keys
        if not known.all():
            row, column = np.argwhere(~known)[0]
            what = f"{key_text(int(keys[row, column]))} at row {row}, column {column} is no known class"
            raise BadImage(what, name, f"known: {', '.join(map(key_text, self.values[:20]))}")
        return np.asarray(classes[at])


def key_text(key: int) -> str:
    """A key for people: its number, or the colour's three."""
    return str(key) if key < COLOUR else f"({key >> 16 & 255}, {key >> 8 & 255}, {key & 255})"


@dataclass(frozen=True)
class MaskFiles:
    """Masks as files below one folder, none of which leads out of it."""

    root: Path
    files: Sequence[str]
    coding: Coding
    decoding: Decoding = DEFAULT
    recorded: Sequence[str] | None = None  # (N,) digests of the masks that alone are read; see ``unchanged``

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: int) -> Array:
        keys, _ = stored_values(self._files().stored(index), self.decoding, self.files[index])
        mask = self.coding.encode(keys, self.files[index])
        if self.recorded is not None:
            unchanged(mask_digest(mask), self.recorded, index, self.files[index])
        return mask

    def header(self, index: int) -> tuple[int, int]:
        head = self._files().header(index)
        return head.height, head.width

    def fitted(self, index: int, size: tuple[int, ...], fit: Fit, mask: Array | None = None) -> Array:
        return fit_mask(self.read(index) if mask is None else mask, size, fit)

    def path(self, index: int) -> Path | None:
        return self.root / self.files[index]

    def _files(self) -> FileImages:
        return FileImages(self.root, self.files, self.decoding)


def fit_mask(mask: Array, size: tuple[int, ...], fit: Fit = "resize", around: int = IGNORED) -> Array:
    """(H, W) classes → (size), the very pixels that ``data.fit.fit`` shows; padding is ``around``. Nearest: no class is mixed."""
    place = placement((mask.shape[0], mask.shape[1]), (size[-2], size[-1]), fit)
    left, top, right, bottom = place.box
    height, width = place.inner
    rows = (top + (np.arange(height) + 0.5) * ((bottom - top) / height)).astype(int).clip(0, mask.shape[0] - 1)
    columns = (left + (np.arange(width) + 0.5) * ((right - left) / width)).astype(int).clip(0, mask.shape[1] - 1)
    return np.pad(mask[rows[:, None], columns], place.pad, constant_values=around)


@dataclass(frozen=True)
class ScannedMasks:
    """What one pass over all masks finds."""

    counts: Array  # (N, K) uint32 pixels of each class at the masks' own size; zeros where a mask has an error
    errors: dict[int, BadImage]  # of the few that have one, in their order
    digests: Digests  # (N,) SHA-256 of the classes; "" where a mask has an error
    fitted: Array | None  # (N, H, W) uint8; 255 throughout where a mask has an error


def scan_masks(
    masks: Masks,
    size: tuple[int, ...],
    fit: Fit = "resize",
    progress: Callable[[int], None] | None = None,
    keep: bool = True,
    classes: int | None = None,
    workers: int | None = None,
    zeros: Zeros = np.zeros,
) -> ScannedMasks:
    """Read all masks once, in ``workers`` threads (default: one a core). ``size`` and ``fit`` as the preprocessing has them;
    ``keep``: whether to return fitted masks, in an array that ``zeros`` makes.

    ``classes``: K; without it, the highest class that occurs + 1. ``progress`` gets the count of masks just done.
    """
    counts = np.zeros((len(masks), classes or 256), np.uint32)
    fitted = zeros((len(masks), size[-2], size[-1]), np.uint8) if keep else None
    digests, errors = Digests.empty(len(masks)), dict[int, BadImage]()

    def one(index: int) -> None:
        try:
            with reading(masks, index):
                mask = masks.read(index)
        except BadImage as error:
            errors[index] = BadImage(
                error.what, error.where, error.fix
            )  # without the traceback, which holds the pixels
            if fitted is not None:
                fitted[index] = IGNORED
            return
        counts[index] = np.bincount(mask.reshape(-1), minlength=256)[: counts.shape[1]]
        digests[index] = mask_digest(mask)
        if fitted is not None:
            fitted[index] = masks.fitted(index, size, fit, mask)

    deque(in_threads(one, len(masks), progress, workers), 0)
    top = int(np.flatnonzero(counts[:, :IGNORED].any(axis=0)).max(initial=0)) + 1
    return ScannedMasks(counts[:, : classes or top], dict(sorted(errors.items())), digests, fitted)


def target_texts(dataset: Dataset) -> Sequence[str]:
    """(N,) what is known of each sample: its class, its values, or the digest of its mask, its boxes or its wanted image."""
    if dataset.boxes is not None:
        return dataset.boxes.digests(dataset.classes)
    if dataset.pairs is not None:
        return [dataset.pairs.digest(index) for index in range(len(dataset))]
    if dataset.masks is None:
        return [dataset.target_text(index) for index in range(len(dataset))]
    return scan_masks(dataset.masks, (1, 1), keep=False).digests


def in_threads(
    work: Callable[[int], T], count: int, progress: Callable[[int], None] | None = None, workers: int | None = None
) -> Iterator[T]:
    """``work`` of 0 … count − 1, in order, by ``workers`` threads (default: one a core), as far as it is asked for; few results
    are under way at any time."""
    with closing(in_turn(work, range(count), workers or cores(), _AHEAD, "masks")) as found:
        for each in found:
            yield each
            if progress is not None:
                progress(1)
