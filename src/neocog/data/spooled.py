"""Arrays too large for memory that are written once and read seldom."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np

from neocog.data.dataset import Array

_SMALL = 1 << 20  # bytes that are no matter
_LARGE_FILES = Path("/var/tmp")  # noqa: S108 (a file without a name); on a disk also where /tmp lies in memory


def spooled(shape: tuple[int, ...], dtype: Any) -> Array:
    """Zeros in a file without a name, which ends with the array; in memory where it is small or no disk has room for it."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    try:
        if size <= _SMALL:
            return np.zeros(shape, dtype)
        with nameless() as file:
            os.posix_fallocate(file.fileno(), 0, size)  # a disk that is full says so now, not by a signal later
            return np.asarray(np.memmap(file, dtype, "r+", shape=shape))
    except (OSError, AttributeError):  # no disk has room; not every system can reserve it
        return np.zeros(shape, dtype)


def nameless() -> IO[bytes]:
    """A file on a disk that may hold much; it ends where nothing has it open or maps it."""
    folder = _LARGE_FILES if "TMPDIR" not in os.environ and os.access(_LARGE_FILES, os.W_OK) else None
    return TemporaryFile(dir=folder)
