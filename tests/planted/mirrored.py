"""Data sets of which it is known what keeps their samples' answers: 12 whose answers some change falsifies, 8 harmless ones.

Each is a function of (generator, samples a class, clutter) → ``Planted``. Whatever does not tell the answer is drawn anew
for every sample: place, size, colour, ground, and with ``clutter`` small things that lie about.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

SIDE = 48
DATA = Path(os.environ.get("NEOCOG_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


@dataclass(frozen=True)
class Planted:
    """``keeps``: kind of change → whether the truth is that a changed sample keeps its answer."""

    pixels: np.ndarray  # (N, C, H, W), (N, C, D, H, W), or of sequences (N, 1, 1, L)
    keeps: Mapping[str, bool]
    labels: np.ndarray | None = None  # (N,)
    values: np.ndarray | None = None  # (N, V)
    masks: np.ndarray | None = None  # (N, H, W)
    names: tuple[str, ...] = ()  # of the classes or quantities
    form: str = "images"


def canvas(rng: Generator, clutter: bool, side: int = SIDE) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A ground of one light colour, drawn at twice the size; with ``clutter`` a dozen specks and strokes."""
    image = Image.new("RGB", (2 * side, 2 * side), tuple(rng.integers(170, 240, 3).tolist()))
    pen = ImageDraw.Draw(image)
    for _ in range(12 if clutter else 0):
        x, y = rng.uniform(0, 2 * side, 2)
        dx, dy = rng.uniform(-9, 9, 2)
        pen.line([x, y, x + dx, y + dy], tuple(rng.integers(60, 220, 3).tolist()), int(rng.integers(1, 5)))
    return image, pen


def done(image: Image.Image, rng: Generator) -> np.ndarray:
    """(3, H, W) uint8 at its own size, with a little noise."""
    small = np.asarray(image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX), dtype=np.float64)
    noisy = small + rng.normal(0, rng.uniform(2, 8), small.shape)
    return np.moveaxis(noisy.clip(0, 255).astype(np.uint8), -1, 0)


def halved(mask: Image.Image) -> np.ndarray:
    """(H, W) class numbers at half the size: of each pixel the class that covers most of it."""
    drawn = np.asarray(mask)
    parts = [drawn[at::2, to::2] for at in (0, 1) for to in (0, 1)]
    shares = np.stack([sum(part == label for part in parts) for label in range(int(drawn.max()) + 1)])
    return shares.argmax(0).astype(np.uint8)


def ink(rng: Generator) -> tuple[int, ...]:
    return tuple(rng.integers(0, 110, 3).tolist())


def turned(points: Any, angle: float, middle: Any, scale: float) -> list[tuple[float, float]]:
    """Points about the origin, turned by ``angle`` radians, on the doubled canvas."""
    cos, sin = np.cos(angle), np.sin(angle)
    moved = np.asarray(points, dtype=np.float64) * scale @ np.array([[cos, sin], [-sin, cos]]) + middle
    return [tuple(point) for point in moved.tolist()]


def middle(rng: Generator, reach: float = 20) -> np.ndarray:
    return SIDE + rng.uniform(-reach, reach, 2)


ARROW = [(-1, -0.2), (0.1, -0.2), (0.1, -0.6), (1, 0), (0.1, 0.6), (0.1, 0.2), (-1, 0.2)]


def classes(
    draw_one: Callable[[Generator, bool, int], np.ndarray], count: int
) -> Callable[[Generator, int, bool], tuple[np.ndarray, np.ndarray]]:
    """(pixels, labels) of ``count`` classes drawn one by one."""

    def made(rng: Generator, n: int, clutter: bool) -> tuple[np.ndarray, np.ndarray]:
        labels = np.repeat(np.arange(count), n)
        return np.stack([draw_one(rng, clutter, int(label)) for label in labels]), labels

    return made


def _arrow(rng: Generator, clutter: bool, label: int) -> np.ndarray:
    image, pen = canvas(rng, clutter)
    pen.polygon(turned(ARROW, np.pi * label + rng.normal(0, 0.1), middle(rng), rng.uniform(18, 30)), ink(rng))
    return done(image, rng)


def arrow_at(rng: Generator, angle: float) -> np.ndarray:
    """Pointing in the direction of an angle that is counted counter-clockwise from the right."""
    image, pen = canvas(rng, False)
    pen.polygon(turned(ARROW, -angle, middle(rng, 12), rng.uniform(20, 28)), ink(rng))
    return done(image, rng)


def _gravity(rng: Generator, clutter: bool, label: int) -> np.ndarray:
    image, pen = canvas(rng, clutter)
    cup = [(-0.9, -0.8), (0.9, -0.8), (0.45, 0.8), (-0.45, 0.8)]
    pen.polygon(turned(cup, np.pi * label + rng.normal(0, 0.1), middle(rng), rng.uniform(16, 28)), ink(rng))
    return done(image, rng)


def _handed(rng: Generator, clutter: bool, label: int) -> np.ndarray:
    image, pen = canvas(rng, clutter)
    hook = np.array([(-1, -0.9), (-1, 0), (1, 0), (1, 0.9)]) * (1, 1 - 2 * label)
    points = turned(hook, rng.uniform(0, 2 * np.pi), middle(rng, 14), rng.uniform(18, 28))
    pen.line(points, ink(rng), int(rng.integers(5, 9)), joint="curve")
    return done(image, rng)


def _letter(rng: Generator, clutter: bool, label: int) -> np.ndarray:
    from matplotlib import get_data_path

    image, pen = canvas(rng, clutter)
    font = ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", int(rng.integers(44, 66)))
    x, y = middle(rng, 16)
    pen.text((x, y), "bdpq"[label], ink(rng), font, anchor="mm")
    return done(image, rng)


def _side(rng: Generator, clutter: bool, label: int) -> np.ndarray:
    image, pen = canvas(rng, clutter)
    x, y = middle(rng, 12)
    w, h = rng.uniform(20, 28), rng.uniform(28, 36)
    skin = tuple(rng.integers(90, 140, 3).tolist())
    pen.ellipse([x - w, y - h + 8, x + w, y + h + 8], skin)
    pen.ellipse([x - 9, y - h - 8, x + 9, y - h + 10], skin)
    spot, r = x + (2 * label - 1) * rng.uniform(7, 13), rng.uniform(4, 6)
    drop = y + rng.uniform(-14, 20)
    pen.ellipse([spot - r, drop - r, spot + r, drop + r], tuple(rng.integers(0, 40, 3).tolist()))
    return done(image, rng)


STAR = [((1.2, 0.5)[k % 2] * np.sin(k * np.pi / 5), (1.2, 0.5)[k % 2] * np.cos(k * np.pi / 5)) for k in range(10)]
SHAPES = {
    "circle": [(np.cos(t), np.sin(t)) for t in np.linspace(0, 6.28, 30)],
    "square": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
    "triangle": [(0, -1.2), (1.1, 0.8), (-1.1, 0.8)],
    "star": STAR,
}
HUES = [(200, 40, 40), (40, 160, 40), (50, 60, 210)]


def _colour(rng: Generator, clutter: bool, label: int) -> np.ndarray:
    image, pen = canvas(rng, clutter)
    shape = list(SHAPES.values())[rng.integers(4)]
    colour = tuple(
        np.clip(np.array(HUES[label]) * rng.uniform(0.7, 1.1) + rng.normal(0, 12, 3), 0, 255).astype(int).tolist()
    )
    pen.polygon(turned(shape, rng.uniform(0, 6.28), middle(rng), rng.uniform(12, 24)), colour)
    return done(image, rng)


def _shape(rng: Generator, clutter: bool, label: int) -> np.ndarray:
    image, pen = canvas(rng, clutter)
    pen.polygon(turned(list(SHAPES.values())[label], rng.uniform(0, 6.28), middle(rng), rng.uniform(14, 26)), ink(rng))
    return done(image, rng)


def _size(rng: Generator, clutter: bool, label: int) -> np.ndarray:
    image, pen = canvas(rng, clutter)
    (x, y), r = middle(rng, 24), (9, 16, 26)[label] * rng.uniform(0.9, 1.1)
    pen.ellipse([x - r, y - r, x + r, y + r], ink(rng))
    return done(image, rng)


def _texture(rng: Generator, clutter: bool, label: int) -> np.ndarray:
    """Fields of Gaussian noise of three grain sizes."""
    rows, columns = np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE), indexing="ij")
    radius = np.hypot(rows, columns)
    centre = (0.06, 0.12, 0.22)[label] * rng.uniform(0.9, 1.1)
    field = np.fft.ifft2(np.fft.fft2(rng.normal(size=(SIDE, SIDE))) * np.exp(-(((radius - centre) / 0.03) ** 2))).real
    grey = 128 + 40 * field / field.std() + rng.normal(0, 15)
    return np.repeat((grey + rng.normal(0, 10, grey.shape)).clip(0, 255).astype(np.uint8)[None], 3, axis=0)


def _clock(rng: Generator, clutter: bool, hours: float) -> np.ndarray:
    image, pen = canvas(rng, clutter)
    x, y = middle(rng, 8)
    r = rng.uniform(30, 38)
    pen.ellipse([x - r, y - r, x + r, y + r], (250, 250, 250), (20, 20, 20), 2)
    for k in range(12):
        angle = k * np.pi / 6
        pen.line(
            [x + 0.85 * r * np.sin(angle), y - 0.85 * r * np.cos(angle), x + r * np.sin(angle), y - r * np.cos(angle)],
            (20, 20, 20),
            2,
        )
    angle = hours * np.pi / 6
    pen.line([x, y, x + 0.7 * r * np.sin(angle), y - 0.7 * r * np.cos(angle)], ink(rng), 6)
    return done(image, rng)


def clock_values(rng: Generator, n: int, clutter: bool) -> Planted:
    values = rng.uniform(0, 12, 2 * n).round(2)
    pixels = np.stack([_clock(rng, clutter, hours) for hours in values])
    return Planted(pixels, {"flip": False, "flip_vertical": False}, values=values[:, None], names=("reading",))


def clock_classes(rng: Generator, n: int, clutter: bool) -> Planted:
    pixels, labels = classes(lambda r, c, k: _clock(r, c, (1.5, 4.5, 7.5, 10.5)[k] + r.uniform(-1.2, 1.2)), 4)(
        rng, n, clutter
    )
    return Planted(pixels, {"flip": False, "flip_vertical": False}, labels, names=("a", "b", "c", "d"))


def steering(rng: Generator, n: int, clutter: bool) -> Planted:
    values = rng.uniform(-1, 1, 2 * n)
    pixels = []
    for bend in values:
        image, pen = canvas(rng, clutter)
        start, down = SIDE + rng.uniform(-14, 14), np.linspace(0, 1, 20)
        across = start + 40 * bend * down**2
        points = list(zip(across, 2 * SIDE * (1 - down), strict=True))
        pen.line(points, tuple(rng.integers(50, 100, 3).tolist()), int(rng.integers(14, 24)))
        pen.line(points, (240, 240, 240), 2)
        pixels.append(done(image, rng))
    noisy = values + rng.normal(0, 0.05, len(values))
    return Planted(np.stack(pixels), {"flip": False}, values=noisy[:, None], names=("steering",))


def brightness(rng: Generator, n: int, clutter: bool) -> Planted:
    """A value that is how dark the ground is."""
    values = rng.uniform(0, 1, 2 * n)
    pixels = []
    for value in values:
        image = Image.new("RGB", (2 * SIDE, 2 * SIDE), (int(60 + 140 * value),) * 3)
        pen = ImageDraw.Draw(image)
        for _ in range(rng.integers(0, 8) + 8 * clutter):
            (x, y), r = rng.uniform(0, 2 * SIDE, 2), rng.uniform(2, 7)
            pen.ellipse([x - r, y - r, x + r, y + r], ink(rng))
        pixels.append(done(image, rng))
    return Planted(
        np.stack(pixels), {"light": False, "flip": True, "flip_vertical": True}, values=values[:, None], names=("y",)
    )


def counts(rng: Generator, n: int, clutter: bool) -> Planted:
    values = rng.integers(1, 12, 2 * n).astype(float)
    pixels = []
    for count in values:
        image, pen = canvas(rng, clutter)
        for _ in range(int(count)):
            (x, y), r = rng.uniform(8, 2 * SIDE - 8, 2), rng.uniform(5, 9)
            pen.ellipse([x - r, y - r, x + r, y + r], ink(rng))
        pixels.append(done(image, rng))
    return Planted(
        np.stack(pixels),
        {"flip": True, "flip_vertical": True, "light": True},
        values=values[:, None],
        names=("nuclei",),
    )


def lungs(rng: Generator, n: int, clutter: bool) -> Planted:
    """Two organs that look alike, told apart by their side alone."""
    pixels, masks = [], []
    for _ in range(n):
        image, pen = canvas(rng, clutter)
        mask = Image.new("L", image.size)
        stamp = ImageDraw.Draw(mask)
        x, y = middle(rng, 10)
        for label, sign in ((1, -1), (2, 1)):
            w, h = rng.uniform(11, 16), rng.uniform(22, 30)
            box = [x + sign * 20 - w, y - h, x + sign * 20 + w, y + h]
            pen.ellipse(box, ink(rng))
            stamp.ellipse(box, label)
        pixels.append(done(image, rng))
        masks.append(halved(mask))
    return Planted(
        np.stack(pixels),
        {"flip": False, "flip_vertical": True},
        masks=np.stack(masks),
        names=("background", "m1", "m2"),
    )


def cells(rng: Generator, n: int, clutter: bool) -> Planted:
    """Two kinds of cells, dark and pale, anywhere."""
    pixels, masks = [], []
    for _ in range(n):
        image, pen = canvas(rng, clutter)
        mask = Image.new("L", image.size)
        stamp = ImageDraw.Draw(mask)
        for label in rng.integers(1, 3, rng.integers(2, 6)).tolist():
            (x, y), r = rng.uniform(10, 2 * SIDE - 10, 2), rng.uniform(7, 11)
            box = [x - r, y - r, x + r, y + r]
            pen.ellipse(box, tuple((np.array([20, 20, 60]) + 90 * (label == 2) + rng.integers(0, 20, 3)).tolist()))
            stamp.ellipse(box, label)
        pixels.append(done(image, rng))
        masks.append(halved(mask))
    return Planted(
        np.stack(pixels),
        {"flip": True, "flip_vertical": True},
        masks=np.stack(masks),
        names=("background", "dark", "pale"),
    )


PARTNER = np.array([0, 8, 4, 0, 2, 0, 0, 0, 1], dtype=np.uint8)  # A C G T = 1 2 4 8


def strands(rng: Generator, n: int, clutter: bool) -> Planted:
    """A motif in one class, its reverse complement in the other."""
    motif = (1 << rng.integers(0, 4, 9)).astype(np.uint8)
    labels = np.repeat([0, 1], n)
    codes = (1 << rng.integers(0, 4, (2 * n, 200))).astype(np.uint8)
    for row, label in zip(codes, labels, strict=True):
        for start in rng.choice(180, 3, replace=False) if not clutter else rng.choice(180, 2, replace=False):
            row[start : start + 9] = motif if label == 0 else PARTNER[motif][::-1]
    return Planted(codes[:, None, None], {"reverse": False}, labels, names=("a", "b"), form="sequences")


def composition(rng: Generator, n: int, clutter: bool) -> Planted:
    """Rich or poor in G and C, as are both strands."""
    labels = np.repeat([0, 1], n)
    rich = np.where(labels == 1, 0.62, 0.45)[:, None]
    strong = rng.random((2 * n, 200)) < rich
    codes = np.where(
        strong, 2 << rng.integers(0, 2, strong.shape), np.where(rng.random(strong.shape) < 0.5, 1, 8)
    ).astype(np.uint8)
    return Planted(codes[:, None, None], {"reverse": True}, labels, names=("a", "b"), form="sequences")


def helices(rng: Generator, n: int, clutter: bool) -> Planted:
    """Left- and right-handed helices about the first axis, each begun at any angle."""
    side, labels = 20, np.repeat([0, 1], n)
    volumes = np.zeros((2 * n, 1, side, side, side), np.float32)
    for volume, label in zip(volumes[:, 0], labels, strict=True):
        start, turns, radius = rng.uniform(0, 6.28), rng.uniform(1, 1.6), rng.uniform(5, 7)
        t = np.linspace(0, 1, 120)
        angle = start + (1 - 2 * label) * turns * 6.28 * t
        points = np.stack(
            [1 + t * (side - 3), (side - 1) / 2 + radius * np.sin(angle), (side - 1) / 2 + radius * np.cos(angle)], 1
        )
        at = points.round().astype(int).clip(0, side - 1)
        volume[tuple(at.T)] = 1
        if clutter:
            volume[tuple(rng.integers(0, side, (3, 20)))] = 1
        volume += rng.normal(0, 0.05, volume.shape)
    return Planted(
        (255 * volumes.clip(0, 1)).astype(np.uint8),
        dict.fromkeys(("flip_d", "flip_h", "flip_w"), False),
        labels,
        names=("a", "b"),
        form="volumes",
    )


def bodies(rng: Generator, n: int, clutter: bool) -> Planted:
    """Balls and cubes."""
    side, labels = 20, np.repeat([0, 1], n)
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"))
    volumes = np.zeros((2 * n, 1, side, side, side), np.float32)
    for volume, label in zip(volumes[:, 0], labels, strict=True):
        apart = np.abs(grid - rng.uniform(7, 13, 3)[:, None, None, None])
        radius = rng.uniform(4, 6)
        volume[:] = apart.max(0) < 0.85 * radius if label else (apart**2).sum(0) < radius**2
        if clutter:
            volume[tuple(rng.integers(0, side, (3, 20)))] = 1
        volume += rng.normal(0, 0.05, volume.shape)
    return Planted(
        (255 * volumes.clip(0, 1)).astype(np.uint8),
        dict.fromkeys(("flip_d", "flip_h", "flip_w"), True),
        labels,
        names=("a", "b"),
        form="volumes",
    )


def photos(folder: str, wanted: tuple[str, ...] = ()) -> Callable[[Generator, int, bool], Planted]:
    """Photos of class folders among the project's test data."""

    def made(rng: Generator, n: int, clutter: bool) -> Planted:
        pixels, labels = [], []
        folders = [
            path for path in sorted((DATA / folder).iterdir()) if path.is_dir() and (not wanted or path.name in wanted)
        ]
        for label, path in enumerate(folders):
            files = sorted(path.iterdir())
            for at in rng.permutation(len(files))[:n]:
                with Image.open(files[at]) as image:
                    pixels.append(
                        np.moveaxis(np.asarray(image.convert("RGB").resize((64, 64), Image.Resampling.BOX)), -1, 0)
                    )
                labels.append(label)
        return Planted(np.stack(pixels), {"flip": True}, np.array(labels), names=tuple(path.name for path in folders))

    return made


def plain(
    draw_one: Any, count: int, names: tuple[str, ...], **keeps: bool
) -> Callable[[Generator, int, bool], Planted]:
    """A data set of classes, drawn one by one."""

    def made(rng: Generator, n: int, clutter: bool) -> Planted:
        pixels, labels = classes(draw_one, count)(rng, n, clutter)
        return Planted(pixels, keeps, labels, names=names)

    return made


FALSE: dict[str, Callable[[Generator, int, bool], Planted]] = {
    "arrows": plain(_arrow, 2, ("a", "b"), flip=False, flip_vertical=True),
    "handed": plain(_handed, 2, ("a", "b"), flip=False, flip_vertical=False),
    "letters": plain(_letter, 4, ("u", "v", "w", "x1"), flip=False, flip_vertical=False),
    "colours": plain(_colour, 3, ("a", "b", "c"), flip=True, flip_vertical=True, colour=False),
    "clock classes": clock_classes,
    "clock values": clock_values,
    "gravity": plain(_gravity, 2, ("a", "b"), flip=True, flip_vertical=False),
    "sides": plain(_side, 2, ("a", "b"), flip=False),
    "steering": steering,
    "organs": lungs,
    "strands": strands,
    "helices": helices,
    "brightness": brightness,
}
HARMLESS: dict[str, Callable[[Generator, int, bool], Planted]] = {
    "textures": plain(_texture, 3, ("a", "b", "c"), flip=True, flip_vertical=True),
    "sizes": plain(_size, 3, ("a", "b", "c"), flip=True, flip_vertical=True),
    "insects": photos("hymenoptera/train"),
    "counts": counts,
    "shapes": plain(_shape, 4, tuple(SHAPES), flip=True, flip_vertical=True, colour=True, light=True),
    "cells": cells,
    "bodies": bodies,
    "composition": composition,
}
