"""What of segmentation is known without torch."""

from __future__ import annotations

from typing import ClassVar

from neocog.traits import Traits


class SegmentationTraits(Traits):
    """One class for each pixel of an image."""

    name = "segmentation"
    task = "neocog.tasks.segmentation.task:SegmentationTask"
    labels = "masks"
    attacked = True
    losses = ("dice+cross-entropy", "cross-entropy", "dice", "focal", "tversky")
    settings = (
        "ignore", "remap", "mask_values", "instances", "background", "class_weights", "group_weights", "patch",
        "pretrained",
    )  # fmt: skip
    types: ClassVar = {"stored": tuple[int, ...], "smallest": tuple[int, ...]}
