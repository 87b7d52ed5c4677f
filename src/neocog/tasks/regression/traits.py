"""What of regression is known without torch."""

from __future__ import annotations

from typing import ClassVar

from neocog.traits import Traits


class RegressionTraits(Traits):
    """Numbers for each sample."""

    name = "regression"
    task = "neocog.tasks.regression.task:RegressionTask"
    labels = "values"
    probe = "values"
    attacked = True
    losses = ("mse", "mae", "huber", "gaussian")
    settings = ("targets", "group_weights", "baseline", "pretrained", "start_size", "views")
    types: ClassVar = {
        "mean": tuple[float, ...],
        "std": tuple[float, ...],
        "loss": str,
        "periods": tuple[float, ...],
        "conformal": {"n": int, "scores": tuple[tuple[float, ...], ...]},
    }
