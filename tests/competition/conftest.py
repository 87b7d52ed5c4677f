"""Small labelled data: squares of two brightnesses, which a network of one layer tells apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CLASSES = ("bright", "dark")
Make = Callable[..., Path]


def squares(count: int, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """(N, 8, 8) uint8 pictures, no two alike, and their classes."""
    draw = np.random.default_rng(seed)
    labels = draw.permutation(np.arange(count) % 2)
    pixels = draw.integers(0, 90, (count, 8, 8)) + np.where(labels == 0, 150, 0)[:, None, None]
    return pixels.astype(np.uint8), [CLASSES[k] for k in labels.tolist()]


@pytest.fixture(scope="session")
def npz() -> Make:
    """``npz(path)``: an NPZ of 120 pictures there."""

    def make(path: Path, count: int = 120) -> Path:
        pixels, labels = squares(count)
        np.savez(path, images=pixels, labels=np.array(labels))
        return path

    return make


@pytest.fixture
def arrays(npz: Make, tmp_path: Path) -> Path:
    """An NPZ of 120 pictures."""
    return npz(tmp_path / "squares.npz")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of 60 pictures by five people, in files."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    pixels, labels = squares(60, 1)
    lines = ["image,label,patient"]
    for i, (picture, label) in enumerate(zip(pixels, labels, strict=True)):
        Image.fromarray(picture).save(folder / f"{label}-{i}.png")
        lines.append(f"{label}-{i}.png,{label},person {i % 5}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return folder / "table.csv"


LINEAR = """
from torch import nn


class Linear(nn.Module):
    def __init__(self, channels, size, outputs):
        super().__init__()
        self.layer = nn.Linear(channels * size[0] * size[1], outputs)

    def forward(self, x):
        return self.layer(x.flatten(1))
"""


@pytest.fixture(scope="session")
def linear() -> str:
    """The source of an honest entry."""
    return LINEAR


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """An honest entry."""
    path = tmp_path / "linear.py"
    path.write_text(LINEAR)
    return path
