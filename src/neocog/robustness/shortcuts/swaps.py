"""A picture with the cue of another: what is left of its answer says whether a network goes by the cue.

Each swap takes stored pixels (H, W, C) in 0 … 1 of the picture and of the one whose cue it gets, of any size, and leaves the
object where it is.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import uniform_filter, zoom

from neocog.robustness.shortcuts.cues import flatness, grey, pooled
from neocog.robustness.shortcuts.regions import CELLS, CORNER, FRAME, depth

Floats = NDArray[np.float64]
Swap = Callable[[Floats, Floats], Floats]


def resized(image: Floats, height: int, width: int) -> Floats:
    """(height, width, C) by linear interpolation."""
    if image.shape[:2] == (height, width):
        return image
    factors = (height / image.shape[0], width / image.shape[1], 1)
    found: Floats = zoom(image, factors, order=1, mode="nearest", grid_mode=True)
    return found


def levels(image: Floats, donor: Floats) -> Floats:
    """Spread over the gaps of its own levels, and set to the donor's nearest ones."""
    own, theirs = (np.unique(np.rint(each * 255)) for each in (image, donor))
    gap = np.median(np.diff(own)) if len(own) > 1 else 1.0
    draws = np.random.default_rng(len(own))
    spread = image * 255 + draws.uniform(-gap / 2, gap / 2, image.shape) * (gap > 1)
    place = np.clip(np.searchsorted(theirs, spread), 1, max(1, len(theirs) - 1))
    low, high = theirs[place - 1], theirs[np.minimum(place, len(theirs) - 1)]
    step = np.abs(high - low) <= 2 * np.median(np.diff(theirs)) if len(theirs) > 1 else np.zeros(spread.shape, bool)
    nearest = np.where(spread - low < high - spread, low, high)
    found: Floats = np.where(step, nearest, spread).clip(0, 255) / 255
    return found


def marks(image: Floats, donor: Floats) -> Floats:
    """The frame with its corners: where rulers and scale bars stand."""
    return _framed(image, donor, CORNER)


def noise(image: Floats, donor: Floats) -> Floats:
    """As much grain as the donor's: noise of its strength, or the own grain weakened."""
    own, theirs = _grain(image), _grain(donor)
    smooth = uniform_filter(image, (3, 3, 1))
    if theirs <= own:
        weakened: Floats = smooth + (image - smooth) * (theirs / max(own, 1e-9))
        return weakened
    extra = np.random.default_rng(image.shape[0]).normal(0, np.sqrt(theirs**2 - own**2), image.shape)
    return (image + extra).clip(0, 1)


def _grain(image: Floats) -> float:
    """The deviation of the fine structure in the flattest quarter of the blocks."""
    return float(np.quantile(flatness(grey(image) - uniform_filter(grey(image), 3)), 0.25))


def colours(image: Floats, donor: Floats) -> Floats:
    """Each channel with the donor's histogram: the pixel of rank r gets the donor's value of rank r."""
    channels = []
    for own, theirs in zip(np.moveaxis(image, 2, 0), np.moveaxis(donor, 2, 0), strict=True):
        ranks = np.argsort(np.argsort(own, axis=None, kind="stable"), kind="stable")
        at = np.linspace(0, 1, own.size)
        channels.append(
            np.interp(at, np.linspace(0, 1, theirs.size), np.sort(theirs, axis=None))[ranks].reshape(own.shape)
        )
    return np.stack(channels, axis=2)


def low_frequencies(image: Floats, donor: Floats) -> Floats:
    """The donor's means of 4 × 4 parts in place of the own, with smooth steps between them."""
    height, width = image.shape[:2]
    own, theirs = (pooled(each, CELLS, CELLS) for each in (image, donor))
    return (image + resized(theirs - own, height, width)).clip(0, 1)


def edges(image: Floats, donor: Floats) -> Floats:
    """The donor's frame."""
    return _framed(image, donor, FRAME)


def _framed(image: Floats, donor: Floats, share: float) -> Floats:
    """The donor with the image in its middle; the frame that is left is this share of each side."""
    rows, columns = depth(image, share)
    found: Floats = resized(donor, *image.shape[:2]).copy()
    found[rows:-rows, columns:-columns] = image[rows:-rows, columns:-columns]
    return found


def corners(image: Floats, donor: Floats) -> Floats:
    """The donor's corners."""
    rows, columns = depth(image, CORNER)
    found, theirs = image.copy(), resized(donor, *image.shape[:2])
    for r in (slice(rows), slice(-rows, None)):
        for c in (slice(columns), slice(-columns, None)):
            found[r, c] = theirs[r, c]
    return found


def size(image: Floats, donor: Floats) -> Floats:
    """As if it had been stored at the donor's size."""
    return resized(resized(image, *donor.shape[:2]), *image.shape[:2]).clip(0, 1)


def compression(tables: dict[int, list[int]]) -> Swap:
    """As JPEG with these quantisation tables; of one or three channels, others as they are."""

    def swap(image: Floats, donor: Floats) -> Floats:
        if not tables or image.shape[2] not in (1, 3):
            return image
        stored = np.rint(image.clip(0, 1) * 255).astype(np.uint8)
        held = io.BytesIO()
        Image.fromarray(stored[..., 0] if stored.shape[2] == 1 else stored).save(held, "JPEG", qtables=tables)
        with Image.open(held) as read:
            return np.asarray(read, np.float64).reshape(image.shape) / 255

    return swap


SWAPS: dict[str, Swap] = {
    "grey levels": levels, "repeated marks": marks, "noise": noise, "colours": colours, "low frequencies": low_frequencies,
    "edges": edges, "corners": corners, "image size": size,
}  # fmt: skip
