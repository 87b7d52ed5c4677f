"""How far a picture is from a painting's texture and from a photograph's content. Letters: C channels, h × w places of a map."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor


def gram(maps: Tensor, mask: Tensor | None = None) -> Tensor:
    """(1, C, h, w) → (C, C): for each pair of channels the mean, over places, of their product. It forgets where things are.

    ``mask`` (1, 1, H, W) in 0 … 1: which places count (Gatys et al. 2017, guided Gram matrices).
    """
    if mask is None:
        flat = maps.flatten(2)[0]
        return flat @ flat.T / flat.shape[1]
    shares = F.interpolate(mask, maps.shape[2:], mode="area")
    flat = (maps * shares).flatten(2)[0]
    return flat @ flat.T / (shares * shares).sum().clamp_min(1e-12)


def relative(found: Tensor, wanted: Tensor) -> Tensor:
    """Squared distance as a share of what is wanted, so that each layer counts alike, whatever the size of its numbers."""
    return (found - wanted).square().sum() / wanted.square().sum().clamp_min(1e-20)


def standardised(maps: Tensor) -> Tensor:
    """Each map (h, w) with mean 0 and standard deviation 1: where things are, without how bright and colourful they are.

    The style may change those (instance normalisation: Ulyanov, Vedaldi & Lempitsky 2016).
    """
    centred = maps - maps.mean((2, 3), keepdim=True)
    return centred / centred.square().mean((2, 3), keepdim=True).add(1e-12).sqrt()


def style_losses(maps: Sequence[Tensor], wanted: Sequence[Tensor], mask: Tensor | None = None) -> list[Tensor]:
    """One number a layer, from its maps and the painting's Gram matrix."""
    return [relative(gram(each, mask), target) for each, target in zip(maps, wanted, strict=True)]


def outside(images: Tensor) -> Tensor:
    """Mean squared distance to what can be shown, 0 … 1."""
    return (images - images.clamp(0, 1)).square().mean()
