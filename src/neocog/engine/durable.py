"""Bytes on a disk that stay there through a power cut, and tensors as the files of a checkpoint hold them."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor


class Damaged(Exception):
    """Which file of a checkpoint is not what was written, and how one knows."""


def packed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each tensor contiguous and alone in its memory, as the format demands; tied weights are written twice."""
    packed: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        plain = tensor.detach().contiguous()
        start = plain.untyped_storage().data_ptr()
        packed[name] = plain.clone() if start in seen else plain
        seen.add(start)
    return packed


def write_new(path: Path, data: bytes) -> dict[str, Any]:
    """Write and sync a new file; what the manifest says of it."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        rest = memoryview(data)
        while rest:  # a write may be cut short: by a signal, a limit, the 2 GB of one call
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def sync(folder: Path) -> None:
    """Make the names in a folder as durable as the files' content."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def regular(path: Path, at_most: int) -> bytes:
    """A regular file's bytes: no link is followed, no pipe waited for, no more read than a sound file can have."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        raise Damaged(f"{path.name} is missing") from None
    if not stat.S_ISREG(status.st_mode):
        raise Damaged(f"{path.name} is not a regular file")
    if status.st_size > at_most:
        raise Damaged(f"{path.name} has {status.st_size} bytes, at most {at_most} expected")
    return path.read_bytes()
