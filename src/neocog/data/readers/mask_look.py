"""What one mask shows: its values, where they lie, how many pieces they are in, and whether greys between two levels are ramps.

Letters: H × W pixels, V different values (keys, see ``stored_values``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from neocog.data.dataset import Array

TOPS = (255, 65535)  # what full intensity is stored as
LEVEL = 0.1  # share of the full intensity within which a grey counts as black, or as full
REACH = 6  # pixels from black and from full within which a grey is a ramp between them
FEW = 8  # values up to which a mask is no grey picture
MOST_LEVELS = 64  # values of a mask of classes
SMALL_STEP = 0.01  # of the full intensity, from a pixel to the next one in a smooth picture
WHOLE = 0.9  # share of a value's pixels in one piece from which it is one object
SPECK = 4  # pixels up to which a value is too small to be looked at
MOSTLY = 0.8  # share of masks, or of values, that makes a rule
MOST_PIXELS = 1 << 21  # of a larger mask every n-th pixel is looked at


@dataclass(frozen=True)
class Look:
    """One mask. Counts are of pixels."""

    kind: str  # the file's format
    values: Array  # (V,) in order
    counts: Array  # (V,)
    edge: Array  # (V,) along the picture's four sides
    whole: (
        Array  # (V,) share of the value's pixels that are in its largest connected piece; NaN where that was not asked
    )
    soft: bool = False  # a picture in greys
    grey: int = 0  # of a soft one: between black and full
    ramps: int = 0  # of these, those that lie between a black and a full pixel
    full: int = 0  # at full intensity or nearly

    @property
    def wholes(self) -> Array:
        """(≤ V,) whether each value other than 0 lies in one piece; specks are left out."""
        known: Array = self.whole[(self.values != 0) & ~np.isnan(self.whole)] >= WHOLE
        return known


def look(keys: Array, kind: str, pieces: bool = True) -> Look:
    """``keys`` (H, W). ``pieces``: whether to count connected pieces, and to look for ramps between two levels."""
    values, counts = unique_keys(keys)
    sides = np.concatenate([keys[0], keys[-1], keys[1:-1, 0], keys[1:-1, -1]])
    edge = np.bincount(np.searchsorted(values, sides), minlength=len(values))
    found = Look(kind, values, counts, edge, np.full(len(values), np.nan))
    if not pieces or len(values) <= 2:
        return found
    step = max(1, round((keys.size / MOST_PIXELS) ** 0.5))
    seen = keys[::step, ::step]
    found = replace(found, whole=_wholes(seen, values))
    top = next((top for top in TOPS if values[-1] <= top), 0)
    if top and ((kind == "JPEG" and values[-1] >= (1 - LEVEL) * top) or _is_soft(seen, found, top)):
        grey, ramps, full = _levels(seen, top)
        found = replace(found, soft=True, grey=grey, ramps=ramps, full=full)
    return found


def unique_keys(keys: Array) -> tuple[Array, Array]:
    """(values, counts) of (H, W) keys; small numbers are counted without sorting."""
    if keys.max() < 1 << 16:
        counts = np.bincount(keys.reshape(-1))
        values = np.flatnonzero(counts)
        return values, counts[values]
    return np.unique(keys, return_counts=True)


def pieces(keys: Array) -> tuple[Array, int]:
    """((H, W) numbers from 1, their count): neighbours (of four) with equal keys have one number.

    One labelling of a grid with a cell for each pixel and one for each pair of equal neighbours, whatever the count of keys.
    """
    height, width = keys.shape
    grid = np.zeros((2 * height - 1, 2 * width - 1), bool)
    grid[::2, ::2] = True
    grid[1::2, ::2] = keys[1:] == keys[:-1]
    grid[::2, 1::2] = keys[:, 1:] == keys[:, :-1]
    labels, count = ndimage.label(grid)
    return labels[::2, ::2], int(count)


def _wholes(keys: Array, values: Array) -> Array:
    """(V,) share of each value's pixels that its largest piece holds; NaN for a speck, which says nothing."""
    labels, count = pieces(keys)
    sizes = np.bincount(labels.reshape(-1), minlength=count + 1)[1:]
    of = np.zeros(count + 1, np.int64)
    of[labels.reshape(-1)] = np.searchsorted(values, keys.reshape(-1))  # every pixel of a piece says the same
    largest, total = np.zeros(len(values), np.int64), np.zeros(len(values), np.int64)
    np.maximum.at(largest, of[1:], sizes)
    np.add.at(total, of[1:], sizes)
    shares: Array = np.where(total > SPECK, largest / np.maximum(total, 1), np.nan)
    return shares


def _is_soft(keys: Array, found: Look, top: int) -> bool:
    """Whether greys between black and full are those of a picture: single pixels, or small steps from one to the next.

    Numbers of classes or objects lie in plains, next to any other number.
    """
    grey = (keys > LEVEL * top) & (keys < (1 - LEVEL) * top)
    if len(found.values) <= FEW or not grey.any():
        return False
    down, right = np.abs(np.diff(keys, axis=0)), np.abs(np.diff(keys, axis=1))
    steps = np.concatenate([down[down > 0], right[right > 0]])
    if len(found.values) > MOST_LEVELS and np.quantile(steps, 0.75) <= SMALL_STEP * top:  # down and across
        return True
    flat = np.zeros(keys.shape, bool)
    flat[1:-1, 1:-1] = ((down[1:] == 0) & (down[:-1] == 0))[:, 1:-1] & ((right[:, 1:] == 0) & (right[:, :-1] == 0))[
        1:-1
    ]
    return bool(flat[grey].mean() < 0.5 and found.wholes.sum() < MOSTLY * max(len(found.wholes), 1))


def _levels(keys: Array, top: int) -> tuple[int, int, int]:
    """(grey pixels, those of them that are ramps, full pixels)."""
    black, full = keys <= LEVEL * top, keys >= (1 - LEVEL) * top
    grey = ~black & ~full
    near = [ndimage.distance_transform_cdt(~level, "chessboard") <= REACH for level in (black, full) if level.any()]
    ramps = grey & near[0] & near[1] if len(near) == 2 else np.zeros_like(grey)
    return int(grey.sum()), int(ramps.sum()), int(full.sum())
