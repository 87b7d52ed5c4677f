"""Data that several tests of the verbs learn from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def dark_and_light() -> Callable[..., Path]:
    """``dark_and_light(folder, levels, count, deviation, side)``: class folders of noisy grey pictures of two brightnesses."""

    def make(folder: Path, levels: tuple[int, int], count: int, deviation: float, side: int = 8) -> Path:
        rng = np.random.default_rng(3)
        for name, level in zip(("dark", "light"), levels, strict=True):
            (folder / name).mkdir()
            for number in range(count):
                pixels = np.clip(level + rng.normal(0, deviation, (side, side)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / name / f"{number}.png")
        return folder

    return make
