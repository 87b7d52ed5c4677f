"""Hashes of N images as bytes in one array, a third of what their texts would take; they sort as their texts do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Array

_LOT = 4096  # texts compared at once


@dataclass(frozen=True, eq=False)
class Digests(Sequence[str]):
    """N hexadecimal texts of 2·W letters each, or "" (all bytes 0, which no hash of anything is)."""

    stored: NDArray[np.uint8]  # (N, W)

    @classmethod
    def empty(cls, count: int, width: int = 32) -> Digests:
        """``count`` times ""; 32 bytes hold a SHA-256."""
        return cls(np.zeros((count, width), np.uint8))

    @classmethod
    def of(cls, texts: Sequence[str], width: int = 32) -> Digests:
        """Raises ValueError for a text that is no hexadecimal number of ``width`` bytes."""
        found = cls.empty(len(texts), width)
        for index, text in enumerate(texts):
            found[index] = text
        return found

    @property
    def keys(self) -> Array:
        """(N,) byte strings, for what compares and sorts."""
        return self.stored.view(f"S{self.stored.shape[1]}")[:, 0]

    def take(self, indices: Array) -> Digests:
        """Those at the ``indices``, a copy."""
        return Digests(self.stored[indices])

    def __len__(self) -> int:
        return len(self.stored)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return list(Digests(self.stored[index]))
        row = self.stored[index]
        return row.tobytes().hex() if row.any() else ""

    def __setitem__(self, index: int, text: str) -> None:
        self.stored[index] = np.frombuffer(bytes.fromhex(text), np.uint8) if text else 0

    def __iter__(self) -> Iterator[str]:
        return map(self.__getitem__, range(len(self)))

    def __eq__(self, other: object) -> bool:
        """As sequences of texts."""
        if isinstance(other, Digests):
            return bool(np.array_equal(self.stored, other.stored))
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(str.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]  # it can be changed


def keys(texts: Sequence[str] | Array) -> Array:
    """(N,) of any texts what sorts and compares as they do; that of "" is falsy (see ``known``)."""
    if isinstance(texts, np.ndarray) and texts.dtype.kind == "S":
        return texts
    return texts.keys if isinstance(texts, Digests) else np.asarray(texts, np.str_)


def known(texts: Sequence[str]) -> NDArray[np.bool_]:
    """(N,) whether each is other than ""."""
    found = keys(texts)
    return np.asarray(found != found.dtype.type(), np.bool_)


def at(texts: Sequence[str] | Array, indices: NDArray[np.int64]) -> Any:
    """Those of any texts at the ``indices``."""
    if isinstance(texts, np.ndarray):
        return texts[indices]
    return texts.take(indices) if isinstance(texts, Digests) else [texts[index] for index in indices]


def distinct(texts: Sequence[str] | Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of N texts ((C,) the first index of each different one, in their order; (N,) which of these each one is).

    As ``np.unique``, which takes four times the memory: here texts are compared where they lie.
    """
    found = keys(texts)
    order = np.argsort(found, kind="stable")
    new = np.ones(len(order), np.bool_)
    for start in range(1, len(order), _LOT):
        here = order[start : start + _LOT]
        new[start : start + _LOT] = found[here] != found[order[start - 1 : start - 1 + len(here)]]
    which = np.empty(len(order), np.int64)
    which[order] = np.cumsum(new) - 1
    return order[new], which
