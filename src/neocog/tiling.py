"""Images larger than memory through a network: tiles that overlap, blended where they meet, row by row of tiles.

A network with padding errs near a tile's edges, so ``MARGIN`` pixels there count for nothing; beyond them the weight of a
tile rises over ``RAMP`` pixels, so that no seam is seen where two tiles differ. Tiles stand at multiples of ``STEP``: what
a network that halves five times makes of a pixel depends on where its tile begins.

Where the margin covers what a network sees around a pixel (92 pixels of a U-Net of depth 4), the result is the untiled
one to the last digits of fp32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from neocog.data.dataset import Array

STEP = 32
MARGIN = 96
RAMP = 32
TILE = 768


def tiled(predict: Callable[[Tensor], Array], pixels: Array, tile: int = TILE) -> Iterator[tuple[int, Array]]:
    """Yield (first row, (K, rows, W) float32 outputs) from top to bottom, each row once.

    ``predict`` takes (1, C, h, w) pixels to (1, K, h, w) outputs; ``pixels`` (C, H, W). Of the outputs only one row of
    tiles is in memory.
    """
    _, height, width = pixels.shape
    stride = max(STEP, (tile - 2 * MARGIN - RAMP) // STEP * STEP)
    tops, lefts = starts(height, tile, stride), starts(width, tile, stride)
    sums: Array | None = None  # (K, rows from ``top`` on, W)
    weights = np.zeros((0, width), np.float32)
    for number, top in enumerate(tops):
        bottom = min(top + tile, height)
        down = ramp(bottom - top, top > 0, bottom < height)
        for left in lefts:
            right = min(left + tile, width)
            found = predict(torch.from_numpy(np.ascontiguousarray(pixels[:, top:bottom, left:right]))[None])[0]
            weight = np.outer(down, ramp(right - left, left > 0, right < width))
            if sums is None:
                sums = np.zeros((len(found), 0, width), np.float32)
            missing = bottom - top - sums.shape[1]
            if missing > 0:
                sums = np.concatenate([sums, np.zeros((len(found), missing, width), np.float32)], axis=1)
                weights = np.concatenate([weights, np.zeros((missing, width), np.float32)])
            sums[:, : bottom - top, left:right] += found * weight
            weights[: bottom - top, left:right] += weight
        assert sums is not None
        done = (tops[number + 1] if number + 1 < len(tops) else height) - top
        yield top, sums[:, :done] / weights[:done]
        sums, weights = sums[:, done:].copy(), weights[done:].copy()


def starts(side: int, tile: int, stride: int) -> list[int]:
    """Where tiles begin along a side: multiples of STEP, the last one reaching its end."""
    if side <= tile:
        return [0]
    last = -(-(side - tile) // STEP) * STEP
    return [*range(0, last, stride), last]


def ramp(length: int, before: bool, after: bool) -> Array:
    """(length,) weights: 1, but falling to 0 towards an edge that another tile covers (``before``, ``after``)."""
    weight = np.ones(length, np.float32)
    edge = np.concatenate([np.zeros(MARGIN, np.float32), (np.arange(RAMP, dtype=np.float32) + 1) / RAMP])[:length]
    if before:
        weight[: len(edge)] = np.minimum(weight[: len(edge)], edge)
    if after:
        weight[len(weight) - len(edge) :] = np.minimum(weight[len(weight) - len(edge) :], edge[::-1])
    return weight
