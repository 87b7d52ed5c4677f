"""The learning rate as a function of the step."""

from __future__ import annotations

import math
from typing import Literal


def rate(step: int, steps: int, peak: float, kind: Literal["onecycle", "cosine", "constant"], warmup: float) -> float:
    """Learning rate of ``step`` out of ``steps``.

    onecycle: half a cosine up from peak/25 over the share ``warmup`` of the steps, then half a cosine down to nothing
    (Smith and Topin 2018). cosine: a straight warm-up over at most 5 % of the steps, then half a cosine down (Loshchilov
    and Hutter 2017). constant: ``peak``.

    >>> [round(rate(step, 5, 1.0, "onecycle", 0.5), 2) for step in range(5)]
    [0.04, 0.39, 0.9, 0.6, 0.1]
    """
    if kind == "constant":
        return peak
    rise = max(1.0, (warmup if kind == "onecycle" else min(warmup, 0.05)) * steps)
    if step < rise:
        if kind == "cosine":
            return peak * (step + 1) / (rise + 1)
        return peak * (0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * step / rise)))
    left = (step - rise + 0.5) / max(1.0, steps - rise)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, left)))
