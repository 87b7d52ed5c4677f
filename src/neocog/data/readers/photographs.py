"""x_mask.jpg beside x.jpg: a mask, or a photograph of somebody who wears one? The pixels tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neocog.data.dataset import Array, BadImage
from neocog.data.formats.decoding import Decoding
from neocog.data.images import decode
from neocog.data.readers.mask_folders import find_layout

LOOKED_AT = 8  # files, evenly over all
MOST_COLOURS = 24  # of 4096 coarse ones, that most of a mask's pixels have; JPEG's errors included
LEAST_EQUAL = 0.5  # of a mask's pixels equal their neighbour


def photographs_beside(root: Path, decoding: Decoding) -> int:
    """How many files are called masks of their neighbours and are photographs; 0 where they are masks."""
    layout = find_layout(root, certain=False)
    if layout is None or layout.kind != "images with masks beside them":
        return 0
    masks = layout.pairs.masks
    some = masks[:: -(-len(masks) // LOOKED_AT)]
    return len(masks) if sum(_is_photograph(root / name, decoding) for name in some) > len(some) / 2 else 0


def _is_photograph(path: Path, decoding: Decoding) -> bool:
    try:
        return is_photograph(decode(path, decoding))
    except BadImage:
        return False


def is_photograph(pixels: Array) -> bool:
    """Whether (H, W, C) uint8 pixels have many colours, and hardly two neighbours alike; masks have few, in areas."""
    if pixels.dtype != np.uint8:
        return False
    colours = (
        (pixels >> 4).astype(np.uint16) @ 16 ** np.arange(pixels.shape[2], dtype=np.uint16)
        if pixels.shape[2] <= 3
        else None
    )
    if colours is None or pixels.shape[1] < 2:
        return False
    counts = np.sort(np.unique(colours, return_counts=True)[1])[::-1].cumsum()
    needed = int(np.searchsorted(counts, 0.9 * colours.size)) + 1
    equal = float((pixels[:, 1:] == pixels[:, :-1]).all(axis=2).mean())
    most = MOST_COLOURS if pixels.shape[2] == 3 else MOST_COLOURS / 3
    return needed > most and equal < LEAST_EQUAL
