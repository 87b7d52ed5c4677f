"""What of the variational autoencoder is known without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from neocog.errors import UserError
from neocog.traits import Traits


class VAETraits(Traits):
    """New images out of a code of normally distributed numbers."""

    name = "vae"
    task = "neocog.tasks.vae.task:VAETask"
    labels = "any"
    losses = ("bernoulli", "gaussian")
    settings = ("beta", "kl_warmup", "free_bits", "binarise")
    types: ClassVar = {
        "seed": int,
        "latent": int,
        "likelihood": str,
        "binarise": str,
        "codes": {
            "kl": tuple[float, ...],
            "mean": tuple[float, ...],
            "std": tuple[float, ...],
            "elbo_percentiles": tuple[float, ...],
            "classes": {},
        },
    }

    @classmethod
    def contradictions(cls, settings: Mapping[str, Any]) -> Iterator[UserError]:
        if not settings["beta"] and settings["kl_warmup"] != 0.25:
            yield UserError("--kl-warmup raises --beta, and that is 0", fix="leave one of the two out")
