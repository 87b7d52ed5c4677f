"""A picture that would not fit into memory at the network's width: what it takes beyond the model is bounded."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from PIL import Image

MOST = 1.5e9  # bytes over the model's own


@pytest.mark.slow
def test_ten_thousand_pixels_a_side_take_under_one_and_a_half_gigabytes() -> None:
    """In a process of its own; with a thin U-Net, since what is counted is the picture's memory, not the network's."""
    bench = Path(__file__).parents[2] / "bench" / "large_image.py"
    spec = importlib.util.spec_from_file_location("large_image", bench)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    most = Image.MAX_IMAGE_PIXELS
    try:
        found = module.measure(10_000, width=4)
    finally:
        Image.MAX_IMAGE_PIXELS = most
    assert found["more_gib"] * 2**30 < MOST
