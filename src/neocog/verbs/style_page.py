"""The page of ``style``: the picture, the losses, and what the Gram matrix of each layer holds."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from neocog.errors import printable
from neocog.pages.page import Head, Remark, page
from neocog.records import Curves, Picture, Pictures, Section, Series, Table, Text
from neocog.styling.features import Features
from neocog.styling.losses import gram
from neocog.styling.painting import Painted
from neocog.styling.styled import Styled
from neocog.tasks.masks import png

WIDEST = 1600  # pixels of the strip on the page
CHANNELS = 32  # of a Gram matrix that are shown
GRAM = (
    "A layer's Gram matrix has one number for each pair of its feature maps: the mean over all positions of their product, "
    "large if both are active at the same positions. Where in the image that is does not matter, so it describes texture: "
    "which strokes and colours occur together. The style loss of a layer is the squared difference of two Gram matrices, "
    "relative to the painting's. Below, the first {count} maps of each layer (brighter: larger, logarithmic): the result should "
    "look like the painting."
)
TEXTURE = (
    "Noise optimised until its Gram matrices match the painting's, in the first layers only: this shows what they encode. The "
    "first layer encodes colours and the finest structure; each further one sees a larger field and encodes larger strokes. None "
    "encodes where things were."
)


def style_page(
    found: Styled, made: Painted, strip: Image.Image, sees: Features, pictures: dict[str, Tensor],
    holds: list[tuple[int, Tensor]], names: tuple[str, str],
) -> str:  # fmt: skip
    """The text of style.html."""
    photo, painting = (printable(Path(name).name) for name in names)
    ratio = found.style_before / max(found.style_after, 1e-12)
    head = Head(
        f"{photo} after {painting} · neocog", "style transfer", f"÷ {ratio:,.0f}", "style loss",
        f"{photo} in the style of {painting}. Sobel edges correlate {found.edges:.2f} with the photo's; the palette is "
        f"{found.palette_before / max(found.palette_after, 1e-12):.1f} times closer to the painting's.",
        remarks=[Remark("caution", note) for note in _remarks(found)],
    )  # fmt: skip
    sections = [
        Section("Photo, painting, steps", (_wide(strip),), "strip"),
        Section("Losses", (_table(found), _curve(made)), "losses"),
        Section("Gram matrices", (Text(GRAM.format(count=CHANNELS)), _grams(sees, pictures)), "gram"),
    ]
    if holds:
        shown = tuple(_picture(each, _depth(sees, count)) for count, each in holds)
        sections.append(
            Section("Texture from noise, layer by layer", (Text(TEXTURE), Pictures(shown, large=True)), "texture")
        )
    return page(head, sections)


def _remarks(found: Styled) -> list[str]:
    return [*found.notes, *["stopped before the last step"] * found.stopped]


def _depth(sees: Features, count: int) -> str:
    return sees.names[0] if count == 1 else f"{sees.names[0]} … {sees.names[count - 1]}"


def _wide(strip: Image.Image) -> Pictures:
    factor = min(1.0, WIDEST / strip.width)
    small = strip.resize((round(strip.width * factor), max(1, round(strip.height * factor))), Image.Resampling.LANCZOS)
    return Pictures((Picture(_encoded(small), "photo, painting, result at each scale"),), large=True, wide=True)


def _table(found: Styled) -> Table:
    rows = (
        (name, before, after, before / max(after, 1e-12))
        for name, before, after in zip(found.layers, found.before, found.after, strict=True)
    )
    total = ("all", found.style_before, found.style_after, found.style_before / max(found.style_after, 1e-12))
    note = "Relative squared distance to the painting's Gram matrix: 0: same texture, 1: a black image."
    return Table(("layer", "photo", "result", "divided by"), (*rows, total), note)


def _curve(made: Painted) -> Curves:
    at = tuple(float(i) for i in range(len(made.rows)))
    style = tuple(float(np.log10(max(sum(row.style), 1e-12))) for row in made.rows)
    content = tuple(float(np.log10(max(row.content, 1e-12))) for row in made.rows)
    series = (Series("style, all layers", at, style), Series("content", at, content))
    return Curves("evaluation", "log10 of the loss", series, note="Jumps: the next finer scale begins.")


@torch.no_grad()
def _grams(sees: Features, pictures: dict[str, Tensor]) -> Pictures:
    found = {name: [gram(maps) for maps in sees(image)] for name, image in pictures.items()}
    shown = list[Picture]()
    for number, layer in enumerate(sees.names):
        top = max(float(each[number].abs().max()) for each in found.values())
        shown += [Picture(_heat(each[number], top), f"{layer}: {name}") for name, each in found.items()]
    return Pictures(tuple(shown))


def _heat(matrix: Tensor, top: float) -> str:
    """The first channels' Gram matrix, four decades from black to white."""
    shown = matrix[:CHANNELS, :CHANNELS].abs().clamp_min(1e-30).log10() - np.log10(max(top, 1e-30))
    grey = np.rint((1 + shown / 4).clamp(0, 1).numpy() * 255).astype(np.uint8)
    return _encoded(Image.fromarray(grey).resize((96, 96), Image.Resampling.NEAREST))


def _picture(image: Tensor, caption: str) -> Picture:
    pixels: Any = np.rint(image[0].expand(3, -1, -1).permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    return Picture(_encoded(Image.fromarray(pixels).resize((192, 192), Image.Resampling.NEAREST)), caption)


def _encoded(image: Image.Image) -> str:
    return base64.b64encode(png(image)).decode("ascii")
