"""What the studio's page shows of one answer beside the probabilities of classes: values, a mask, boxes, a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from neocog.data.dataset import Array
from neocog.traits import Traits

if TYPE_CHECKING:
    from neocog.predictor import Predictor


@dataclass(frozen=True)
class Value:
    """A number that is the answer, by its name; ``low`` and ``high``: the interval that it is told with, where there is one."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Box:
    """``corners`` x0, y0, x1, y1 in shares of the picture's width and height; ``label``: its class's number."""

    label: int
    corners: tuple[float, float, float, float]
    score: float


@dataclass(frozen=True)
class Shown:
    """What an answer has, each over the whole picture as the network gets it; what it has not stays empty."""

    values: tuple[Value, ...] = ()
    mask: Array | None = None  # (h, w) uint8: the class of each pixel, 0 the first; or the objects' numbers
    objects: bool = False  # whether ``mask`` numbers single objects: their colours have no names
    boxes: tuple[Box, ...] = ()
    thresholds: tuple[float, ...] = ()  # (K,) scores from which on a box of each class counts
    image: Array | None = None  # (h, w, 3) uint8: what became of the picture
    code: tuple[float, ...] = ()  # the latent vector that the picture became


class OnPage(Traits):
    """A task as the studio sees it."""

    scored: ClassVar[bool] = True  # whether its answers have one score that gradients can be of (``asked``)

    def asked_about(self, predictor: Predictor) -> Sequence[str]:
        """What a score can be of, by the names that ``asked`` takes."""
        return predictor.classes if self.labels in ("classes", "masks", "boxes") else ()

    def shown(self, predictor: Predictor, pixels: Array, outputs: Tensor) -> Shown:
        """Of one picture's fitted pixels (C, …) and the network's outputs (1, …)."""
        return Shown()
