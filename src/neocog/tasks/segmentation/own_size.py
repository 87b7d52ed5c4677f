"""The mask of an image at its own size, from a network of another one: enlarged, or for large images from tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from neocog.data.dataset import Array, Dataset, Header
from neocog.data.masks import fit_mask
from neocog.data.resize import fit
from neocog.data.unfit import class_map, label_probabilities
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
    pixels = _at_its_scale(predictor, stored)
    predictor.look(pixels, name, header)
    size = (pixels.shape[1], pixels.shape[2])
    mask = np.empty(size, np.uint8)
    for top, rows in tiled(predictor.of_pixels, pixels):
        mask[top : top + rows.shape[1]] = rows.argmax(axis=0)
    return mask if size == shape else fit_mask(mask, shape)


def mask_and_probabilities(
    predictor: Predictor, stored: Array, given: Array, merged: Callable[[Array], Array] = lambda logits: logits
) -> tuple[Array, Array]:
    """What ``mask_of`` gives, and (H, W) float32: the probability of each pixel's ``given`` (H, W) class, NaN where that does not
    count. ``merged``: logits (K, h, w) → of the classes that ``given`` has."""
    plan, shape = predictor.preprocessing, (stored.shape[0], stored.shape[1])
    if not is_large(predictor, shape):
        logits = predictor.of_pixels(torch.from_numpy(fit(stored, plan))[None])[0]
        return class_map(logits, shape, plan.fit), label_probabilities(merged(logits), given, plan.fit)
    pixels = _at_its_scale(predictor, stored)
    size = (pixels.shape[1], pixels.shape[2])
    mask, probable, own = np.empty(size, np.uint8), np.empty(size, np.float32), fit_mask(given, size)
    for top, rows in tiled(predictor.of_pixels, pixels):
        here = slice(top, top + rows.shape[1])
        mask[here], probable[here] = rows.argmax(axis=0), label_probabilities(merged(rows), own[here], "resize")
    return (mask, probable) if size == shape else (fit_mask(mask, shape), fit_mask(probable, shape))


def _at_its_scale(predictor: Predictor, stored: Array) -> Array:
    """(C, h, w) of a large image, at the scale of the training images."""
    preprocessing, shape = predictor.preprocessing, (stored.shape[0], stored.shape[1])
    largest = predictor.facts["stored"]
    scale = [side / stored_side for side, stored_side in zip(preprocessing.plane, largest, strict=True)]
    if preprocessing.fit != "resize":  # both sides alike
        scale = [(max if preprocessing.fit == "crop" else min)(scale)] * 2
    size = tuple(max(1, round(side * times)) for side, times in zip(shape, scale, strict=True))
    return fit(stored, replace(preprocessing, size=size, fit="resize", crop_share=1.0))


def shrunk(predictor: Predictor, pixels: Tensor, shape: tuple[int, int]) -> Array:
    """(H, W) classes of an image of ``shape`` from its fitted pixels (C, h, w).

    Alone through the network: no other image in its batch can change a pixel by a rounding.
    """
    return class_map(predictor.of_pixels(pixels[None])[0], shape, predictor.preprocessing.fit)
