"""Axes: round tick values, and numbers as people write them."""

from __future__ import annotations

import math
from collections.abc import Sequence


def ticks(low: float, high: float, about: int = 5, whole: bool = False) -> list[float]:
    """Round values (1, 2, 2.5 or 5 times a power of ten apart) from ``low`` or below to ``high`` or above."""
    if high <= low:
        margin = abs(low) * 0.1 or 0.5
        low, high = low - margin, high + margin
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    if whole:
        step = max(1.0, math.ceil(step))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [0.0 if i == 0 else i * step for i in range(first, last + 1)]


def label(value: float, all_ticks: Sequence[float]) -> str:
    """A tick's text, with as many decimals as the ticks need to differ."""
    step = all_ticks[1] - all_ticks[0] if len(all_ticks) > 1 else abs(value)
    if step and (step < 1e-4 or max(map(abs, all_ticks)) >= 1e6):
        return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e")
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step else 0
    if round(step, decimals) != round(step, decimals + 1):
        decimals += 1
    return f"{value:,.{decimals}f}"


def short(value: float) -> str:
    """A value beside a mark: three significant digits, — where undefined."""
    if not math.isfinite(value):
        return "—"
    if value and abs(value) < 1e-3:
        return f"{value:.1e}".replace("e-0", "e-")
    if float(value).is_integer() and abs(value) >= 10:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"


def percent(value: float, n: int) -> str:
    """A share as 97.8 %, with as many decimals as n samples can tell apart (1 or 2); — where undefined."""
    return f"{value * 100:.{decimals(n)}f} %" if math.isfinite(value) else "—"


def decimals(n: int) -> int:
    """Decimals of a percentage of n samples."""
    return 1 if n < 2000 else 2
