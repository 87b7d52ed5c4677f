"""The mask of an image at its own size, from a network of another one: enlarged, or for large images from tiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from neocog.data.dataset import Array, Dataset, Header
from neocog.data.masks import fit_mask
from neocog.data.resize import fit
from neocog.data.unfit import class_map
from neocog.predictor import Predictor
from neocog.tiling import tiled

LARGER = 1.5  # times the largest training image: from here on, an image keeps its scale and is cut into tiles


def header_of(dataset: Dataset, index: int) -> tuple[int, int]:
    """(H, W) of an image as stored."""
    head = dataset.images.header(index)
    return head.height, head.width


def is_large(predictor: Predictor, shape: tuple[int, int]) -> bool:
    """Whether an image of ``shape`` (H, W) is so much larger than those of the training that it is not shrunk to the
    network's size but to their scale, and tiled."""
    return any(side > LARGER * usual for side, usual in zip(shape, predictor.facts["stored"], strict=True))


def mask_of(predictor: Predictor, stored: Array, name: str, header: Header | None = None) -> Array:
    """(H, W) uint8 classes of an image (H, W, C) at its own size. Raises BadImage."""
    preprocessing, shape = predictor.preprocessing, (stored.shape[0], stored.shape[1])
    if not is_large(predictor, shape):
        pixels = fit(stored, preprocessing)
        predictor.look(pixels, name, header)
        return shrunk(predictor, torch.from_numpy(pixels), shape)
    largest = predictor.facts["stored"]
    scale = [side / stored_side for side, stored_side in zip(preprocessing.plane, largest, strict=True)]
    if preprocessing.fit != "resize":  # both sides alike
        scale = [(max if preprocessing.fit == "crop" else min)(scale)] * 2
    size = tuple(max(1, round(side * times)) for side, times in zip(shape, scale, strict=True))
    pixels = fit(stored, replace(preprocessing, size=size, fit="resize", crop_share=1.0))
    predictor.look(pixels, name, header)
    mask = np.empty(size, np.uint8)
    for top, rows in tiled(predictor.of_pixels, pixels):
        mask[top : top + rows.shape[1]] = rows.argmax(axis=0)
    return mask if size == shape else fit_mask(mask, shape)


def shrunk(predictor: Predictor, pixels: Tensor, shape: tuple[int, int]) -> Array:
    """(H, W) classes of an image of ``shape`` from its fitted pixels (C, h, w).

    Alone through the network: no other image in its batch can change a pixel by a rounding.
    """
    return class_map(predictor.of_pixels(pixels[None])[0], shape, predictor.preprocessing.fit)
