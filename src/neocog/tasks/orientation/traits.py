"""What of orientation is known without torch."""

from __future__ import annotations

from typing import ClassVar

from neocog.traits import Traits


class OrientationTraits(Traits):
    """The angle by which an image was turned."""

    name = "orientation"
    task = "neocog.tasks.orientation.task:OrientationTask"
    labels = "none"
    losses = ("circular",)
    settings = ("turns", "baseline", "pretrained")
    types: ClassVar = {"radius": float, "translate": float}
