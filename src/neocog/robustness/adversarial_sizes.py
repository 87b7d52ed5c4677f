"""The size of an adversarial change, and what is left under it, in words."""

from __future__ import annotations

import math

from neocog.attacks.ball import Norm
from neocog.records import Measure


def size(radius: float, norm: Norm) -> str:
    """A radius in words.

    >>> size(0.005, "linf"), size(8 / 255, "linf"), size(1 / 1020, "linf"), size(0.5, "l2"), size(float("inf"), "l2")
    ('0.005', '8/255', '0.25/255', '0.5', 'more')
    """
    if math.isinf(radius):
        return "more"
    greys = round(255 * radius, 3)
    return f"{greys:g}/255" if norm == "linf" and radius not in (0, 0.005) else f"{radius:g}"


def limit(radius: float, norm: Norm) -> str:
    """A radius in a sentence, which names the norm where that is not the largest change of a pixel.

    >>> limit(8 / 255, "linf"), limit(0.5, "l2")
    ('8/255', '0.5 (L2 norm)')
    """
    return size(radius, norm) + " (L2 norm)" * (norm == "l2")


def percent(m: Measure) -> str:
    interval = "" if math.isnan(m.low) else f" ({100 * m.low:.1f} – {100 * m.high:.1f})"
    return f"{100 * m.value:.1f} %{interval}"
