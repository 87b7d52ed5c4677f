"""Samples made to be none of the classes, out of samples that are: what a network must not take for one of them.

Letters: B samples, C channels, L letters of a sequence. Each outlier is a pure function of its sample, the seed and the sample's
number, but for those of two samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.augment.counter import mix_integer
from neocog.data.preprocessing import Preprocessing

Array = NDArray[Any]
Draw = np.random.Generator
TILES = 4  # along each side
LETTERS = np.array([1, 2, 4, 8], np.uint8)  # A, C, G, T as codes


@dataclass(frozen=True)
class Outlier:
    """``make`` (pixels (C, …) as floats in 0 … 1, another sample's, draw) → the same shape; of sequences codes (1, 1, L)."""

    description: str
    make: Callable[[Array, Array, Draw], Array]
    forms: tuple[str, ...] = ("images", "volumes")


def made(name: str, pixels: Array, numbers: Array, preprocessing: Preprocessing, seed: int) -> Array:
    """``pixels`` (B, C, …) as stored → outliers, stored alike. ``numbers`` (B,): of the samples in the data."""
    low, high, outlier = preprocessing.low, preprocessing.high, OUTLIERS[name]
    sequences = preprocessing.encoding == "nucleotides"
    shares = pixels if sequences else (pixels.astype(np.float64) - low) / (high - low)
    found = []
    for index, number in enumerate(numbers.tolist()):
        draw = np.random.default_rng([mix_integer(seed), number])
        found.append(outlier.make(shares[index], shares[index - 1], draw))
    values = np.stack(found)
    if sequences:
        return values.astype(pixels.dtype)
    stored: Array = low + np.clip(values, 0, 1) * (high - low)
    return np.asarray(stored if preprocessing.dtype == "float32" else stored.round()).astype(pixels.dtype)


def noise(pixels: Array, other: Array, draw: Draw) -> Array:
    return draw.random(pixels.shape)


def same_spectrum(pixels: Array, other: Array, draw: Draw) -> Array:
    """The sample's own frequencies at random places: its texture without its shapes."""
    axes = tuple(range(1, pixels.ndim))
    phases = np.angle(np.fft.fftn(draw.random(pixels.shape[1:])))
    turned = np.fft.ifftn(np.fft.fftn(pixels, axes=axes) * np.exp(1j * phases), axes=axes)
    return np.asarray(turned.real)


def tiles(pixels: Array, other: Array, draw: Draw) -> Array:
    """Its parts in another order; what is left over at the edges stays."""
    side = [max(1, length // TILES) for length in pixels.shape[-2:]]
    places = [
        (r * side[0], c * side[1])
        for r in range(pixels.shape[-2] // side[0])
        for c in range(pixels.shape[-1] // side[1])
    ]
    found = pixels.copy()
    for (to_row, to_column), (row, column) in zip(places, draw.permutation(places).tolist(), strict=True):
        piece = pixels[..., row : row + side[0], column : column + side[1]]
        found[..., to_row : to_row + side[0], to_column : to_column + side[1]] = piece
    return found


def inverted(pixels: Array, other: Array, draw: Draw) -> Array:
    return 1 - pixels


def two_in_one(pixels: Array, other: Array, draw: Draw) -> Array:
    """Both at once, as on a film that was exposed twice."""
    return pixels + other


def letters(pixels: Array, other: Array, draw: Draw) -> Array:
    return np.where(pixels == 0, pixels, draw.choice(LETTERS, pixels.shape))


def shuffled(pixels: Array, other: Array, draw: Draw) -> Array:
    """The same letters in another order."""
    found = pixels.copy()
    found[pixels != 0] = draw.permutation(pixels[pixels != 0])
    return found


def backwards(pixels: Array, other: Array, draw: Draw) -> Array:
    """Read from its end: never what a machine gives."""
    found = pixels.copy()
    found[pixels != 0] = pixels[pixels != 0][::-1]
    return found


OUTLIERS: dict[str, Outlier] = {
    "noise": Outlier("random pixels", noise),
    "same spectrum": Outlier("the sample's texture without its shapes", same_spectrum),
    "shuffled tiles": Outlier("tiles of the sample in random order", tiles),
    "inverted": Outlier("dark and bright exchanged", inverted),
    "two in one": Outlier("two samples superimposed", two_in_one),
    "random letters": Outlier("random nucleotides", letters, ("sequences",)),
    "shuffled letters": Outlier("the sample's letters in random order", shuffled, ("sequences",)),
    "backwards": Outlier("the sample's letters in reverse order", backwards, ("sequences",)),
}


def possible(form: str) -> list[str]:
    """Names of those that samples of a form can have."""
    return [name for name, outlier in OUTLIERS.items() if form in outlier.forms]
