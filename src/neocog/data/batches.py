"""Which samples belong to step s: a function of (seed, epoch), not a state, so that a resumed run sees the same batches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Batches:
    """The order of ``count`` training samples in batches of about ``batch``.

    Every sample comes exactly once an epoch. The batches of an epoch differ in size by one at most, so that no small
    last batch is left over (batch norm cannot learn from a batch of one); their mean size is the nearest to ``batch``.
    """

    count: int
    batch: int
    seed: int

    @property
    def per_epoch(self) -> int:
        return max(1, min(round(self.count / self.batch), self.count // min(2, self.batch)))

    def __getitem__(self, step: int) -> NDArray[np.int64]:
        """(B,) positions in 0 … count − 1 of the samples of global step ``step``, over all ranks."""
        per_epoch = self.per_epoch
        epoch, place = divmod(step, per_epoch)
        start, stop = (round(bound * (self.count / per_epoch)) for bound in (place, place + 1))
        return order(self.count, self.seed, epoch)[start:stop]


@lru_cache(maxsize=2)
def order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The permutation of an epoch. Philox is keyed by (seed, epoch): the same on every machine and NumPy ≥ 1.17."""
    generator = np.random.Generator(np.random.Philox(key=[seed, epoch]))
    shuffled: NDArray[np.int64] = generator.permutation(count)
    return shuffled


def share(batch: NDArray[np.int64], rank: int, world: int) -> NDArray[np.int64]:
    """The part of a batch that one of ``world`` processes computes; the parts differ in size by one at most."""
    return np.array_split(batch, world)[rank]
