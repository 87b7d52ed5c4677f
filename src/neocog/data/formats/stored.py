"""An array inside a file, known by its header before anything is allocated, and read block by block."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase

import numpy as np

from neocog.data.dataset import Array
from neocog.errors import UserError
from neocog.limits import memory

BLOCK = 4 * 2**20  # bytes read at a time
DAMAGE = (OSError, EOFError, zlib.error, zipfile.BadZipFile)  # what gzip and zip raise on bad bytes
DEFLATE = 1032  # deflate packs at most 1032 bytes into one (zlib's own figure): a larger promise is a lie


@dataclass(frozen=True)
class Stored:
    """An array that is still in its file. ``open`` gives a stream at the first byte of the payload."""

    where: str  # "train-images-idx3-ubyte.gz", "cells.npz: train_images"
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]  # byte order as stored
    open: Callable[[], BufferedIOBase]
    fortran: bool = False
    packed: int | None = None  # bytes in the file, where it is compressed

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def blocks(self) -> Iterator[tuple[int, Array]]:
        """(index of the first sample, some samples) in order; a Fortran array comes whole. Raises UserError."""
        one = max(1, self.nbytes // max(1, len(self)))
        step = len(self) if self.fortran else max(1, BLOCK // one)
        try:
            with self.open() as stream:
                for start in range(0, len(self), step):
                    count = min(step, len(self) - start)
                    raw = stream.read(count * one)
                    if len(raw) != count * one:
                        raise UserError(
                            f"{self.nbytes:,} bytes expected, {start * one + len(raw):,} there",
                            self.where,
                            "the file was cut: copy or download it again",
                        )
                    flat = np.frombuffer(raw, self.dtype)
                    yield start, flat.reshape((count, *self.shape[1:]), order="F" if self.fortran else "C")
                if stream.read(1):  # also makes gzip and zip compare their checksum
                    raise UserError(f"more than the {self.nbytes:,} bytes that the header tells", self.where)
        except DAMAGE as error:
            raise UserError(
                f"damaged or unreadable ({error})", self.where, "copy or download the file again"
            ) from error

    def whole(self) -> Array:
        """The array itself, in native byte order."""
        array = allocate(self.shape, self.dtype.newbyteorder("="), self.where)
        for start, block in self.blocks():
            array[start : start + len(block)] = block
        return array


def allocate(shape: tuple[int, ...], dtype: np.dtype[np.generic], where: str) -> Array:
    """An uninitialised array, or an error with both numbers where it is larger than the memory that may be used."""
    needed = math.prod(shape) * dtype.itemsize
    limit = memory()
    if needed > limit.amount:
        size = " × ".join(map(str, shape))
        what = f"{size} {dtype} needs {needed:,} bytes; {limit.amount:,} may be used (limit: {limit.what})"
        raise UserError(what, where, "raise the limit, or cut the array into files")
    return np.empty(shape, dtype)
