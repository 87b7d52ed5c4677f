"""What an attack makes large: (B, K) logits and (B,) labels → (B,) losses.

The difference-of-logits ratio (Croce and Hein 2020) does not change when logits are scaled, so that a network cannot hide its
gradients behind large ones. It divides by a difference of the largest logits but one, of which few classes have too few: with
two it is the plain difference, with three the third takes the place of the mean of third and fourth.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy as mean_cross_entropy

Loss = Callable[[Tensor, Tensor], Tensor]
TINY = 1e-12


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """−log p of the label."""
    return mean_cross_entropy(logits, labels, reduction="none")


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """By how much another class has the largest logit; above 0 where the answer is wrong."""
    own = logits.gather(1, labels[:, None])[:, 0]
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    return others - own


def logit_ratio(logits: Tensor, labels: Tensor) -> Tensor:
    """The margin over the difference between first and third of the sorted logits ("DLR")."""
    if logits.shape[1] < 3:
        return margin(logits, labels)
    ranked = logits.sort(dim=1, descending=True).values
    return margin(logits, labels) / (ranked[:, 0] - ranked[:, 2] + TINY)


def targeted_logit_ratio(target: Tensor) -> Loss:
    """The same towards the classes ``target`` (B,)."""

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        lead = (logits.gather(1, target[:, None]) - logits.gather(1, labels[:, None]))[:, 0]
        if logits.shape[1] < 3:
            return lead
        ranked = logits.sort(dim=1, descending=True).values
        return lead / (ranked[:, 0] - ranked[:, 2:4].mean(1) + TINY)

    return loss


def towards(target: Tensor) -> Loss:
    """log p of the classes ``target`` (B,), for attacks that want one answer."""
    return lambda logits, _labels: -cross_entropy(logits, target)
