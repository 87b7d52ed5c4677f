"""The section on sequences: letters as a picture, where along them the answer comes from, motifs as logos."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from neocog.records import Picture, Pictures, Section

Array = NDArray[Any]
COLOURS = np.array([[46, 125, 50], [30, 90, 180], [230, 145, 20], [200, 45, 45]], np.float64)  # A, C, G, T
PAPER = np.array([245, 245, 247], np.float64)
COLUMNS, CELL = 60, 5  # letters in a row, pixels of a letter
WIDE, HIGH = 18, 64  # pixels of a logo's letter at most


def strip(shares: Array, strength: Array | None = None) -> str:
    """Base64 PNG of shares (4, L) of A, C, G, T, read like a text: ``COLUMNS`` letters a row, one colour a base.

    ``strength`` (L,) in 0 … 1 fades the letters that matter less into the paper. Padding is paper.
    """
    length = shares.shape[1]
    known = shares.sum(axis=0)
    weight = known if strength is None else known * strength
    colours = shares.T @ COLOURS + (1 - known)[:, None] * PAPER
    colours = PAPER + weight[:, None] * (colours - PAPER)
    rows = -(-length // COLUMNS)
    page = np.tile(PAPER, (rows * COLUMNS, 1))
    page[:length] = colours
    cells = page.reshape(rows, COLUMNS, 3).repeat(CELL, axis=0).repeat(CELL, axis=1)
    return _png(Image.fromarray(cells.round().astype(np.uint8)))


def logo(frequencies: Array) -> str:
    """Base64 PNG of a motif (4, k): each letter as high as its share of the column's information (Schneider & Stephens 1990)."""
    safe = np.clip(frequencies, 1e-9, 1)
    information = 2 + (safe * np.log2(safe)).sum(axis=0)  # bits, 0 … 2
    page = Image.new("RGB", (WIDE * frequencies.shape[1], HIGH), tuple(PAPER.astype(int)))
    for column in range(frequencies.shape[1]):
        bottom = float(HIGH)
        for base in np.argsort(frequencies[:, column], kind="stable"):
            tall = frequencies[base, column] * information[column] / 2 * HIGH
            if tall >= 1:
                letter = _letter("ACGT"[base]).resize((WIDE - 2, max(1, round(tall))))
                colour = Image.new("RGB", letter.size, tuple(COLOURS[base].astype(int)))
                page.paste(colour, (column * WIDE + 1, round(bottom - tall)), letter)
                bottom -= tall
    return _png(page)


def sequences_section(
    examples: Sequence[tuple[str, str, Array, Array]], motifs: Sequence[tuple[int, Array, int]]
) -> Section:
    """``examples``: name, caption, shares (4, L), strength (L,); ``motifs``: filter, frequencies (4, k), windows behind them."""
    seen = [Picture(strip(shares), caption) for _, caption, shares, _ in examples]
    where = [Picture(strip(shares, strength), f"{name}\n{caption}") for name, caption, shares, strength in examples]
    logos = [Picture(logo(found), f"filter {index}\n{count:,} windows") for index, found, count in motifs]
    items = [
        Pictures(tuple(seen), f"Test sequences, {COLUMNS} letters a row: A green, C blue, G orange, T red."),
        Pictures(
            tuple(where), "Saliency (gradient × input): the paler a letter, the less it contributes to the prediction."
        ),
        Pictures(
            tuple(logos),
            "Motifs: sequence logos of the windows that activate each first-layer filter most; letter heights in bits, at most 2.",
        ),
    ]
    return Section("Saliency and motifs", tuple(item for item in items if item.pictures), "sequences")


@lru_cache(maxsize=4)
def _letter(letter: str) -> Image.Image:
    """A mask of one bold letter without margins."""
    from matplotlib import get_data_path  # only here: the letters' colours are asked for without it

    font = ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf", 96)
    page = Image.new("L", (120, 120), 0)
    ImageDraw.Draw(page).text((10, 0), letter, 255, font)
    return page.crop(page.getbbox())


def _png(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")
