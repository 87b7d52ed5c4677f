"""An interval made wider on its own scale, where what is measured varies by more than its samples do."""

from __future__ import annotations

import math
from dataclasses import replace

from scipy.special import expit, logit

from neocog.metrics.intervals import SPANS, Scale, proportion
from neocog.records import Measure


def widened(m: Measure, factor: float, scale: Scale) -> Measure:
    """``m`` with an interval as of a standard error that is ``factor`` (≥ 1) times as large: on the logit where it is a share
    or has another two ends (``SPANS``), on the logarithm where it is ``positive``, else as it is.

    A share of 0 or 1 has that of a proportion of as many samples fewer as it is less sure: n / factor².

    >>> wide = widened(Measure(0.5, 0.4, 0.6, 100), 2.0, "share")
    >>> round(wide.low, 3), round(wide.high, 3)
    (0.308, 0.692)
    """
    if not math.isfinite(m.low) or not math.isfinite(m.high):
        return m
    if scale in SPANS:
        start, length = SPANS[scale]
        value, low, high = ((x - start) / length for x in (m.value, m.low, m.high))
        if 1e-12 < value < 1 - 1e-12:
            low, high = (float(expit(logit(value) + factor * (logit(x) - logit(value)))) for x in (low, high))
        else:
            units = (m.n if m.units is None else m.units) / factor**2
            low, high = proportion(round(value) * units, units)
        return replace(m, low=start + length * low, high=start + length * high)
    if scale == "positive" and m.low > 0:
        return replace(m, low=m.value * (m.low / m.value) ** factor, high=m.value * (m.high / m.value) ** factor)
    low, high = (m.value + factor * (x - m.value) for x in (m.low, m.high))
    return replace(m, low=max(low, 0.0) if scale == "positive" else low, high=high)
