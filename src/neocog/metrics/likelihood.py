"""Means of numbers of which each image has one, such as its log-likelihood in nats, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.metrics import intervals
from neocog.metrics.intervals import Groups
from neocog.records import Measure

Array = NDArray[Any]


def mean_measures(values: Mapping[str, Array], groups: Groups = None, seed: int = 0) -> dict[str, Measure]:
    """The mean of each (n,), with its 95 % interval; whole ``groups`` (n,) are what repeats where there are any."""
    columns = np.stack([np.asarray(column, np.float64) for column in values.values()], axis=1)  # (n, J)
    found = intervals.mean_measures(columns, ["any"] * len(values), groups, seed)
    return dict(zip(values, found, strict=True))
