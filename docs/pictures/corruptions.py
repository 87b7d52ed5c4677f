"""Draws ``corruptions.jpg`` of docs/stress.md: every corruption at five severities, of a photograph, a made volume and letters.

    python docs/pictures/corruptions.py

The photograph is scikit-learn's ``flower.jpg`` (dany13, CC BY 2.0).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_image

from neocog.data.nucleotides import LETTERS, text
from neocog.data.preprocessing import Preprocessing
from neocog.robustness.corruptions import CORRUPTIONS, SEVERITIES, corrupted

SIDE, TITLE, COLUMNS = 72, 118, 2  # pixels of a picture, and of its row's name; rows beside each other
LONG = 48  # letters


def rows() -> list[Image.Image]:
    """A strip for each corruption: its name, the picture unchanged, and at each severity."""
    photograph = Image.fromarray(load_sample_image("flower.jpg")).crop((107, 0, 534, 427)).resize((SIDE, SIDE))
    image = torch.from_numpy(np.array(photograph)).permute(2, 0, 1)[None]
    z, y, x = np.mgrid[-1:1:16j, -1:1:72j, -1:1:72j]
    inside = np.exp(-8 * ((np.hypot(y, x) - 0.6) ** 2)) * (np.abs(z) < 0.95) * 150 + 60 * (np.hypot(y, x) < 0.5 - z / 4)
    volume = torch.from_numpy(inside.clip(0, 255).astype(np.uint8))[None, None]
    strips = []
    for name, each in CORRUPTIONS.items():
        if "images" in each.forms:
            seen = [picture.permute(1, 2, 0).numpy() for picture in levels(image, name, "uint8", (SIDE, SIDE))]
        elif "volumes" in each.forms:
            slices = levels(volume, name, "uint8", (16, SIDE, SIDE))
            seen = [np.repeat(one[0, 10].numpy()[..., None], 3, 2) for one in slices]
        else:
            continue
        strips.append(strip(name, np.concatenate(seen, 1)))
    return strips


def levels(pixels: torch.Tensor, name: str, dtype: str, size: tuple[int, ...]) -> list[torch.Tensor]:
    preprocessing = Preprocessing(pixels.shape[1], size, dtype, (0.0,), (1.0,))
    return [pixels[0], *(corrupted(pixels, torch.tensor([7]), name, s, preprocessing, 0)[0] for s in SEVERITIES)]


def letters() -> list[Image.Image]:
    """The corruptions of sequences as lines of letters."""
    codes = np.array([LETTERS[letter] for letter in np.random.default_rng(0).choice(list("ACGT"), LONG)], np.uint8)
    pixels = torch.from_numpy(codes)[None, None, None]
    preprocessing = Preprocessing(1, (1, LONG), "uint8", (0.0,), (1.0,), encoding="nucleotides")
    strips = []
    for name in (name for name, each in CORRUPTIONS.items() if "sequences" in each.forms):
        changed = [
            codes,
            *(corrupted(pixels, torch.tensor([7]), name, s, preprocessing, 0)[0, 0, 0].numpy() for s in SEVERITIES),
        ]
        canvas = Image.new("RGB", (6 * SIDE, SIDE), "white")
        ImageDraw.Draw(canvas).multiline_text(
            (2, 2), "\n".join(map(text, changed)), "black", ImageFont.load_default(9), spacing=2
        )
        strips.append(strip(name, np.array(canvas)))
    return strips


def strip(name: str, pixels: np.ndarray) -> Image.Image:
    made = Image.new("RGB", (TITLE + pixels.shape[1], SIDE), "white")
    ImageDraw.Draw(made).text((4, SIDE // 2 - 6), name.replace("_", " "), "black", ImageFont.load_default(12))
    made.paste(Image.fromarray(pixels.astype(np.uint8)), (TITLE, 0))
    return made


if __name__ == "__main__":
    strips = [*rows(), *letters()]
    height = -(-len(strips) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * strips[0].width + 12, height * (SIDE + 3)), "white")
    for i, one in enumerate(strips):
        sheet.paste(one, (i // height * (one.width + 12), i % height * (SIDE + 3)))
    sheet.save(Path(__file__).with_name("corruptions.jpg"), quality=70)
