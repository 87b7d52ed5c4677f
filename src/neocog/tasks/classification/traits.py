"""What of classification is known without torch."""

from __future__ import annotations

from typing import ClassVar

from neocog.traits import Traits


class ClassificationTraits(Traits):
    """One of K classes for each sample."""

    name = "classification"
    task = "neocog.tasks.classification.task:ClassificationTask"
    labels = "classes"
    logits = True
    attacked = True
    probe = "classes"
    losses = ("cross-entropy", "mse", "mae")
    settings = (
        "unseen",
        "label_smoothing",
        "mixup",
        "cutmix",
        "start_size",
        "class_weights",
        "group_weights",
        "engine",
        "baseline",
        "pretrained",
        "views",
    )
    types: ClassVar = {
        "offsets": tuple[float, ...],
        "prevalence": {"part": str, "shares": tuple[float, ...]},
        "rejection_threshold": float,
        "conformal": {"n": int, "scores": tuple[tuple[float, ...], ...]},
        "stored": tuple[int, ...],
    }
