"""Cheap views of a picture: what can be told of its label without looking at the object.

Each view makes a few numbers of stored pixels (H, W, C) in 0 … 1, of any size; the middle of a picture is left out where a view
is of its edge, and the edge where it is of the whole, so that a mark at the edge is no colour and a tint is no edge. The order is
that from the most particular to the most general: of two views that tell the same, the first is named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, irfft, rfft
from scipy.ndimage import uniform_filter

from neocog.robustness.shortcuts.regions import (
    BLOCK,
    CELLS,
    SQUARES,
    away_from_corners,
    corner_squares,
    inner,
    large_corners,
    strips,
    whole_blocks,
)

Floats = NDArray[np.float64]
BINS = 16
WIDER = 1.5  # times a square's side, the one that it is held against, which still ends before the middle
BANDS = 24  # of rows, and of columns, that are looked along
WAVES = 4  # cycles along a side, from which on something counts as repeated
SHORTEST = 3  # pixels from one mark to the next
REPEATED = 0.3  # correlation of a line with itself some pixels on, above which it is a scale and no picture
FAINT = 0.01  # deviation of the steps along a line, of 1, below which there is hardly anything to repeat
FINE = 32  # parts along a side, whose steps in light are looked at
QUIET = (0.05, 0.25, 0.5)  # shares of the blocks of 8 × 8, the flattest first, whose grain is looked at
APART = (
    20  # pixels of the shorter side, below which a frame and corners of two pixels take up too much to miss the object
)
CHANNELS = 4  # of which a view is made; of more the means of equal groups


@dataclass(frozen=True)
class Cue:
    """A view: ``numbers`` of stored pixels, and ``seen``, the same pixels with what else there is taken away."""

    name: str
    what: str
    numbers: Callable[[Floats], Floats]
    seen: Callable[[Floats], Floats]
    whole: bool = False  # whether it is of the whole picture, so that the object may be what it tells by
    edge: bool = False  # whether it is of the edge alone, which of pictures below ``APART`` is much of the object


def in_unit(image: NDArray[Any], low: float, high: float) -> Floats:
    """Stored pixels with ``low`` … ``high`` as 0 … 1."""
    return (image.astype(np.float64) - low) / max(high - low, 1e-12)


def flat(unit: Floats) -> Floats:
    """(H, W, C) of which views are made: of a volume (D, H, W, C) the mean over its slices, of many channels means of groups."""
    found: Floats = unit.mean(axis=0) if unit.ndim == 4 else unit
    if found.shape[2] > CHANNELS:
        found = np.stack([each.mean(axis=2) for each in np.array_split(found, CHANNELS, axis=2)], axis=2)
    return found


def pooled(image: Floats, rows: int, columns: int) -> Floats:
    """(rows, columns, C) means of equal parts; a side that is shorter repeats its pixels."""
    for axis, count in ((0, rows), (1, columns)):
        if count == image.shape[axis]:
            continue
        edges = np.linspace(0, image.shape[axis], count + 1)
        starts = np.minimum(edges[:-1].astype(int), image.shape[axis] - 1)
        ends = np.maximum(np.ceil(edges[1:]).astype(int), starts + 1)
        image = np.stack([image.take(range(a, b), axis).mean(axis) for a, b in zip(starts, ends, strict=True)], axis)
    return image


def grey(image: Floats) -> Floats:
    """(H, W)."""
    mean: Floats = image.mean(axis=2)
    return mean


def levels(image: Floats) -> Floats:
    """(18,) which of 256 levels occur: gaps from the darkest to the lightest, the share of the commonest, the last four bits."""
    stored = np.clip(np.rint(away_from_corners(image) * 255), 0, 255).astype(int).ravel()
    found = np.bincount(stored, minlength=256) / len(stored)
    there = np.flatnonzero(found)
    used = found[there[0] : there[-1] + 1]
    return np.concatenate([[np.mean(used == 0), found.max()], found.reshape(16, 16).sum(axis=0)])


def repeats(image: Floats) -> Floats:
    """(6,) how much of one wave there is along each side of the frame, in the rows, and in the columns: rulers and scale bars."""
    along = [_waves(grey(side).mean(axis=1)[None]) for side in strips(image)]
    light = grey(image)[..., None]
    rows, columns = pooled(light, BANDS, light.shape[1])[..., 0], pooled(light, light.shape[0], BANDS)[..., 0].T
    return np.array([*along, _waves(rows), _waves(columns)])


def _waves(lines: Floats) -> float:
    """Of lines (L, n) the largest correlation, beyond ``REPEATED``, that a line's steps have with themselves some pixels on.

    Steps and not levels, since in a photograph's steps no wave is stronger than others, and a thin tick has all waves alike.
    """
    steps = np.diff(lines, axis=1)
    power, length = np.abs(rfft(steps)) ** 2, steps.shape[1]
    power[:, :WAVES] = 0
    lags = slice(SHORTEST, length // WAVES + 1)
    if length // WAVES < SHORTEST:
        return 0.0
    alike = irfft(power, length)
    deviation = np.sqrt(alike[:, 0].clip(0) / length)
    again = alike[:, lags].max(axis=1) / np.maximum(alike[:, 0], 1e-12)
    return float((deviation / (deviation + FAINT) * (again - REPEATED)).max().clip(0))


def noise(image: Floats) -> Floats:
    """(10,) grain of the flattest blocks, in two ways, sharpness, and steps at every eighth pixel, which JPEG leaves. Of
    light alone: a lamp that dims one channel weakens its grain, too."""
    light = grey(whole_blocks(image))
    fine, coarse = light - uniform_filter(light, 3), uniform_filter(light, 3) - uniform_filter(light, 9)
    grain = [np.quantile(flatness(each), QUIET) for each in (fine, _second(light))]
    found = [*grain[0], *grain[1], fine.std(), coarse.std()]
    steps = [_steps(np.abs(np.diff(light, axis=axis)).mean(axis=1 - axis)) for axis in (0, 1)]
    return np.array([*np.log(np.array(found) + 1e-4), *steps])


def _second(light: Floats) -> Floats:
    """Second differences along both sides: the shapes of things leave little there, grain leaves much (Immerkær 1996)."""
    found = np.diff(np.diff(light, 2, axis=0), 2, axis=1) if min(light.shape) > 2 else light
    return found / 6


def flatness(fine: Floats) -> Floats:
    """(blocks,) the deviation of (H, W) within each block of 8 × 8, of a smaller picture within all of it."""
    height, width = (side // BLOCK for side in fine.shape)
    if not height or not width:
        return np.array([fine.std()])
    blocks = fine[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK)
    found: Floats = blocks.std(axis=(1, 3)).ravel()
    return found


def _steps(along: Floats) -> float:
    """How much larger differences are from one block of eight to the next than within."""
    at = np.arange(len(along)) % BLOCK == BLOCK - 1
    return float(along[at].mean() / max(along[~at].mean(), 1e-6)) if at.any() and not at.all() else 1.0


def colours(image: Floats) -> Floats:
    """(C × 18,) histogram, mean and deviation of each channel."""
    flat = away_from_corners(image)
    bins = [np.histogram(channel.clip(0, 1), BINS, (0, 1))[0] / len(channel) for channel in flat.T]
    return np.concatenate([*bins, flat.mean(axis=0), flat.std(axis=0)])


def low_frequencies(image: Floats) -> Floats:
    """(C × 16 + 48,) the means of 4 × 4 parts, less that of all; of grey, how light and how dark each part gets, beside all of
    it; and the usual step from light to light: most of a picture is flat, so that a slope of the lamp's shows in the median."""
    middle = inner(image)
    parts = pooled(middle, CELLS, CELLS)
    found = [(parts - parts.mean(axis=(0, 1))).ravel()]
    light = grey(middle)
    found += [_part_by_part(light, partial(np.quantile, q=q)) - np.quantile(light, q) for q in (0.02, 0.98)]
    coarse = np.log(pooled(light[..., None], *(min(side, FINE) for side in light.shape))[..., 0] + 0.02)
    found += [_part_by_part(np.diff(coarse, axis=axis), np.median, 2) for axis in (0, 1)]
    return np.concatenate(found)


def _part_by_part(light: Floats, number: Callable[[Floats], Any], count: int = CELLS) -> Floats:
    """(count²,) a number of each of count × count parts of (H, W)."""
    rows = np.array_split(light, min(count, light.shape[0]), axis=0)
    parts = [part for row in rows for part in np.array_split(row, min(count, light.shape[1]), axis=1)]
    return np.array([float(number(part)) for part in parts])


def texture(image: Floats) -> Floats:
    """(63,) mean power of the waves in blocks of 8 × 8, wherever these lie."""
    light = grey(whole_blocks(image))
    height, width = (side // BLOCK for side in light.shape)
    if not height or not width:
        return np.zeros(BLOCK**2 - 1)
    blocks = light[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK).swapaxes(1, 2)
    power = np.abs(dctn(blocks, axes=(2, 3), norm="ortho")).mean(axis=(0, 1))
    found: Floats = np.log(power.ravel()[1:] + 1e-4)
    return found


def edges(image: Floats) -> Floats:
    """(4 × (5 C + 1),) of each side of the frame, without the corners, beside the strip next to it: the means of four parts,
    the deviation, and how little moves along the outermost two lines, which a border drawn around the picture makes plain."""
    found = []
    for side, near, outer in zip(strips(image), strips(image, 1), (slice(2), slice(-2, None)) * 2, strict=True):
        moves = np.log(side[:, outer].std(axis=0).mean() + 1e-3)
        spread = side.std(axis=(0, 1)) - near.std(axis=(0, 1))
        found.append(np.concatenate([(pooled(side, CELLS, 1) - pooled(near, CELLS, 1)).ravel(), spread, [moves]]))
    return np.concatenate(found)


def corners(image: Floats) -> Floats:
    """(2 × 4 × 11 C,) of a smaller and a larger square in each corner, beside what is next to it: the means of 3 × 3 parts,
    darkest and lightest."""
    found = []
    for times in SQUARES:
        for each, near in zip(corner_squares(image, times), corner_squares(image, times * WIDER), strict=True):
            ends = [each.min(axis=(0, 1)) - near.min(axis=(0, 1)), each.max(axis=(0, 1)) - near.max(axis=(0, 1))]
            found += [(pooled(each, 3, 3) - near.mean(axis=(0, 1))).ravel(), *ends]
    return np.concatenate(found)


def _only(regions: Callable[[Floats], list[Floats]]) -> Callable[[Floats], Floats]:
    """The picture with all but some regions, which are views of it, grey."""

    def seen(image: Floats) -> Floats:
        kept = np.zeros_like(image)
        for region in regions(kept):
            region[...] = 1
        return np.where(kept > 0, image, 0.5)

    return seen


def _blurred(image: Floats) -> Floats:
    cells = pooled(image, CELLS, CELLS)
    rows, columns = (np.minimum(np.arange(side) * CELLS // side, CELLS - 1) for side in image.shape[:2])
    found: Floats = cells[rows][:, columns]
    return found


def _grain(image: Floats) -> Floats:
    fine = image - uniform_filter(image, (3, 3, 1))
    found: Floats = np.clip(0.5 + 6 * fine, 0, 1)
    return found


def _last_bits(image: Floats) -> Floats:
    found: Floats = np.rint(image.clip(0, 1) * 255) % 16 / 15
    return found


def _shuffled(image: Floats) -> Floats:
    """Its tiles in another order, the same for every picture of a size."""
    side = max(BLOCK, min(image.shape[:2]) // 8)
    height, width = (extent // side for extent in image.shape[:2])
    if height * width < 2:
        return image
    tiles = image[: height * side, : width * side].reshape(height, side, width, side, -1).swapaxes(1, 2)
    order = np.random.default_rng(0).permutation(height * width)
    moved = tiles.reshape(height * width, side, side, -1)[order].reshape(height, width, side, side, -1)
    return moved.swapaxes(1, 2).reshape(height * side, width * side, -1)


CUES: tuple[Cue, ...] = (
    Cue("grey levels", "gaps in the histogram, and the lowest bits", levels, _last_bits),
    Cue("repeated marks", "regular marks along a line, such as a ruler", repeats, lambda image: image),
    Cue("low frequencies", "mean brightness of 4 × 4 regions", low_frequencies, _blurred, True),
    Cue("colours", "histograms of brightness and colour", colours, lambda image: image, True),
    Cue("noise", "grain, sharpness and JPEG blocks", noise, _grain),
    Cue("texture", "small tiles in random order", texture, _shuffled, True),
    Cue("edges", "a border of 6 %, without the corners", edges, _only(strips), edge=True),
    Cue("corners", "the four corners, 12 and 24 % of each side", corners, _only(large_corners), edge=True),
)  # fmt: skip
