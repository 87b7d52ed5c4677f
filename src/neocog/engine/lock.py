"""One process at a time in a run folder."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from neocog.errors import UserError, printable

NAME = "lock"
MOMENT = 0.1  # s: far longer than ``holder`` has it


@contextmanager
def lock(folder: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold ``folder/lock`` while the block runs; raises UserError, naming the holder, where another process has it.

    ``patience``: seconds to wait for it. The kernel drops the lock (flock) with the process that took it, however that
    ends, so none can be left behind. No link is followed.
    """
    path = folder / NAME
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    except OSError as error:
        raise UserError(
            f"cannot lock the run folder: {error.strerror}", str(path), "correct or remove that file"
        ) from None
    held = [handle]
    # A forked worker shares the lock and could outlive this process: it lets go at once
    os.register_at_fork(after_in_child=lambda: _close(held))
    try:
        _take(handle, path, time.monotonic() + max(patience, MOMENT))
        with suppress(OSError):  # on a full disk the holder stays unnamed
            os.ftruncate(handle, 0)
            os.pwrite(handle, _own_name().encode(), 0)
        try:
            yield
        finally:
            with suppress(OSError):
                os.ftruncate(handle, 0)
    finally:
        _close(held)


def holder(folder: Path) -> str:
    """The process that holds the lock of ``folder`` just now, by its number and machine; "" where no other one does."""
    try:
        handle = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        name = os.pread(handle, 300, 0).decode(errors="replace")
        if name not in ("", _own_name()):  # of one that holds it, or that was killed
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return printable(name)
    except OSError:
        return ""
    finally:
        os.close(handle)
    return ""


def _own_name() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _take(handle: int, path: Path, until: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return _still(handle, path)
        except BlockingIOError:
            if time.monotonic() < until:
                time.sleep(0.05)
                continue
            holder = printable(os.pread(handle, 300, 0).decode(errors="replace")) or "another process"
            fix = "wait until it ends, or stop it"
            raise UserError(f"{holder} is working in this run folder", where=str(path.parent), fix=fix) from None
        except OSError as error:
            raise UserError(
                f"this file system has no locks: {error.strerror}",
                str(path),
                "keep runs on a local disk, or where flock works",
            ) from None


def _still(handle: int, path: Path) -> None:
    """Raise UserError where the file that is locked now is another one than what processes that come later would lock."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        there = None
    if there is None or not os.path.samestat(there, os.fstat(handle)):
        raise UserError("another process has just removed this run folder", str(path.parent), "start again")


def _close(held: list[int]) -> None:
    while held:
        with suppress(OSError):
            os.close(held.pop())
