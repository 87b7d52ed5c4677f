"""What of the generative adversarial network is known without torch."""

from __future__ import annotations

from typing import ClassVar

from neocog.traits import Traits


class GANTraits(Traits):
    """New images by a generator that a discriminator rates. ``usual``: Radford et al. 2016."""

    name = "gan"
    task = "neocog.tasks.gan.task:GANTask"
    labels = "any"
    sees = False
    losses = ("non-saturating", "minimax", "hinge")
    settings = ("conditional", "diff_augment", "extractor")
    usual: ClassVar = {
        "optimizer": "adam",
        "lr": 0.0002,
        "betas": (0.5, 0.999),
        "schedule": "constant",
        "warmup": 0.0,
        "weight_decay": 0.0,
        "ema": 0.995,
    }
    types: ClassVar = {"seed": int, "latent": int, "extractor": str}
