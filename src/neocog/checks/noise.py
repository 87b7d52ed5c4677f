"""Noise that neighbouring pixels share, where images are learned from their noise alone: it would be taken for the image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from neocog.data.dataset import Array, BadImage, Dataset
from neocog.data.records import Records
from neocog.records import Finding

LOOKED_AT = 16  # images, spread over the data set
BLOCK, FAR = 16, 4  # pixels a side of a block, and of the step that neighbours are compared with
FLAT = 0.1  # share of the blocks, those with least in them, in which noise is looked at
ALIKE = 0.4  # correlation from which on it is told


def shared_noise(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Of noisy images alone: noise that is not independent between pixels is guessed from the pixels around, and stays."""
    if dataset.truth != "itself":
        return
    found = list[tuple[float, float]]()
    for index in range(0, len(dataset), -(-len(dataset) // LOOKED_AT)):
        with suppress(BadImage):
            image = dataset.images.read(index)
            if min(image.shape[:2]) >= 4 * BLOCK:
                found.append(correlations(image))
    down, right = np.median(found, axis=0).tolist() if found else (0.0, 0.0)
    if max(down, right) < ALIKE:
        return
    where = "columns" if right < ALIKE else "rows" if down < ALIKE else ""
    along = where or "rows and columns"
    what = f"neighbouring pixels share their noise along {along} (correlation {max(down, right):.2f}), or there is hardly any noise"
    advice = "noise2void would keep it: learn from clean images or from two takes"
    yield Finding("warning", what, (), f"--noise-along {where} hides these neighbours too" if where else advice)


def correlations(image: Array) -> tuple[float, float]:
    """Of the noise in (H, W, C) with that of the next pixel below, and of the next one to the right; about 0 where it is
    independent."""
    grey = image.mean(axis=2, dtype=np.float64)
    return _below(grey), _below(grey.T)


def _below(image: NDArray[np.float64]) -> float:
    """1 − the squared second differences of neighbours over those of pixels ``FAR`` apart, in the flattest blocks: independent
    noise gives both the same, a straight slope gives neither any."""
    near, far = (np.square(_bends(image, step)) for step in (1, FAR))
    means = ndimage.uniform_filter(image, BLOCK // 2)[FAR:-FAR, FAR:-FAR]
    content = _blocks(np.square(means)) - np.square(_blocks(means))
    flattest = np.argsort(content, kind="stable")[: max(4, int(FLAT * content.size))]
    first, second = _blocks(near)[flattest], _blocks(far)[flattest]
    noisy = (first > 0) & (second > 0)
    return float(1 - np.median(first[noisy] / second[noisy])) if noisy.any() else 0.0


def _bends(image: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    before, after = image[FAR - step : -FAR - step], image[FAR + step : len(image) - FAR + step]
    return (2 * image[FAR:-FAR] - before - after)[:, FAR:-FAR]


def _blocks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each block."""
    height, width = (side // BLOCK for side in values.shape)
    cut = values[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK)
    return np.asarray(cut.mean(axis=(1, 3))).ravel()
