"""Numbers that stand for "not measured": −9999, −999, 9999 …, far outside whatever else a column holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sentinels(values: NDArray[np.float64]) -> dict[float, int]:
    """{value: how often} of values (N,): nines alone, two or more, or the ends of 16-bit and 32-bit integers, and farther from
    all others than these lie apart.

    >>> sentinels(np.array([1.5, 2, -9999, 3, -9999])), sentinels(np.array([97.0, 98, 99]))
    ({-9999.0: 2}, {})
    """
    known = values[np.isfinite(values)]
    different, counts = np.unique(known, return_counts=True)
    suspect = np.array([_is_made_up(value) for value in different.tolist()], bool)
    rest = different[~suspect]
    if not len(rest) or not suspect.any():
        return {}
    low, high = rest[0], rest[-1]
    away = np.maximum(low - different, different - high)
    far = suspect & (away > max(high - low, 1e-9))
    return dict(zip(different[far].tolist(), counts[far].tolist(), strict=True))


def _is_made_up(value: float) -> bool:
    digits = f"{abs(value):.9g}".replace(".", "")
    return (
        (len(digits) > 1 and set(digits) == {"9"})
        or abs(value) >= 1e20
        or value in (-(2**15), 2**15 - 1, -(2**31), 2**31 - 1)
    )
