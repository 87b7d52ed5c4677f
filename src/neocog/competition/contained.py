"""An entry's code run as a process of its own: in a room (``jail``) where Linux gives one, else behind Python's hooks (``fence``).

Time, memory and disk of all that it starts are watched from outside, its output is cut, and whatever is left of it is killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import IO, Literal

from neocog.competition import fence, jail
from neocog.errors import UserError, printable

Stopped = Literal["", "time", "memory", "disk"]
KEPT = 16_000  # bytes of output that are kept, half from its start and half from its end
OFTEN, SELDOM = 0.05, 0.5  # s between two looks at the memory, and at the disk
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")


@dataclass(frozen=True)
class Limits:
    """What an entry may use: seconds of the wall clock, bytes of memory and of files, and cores."""

    seconds: float
    memory: int
    disk: int
    cores: int


@dataclass(frozen=True)
class Ended:
    """How a contained process ended: its exit code, what stopped it (""; nothing), its output, and the seconds it took."""

    code: int
    stopped: Stopped
    output: str
    seconds: float


@dataclass
class Output:
    """The start and the end of what a process prints; the rest is counted and dropped as it comes."""

    first: bytes = b""
    last: bytes = b""
    dropped: int = 0

    def take(self, pipe: IO[bytes]) -> None:
        while piece := os.read(pipe.fileno(), 1 << 16):
            room = KEPT // 2 - len(self.first)
            self.first, piece = self.first + piece[:room], piece[room:]
            self.last += piece
            self.dropped += max(0, len(self.last) - KEPT // 2)
            self.last = self.last[-KEPT // 2 :]

    def text(self) -> str:
        cut = f"\n… {self.dropped:,} bytes left out …\n".encode() if self.dropped else b""
        return (self.first + cut + self.last).decode(errors="replace")


@dataclass
class Watch:
    """Looks at a process and all its descendants until it ends, or until one of the limits is passed."""

    process: subprocess.Popen[bytes]
    work: Path
    limits: Limits
    looked: float = field(default_factory=time.monotonic)

    def stopped(self, end: float) -> Stopped:
        while True:
            if self.process.poll() is not None:
                return ""
            now = time.monotonic()
            if now >= end:
                return "time"
            if sum(map(resident, tree(self.process.pid))) > self.limits.memory:
                return "memory"
            if now - self.looked > SELDOM:
                self.looked = now
                if on_disk(self.work) > self.limits.disk:
                    return "disk"
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(min(OFTEN, end - now))


def contained(
    arguments: Sequence[str],
    readable: Iterable[Path],
    work: Path,
    limits: Limits,
    end: float,
    hidden: Iterable[Path] = (),
) -> Ended:
    """Run ``python ARGUMENTS`` (``-m MODULE …``) with ``readable`` to read and ``work`` to write, until ``end`` (monotonic).

    ``hidden``: what must not be seen. Raises UserError where one of these lies in a folder that has to be readable.
    """
    shown = [*runtime(), *(path.resolve() for path in readable)]
    raise_if_shown(hidden, shown)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="neocog-root-") as root:
        left = replace(limits, seconds=max(1.0, end - began))
        command = [sys.executable, "-s", "-P", "-B", *arguments]
        process = subprocess.Popen(  # noqa: S603 (this very Python)
            jailed(command, has_room(), shown, work.resolve(), root, left),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        output = Output()
        assert process.stdout is not None
        reader = threading.Thread(target=output.take, args=(process.stdout,), daemon=True)
        reader.start()
        try:
            stopped = Watch(process, work, limits).stopped(end)
        finally:
            kill(process)
        reader.join(5)
        process.stdout.close()
    return Ended(process.returncode, stopped, output.text(), time.monotonic() - began)


def jailed(
    command: Sequence[str], room: bool, shown: Iterable[Path], work: Path, root: str, limits: Limits
) -> list[str]:
    """The command line that runs ``command`` by way of ``jail``; without a ``room`` by way of ``fence``, too."""
    job = {
        "room": room, "root": root, "work": str(work), "readable": [str(path) for path in shown], "command": command,
        "environment": environment(work, limits.cores), **asdict(limits),
    }  # fmt: skip
    if not room:
        job["command"] = [sys.executable, "-s", "-P", "-B", str(fence.__file__), json.dumps(job)]
    return [sys.executable, "-I", str(jail.__file__), json.dumps(job)]


def environment(work: Path, cores: int) -> dict[str, str]:
    """Variables of a contained process: none of those of whoever starts it."""
    return {
        "PATH": "/usr/bin:/bin", "HOME": str(work), "TMPDIR": str(work), "NEOCOG_CACHE": str(work), "LANG": "C.UTF-8",
        "PYTHONPATH": str(package()), "OMP_NUM_THREADS": str(cores), "MPLCONFIGDIR": str(work),
    }  # fmt: skip


def package() -> Path:
    """The folder that neocog is imported from."""
    return Path(__file__).resolve().parents[2]


def runtime() -> list[Path]:
    """What Python, torch and neocog need to run: folders without anybody's data."""
    own = package() if package().name.endswith("-packages") else package() / "neocog"
    site = [Path(each) for each in sys.path if each.endswith(("site-packages", "dist-packages"))]
    found = [
        *map(Path, SYSTEM),
        Path(sys.base_prefix),
        Path(sys.prefix),
        Path(sys.executable).resolve().parents[1],
        own,
        *site,
    ]
    cores = Path("/sys/devices/system/cpu")
    return list(dict.fromkeys(path for path in (*found, cores) if os.path.lexists(path)))


def raise_if_shown(hidden: Iterable[Path], shown: Sequence[Path]) -> None:
    """Raise UserError where something that must stay hidden lies in a folder that an entry can read."""
    for path in hidden:
        above = next((folder for folder in shown if path.resolve().is_relative_to(folder.resolve())), None)
        if above is not None:
            what = f"{printable(str(path))} lies in {printable(str(above))}, which every entry can read"
            raise UserError(what, fix="move the competition to another folder")


@cache
def no_room() -> str:
    """Why this system gives no room of its own; "" where it does. Tried once."""
    with tempfile.TemporaryDirectory(prefix="neocog-work-") as work, tempfile.TemporaryDirectory() as root:
        limits = Limits(seconds=60, memory=1 << 30, disk=1 << 20, cores=1)
        done = subprocess.run(  # noqa: S603 (this very Python)
            jailed([sys.executable, "-I", "-S", "-c", ""], True, runtime(), Path(work), root, limits),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    return (
        "" if not done.returncode else done.stderr.decode(errors="replace").strip()[-200:] or f"exit {done.returncode}"
    )


def has_room() -> bool:
    return not no_room()


def how() -> str:
    """How entries are contained on this system, in a sentence for the board and the terminal."""
    if has_room():
        return "Each entry runs in namespaces of its own: no network, a read-only view of the public part, one folder to write."
    return (
        f"This system gives no namespaces ({no_room()}): network, files and processes are refused by Python's audit hooks "
        "alone, which native code can get around. Judge only entries that you have read."
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """The process and all that descends from it: those whose parents are gone hang below it, so it is the last."""
    while process.poll() is None and (left := tree(process.pid)[1:]):
        for pid in left:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    process.kill()
    process.wait()


def tree(root: int) -> list[int]:
    """A process and its descendants, by number."""
    children: dict[int, list[int]] = {}
    for pid, parent in jail.processes():
        children.setdefault(parent, []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def resident(pid: int) -> int:
    """Bytes of memory that a process holds; 0 where it has ended."""
    with suppress(OSError, ValueError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def on_disk(folder: Path) -> int:
    """Bytes of all files below a folder, of which some may vanish meanwhile."""
    total = 0
    for above, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(above, name)).st_blocks * 512  # noqa: PTH118 (many, and often)
    return total
