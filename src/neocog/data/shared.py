"""Values whose large arrays several processes of one machine hold once: in files that each of them maps, to be read only.

The files have no names, as a kill would leave these behind: they end with the last process that maps them. Others find them
among those that their maker has open, /proc/PID/fd/NUMBER, and so on Linux only.
"""

from __future__ import annotations

import io
import json
import mmap
import os
import pickle
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from neocog.data.dataset import Array
from neocog.data.spooled import nameless

Zeros = Callable[[tuple[int, ...], Any], Array]  # of a shape and type, as ``np.zeros``
Place = tuple[str, int, tuple[int, ...], str]  # an array's file, where in it, its shape and type
_SMALL = 1 << 16  # bytes that each process may hold for itself


class Shared:
    """Room for arrays, in memory, and for those that lie on disk in a file there. Closed, no further process finds them."""

    def __init__(self) -> None:
        self._memory = os.fdopen(os.memfd_create("neocog"), "r+b")
        self._disk: IO[bytes] | None = None
        self._placed: list[tuple[Array, Place]] = []

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array that lies here from its beginning."""
        if not prod(shape):
            return np.zeros(shape, dtype)
        return self._room(self._memory, shape, np.dtype(dtype))

    def put(self, value: Any) -> str:
        """Where other processes, told so, ``take`` a value that pickle knows."""
        text = io.BytesIO()
        _Pickler(text, self).dump(value)
        return json.dumps(self.place(np.frombuffer(text.getvalue(), np.uint8)))

    def place(self, array: Array) -> Place:
        """Where an array lies, which is copied here unless it lies here."""
        for known, place in self._placed:
            if known is array:
                return place
        self._room(self._file_of(array), array.shape, array.dtype)[...] = array
        return self._placed[-1][1]

    def close(self) -> None:
        self._placed.clear()
        self._memory.close()
        if self._disk is not None:
            self._disk.close()

    def _room(self, file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        number, size = file.fileno(), prod(shape) * dtype.itemsize
        start = -(-os.fstat(number).st_size // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
        if file is self._disk:
            os.posix_fallocate(number, start, size)  # a disk that is full says so now, not by a signal later
        else:
            os.ftruncate(number, start + size)
        array = np.frombuffer(mmap.mmap(number, size, offset=start), dtype).reshape(shape)
        self._placed.append((array, (f"/proc/{os.getpid()}/fd/{number}", start, shape, dtype.str)))
        return array

    def _file_of(self, array: Array) -> IO[bytes]:
        if not isinstance(array.base, np.memmap):
            return self._memory
        self._disk = self._disk or nameless()
        return self._disk


def take(where: str) -> Any:
    """What another process of the same user has ``put`` there."""
    return _Unpickler(io.BytesIO(_mapped(*json.loads(where)).tobytes())).load()


def can_share() -> bool:
    """Whether this system has such files, and shows them."""
    try:
        shared = Shared()
        try:
            return bool(take(shared.put("shared")) == "shared")
        finally:
            shared.close()
    except (OSError, AttributeError):
        return False


def _mapped(path: str, start: int, shape: tuple[int, ...], dtype: str) -> Array:
    with Path(path).open("rb") as file:
        if os.fstat(file.fileno()).st_uid != os.getuid():
            raise PermissionError(f"{path} is another user's")
        size = prod(shape) * np.dtype(dtype).itemsize
        memory = mmap.mmap(file.fileno(), size, offset=start, access=mmap.ACCESS_READ)
    return np.frombuffer(memory, dtype).reshape(shape)


class _Pickler(pickle.Pickler):
    """Arrays that are not small stand outside, by their places."""

    def __init__(self, file: IO[bytes], shared: Shared) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.shared = shared

    def persistent_id(self, found: Any) -> Place | None:
        if isinstance(found, np.ndarray) and not found.dtype.hasobject and found.nbytes > _SMALL:
            return self.shared.place(found)
        return None


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, place: Place) -> Array:
        return _mapped(*place)
