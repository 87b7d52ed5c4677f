"""Activations, weights and maps as small RGB pictures (h, w, 3) uint8. Letters: C channels, O outputs, I inputs of a layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps

from neocog.data.dataset import Array
from neocog.data.formats.slices import middle_slices, side_by_side, slices_at

MOST_MAPS, MOST_SIDE, MOST_WIDE = 64, 24, 1024  # channels; outputs and inputs of kernels; columns of a matrix
TILE = 64  # pixels to which small tiles are enlarged
PAPER, HOT = 255, np.array([255, 70, 0], np.float32)


def activations(maps: Array) -> tuple[Array, str]:
    """(picture, what is left out) of one sample's activations (C, …), dark to bright from the layer's least to its largest.

    Images: a tile a channel; volumes: its middle slices; sequences (C, 1, L): a row a channel; vectors (C,): cells in lines of 64.
    """
    values: Array = maps.astype(np.float32)
    if values.size == len(values):  # (C, 1, 1) after global pooling
        values = values.reshape(-1)
    shown = colours(values, float(values.min()), float(values.max()))
    if values.ndim == 1:
        return lines(shown[:MOST_WIDE]), left_out("units", len(values), MOST_WIDE)
    note = left_out("channels", len(values), MOST_MAPS)
    shown = shown[:MOST_MAPS]
    if values.ndim == 3 and values.shape[1] == 1:
        return enlarged(shown[:, 0]), note
    if values.ndim == 4:  # (C, D, H, W, 3) → the slices of each channel
        return sheet([flat(one) for one in shown]), note
    return sheet(list(shown)), note


def kernels(weight: Array) -> tuple[Array, str]:
    """(picture, what is left out) of weights: blue below zero, white at zero, red above, the layer's largest at full colour.

    (O, I) and (O, I, 1, 1): a matrix; (O, 3, h, w) and (O, 1, h, w): a tile an output, of 3 in colour; (O, I, 1, k): a
    tile (I, k) an output; else a row of tiles an output, one an input; of (O, I, d, h, w) each kernel's middle slices.
    """
    values = weight.astype(np.float32)
    largest = float(np.abs(values).max())
    if values.size == values.shape[0] * values.shape[1]:
        matrix: Array = values.reshape(len(values), -1)
        note = left_out("outputs", len(matrix), MOST_WIDE) or left_out("inputs", matrix.shape[1], MOST_WIDE)
        return enlarged(signed(matrix[:MOST_WIDE, :MOST_WIDE], largest)), note
    note = left_out("outputs", len(values), MOST_MAPS)
    if values.ndim == 4 and values.shape[1] == 3:
        tiles = np.rint((values / (2 * largest or 1) + 0.5) * 255).astype(np.uint8).transpose(0, 2, 3, 1)
        return sheet(list(tiles[:MOST_MAPS])), note
    if values.ndim == 4 and values.shape[2] == 1:
        return sheet([signed(one[:MOST_MAPS, 0], largest) for one in values[:MOST_MAPS]]), note
    if values.ndim == 4 and values.shape[1] == 1:
        return sheet(list(signed(values[:MOST_MAPS, 0], largest))), note
    note = left_out("outputs", len(values), MOST_SIDE) or left_out("inputs", values.shape[1], MOST_SIDE)
    shown = signed(values[:MOST_SIDE, :MOST_SIDE], largest)
    tiles_ = [flat(one) if one.ndim == 4 else one for row in shown for one in row]
    return sheet(tiles_, columns=shown.shape[1]), note


def over(picture: Array, strength: Array) -> Array:
    """(h, w, 3) in greys with ``strength`` (h, w) in 0 … 1 over it: the redder, the stronger."""
    share = 0.8 * strength[..., None]
    grey = picture.astype(np.float32).mean(axis=2, keepdims=True)
    mixed: Array = np.rint(grey * (1 - share) + HOT * share).astype(np.uint8)
    return mixed


def strongest_slices(volume: Array, strength: Array) -> tuple[Array, Array]:
    """((h, w, 3) picture of a volume (D, H, W, 3), (h, w) strength): the three slices through the strongest place."""
    place = tuple(int(i) for i in np.unravel_index(int(strength.argmax()), strength.shape))
    picture = side_by_side(slices_at(np.moveaxis(volume, -1, 0), place), PAPER).transpose(1, 2, 0)
    return picture, side_by_side(slices_at(strength[None], place))[0]


def sheet(tiles: Sequence[Array], columns: int = 0) -> Array:
    """Tiles (h, w, 3) of one size in rows, enlarged by a whole number, a gap between them."""
    columns = columns or max(1, round((len(tiles) * tiles[0].shape[0] / tiles[0].shape[1]) ** 0.5))
    few = max(tiles[0].shape[:2]) * max(columns, 4) <= 4 * TILE
    times = max(1, TILE // max(tiles[0].shape[:2])) if few or columns <= 16 else max(1, 24 // max(tiles[0].shape[:2]))
    high, wide = tiles[0].shape[0] * times, tiles[0].shape[1] * times
    gap = max(2, times // 3)
    rows = -(-len(tiles) // columns)
    page = np.full((rows * (high + gap) - gap, columns * (wide + gap) - gap, 3), PAPER, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * (high + gap), number % columns * (wide + gap)
        page[top : top + high, left : left + wide] = tile.repeat(times, 0).repeat(times, 1)
    return page


def flat(volume: Array) -> Array:
    """(D, H, W, 3) → its middle slices side by side (h, w, 3)."""
    return side_by_side(middle_slices(np.moveaxis(volume, -1, 0)), PAPER).transpose(1, 2, 0)


def lines(cells: Array) -> Array:
    """(C, 3) cells in lines of 64, read like a text."""
    wide = min(64, len(cells))
    page = np.full((-(-len(cells) // wide) * wide, 3), PAPER, np.uint8)
    page[: len(cells)] = cells
    return enlarged(page.reshape(-1, wide, 3))


def enlarged(picture: Array) -> Array:
    """A matrix of few cells with squares large enough to be seen."""
    times = max(1, 512 // max(picture.shape[:2]))
    return picture.repeat(times, 0).repeat(times, 1)


def colours(values: Array, low: float, high: float, scale: str = "viridis") -> Array:
    """(…, 3) uint8."""
    found: Array = colormaps[scale]((values - low) / max(high - low, 1e-12), bytes=True)[..., :3]
    return found


def signed(values: Array, largest: float) -> Array:
    """(…, 3) uint8: blue for −largest, white for 0, red for +largest."""
    return colours(values, -largest, largest, "RdBu_r")


def left_out(what: str, count: int, most: int) -> str:
    return f"the first {most:,} of {count:,} {what}" if count > most else ""
