"""One change for all images: the universal perturbation of Moosavi-Dezfooli et al. (2017), found by gradient ascent.

Their own way adds up DeepFool's steps, image by image; following the mean gradient of a loss that is cut off, so that images which
are turned already weigh nothing, turns more (Shafahi et al. 2020, "Universal adversarial training").
"""

from __future__ import annotations

import torch
from torch import Tensor

from neocog.attacks.ball import Ball
from neocog.attacks.goal import Goal, cross_entropy, wrong
from neocog.attacks.gradient import STEP, Network, uphill

PASSES, AT_ONCE = 10, 50  # over the images; images of a step, at most
ENOUGH = 9.0  # of the loss, in nats


def universal(
    network: Network, images: Tensor, labels: Tensor, ball: Ball, passes: int = PASSES, at_once: int = AT_ONCE
) -> Tensor:
    """(1, C, …) one change within the ball that makes answers to the images (B, C, …) wrong, where it is ``added``.

    The ball has one radius for all.
    """
    change = torch.zeros_like(images[:1])
    parts = pieces(len(images), at_once)
    length = STEP * ball.radius / (passes * len(parts))
    for part in parts * passes:
        clean = images[part]
        _, gradient, _ = uphill(lambda one, clean=clean: network(added(clean, one)), change, any_enough(labels[part]))  # type: ignore[misc]
        change = ball.within(change + length * ball.direction(gradient))
    return change


def pieces(count: int, at_once: int) -> list[slice]:
    """Of so many images, at most ``at_once``, and never more than ``AT_ONCE``, in a piece."""
    step = min(at_once, AT_ONCE)
    return [slice(start, start + step) for start in range(0, count, step)]


def added(images: Tensor, change: Tensor) -> Tensor:
    """Images (B, C, …) with one change (1, C, …), within the range of pixels."""
    return (images + change).clamp(0, 1)


def any_enough(labels: Tensor) -> Goal:
    """Any class but the label, by cross-entropy that counts no further where it is ``ENOUGH``."""
    return Goal(labels, lambda logits, goal: cross_entropy(logits, goal).clamp(max=ENOUGH), wrong)
