"""What an attack is after: the loss that it makes large, and when it is there.

The difference-of-logits ratio (Croce and Hein 2020) does not change when logits are scaled, so that a network cannot hide its
gradients behind large ones. It divides by a difference of ranked logits, of which few classes have too few, where the
original is undefined: with two it is the plain difference, with three the third stands for the mean of third and fourth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

TINY = 1e-12


@dataclass(frozen=True)
class Goal:
    """What is wanted of B samples: a large ``loss`` (outputs, goal) → (B,), until they are ``reached``, → (B,) bool."""

    truth: Tensor  # (B, …) labels, masks or values
    loss: Callable[[Tensor, Goal], Tensor]
    reached: Callable[[Tensor, Goal], Tensor]
    target: Tensor | None = None  # (B,) classes to be answered instead

    def of(self, which: Tensor) -> Goal:
        """The same for some of the samples."""
        return replace(self, truth=self.truth[which], target=None if self.target is None else self.target[which])


def any_other(labels: Tensor) -> Goal:
    """Any class but the label, by cross-entropy."""
    return Goal(labels, cross_entropy, wrong)


def any_towards(labels: Tensor, target: Tensor) -> Goal:
    """Any class but the label, sought in the direction of ``target`` (B,): "targeted" as AutoAttack means it."""
    return Goal(labels, targeted_logit_ratio, wrong, target)


def only(labels: Tensor, target: Tensor) -> Goal:
    """The class ``target`` (B,) and no other."""
    return Goal(labels, towards, as_wanted, target)


def wrong(logits: Tensor, goal: Goal) -> Tensor:
    """Whether the largest logit is not the label's."""
    return logits.argmax(1) != goal.truth


def as_wanted(logits: Tensor, goal: Goal) -> Tensor:
    """Whether the largest logit is the target's."""
    assert goal.target is not None
    return logits.argmax(1) == goal.target


def never(outputs: Tensor, goal: Goal) -> Tensor:
    """Of goals without an end, such as the largest error: no sample is there."""
    return torch.zeros(len(outputs), dtype=torch.bool, device=outputs.device)


def cross_entropy(logits: Tensor, goal: Goal) -> Tensor:
    """−log p of the label."""
    return F.cross_entropy(logits, goal.truth, reduction="none")


def towards(logits: Tensor, goal: Goal) -> Tensor:
    """Log p of the target."""
    assert goal.target is not None
    return -F.cross_entropy(logits, goal.target, reduction="none")


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """(B,) by how much another class has the largest logit; above 0 where the answer is wrong."""
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    return others - of_class(logits, labels)


def logit_ratio(logits: Tensor, goal: Goal) -> Tensor:
    """The margin over the difference between first and third of the ranked logits ("DLR")."""
    lead = margin(logits, goal.truth)
    if logits.shape[1] < 3:
        return lead
    ranked = logits.sort(dim=1, descending=True).values
    return lead / (ranked[:, 0] - ranked[:, 2] + TINY)


def targeted_logit_ratio(logits: Tensor, goal: Goal) -> Tensor:
    """The target's lead over the label, over the difference between the first and the mean of third and fourth."""
    assert goal.target is not None
    lead = of_class(logits, goal.target) - of_class(logits, goal.truth)
    if logits.shape[1] < 3:
        return lead
    ranked = logits.sort(dim=1, descending=True).values
    return lead / (ranked[:, 0] - ranked[:, 2:4].mean(1) + TINY)


def of_class(logits: Tensor, classes: Tensor) -> Tensor:
    """(B,) each sample's logit of its class (B,)."""
    return logits.gather(1, classes[:, None])[:, 0]


def likeliest(logits: Tensor, labels: Tensor, rank: int = 0) -> Tensor:
    """(B,) the class other than the label whose logit is the largest but ``rank``."""
    return logits.scatter(1, labels[:, None], -torch.inf).argsort(dim=1, descending=True)[:, rank]
