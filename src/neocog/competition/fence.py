"""Where the system gives no room of its own: Python's audit hooks (PEP 578) refuse network, foreign files and processes.

Started as a program by ``jail``, with the same job. A hook cannot be removed by what runs behind it, but it sees Python's own calls
alone: native code gets around it, which is why nothing that loads such code passes ``entry_check``.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from collections.abc import Callable
from typing import Any

READING = ("os.listdir", "os.scandir", "os.chdir")
WRITING = (
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
    "os.utime", "shutil.rmtree", "shutil.move", "shutil.copyfile",
)  # fmt: skip
REFUSED = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.kill", "urllib.",
    "ftplib.", "http.", "smtplib.", "webbrowser.", "pty.", "os.startfile", "signal.pthread_kill",
)  # fmt: skip
ALLOWED = ("socket.gethostname",)
WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
DEVICES = (
    "/dev/null",
    "/dev/urandom",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/fs/cgroup",
    "/etc/localtime",
)


def main() -> None:
    """Put the fence up, then run ``-m MODULE ARGUMENTS`` or ``SCRIPT.py ARGUMENTS`` as python does."""
    job = json.loads(sys.argv[1])
    command = job["command"][4:]
    sys.addaudithook(hook(job["readable"], job["work"]))
    if command[0] == "-m":
        sys.argv = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = command
        runpy.run_path(command[0], run_name="__main__")


def hook(readable: list[str], work: str) -> Callable[[str, tuple[Any, ...]], None]:
    """The hook that lets ``readable`` be read and ``work`` be written, and refuses the rest with PermissionError."""
    below = tuple(os.path.realpath(path) for path in (*readable, *DEVICES, f"/proc/{os.getpid()}"))
    own = os.path.realpath(work)

    def within(path: Any, folders: tuple[str, ...]) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return True  # an open file, which was asked for when it was opened
        real = os.path.realpath(os.fsdecode(path))
        return any(real == folder or real.startswith(folder.rstrip("/") + "/") for folder in folders)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = bool(flags & WRITE) if isinstance(flags, int) else set(mode or "r") & set("wax+")
            allowed = (own, "/dev/null") if writes else (own, *below)
            if not within(path, allowed):
                raise PermissionError(f"not for an entry: {path!r}")
        elif event in READING and not within(arguments[0] or ".", (own, *below)):
            raise PermissionError(f"not for an entry: {arguments[0]!r}")
        elif event in WRITING and not all(within(each, (own,)) for each in arguments[:2]):
            raise PermissionError(f"not for an entry: {event} {arguments[:2]!r}")
        elif event.startswith(REFUSED) and event not in ALLOWED:
            raise PermissionError(f"not for an entry: {event}")

    return audit


if __name__ == "__main__":
    main()
