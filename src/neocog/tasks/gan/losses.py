"""The losses of the game between generator and discriminator, on logits (B,): above 0 for real.

With D = sigmoid(logit). ``minimax``, the game as it was first written: the generator lowers log(1 − D(G(z))), whose
gradient vanishes where the discriminator is sure. ``non-saturating``: it lowers −log D(G(z)) instead (Goodfellow et al.
2014). ``hinge``: margins rather than probabilities (Lim & Ye 2017; Miyato et al. 2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn import functional as F

GameLoss = Literal["non-saturating", "minimax", "hinge"]
LN2 = math.log(2)


@dataclass(frozen=True)
class Range:
    """``ideal``: where nothing tells generated images from real ones. ``lost``: where the discriminator always can."""

    ideal: float
    lost: float


DISCRIMINATOR: dict[GameLoss, Range] = {
    "non-saturating": Range(LN2, 0.0),
    "minimax": Range(LN2, 0.0),
    "hinge": Range(1.0, 0.0),
}
GENERATOR: dict[GameLoss, Range] = {
    "non-saturating": Range(LN2, math.inf),
    "minimax": Range(-LN2, 0.0),
    "hinge": Range(0.0, 1.0),  # and beyond: margins have no end
}


def discriminator_loss(kind: GameLoss, real: Tensor, fake: Tensor) -> Tensor:
    """(B,) the mean of both halves: real images taken for generated, generated ones for real."""
    if kind == "hinge":
        return 0.5 * (F.relu(1 - real) + F.relu(1 + fake))
    return 0.5 * (F.softplus(-real) + F.softplus(fake))  # −log D(x) and −log(1 − D(G(z)))


def generator_loss(kind: GameLoss, fake: Tensor) -> Tensor:
    """(B,) how well generated images are recognised as such."""
    if kind == "hinge":
        return -fake
    return -F.softplus(fake) if kind == "minimax" else F.softplus(-fake)


def belief(kind: GameLoss, logits: Tensor) -> Tensor:
    """(B,) what is reported as D: a probability, or with hinge the margin itself."""
    return logits if kind == "hinge" else logits.sigmoid()
