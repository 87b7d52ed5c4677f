"""A sticker that turns whatever picture it lies on, wherever it lies: the adversarial patch (Brown et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from neocog.attacks.gradient import Network, uphill
from neocog.attacks.universal import AT_ONCE, PASSES, any_enough, pieces
from neocog.augment.counter import bits, uniform_from

STREAM = 2001  # of random numbers, beside those of augmentation and of attacks' starts
STEP = 0.05  # of the range from black to white


def patch(
    network: Network, images: Tensor, labels: Tensor, side: int, samples: Sequence[int], seed: int = 0,
    passes: int = PASSES, at_once: int = AT_ONCE,
) -> Tensor:  # fmt: skip
    """(1, C, side, side) pixels in [0, 1] that make answers to the images (B, C, H, W) wrong, learned at random places.

    ``samples``: (B,) their numbers, by which places are drawn.
    """
    found = torch.full((1, images.shape[1], side, side), 0.5, device=images.device)
    numbers = torch.tensor(list(samples))
    for turn in range(passes):
        for part in pieces(len(images), at_once):
            lay = partial(laid, images[part], corners=places(images[part], side, seed, numbers[part], turn))
            _, gradient, _ = uphill(lambda one, lay=lay: network(lay(one)), found, any_enough(labels[part]))  # type: ignore[misc]
            found = (found + STEP * gradient.sign()).clamp(0, 1)
    return found


def laid(images: Tensor, sticker: Tensor, corners: Tensor) -> Tensor:
    """Images (B, C, H, W) under a sticker (1, C, s, s) whose upper left corners are (B, 2): row and column."""
    side, found = sticker.shape[-1], images.clone()
    for index, (top, left) in enumerate(corners.tolist()):
        found[index, :, top : top + side, left : left + side] = sticker[0]
    return found


def places(images: Tensor, side: int, seed: int, samples: Tensor, turn: int) -> Tensor:
    """(B, 2) corners at which a sticker of this side lies wholly in the picture, each a function of (seed, turn, sample)."""
    rooms = [length - side + 1 for length in images.shape[-2:]]
    drawn = [uniform_from(bits(seed, turn, STREAM + axis, samples)) * room for axis, room in enumerate(rooms)]
    return torch.stack(drawn, 1).long()
