"""Learned from images in memory, asked about the same images in memory: the run says what predictions.csv says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import neocog

RNG = np.random.default_rng(0)
LABELS = np.arange(60) % 2
GREY = RNG.integers(0, 100, (60, 12, 12), np.uint8) + (LABELS * 100).astype(np.uint8)[:, None, None]
COLOUR = np.stack([GREY, GREY // 2, GREY // 3], axis=-1)


@pytest.mark.parametrize(
    "images",
    [
        GREY, COLOUR, GREY / 255.0, GREY.astype(np.uint16) * 100, GREY % 100 > 50, torch.from_numpy(GREY)[:, None],
        torch.from_numpy(COLOUR).movedim(-1, 1) / 255, [Image.fromarray(one) for one in COLOUR],
    ],
    ids=["grey", "colour", "float64", "uint16", "bool", "tensor", "float tensor", "pillow"],
)  # fmt: skip
def test_the_answers_are_those_of_the_test_part(images: Any, tmp_path: Path) -> None:
    run = neocog.train((images, LABELS), tmp_path / "run", model="mlp", epochs=1, threads=1, quiet=True,
                       augment=("off",))  # fmt: skip
    rows = run.predictions
    places = [int(re.search(r"\[(\d+)\]", path)[1]) for path in rows["path"]]
    asked = [images[place] for place in places] if isinstance(images, list) else images[places]
    found = run.predict(asked)
    np.testing.assert_allclose(found[:, 1], rows["p:1"], rtol=1e-6, atol=1e-7)
