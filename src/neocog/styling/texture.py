"""What the Gram matrices of a painting hold: its texture, drawn from noise, layer by layer (Gatys, Ecker & Bethge 2015)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from neocog.styling.features import Features
from neocog.styling.losses import gram, outside, style_losses
from neocog.styling.painting import RANGE, resized

SIDE, STEPS = 96, 25  # pixels, steps of L-BFGS


def depths(layers: int) -> list[int]:
    """How many layers each texture uses: the first, and each further quarter of them."""
    return sorted({1, *(max(1, round(layers * quarter / 4)) for quarter in (1, 2, 3, 4))})


def textures(painting: Tensor, features: Features, seed: int, advance: Callable[[], None]) -> list[tuple[int, Tensor]]:
    """(number of layers, (1, 1 or 3, side, side) in 0 … 1): noise that was given the Gram matrices of the first layers."""
    side = min(SIDE, *painting.shape[2:])
    square = resized(middle(painting), (side, side))
    with torch.no_grad():
        grams = [gram(maps) for maps in features(square)]
    found = []
    for count in depths(len(grams)):
        noise = torch.rand(square.shape, generator=torch.Generator().manual_seed(seed))
        found.append((count, drawn(noise, features, grams[:count])))
        advance()
    return found


def drawn(noise: Tensor, features: Features, grams: list[Tensor]) -> Tensor:
    pixels = noise.requires_grad_(True)
    optimizer = torch.optim.LBFGS([pixels], max_iter=STEPS, history_size=10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        maps = features(pixels)[: len(grams)]
        loss = torch.stack(style_losses(maps, grams)).sum() + RANGE * outside(pixels)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return pixels.detach().clamp(0, 1)


def middle(images: Tensor) -> Tensor:
    """The largest square around the centre."""
    high, wide = images.shape[2:]
    side = min(high, wide)
    top, left = (high - side) // 2, (wide - side) // 2
    return images[:, :, top : top + side, left : left + side]
