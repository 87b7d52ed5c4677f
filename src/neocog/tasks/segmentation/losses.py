"""Losses of masks, one number a sample, so that their mean over a batch is the same however the batch is cut.

Logits (B, K, H, W), targets (B, H, W) int64 with 255 where a pixel does not count; a sample without any such pixel has
loss 0.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORE = 255
GAMMA = 2.0  # of the focal loss
FALSE_POSITIVE, FALSE_NEGATIVE = 0.3, 0.7  # of the Tversky loss: what is missed costs more
SMOOTH = 1.0  # a pixel: keeps the ratio defined where a class is absent


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """(B,) mean over the counted pixels; ``weights`` (K,) multiply the loss of each class's pixels."""
    return _mean(_pixel_losses(logits, targets), targets, weights)


def focal(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """(B,) cross-entropy with the pixels that are sure already weighing little: (1 − p)² · −log p. Lin et al. 2017."""
    losses = _pixel_losses(logits, targets)
    return _mean((1 - (-losses).exp()) ** GAMMA * losses, targets, weights)


def dice(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """(B,) 1 − soft Dice, 2 Σ p t / (Σ p + Σ t). Milletari et al. 2016."""
    return _overlap(logits, targets, weights, 0.5, 0.5)


def tversky(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """(B,) as Dice, but a missed pixel costs more (0.7) than one too many (0.3). Salehi et al. 2017."""
    return _overlap(logits, targets, weights, FALSE_POSITIVE, FALSE_NEGATIVE)


def dice_and_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """(B,) the sum: Dice for small objects, cross-entropy for a steady gradient. Isensee et al. 2021 (nnU-Net)."""
    return dice(logits, targets, weights) + cross_entropy(logits, targets, weights)


LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor | None], Tensor]] = {
    "dice+cross-entropy": dice_and_cross_entropy,
    "cross-entropy": cross_entropy,
    "dice": dice,
    "focal": focal,
    "tversky": tversky,
}


def _pixel_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """(B, H, W), 0 where a pixel does not count."""
    return F.cross_entropy(logits, targets, ignore_index=IGNORE, reduction="none")


def _mean(losses: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """(B,) over the counted pixels."""
    counted = targets != IGNORE
    if weights is not None:
        losses = losses * weights[targets.where(counted, 0)]
    return losses.flatten(1).sum(1) / counted.flatten(1).sum(1).clamp(min=1)


def _overlap(logits: Tensor, targets: Tensor, weights: Tensor | None, positive: float, negative: float) -> Tensor:
    """(B,) 1 − TP / (TP + positive · FP + negative · FN), the mean over the sample's classes.

    Of two classes the second (the foreground) always counts; of more, those that the sample has, since the overlap of an
    absent class says nothing.
    """
    count, classes = logits.shape[:2]
    counted = targets != IGNORE
    kind = targets.where(counted, classes)  # pixels that do not count have a class of their own, left out of every sum
    place = (kind + (classes + 1) * torch.arange(count, device=kind.device).view(-1, 1, 1)).flatten()
    probabilities = logits.softmax(1)
    right = probabilities.gather(
        1, kind.clamp(max=classes - 1)[:, None]
    ).flatten()  # what is said of each pixel's true class
    sums = probabilities.new_zeros(count * (classes + 1), dtype=torch.float64).index_add(0, place, right.double())
    hits = sums.view(count, -1)[:, :-1].to(probabilities.dtype)  # (B, K)
    truth = torch.bincount(place, minlength=len(sums)).view(count, -1)[:, :-1].to(probabilities.dtype)
    false = torch.einsum("bkhw,bhw->bk", probabilities, counted.to(probabilities.dtype)) - hits
    missed = truth - hits
    losses = 1 - (hits + SMOOTH / 2) / (hits + positive * false + negative * missed + SMOOTH / 2)
    present = (truth > 0).to(losses.dtype)
    if logits.shape[1] == 2:
        present = torch.zeros_like(present)
        present[:, 1] = counted.flatten(1).any(1)
    if weights is not None:
        present = present * weights
    return (losses * present).sum(1) / present.sum(1).clamp(min=1e-12)
