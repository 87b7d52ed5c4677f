"""The sections of a generator and its discriminator: sample quality, pictures over the epochs, the game, classes, copies."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neocog.metrics import title
from neocog.records import Bars, Curves, Item, Measure, Picture, Pictures, Section, Series, Table, Text
from neocog.tasks.gan.losses import DISCRIMINATOR, GENERATOR, GameLoss
from neocog.tasks.report.montage import png_bytes, sheet
from neocog.tasks.report.quality import cells

Array = NDArray[Any]
STATIONS = (1, 10, 30, 55, 100, 300, 1000, 3000)  # epochs of the strip, besides the last
FRAMES, WIDEST, MOST_TILES = 30, 256, 6  # of the animation: about so many, pixels a side, images a side
MILLISECONDS, REST = 200, 2000  # of a frame, and of the last
GAP = 1


@dataclass(frozen=True)
class Films:
    """The same latent vectors over the epochs, as PNG; the animation is an animated one. Empty without any epoch."""

    animation: bytes = b""
    strip: bytes = b""
    stations: tuple[int, ...] = ()


def kept(epoch: int, last: int) -> bool:
    """Whether a picture of this epoch is kept: a function of its number alone, so that a resumed run keeps the same."""
    return epoch in STATIONS or epoch == last or epoch % max(1, -(-last // FRAMES)) == 0


def tiles_a_side(size: tuple[int, ...]) -> int:
    """Images in a row, and rows, of an epoch's picture."""
    return max(2, min(MOST_TILES, WIDEST // max(size)))


def series_of(folder: Path, size: tuple[int, ...]) -> Films:
    """What the pictures of a folder, one an epoch, become together. ``size``: of one image in them."""
    paths = sorted(folder.glob("[0-9]*.png"))
    if not paths:
        return Films()
    frames = [opened(path) for path in paths]
    epochs = [int(path.stem) for path in paths]
    stations = tuple(epoch for epoch in epochs if epoch in STATIONS or epoch == epochs[-1])
    rows = [np.concatenate(tiles(frames[epochs.index(epoch)], size)[: 2 * MOST_TILES], axis=1) for epoch in stations]
    gap = np.full((GAP, rows[0].shape[1], rows[0].shape[2]), 128, np.uint8)
    strip = np.concatenate([part for row in rows for part in (row, gap)][:-1])
    return Films(animated(frames), png_bytes(strip), stations)


def opened(path: Path) -> NDArray[np.uint8]:
    """(H, W, 1 or 3)."""
    with Image.open(path) as image:
        pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def tiles(picture: Array, size: tuple[int, ...]) -> list[Array]:
    """The images of a montage, with the line on the right of each."""
    rows, columns = ((side + GAP) // (one + GAP) for side, one in zip(picture.shape, size, strict=False))
    room = np.pad(picture, ((0, GAP), (0, GAP), (0, 0)), constant_values=128)
    tall, wide = size[0] + GAP, size[1] + GAP
    return [room[r * tall : r * tall + size[0], c * wide : (c + 1) * wide] for r in range(rows) for c in range(columns)]


def animated(frames: Sequence[Array]) -> bytes:
    """An animated PNG without an end, which rests on the last frame."""
    images = [Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame) for frame in frames]
    file = io.BytesIO()
    times = [MILLISECONDS] * (len(images) - 1) + [REST]
    images[0].save(file, "PNG", save_all=True, append_images=images[1:], duration=times, loop=0)
    return file.getvalue()


def quality_section(measures: Mapping[str, Measure], extractor: str, wrong: Sequence[str]) -> Section:
    """``extractor``: what the features are; ``wrong``: what failed, in words."""
    rows = tuple((title(name), *cells(m)) for name, m in measures.items())
    note = (
        f"Features: {extractor}. Floor: the same distance between two samples of real test images of the same size, which no "
        "generator can beat on average. Recognised: the classifier gives a class a probability of at least 0.9. Memorised: "
        "closer to a training image than 99 of 100 test images are, so about 1 % if nothing was copied."
    )
    fid, floor = measures["fid"].value, measures["fid_floor"].value
    sentences = [
        f"The distance between generated and real images is {fid:.4g}; between two samples of real ones it is {floor:.4g}"
    ]
    sentences += wrong or ["No failure was detected: neither mode collapse nor a discriminator that wins"]
    texts = (Text(line[0].upper() + line[1:] + ".") for line in sentences)
    return Section(
        "Sample quality", (*texts, Table(("measure", "value", "95 % interval", "n"), rows, note)), "measures"
    )


def drawn_section(images: Array, films: Films) -> Section:
    """``images`` (n, H, W, C) uint8; beside them what the same latent vectors were in the epochs."""
    found: list[Item] = [Pictures((Picture(sheet(images, 12), "random latent vectors"),), wide=True)]
    if films.stations:
        epochs = ", ".join(map(str, films.stations))
        strip = Picture(base64.b64encode(films.strip).decode("ascii"), f"epochs {epochs}, from the top")
        note = "The same latent vectors in each row, as training proceeds."
        found.append(Pictures((strip,), note, wide=True))
        film = Picture(base64.b64encode(films.animation).decode("ascii"), f"epoch 1 to {films.stations[-1]}")
        found.append(Pictures((film,), "The same as an animation (epochs.png in the run's folder).", large=True))
    return Section("Generated images", tuple(found), "drawn")


def game_section(rows: Sequence[Mapping[str, float]], loss: GameLoss, averaged: bool) -> Section:
    """``rows``: metrics.csv; ``averaged``: whether both networks are running means."""
    if not rows or "validation_d_real" not in rows[0]:
        return Section(
            "Generator and discriminator",
            (Text("There was no validation part to evaluate the two networks on."),),
            "game",
        )
    epochs = tuple(float(row["epoch"]) for row in rows)

    def line(label: str, name: str) -> Series:
        return Series(label, epochs, tuple(float(row[f"validation_{name}"]) for row in rows))

    def level(label: str, value: float) -> Series:
        return Series(label, epochs, (value,) * len(epochs))

    d, g = DISCRIMINATOR[loss], GENERATOR[loss]
    middle = 0.0 if loss == "hinge" else 0.5
    what = "margin" if loss == "hinge" else "probability of being real"
    worst = f"{g.lost:.2f}" if abs(g.lost) < 1e9 else "unbounded"
    text = (
        f"On the validation images and as many generated ones{', with averaged weights of both networks' if averaged else ''}. "
        f"If they cannot be told apart, D gives {middle:g} to all, the discriminator's loss is {d.ideal:.2f} and the "
        f"generator's {g.ideal:.2f}; if the discriminator always wins they are {d.lost:.2f} and {worst}."
    )
    spread = "1: generated images are as diverse as real ones (mean pairwise distance); below 0.5: mode collapse."
    plots = (
        Curves("epoch", what, (line("D(x)", "d_real"), line("D(G(z))", "d_fake"), level("ideal", middle))),
        Curves(
            "epoch", "discriminator's loss", (line("loss", "d_loss"), level("ideal", d.ideal), level("won", d.lost))
        ),
        Curves("epoch", "generator's loss", (line("loss", "g_loss"), level("ideal", g.ideal))),
        Curves("epoch", "spread", (line("spread", "spread"), level("ideal", 1.0), level("floor", 0.5)), note=spread),
    )
    return Section("Generator and discriminator", (Text(text), *plots), "game")


def classes_section(classes: Sequence[str], counts: Array) -> Section:
    """``counts`` (2, K): how often the classifier says each class of generated and of real images."""
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    rows = tuple((name, f"{a:.1%}", f"{b:.1%}") for name, a, b in zip(classes, *shares.tolist(), strict=True))
    bars = Bars(tuple(classes), tuple(round(100 * float(x), 2) for x in shares[0]), "share of generated images [%]")
    return Section("Classes", (bars, Table(("class", "generated", "real"), rows)), "classes-drawn")


def copies_section(rows: Sequence[Array], counts: tuple[int, int], shares: Sequence[Measure]) -> Section:
    """``rows``: samples, their nearest training images by pixels and by features; ``counts``: of training images, samples."""
    found = " and ".join(f"{m.value:.1%} ({m.low:.1%} to {m.high:.1%})" for m in shares)
    text = (
        f"Of {counts[1]:,} samples, {found} (by pixels and by features) lie closer to one of {counts[0]:,} training images than "
        "99 of 100 test images do; about 1 % is expected by chance."
    )
    picture = Picture(sheet(np.concatenate(rows), len(rows[0])), "samples; nearest by pixels; nearest by features")
    return Section("Memorisation", (Text(text), Pictures((picture,), wide=True)), "copies")
