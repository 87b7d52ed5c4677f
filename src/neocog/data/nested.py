"""A training part of half, a quarter and an eighth of the size, each within the one before: the x axis of a learning curve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Dataset
from neocog.data.split import units_of
from neocog.data.stratify import assign
from neocog.errors import UserError

Ints = NDArray[np.int64]


def halved(
    dataset: Dataset,
    digests: Sequence[str],
    families: Sequence[str],
    pool: Ints,
    seed: int,
    stratify: bool,
    times: int = 3,
) -> list[Ints]:
    """Positions of 1/2, 1/4, … 1/2^times of the ``pool`` (n,). Classes keep their shares, and each is in all of them; groups, the
    same pixels and near copies stay whole, as in ``split``.

    Raises UserError where the pool has too few samples, or groups, to be halved so often.
    """
    found, whole = [], len(pool)
    for _ in range(times):
        units = units_of(dataset, digests, families, pool, seed, stratify)
        half = pool[assign(units, np.array([0.5, 0.5]))[units.of] == 0]
        if not 0 < len(half) < len(pool):
            what = f"--curve: {whole} training samples cannot be halved {times} times"
            raise UserError(what, fix="give more samples (or groups) of each class, or leave it out")
        found.append(pool := half)
    return found
