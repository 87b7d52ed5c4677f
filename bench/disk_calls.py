"""The calls by which this process changes a folder: written down, and at the N-th of them the process killed, signalled, or
refused as by a full disk.

Between two such calls nothing on the disk changes, so that kills before each of them are kills at every moment. Python's audit
hook hears of what is opened to be written, made, renamed and removed; writes and syncs, of which it does not hear, are wrapped.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHANGING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.link", "os.symlink"}
NEED_ROOM = {"open", "os.mkdir", "write", "pwrite", "fsync"}


def disturb(
    folder: str, calls: str = "", at: int | None = None, action: str = "", slow: str = "", seconds: float = 0.0
) -> None:
    """From now on, the calls that change something in ``folder`` (or ``folder`` itself) are lines of the file ``calls``.

    ``at``: from 1; before this call ``action`` happens: "SIGKILL" or another signal to this process, or "ENOSPC" ("EIO" …):
    this call and all later ones that need room fail with it. ``slow``: what is opened below this folder for the first
    time waits ``seconds``.
    """
    root, count, waited = str(Path(folder).absolute()), 0, not slow
    log = os.open(calls, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666) if calls else -1
    write = os.write

    def called(name: str, path: str) -> None:
        nonlocal count
        if path != root and not path.startswith(root + os.sep):
            return
        count += 1
        if log >= 0:
            write(log, f"{name} {os.path.relpath(path, root)}\n".encode(errors="surrogateescape"))
        if at is None or count < at:
            return
        if action.startswith("SIG"):
            if count == at:
                os.kill(os.getpid(), signal.Signals[action])
        elif name in NEED_ROOM:
            number = getattr(errno, action)
            raise OSError(number, os.strerror(number), path)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal waited
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            path = os.path.normpath(Path(os.fsdecode(arguments[0])).absolute())
            if not waited and path.startswith(slow):
                waited = True
                time.sleep(seconds)
            if arguments[2] & CHANGING:
                called("open", path)
        elif event in CHANGES:
            for path in places(event, arguments):
                called(event, path)
                break

    def wrapped(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(handle: int, *rest: Any) -> Any:
            called(name, str(Path(f"/proc/self/fd/{handle}").readlink()))
            return function(handle, *rest)

        return call

    sys.addaudithook(hook)
    for name in ("write", "pwrite", "fsync"):
        setattr(os, name, wrapped(name, getattr(os, name)))


def places(event: str, arguments: tuple[Any, ...]) -> list[str]:
    """The path that a call changes; names are looked up in the folder that was opened for them."""
    name, folder = arguments[0], -1
    if event in ("os.mkdir", "os.chmod"):
        folder = arguments[2]
    elif event in ("os.remove", "os.rmdir"):
        folder = arguments[1]
    if isinstance(name, int):
        return [str(Path(f"/proc/self/fd/{name}").readlink())]
    base = Path(f"/proc/self/fd/{folder}").readlink() if isinstance(folder, int) and folder >= 0 else Path.cwd()
    return [os.path.normpath(base / os.fsdecode(name))]
