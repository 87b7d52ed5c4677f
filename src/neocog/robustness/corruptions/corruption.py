"""What a corruption is: a named change of light, sharpness or place, at five severities. Pixels are floats, 0 black and 1 white."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from neocog.data.dataset import Form
from neocog.robustness.corruptions.lot import Lot

SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Corruption:
    """``change(pixels (B, C, …), level, lot, scale)`` → the same shape, not cut to the range.

    ``scale``: of lengths that the levels state in pixels of a 224 × 224 picture. ``levels``: one a severity.
    """

    family: str  # as tables group them: "noise", "blur", "weather", "digital" are those of ImageNet-C
    levels: tuple[Any, Any, Any, Any, Any]
    change: Callable[[Tensor, Any, Lot, float], Tensor]
    forms: tuple[Form, ...] = ("images",)
    colour: bool = False  # of red, green and blue alone
    moves: bool = False  # what is seen, and so what a mask or a value says of it
    depths: tuple[str, ...] = ("uint8", "uint16", "float32")  # stored numbers that it can happen to
