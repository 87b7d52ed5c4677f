"""Normalising: (x − mean) / std per channel, of every stored type, leaving its input alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neocog.data.normalise import normalise
from neocog.data.preprocessing import Preprocessing


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float32])
def test_each_channel_gets_its_mean_and_deviation(dtype: torch.dtype) -> None:
    pixels = torch.randint(0, 200, (5, 2, 4, 3)).to(dtype)
    before = pixels.clone()
    result = normalise(pixels, Preprocessing(2, (4, 3), "uint8", (10.0, 100.0), (2.0, 50.0)))
    assert result.dtype == torch.float32
    expected = (before.numpy().astype(np.float64) - np.array([10, 100])[:, None, None]) / np.array([2, 50])[
        :, None, None
    ]
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-6)
    assert torch.equal(pixels, before)


def test_the_whole_range_of_uint16_survives() -> None:
    pixels = torch.tensor([0, 1, 32767, 32768, 65535], dtype=torch.uint16).view(1, 1, 1, 5)
    result = normalise(pixels, Preprocessing(1, (1, 5), "uint16", (0.0,), (1.0,)))
    assert result.flatten().tolist() == [0, 1, 32767, 32768, 65535]


@pytest.mark.parametrize("shape", [(3, 2, 6, 5), (3, 1, 4, 5, 6)])
def test_scaled_by_itself_an_image_loses_its_scanners_brightness_and_contrast(shape: tuple[int, ...]) -> None:
    pixels = torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 100
    preprocessing = Preprocessing(shape[1], shape[2:], "float32", (7.0,) * shape[1], (3.0,) * shape[1], scaling="image")
    found = normalise(pixels, preprocessing)
    spatial = tuple(range(2, len(shape)))
    torch.testing.assert_close(found.mean(spatial), torch.zeros(shape[:2]), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.square().mean(spatial), torch.ones(shape[:2]))
    torch.testing.assert_close(normalise(pixels * 4 + 50, preprocessing), found, atol=1e-4, rtol=1e-4)
    alone = torch.cat([normalise(one[None], preprocessing) for one in pixels])
    torch.testing.assert_close(alone, found)


def test_a_plain_image_scaled_by_itself_is_nothing() -> None:
    preprocessing = Preprocessing(1, (4, 4), "uint16", (0.0,), (1.0,), scaling="image")
    pixels = torch.full((1, 1, 4, 4), 40_000, dtype=torch.uint16)
    assert normalise(pixels, preprocessing).abs().max() == 0
