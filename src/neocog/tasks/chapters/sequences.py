"""Sequences to look at: letters as coloured cells, what the network attended to along them, motifs of the first filters."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from neocog.data.nucleotides import shares
from neocog.run import Item, Picture, Pictures, Section, Text

Array = NDArray[Any]
BASES = "ACGT"
COLOURS = np.array([(38, 145, 76), (45, 96, 205), (238, 168, 20), (208, 52, 48)], np.float32)  # of A, C, G, T
EMPTY = 245.0  # grey of the padding
ACROSS, WIDE, HIGH = 100, 5, 8  # letters a row; pixels of a letter's cell
MOST = 32  # motifs on a page
COLUMN, HALF = 14, 32  # pixels of a motif's letter: its width, and the height above and below the line


@dataclass(frozen=True)
class Strand:
    """One sequence: codes (L,), each letter's part (L,) in the answer, and how it was answered."""

    codes: Array
    saliency: Array
    caption: str
    right: bool


def sequences_chapter(strands: Sequence[Strand], motifs: Array | None) -> Section:
    """``motifs`` (out, 4, k): the weights of the first convolution, where it reads letters."""
    pictures = tuple(
        Picture(saliency_map(one.codes, one.saliency), one.caption, "good" if one.right else "bad") for one in strands
    )
    note = (
        f"{ACROSS} letters a row: A green, C blue, G yellow, T red, others mixed of these, padding grey. Below each letter, "
        "what it gave to the answer: red for, blue against (gradient × input without the gradient's mean over the four "
        "bases, Majdandzic et al. 2023; each sequence scaled by its largest)."
    )
    items: list[Item] = [Pictures(pictures, note)] if pictures else [Text("No test samples.")]
    if motifs is not None:
        out, _, width = motifs.shape
        logos = tuple(Picture(logo(one), str(index)) for index, one in enumerate(motifs[:MOST]))
        shown = f"; the first {MOST} are shown" if out > MOST else ""
        note = (
            f"{out} first-layer filters over {width} letters{shown}. A letter above the line adds to the filter's output, "
            "one below takes away, by its height: the weight less the mean of the four."
        )
        items.append(Pictures(logos, note))
    return Section("Sequences", tuple(items), "sequences")


def strip(codes: Array, side: int = 96) -> str:
    """Base64 PNG of codes (L,) as coloured cells, folded into about as many rows as columns."""
    columns = max(1, int(np.ceil(np.sqrt(len(codes)))))
    return _png(_enlarged(_folded(colours(codes), columns, EMPTY), max(1, side // columns)))


def saliency_map(codes: Array, saliency: Array) -> str:
    """Base64 PNG: rows of letters, below each the letters' parts (L,) in the answer, red for and blue against it."""
    strength = (saliency / (np.abs(saliency).max(initial=0.0) or 1.0)).astype(np.float32)[:, None]
    ends = np.where(strength > 0, COLOURS[3], COLOURS[1])
    parts = _folded(255 + np.abs(strength) * (ends - 255), ACROSS, 255.0)
    letters = _folded(colours(codes), ACROSS, 255.0)
    gap = np.full_like(letters, 255.0)
    rows = np.stack([letters, parts, gap], axis=1).reshape(-1, ACROSS, 3)  # each row of letters, then its parts
    heights = np.tile([HIGH, HIGH, HIGH // 2], len(letters))
    return _png(np.repeat(np.repeat(rows, heights, axis=0), WIDE, axis=1))


def logo(weights: Array) -> str:
    """Base64 PNG of one filter (4, k) as stacked letters: those above the line add, those below take away."""
    values = weights - weights.mean(axis=0, keepdims=True)  # the same for all four letters tells none from another
    tallest = max(float(np.maximum(side, 0).sum(axis=0).max()) for side in (values, -values)) or 1.0
    image = Image.new("RGB", (COLUMN * values.shape[1], 2 * HALF + 1), "white")
    for at, column in enumerate(values.T):
        for sign in (1, -1):
            y = HALF
            for base in sorted(np.flatnonzero(sign * column > 0).tolist(), key=lambda b: abs(column[b])):
                height = round(abs(column[base]) / tallest * HALF)
                if height:
                    colour = tuple(COLOURS[base].astype(int).tolist())
                    top = y - height if sign > 0 else y + 1
                    image.paste(colour, (COLUMN * at, top), _glyph(BASES[base]).resize((COLUMN - 1, height)))
                    y -= sign * height
    ImageDraw.Draw(image).line((0, HALF, image.width, HALF), fill=(150, 150, 150))
    return _png(np.asarray(image))


def colours(codes: Array) -> Array:
    """(L,) codes → (L, 3) colours, 0 … 255; a letter that may be several bases is mixed of theirs."""
    table = shares() @ COLOURS
    table[0] = EMPTY
    found: Array = table[codes]
    return found


def _glyph(letter: str) -> Image.Image:
    """A letter cut out to its edges."""
    image = Image.new("L", (80, 80))
    ImageDraw.Draw(image).text((8, 4), letter, fill=255, font=ImageFont.load_default(60))
    return image.crop(image.getbbox())


def _folded(cells: Array, columns: int, rest: float) -> Array:
    """(L, 3) → (rows, columns, 3), the last row filled up."""
    rows = -(-len(cells) // columns)
    return np.pad(cells, ((0, rows * columns - len(cells)), (0, 0)), constant_values=rest).reshape(rows, columns, 3)


def _enlarged(pixels: Array, factor: int) -> Array:
    return np.repeat(np.repeat(pixels, factor, axis=0), factor, axis=1)


def _png(pixels: Array) -> str:
    file = io.BytesIO()
    Image.fromarray(np.round(pixels).astype(np.uint8)).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")
