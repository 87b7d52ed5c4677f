"""Measures as result.json has them, where what is no number is null."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from neocog.records import Measure


def stored_measure(value: Mapping[str, Any]) -> Measure:
    """The measure of {"value", "low", "high", "n"} and, where there are groups, "units"; null is NaN."""
    number, low, high = (math.nan if value[key] is None else float(value[key]) for key in ("value", "low", "high"))
    units = value.get("units")
    return Measure(number, low, high, int(value["n"]), None if units is None else int(units))
