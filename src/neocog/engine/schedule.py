"""The learning rate as a function of the step."""

from __future__ import annotations

import math

from neocog.config import TrainConfig


def rate(step: float, steps: int, config: TrainConfig) -> float:
    """Learning rate of ``step`` (from 0) out of ``steps``; its peak is ``config.lr``.

    onecycle: half a cosine up from peak/25 over the share ``warmup`` of the steps, then half a cosine down to nothing
    (Smith and Topin 2018). cosine: a straight warm-up over at most 5 % of the steps, then half a cosine down (Loshchilov
    and Hutter 2017). exponential: peak · decay_rate^(step / decay_steps), with ``staircase`` its whole part as exponent, as
    Keras' ExponentialDecay. constant: the peak.

    >>> [round(rate(step, 5, TrainConfig(lr=1.0, warmup=0.5)), 2) for step in range(5)]
    [0.04, 0.39, 0.9, 0.6, 0.1]
    """
    peak, kind, warmup = config.lr, config.schedule, config.warmup
    if kind == "constant":
        return peak
    if kind == "exponential":
        times = step / config.decay_steps
        return float(peak * config.decay_rate ** (math.floor(times) if config.staircase else times))
    rise = max(1.0, (warmup if kind == "onecycle" else min(warmup, 0.05)) * steps)
    if step < rise:
        if kind == "cosine":
            return peak * (step + 1) / (rise + 1)
        return peak * (0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * step / rise)))
    left = (step - rise + 0.5) / max(1.0, steps - rise)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, left)))
