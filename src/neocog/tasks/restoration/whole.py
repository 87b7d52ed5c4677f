"""Whole images restored, in tiles where they are large, each with as much around it as the network sees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from neocog.data.dataset import Array, Header
from neocog.data.imresize import as_type
from neocog.data.resize import fit
from neocog.predictor import Predictor

TILE = 256  # input pixels a side
UNKNOWN = 64  # pixels that a network is taken to see to each side, which does not say how far it sees


def restored(predictor: Predictor, stored: Array, name: str, header: Header | None = None, tile: int = TILE) -> Array:
    """(H, W, C) → (s·H, s·W, C) of the same type. Where the network knows one channel, each is restored by itself.

    Raises BadImage.
    """
    plan, channels = predictor.preprocessing, stored.shape[-1]
    if plan.channels == 1 and channels > 1:
        each = [restored(predictor, stored[..., c : c + 1], name, header, tile) for c in range(channels)]
        return np.concatenate(each, axis=-1)
    pixels = fit(stored, replace(plan, size=stored.shape[:2], fit="corner"), name)
    predictor.look(pixels, name, header)
    shares = through(predictor, torch.tensor(pixels), tile).transpose(1, 2, 0).astype(np.float64)
    if channels < plan.channels:  # grey, of a network for colours
        shares = shares.mean(axis=-1, keepdims=True)
    return as_type(plan.low + shares * (plan.high - plan.low), stored.dtype)


def through(predictor: Predictor, pixels: Tensor, tile: int = TILE) -> Array:
    """(C, H, W) in stored units → (C, s·H, s·W) float32 shares of the range."""
    scale, reach = predictor.facts["scale"], int(getattr(predictor.network, "reach", UNKNOWN))
    channels, height, width = pixels.shape
    found = np.empty((channels, scale * height, scale * width), np.float32)
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            bottom, right = min(top + tile, height), min(left + tile, width)
            up, back = min(reach, top), min(reach, left)
            around = pixels[:, top - up : bottom + reach, left - back : right + reach]
            inner = predictor.of_pixels(around[None])[0][
                :, scale * up : scale * (up + bottom - top), scale * back : scale * (back + right - left)
            ]
            found[:, scale * top : scale * bottom, scale * left : scale * right] = inner
    return found
