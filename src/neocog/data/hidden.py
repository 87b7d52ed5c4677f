"""Hidden pixels: a few values of a noisy image replaced by near ones, so that they can be guessed and held against what they were.

Noise that is independent between pixels cannot be guessed, so that who guesses best has learned the image (Krull, Buchholz & Jug
2019, "Noise2Void"). Channels are hidden each by itself. Noise that runs along rows or columns is guessed from the pixels beside it,
so that these are replaced too, by values of other rows or columns (Broaddus et al. 2020, "structN2V"). A near value may be that of
another hidden pixel or far from what is around; the median of all near ones is neither (Höck, Buchholz & Jug 2022, "N2V2").
Letters: H × W pixels, C channels.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Array

SHARE = 0.03  # of the values that are hidden
FAR = 2  # pixels to each side, among which the replacing one is drawn
NEAR = np.array([(y, x) for y in range(-FAR, FAR + 1) for x in range(-FAR, FAR + 1) if y or x])
Along = Literal["none", "rows", "columns"]
By = Literal["near", "median"]  # what stands for a hidden value
ALONG = 4  # pixels to each side that are replaced too, where noise runs along


def hidden(
    image: Array, rng: np.random.Generator, along: Along = "none", by: By = "near"
) -> tuple[Array, NDArray[np.bool_]]:
    """(H, W, C) with some values replaced ``by`` others, and (H, W, C) which are to be guessed: at least one. ``along``: where
    noise runs."""
    which = rng.random(image.shape, np.float32) < SHARE
    which.flat[rng.integers(which.size)] = True
    replaced, near = which, NEAR
    if along != "none":
        from scipy import ndimage  # only here: settings are read without it

        across = 0 if along == "rows" else 1  # the axis in which other values are taken
        replaced = ndimage.maximum_filter1d(which, 2 * ALONG + 1, axis=1 - across, mode="constant")
        near = NEAR[NEAR[:, across] != 0]
    rows, columns, channels = np.nonzero(replaced)
    chosen = near[rng.integers(0, len(near), len(rows))][:, None] if by == "near" else near[None]  # (n or 1, values, 2)
    places = rows[:, None], columns[:, None]
    down, right = (_inside(place, chosen[..., k], image.shape[k]) for k, place in enumerate(places))
    values, middle = image[down, right, channels[:, None]], chosen.shape[1] // 2
    found = image.copy()
    found[replaced] = np.partition(values, middle, axis=1)[:, middle]
    return found, which


def _inside(places: NDArray[np.int64], steps: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Places a step on; where that is outside, a step back."""
    onward = places + steps
    return np.where((onward >= 0) & (onward < length), onward, places - steps).clip(0, length - 1)
