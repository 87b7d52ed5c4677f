"""What all masks show, as columns: of millions of masks, objects of arrays would take a kilobyte each.

Letters: M masks, S values in all of them together.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Array
from neocog.data.readers.mask_look import WHOLE, Look
from neocog.errors import listed, printable

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Looks:
    """M looks; of the columns (S,) those of one mask follow each other, its values in order."""

    names: Sequence[str]  # (M,)
    jpeg: Bools  # (M,) whether a mask is one
    ends: Ints  # (M,) where the values of each mask end
    values: Ints  # (S,)
    counts: Ints  # (S,) pixels
    edge: Ints  # (S,) pixels along the picture's sides
    whole: NDArray[np.float64]  # (S,) as ``Look`` has it
    levels: Ints  # (M, 4) soft, grey, ramps, full

    @classmethod
    def of(cls, looks: Iterable[Look], names: Sequence[str]) -> Looks:
        """Those of M masks, which need not be there at once."""
        ends, values, counts, edge, levels = columns = [array("q") for _ in range(5)]
        whole, jpeg = array("d"), bytearray()
        for one in looks:
            jpeg.append(one.kind == "JPEG")
            for column, found in ((values, one.values), (counts, one.counts), (edge, one.edge)):
                column.frombytes(np.ascontiguousarray(found, np.int64).tobytes())
            whole.frombytes(one.whole.tobytes())
            levels.extend((one.soft, one.grey, one.ramps, one.full))
            ends.append(len(values))
        ended, valued, counted, edged, levelled = (np.frombuffer(column, np.int64) for column in columns)
        return cls(
            names,
            jpeg=np.frombuffer(jpeg, np.bool_),
            ends=ended,
            values=valued,
            counts=counted,
            edge=edged,
            whole=np.frombuffer(whole),
            levels=levelled.reshape(-1, 4),
        )

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def lossy(self) -> bool:
        return bool(self.jpeg.any())

    @property
    def soft(self) -> Bools:
        """(M,) whether a mask is a picture in greys."""
        return self.levels[:, 0] > 0

    @cached_property
    def mask(self) -> NDArray[np.int32]:
        """(S,) the mask of each value."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.ends, prepend=0))

    @cached_property
    def keys(self) -> list[int]:
        """Every value that occurs, in order."""
        return [int(key) for key in np.unique(self.values)]

    def holding(self, key: int) -> Ints:
        """The masks with this value."""
        return np.asarray(self.mask[self.values == key], np.int64)

    def objects(self, but: int | None = None) -> Ints:
        """(M,) how many values other than 0, and than ``but``, each mask holds."""
        counted = self.values != 0
        if but is not None:
            counted &= self.values != but
        return np.bincount(self.mask[counted], minlength=len(self))

    def wholes(self) -> Bools:
        """Of each value other than 0 in masks that hold several, whether it lies in one piece; specks are left out."""
        known = (self.values != 0) & ~np.isnan(self.whole) & (self.objects() > 1)[self.mask]
        return np.asarray(self.whole[known] >= WHOLE)

    def both(self, column: Array, low: int, high: int) -> tuple[Ints, Array, Array]:
        """The masks that hold both of two values, and of a ``column`` (S,) what it says of the one and of the other."""
        first, second = (np.flatnonzero(self.values == key) for key in (low, high))
        masks, one, other = np.intersect1d(self.mask[first], self.mask[second], assume_unique=True, return_indices=True)
        return np.asarray(masks, np.int64), column[first[one]], column[second[other]]

    def holders(self, keys: Sequence[int]) -> str:
        """The masks with these values, for a message."""
        names = dict.fromkeys(self.names[i] for key in keys for i in self.holding(key).tolist())
        return listed(map(printable, names), 5)
