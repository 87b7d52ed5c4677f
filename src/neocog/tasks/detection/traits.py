"""What of detection is known without torch."""

from __future__ import annotations

from typing import ClassVar

from neocog.traits import Traits


class DetectionTraits(Traits):
    """Boxes around the objects of an image, and how many there are."""

    name = "detection"
    task = "neocog.tasks.detection.task:DetectionTask"
    labels = "boxes"
    losses = ("focal+giou",)
    attacked = True
    settings = (
        "boxes_from", "first_pixel", "without_boxes", "border_ignore", "instances", "background",
    )  # fmt: skip
    types: ClassVar = {
        "stored": tuple[int, ...], "most": int, "largest": float, "thresholds": tuple[float, ...], "border_ignore": bool,
    }  # fmt: skip
