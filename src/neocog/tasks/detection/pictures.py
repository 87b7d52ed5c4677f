"""Boxes drawn over images, for reports, previews and predictions."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from neocog.data.dataset import Array
from neocog.data.preprocessing import Preprocessing
from neocog.tasks.segmentation.report import grey_levels, palette

Colour = tuple[int, int, int]
TRUE, FOUND, WRONG = (
    (0, 158, 115),
    (86, 180, 233),
    (213, 94, 0),
)  # told apart by the colour-blind too (Okabe & Ito 2008)
AROUND = 1.0  # of a box's longer side: what is shown around it
LEAST = 48  # pixels of the image in a picture of one box
Line = tuple[NDArray[np.float64], Colour]  # corners x0, y0, x1, y1 and their colour


def colours_of(classes: int) -> list[Colour]:
    """(K,) of each class, none of them black."""
    return [tuple(map(int, row)) for row in palette(classes + 1)[1:]]  # type: ignore[misc]


def picture_of(stored: Array, plan: Preprocessing) -> Array:
    """(H, W, 3) uint8 of an image (H, W, C) as stored."""
    return grey_levels(stored.transpose(2, 0, 1), plan.low, plan.high)


def outlined(picture: Array, boxes: Iterable[Line], times: float = 1.0) -> Array:
    """(H, W, 3) uint8, enlarged or reduced ``times``, with lines of a few pixels along the boxes' edges."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    if times != 1:
        sides = [max(1, round(side * times)) for side in image.size]
        image = image.resize(sides, Image.Resampling.BOX if times < 1 else Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(image)
    wide = max(1, round(max(image.size) / 200))
    for corners, colour in boxes:
        x0, y0, x1, y1 = (corners * times).tolist()
        pen.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), outline=colour, width=wide)
    return np.array(image)


def around(picture: Array, corners: NDArray[np.float64], boxes: Iterable[Line], side: int) -> Array:
    """(side, side, 3): the surroundings of a box, with the ``boxes`` drawn in them."""
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = corners
    reach = max(LEAST, (1 + 2 * AROUND) * max(x1 - x0, y1 - y0)) / 2
    left, top = (x0 + x1) / 2 - reach, (y0 + y1) / 2 - reach
    size = round(2 * reach)
    rows = (np.arange(size) + round(top)).clip(0, height - 1)
    columns = (np.arange(size) + round(left)).clip(0, width - 1)
    offset = np.array([round(left), round(top)] * 2)
    return outlined(picture[rows[:, None], columns], [(each - offset, colour) for each, colour in boxes], side / size)
