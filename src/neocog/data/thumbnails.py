"""A small copy of each image, by which near copies are found: scaled to no brightness and one contrast.

Letters: N images, H × W pixels, C channels. The cells of a thumbnail: 16 × 16 of grey, less their mean and of length 1; then
3 × 4 × 4 of what red, green and blue differ from grey, in the same units. Its distance to another one is 0 for images that differ
in brightness and contrast only, and √2 where they have nothing in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from neocog.data.dataset import Array

Floats = NDArray[np.float32]

SIDE, COLOUR = 16, 4  # cells a side, of grey and of colour
GREY = SIDE * SIDE
CELLS = GREY + 3 * COLOUR**2
FEATURES = 15
_KEPT = np.dtype([("cells", "f2", CELLS), ("mean", "f4"), ("contrast", "f4")])
THUMBNAIL = _KEPT.itemsize  # 616 bytes


def thumbnails(images: Array) -> list[bytes]:
    """Of each of (N, H, W, C) images; b"" where it is plain: its cells differ by less than half a grey level."""
    count, height, width, channels = images.shape
    if height == 1:
        return [b""] * count  # sequences have no picture
    rows = _row_means(images.reshape(count, height, width * channels), SIDE).reshape(count, SIDE, width, channels)
    cells = _row_means(rows.transpose(0, 2, 1, 3).reshape(count, width, SIDE * channels), SIDE)
    cells = cells.reshape(count, SIDE, SIDE, channels).transpose(0, 2, 1, 3).astype(np.float64, copy=False)
    grey = sum(cells[..., channel] for channel in range(channels)) / channels  # (N, 16, 16)
    means = grey.mean(axis=(1, 2))
    grey = grey - means[:, None, None]
    lengths = np.sqrt(np.square(grey).sum(axis=(1, 2)))  # (N,)
    rounding = 0.5 if images.dtype.kind in "ub" else 1e-5 * np.abs(cells).max(axis=(1, 2, 3), initial=0)
    plain = lengths <= SIDE * rounding
    scale = np.where(plain, np.inf, lengths)
    found = np.zeros(count, _KEPT)
    found["mean"], found["contrast"] = means, lengths / SIDE
    found["cells"][:, :GREY] = (grey / scale[:, None, None]).reshape(count, GREY)
    if channels == 3:
        block = SIDE // COLOUR
        colour = (cells - (grey + means[:, None, None])[..., None]).reshape(count, COLOUR, block, COLOUR, block, 3)
        colour = colour.mean(axis=(2, 4)).transpose(0, 3, 1, 2) * (block / 3**0.5)  # a cell stands for block² of grey
        found["cells"][:, GREY:] = (colour / scale[:, None, None, None]).reshape(count, -1)
    return [b"" if empty else row.tobytes() for empty, row in zip(plain.tolist(), found, strict=True)]


def unpacked(kept: Sequence[bytes] | Array) -> tuple[Floats, Floats, Floats]:
    """Thumbnails as arrays: cells (n, 304), and of the pixels' own units mean (n,) and standard deviation (n,) of the grey."""
    stored = kept if isinstance(kept, np.ndarray) else np.frombuffer(b"".join(kept), np.uint8)
    table = stored.reshape(-1, THUMBNAIL).view(_KEPT)[:, 0]
    return table["cells"].astype(np.float32), table["mean"], table["contrast"]


@lru_cache(maxsize=1)
def turns() -> NDArray[np.int64]:
    """(8, 304) which cell of a thumbnail comes to lie where, in each way of mirroring and turning it by quarters."""
    grey = np.arange(GREY).reshape(1, SIDE, SIDE)
    colour = GREY + np.arange(3 * COLOUR**2).reshape(3, COLOUR, COLOUR)
    ways = [
        np.concatenate([np.rot90(each, k, axes=(1, 2)).ravel() for each in pair])
        for pair in ((grey, colour), (grey[..., ::-1], colour[..., ::-1]))
        for k in range(4)
    ]
    return np.stack(ways)


def features(cells: Floats) -> Floats:
    """(n, 304) → (n, 15): numbers that mirroring and turns by quarters leave as they are, never further apart than the cells.

    Of the cosine transform (DCT-II) of the grey cells, mirroring changes signs, and transposing swaps rows and columns: of each
    pair of the lowest 4 × 4 coefficients but the mean, sum and difference of the absolute values are kept.
    """
    waves = dctn(cells[:, :GREY].reshape(-1, SIDE, SIDE), axes=(1, 2), norm="ortho")[:, :4, :4]
    size = np.abs(waves)
    down, right = np.triu_indices(4, 1)
    one, other = size[:, down, right], size[:, right, down]
    diagonal = size[:, (1, 2, 3), (1, 2, 3)]
    found: Floats = np.concatenate([diagonal, (one + other) / 2**0.5, np.abs(one - other) / 2**0.5], axis=1)
    return found


def _row_means(values: Array, cells: int) -> Array:
    """(N, L, M) → (N, cells, M): the means of equal spans of rows, parts of a row counted as parts.

    No matrix product, since BLAS threads under our own would fight for the cores; ``einsum`` alone is fast on uint8.
    """
    kind: Any = np.float32 if values.dtype.kind == "u" else np.float64
    count, length, width = values.shape
    whole = length // cells
    if values.dtype == np.uint8 and length == whole * cells and whole < 2**16:
        narrow = np.uint16 if 255 * whole < 2**16 else np.uint32  # the sums are the same, and half as long to make
        sums = values.reshape(count, cells, whole, width).sum(axis=2, dtype=narrow)
        means: Array = sums.astype(kind) / kind(whole)
        return means
    weights: Array = _spans(length, cells).astype(kind)
    if values[0].size < 2**14:  # small: one call, though most of its weights are 0
        floats: Array = values.astype(kind, copy=False)
        mixed: Array = np.einsum("cl,nlm->ncm", weights, floats)
        return mixed
    spans = []
    for row in weights:
        inside = np.flatnonzero(row)
        part = slice(inside[0], inside[-1] + 1)
        spans.append(np.einsum("l,nlm->nm", row[part], values[:, part], dtype=kind))
    return np.stack(spans, axis=1)


@lru_cache(maxsize=64)
def _spans(length: int, cells: int) -> Array:
    """(cells, length) the share that each row has in each of the equal spans; rows sum to 1."""
    edges = np.linspace(0, length, cells + 1)
    rows = np.arange(length)
    parts = np.minimum(edges[1:, None], rows + 1) - np.maximum(edges[:-1, None], rows)
    shares: Array = parts.clip(0)
    shares /= shares.sum(axis=1, keepdims=True)
    return shares
