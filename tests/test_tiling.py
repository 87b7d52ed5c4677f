"""Tiles against the whole: the same outputs where both fit in memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neocog.networks import build
from neocog.tiling import MARGIN, RAMP, STEP, ramp, starts, tiled


@pytest.mark.parametrize("size", [(700, 431), (417, 640), (200, 250)])
def test_tiled_is_untiled_to_the_last_digits(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    net = build("unet", 2, size, 3, width=4).eval()
    pixels = np.random.default_rng(0).normal(size=(2, *size)).astype(np.float32)

    @torch.no_grad()
    def predict(images: torch.Tensor) -> np.ndarray:
        return net(images).numpy()

    whole = predict(torch.from_numpy(pixels)[None])[0]
    parts = list(tiled(predict, pixels, tile=320))
    assert [top for top, _ in parts] == np.cumsum([0, *(rows.shape[1] for _, rows in parts)])[:-1].tolist()
    found = np.concatenate([rows for _, rows in parts], axis=1)
    assert np.abs(found - whole).max() < 1e-4 * np.abs(whole).max()


@pytest.mark.parametrize("side", [1, 767, 768, 769, 800, 1311, 10_000])
def test_every_pixel_has_a_weight_and_none_at_a_tile_s_inner_edge(side: int) -> None:
    stride = (768 - 2 * MARGIN - RAMP) // STEP * STEP
    total = np.zeros(side)
    for start in starts(side, 768, stride):
        stop = min(start + 768, side)
        weight = ramp(stop - start, start > 0, stop < side)
        assert start % STEP == 0 and (start == 0 or weight[:MARGIN].max() == 0)
        total[start:stop] += weight
    assert total.min() > 0
