"""One process at a time in a run folder."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from neocog.errors import UserError, printable


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold ``folder/lock`` while the block runs; raises UserError, naming the holder, where another process has it.

    The kernel drops the lock (flock) with the process that took it, however that ends, so none can be left behind.
    """
    path = folder / "lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise UserError(f"cannot lock the run folder: {error.strerror}", where=str(path)) from None
    held = [handle]
    # A forked worker shares the lock and could outlive this process: it lets go at once
    os.register_at_fork(after_in_child=lambda: _close(held))
    try:
        _take(handle, path)
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
            yield
        finally:
            os.ftruncate(handle, 0)
    finally:
        _close(held)


def _take(handle: int, path: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = printable(os.pread(handle, 300, 0).decode(errors="replace")) or "another process"
        fix = "wait until it ends, or stop it"
        raise UserError(f"{holder} is working in this run folder", where=str(path.parent), fix=fix) from None
    except OSError as error:
        raise UserError(f"this file system has no locks: {error.strerror}", where=str(path)) from None


def _close(held: list[int]) -> None:
    while held:
        with suppress(OSError):
            os.close(held.pop())
