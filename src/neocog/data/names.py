"""N names as one text, a third of what Python's strings take: folders are kept once, as a file's name stands in few of them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Array

Keys = NDArray[np.bytes_]


class Names(Sequence[str]):
    """Names of samples, such as paths relative to the data: an item is made when it is asked for.

    ``folders``: what stands before the last "/" of the names, that included, each once. ``where`` (N,): each name's of them.
    """

    def __init__(self, names: Iterable[str]) -> None:
        folders, ends, where = dict[str, int](), array("q"), array("q")
        text = bytearray()
        for name in names:
            folder, slash, last = name.rpartition("/")
            where.append(folders.setdefault(folder + slash, len(folders)))
            text += _stored(last)
            ends.append(len(text))
        self.folders = tuple(folders)
        self._text = bytes(text)
        self.where = np.array(where, np.min_scalar_type(len(folders)))
        self._ends = np.array(ends, np.int64 if len(text) > np.iinfo(np.int32).max else np.int32)

    @classmethod
    def of(cls, names: Sequence[str]) -> Names:
        """``names`` themselves where they are one text already."""
        return names if isinstance(names, Names) else cls(names)

    def take(self, indices: Array) -> Names:
        """Those at the ``indices``, in their order; itself where that is all of them."""
        if len(indices) == len(self) and (indices == np.arange(len(self))).all():
            return self
        return Names(map(self.__getitem__, indices))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        index = range(len(self))[index]
        last = self._text[self._ends[index - 1] if index else 0 : self._ends[index]]
        return self.folders[self.where[index]] + last.decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return map(self.__getitem__, range(len(self)))

    def __eq__(self, other: object) -> bool:
        """As sequences of texts."""
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # equal to lists, which have none


def keyed(names: Names, key: Callable[[str], str] = str) -> Keys:
    """(N,) the key of each of some names, as bytes that sort as the texts do."""
    width = max((len(_stored(key(name))) for name in names), default=0)
    return np.fromiter((_stored(key(name)) for name in names), f"S{max(1, width)}", len(names))


def _stored(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
