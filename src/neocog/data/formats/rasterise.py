"""Shapes → a class for every pixel, drawn as labelme draws them: in the file's order, later ones over earlier ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from neocog.data.dataset import Array, BadImage
from neocog.data.formats.decoding import DEFAULT
from neocog.data.formats.labelme import Shape
from neocog.data.formats.mask_values import stored_values

LINE_WIDTH, POINT_RADIUS = 10, 5  # pixels, labelme's own


def rasterise(shapes: Sequence[Shape], classes: Mapping[str, int], height: int, width: int, name: str = "") -> Array:
    """(H, W) uint8: 0 where nothing is drawn, else ``classes[label]``. What lies outside the image is cut off.

    Polygons are filled by the even-odd rule, their outline included. Raises BadImage where a mask's PNG does not fit.
    """
    canvas = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(canvas)
    for shape in shapes:
        value = classes[shape.label]
        if shape.kind == "mask":
            _paste(canvas, shape, value, name)
        else:
            _draw(draw, shape, value)
    return np.array(canvas)


def _draw(draw: ImageDraw.ImageDraw, shape: Shape, value: int) -> None:
    points = list(shape.points)
    if shape.kind == "polygon":
        draw.polygon(points, fill=value, outline=value)
    elif shape.kind == "rectangle":
        (x0, y0), (x1, y1) = points
        draw.rectangle((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), fill=value, outline=value)
    elif shape.kind == "circle":
        draw.ellipse(_around(points[0], math.dist(*points)), fill=value, outline=value)
    elif shape.kind == "point":
        draw.ellipse(_around(points[0], POINT_RADIUS), fill=value, outline=value)
    else:
        draw.line(points, fill=value, width=LINE_WIDTH)


def _around(centre: tuple[float, float], radius: float) -> tuple[float, float, float, float]:
    x, y = centre
    return x - radius, y - radius, x + radius, y + radius


def _paste(canvas: Image.Image, shape: Shape, value: int, name: str) -> None:
    """A mask's PNG, its first pixel at the first point."""
    drawn = stored_values(shape.mask, DEFAULT, name)[0] > 0
    (x0, y0), (x1, y1) = shape.points
    expected = round(y1) - round(y0) + 1, round(x1) - round(x0) + 1
    if drawn.shape != expected:
        what = f"a mask of {drawn.shape[0]} × {drawn.shape[1]} between points that span {expected[0]} × {expected[1]}"
        raise BadImage(what, name, "draw it again, or --on-bad skip")
    canvas.paste(value, (round(x0), round(y0)), Image.fromarray(drawn))
