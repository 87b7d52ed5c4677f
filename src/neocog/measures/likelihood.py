"""Means of numbers of which each image has one, such as its log-likelihood in nats, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.measures.intervals import Groups, bootstrap, percentiles
from neocog.run import Measure

Array = NDArray[Any]


def mean_measures(values: Mapping[str, Array], groups: Groups = None, seed: int = 0) -> dict[str, Measure]:
    """The mean of each (n,), with its 95 % bootstrap interval; whole ``groups`` (n,) are drawn where there are any."""
    columns = np.stack([np.asarray(column, np.float64) for column in values.values()], axis=1)  # (n, J)
    count = len(columns)
    draws = bootstrap(lambda weights: weights @ columns / weights.sum(), count, groups, seed=seed)
    return {
        name: Measure(float(columns[:, place].mean()), *percentiles(draws[:, place]), count)
        for place, name in enumerate(values)
    }
