"""Regions of a picture (H, W, C): its edge, its corners, and what is left without them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FRAME, CORNER = 0.06, 0.12  # shares of a side
SQUARES = (1, 2)  # times CORNER: a mark that fills the smaller square is seen in the larger
CELLS, BLOCK = 4, 8  # parts of a side that are told apart, pixels of JPEG's blocks


def depth(image: Floats, share: float) -> tuple[int, int]:
    """Rows and columns of a share of each side, two at least."""
    height, width = image.shape[:2]
    return max(2, round(share * height)), max(2, round(share * width))


def inner(image: NDArray[Any]) -> NDArray[Any]:
    """Without the edge that ``corners`` and ``edges`` look at; of a tiny picture all of it."""
    rows, columns = depth(image, CORNER)
    found = image[rows:-rows, columns:-columns]
    return found if min(found.shape[:2]) >= CELLS else image


def away_from_corners(image: Floats) -> Floats:
    """(n, C) the pixels of ``inner`` that no square of ``corners`` holds; of a tiny picture all."""
    there = np.ones_like(image, np.bool_)
    for square in large_corners(there):
        square[...] = False
    kept = inner(there)
    return inner(image)[kept[..., 0]] if kept.any() else inner(image).reshape(-1, image.shape[2])


def whole_blocks(image: Floats) -> Floats:
    """As ``inner``, beginning where a block of JPEG does."""
    rows, columns = (-(-each // BLOCK) * BLOCK for each in depth(image, CORNER))
    found = image[rows:-rows, columns:-columns]
    return found if min(found.shape[:2]) >= BLOCK else image


def strips(image: Floats, inward: int = 0) -> list[Floats]:
    """The four sides of the frame without its corners, each with the side along the first axis; or as many strips inward."""
    (rows, columns), (up, left) = depth(image, FRAME), depth(image, CORNER)
    across = image.transpose(1, 0, 2)
    sides = [across[left:-left, part] for part in _ends(rows, inward)]
    sides += [image[up:-up, part] for part in _ends(columns, inward)]
    return [side if side.size else image for side in sides]


def _ends(width: int, inward: int) -> tuple[slice, slice]:
    """What is so wide at both ends of a side, or as many widths inward."""
    first, last = inward * width, (inward + 1) * width
    return slice(first, last), slice(-last, -first or None)


def corner_squares(image: NDArray[Any], times: float = 1) -> list[NDArray[Any]]:
    """Squares in the corners, or so many times as wide."""
    rows, columns = (int(times * each) for each in depth(image, CORNER))
    return [image[r, c] for r in (slice(rows), slice(-rows, None)) for c in (slice(columns), slice(-columns, None))]


def large_corners(image: NDArray[Any]) -> list[NDArray[Any]]:
    """The largest squares that ``corners`` looks at."""
    return corner_squares(image, max(SQUARES))
