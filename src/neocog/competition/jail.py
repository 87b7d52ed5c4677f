"""Runs one command in a room of its own, as far as Linux gives one: started as a program, with the job as JSON in its argument.

Plain Python, nothing of ours and no torch: what is not imported here cannot be reached by what runs inside. The room: namespaces of
users, mounts, processes, network and IPC; a root that holds the readable paths alone, read-only, and one writable folder; no
capabilities. Exit code 97 where the system does not give it, with the reason on stderr.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

NO_ROOM = 97
NEWNS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000  # <sched.h>
NOSUID, NODEV, NOEXEC, RDONLY, BIND, REC, PRIVATE = 2, 4, 8, 1, 4096, 16384, 1 << 18  # <sys/mount.h>
DETACH, AT_FDCWD, AT_RECURSIVE = 2, -100, 0x8000
MOUNT_SETATTR, PIVOT_ROOT = 442, {"x86_64": 155, "aarch64": 41}  # system calls without a function in libc
PDEATHSIG, CAPBSET_DROP, NO_NEW_PRIVS, CHILD_SUBREAPER = 1, 24, 38, 36  # <sys/prctl.h>
CAPABILITIES, PROCESSES = 64, 512
DEVICES = ("null", "zero", "full", "random", "urandom")

libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Limits first, then the room, then the command in the place of its first process."""
    job = json.loads(sys.argv[1])
    prctl(PDEATHSIG, signal.SIGKILL)  # should whoever started this be killed, so is all that runs here
    prctl(CHILD_SUBREAPER, 1)
    limit(job)
    if job["room"]:
        try:
            separate()
        except OSError as error:
            no_room(error)
    child = os.fork()
    if not child:
        prctl(PDEATHSIG, signal.SIGKILL)
        if job["room"]:
            try:
                furnish(Path(job["root"]), job)
            except OSError as error:
                no_room(error)
        for capability in range(CAPABILITIES):  # of root, too; those that this kernel does not know are refused
            libc.prctl(CAPBSET_DROP, capability, 0, 0, 0)
        prctl(NO_NEW_PRIVS, 1)
        os.chdir(job["work"])
        os.execve(job["command"][0], job["command"], job["environment"])  # noqa: S606
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    end_all()
    os._exit(code if code >= 0 else 128 - code)


def end_all() -> None:
    """Whatever the command has left running, which hangs below this process."""
    while True:
        for pid, parent in processes():
            if parent == os.getpid():
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def processes() -> Iterator[tuple[int, int]]:
    """(process, parent) of all that run, but for those that have ended and wait to be noticed."""
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 (numbers, not paths)
        with suppress(OSError, ValueError, IndexError):
            state, parent = Path("/proc", name, "stat").read_bytes().rpartition(b")")[2].split()[:2]
            if state != b"Z":
                yield int(name), int(parent)


def limit(job: dict[str, Any]) -> None:
    """Memory, processor time, size of files, and cores: of each process; the sums are watched from outside."""
    seconds = int(job["seconds"] * job["cores"]) + 10
    for kind, most in (
        (resource.RLIMIT_DATA, job["memory"]), (resource.RLIMIT_FSIZE, job["disk"]), (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        resource.setrlimit(kind, (most, most))
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job["cores"]])


def separate() -> None:
    """New namespaces, in which this user stays who they are, and none can be made again."""
    user, group = os.getuid(), os.getgid()
    checked(libc.unshare(NEWUSER | NEWNS | NEWPID | NEWNET | NEWIPC), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))


def furnish(root: Path, job: dict[str, Any]) -> None:
    """The root that the command sees; nothing else can be reached afterwards."""
    work = Path(job["work"])
    mount(None, Path("/"), None, REC | PRIVATE)
    mount("tmpfs", root, "tmpfs", NOSUID | NODEV, "mode=755")
    for path in map(Path, job["readable"]):
        show(path, root)
    for folder in (work, Path("/proc"), Path("/dev/shm")):  # noqa: S108
        inside(folder, root).mkdir(parents=True, exist_ok=True)
    for name in DEVICES:
        inside(Path("/dev", name), root).touch()
    read_only(root)
    mount(str(work), inside(work, root), None, BIND)
    mount("proc", root / "proc", "proc", NOSUID | NODEV | NOEXEC | RDONLY)
    mount("tmpfs", root / "dev/shm", "tmpfs", NOSUID | NODEV, f"size={job['memory'] // 4}")
    for name in DEVICES:
        mount(f"/dev/{name}", root / "dev" / name, None, BIND)
    os.chdir(root)
    checked(libc.syscall(PIVOT_ROOT.get(platform.machine(), -1), b".", b"."), "pivot_root")
    checked(libc.umount2(b".", DETACH), "umount")


def inside(path: Path, root: Path) -> Path:
    return root / path.relative_to("/")


def show(path: Path, root: Path) -> None:
    """``path`` in the new root; a link stays one."""
    place = inside(path, root)
    if place.is_symlink() or place.is_file() or not os.path.lexists(path):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        place.symlink_to(path.readlink())
        return
    place.mkdir(exist_ok=True) if path.is_dir() else place.touch()
    mount(str(path), place, None, BIND | REC)


def read_only(root: Path) -> None:
    """All mounts below ``root``, which mount(2) would only do one by one, and only where their other flags are repeated."""
    attributes = (ctypes.c_uint64 * 4)(RDONLY | NOSUID | NODEV, 0, 0, 0)
    done = libc.syscall(
        MOUNT_SETATTR, AT_FDCWD, bytes(root), AT_RECURSIVE, ctypes.byref(attributes), ctypes.sizeof(attributes)
    )
    checked(done, "mount_setattr")


def mount(source: str | None, target: Path, kind: str | None, flags: int, options: str = "") -> None:
    texts = [None if each is None else each.encode() for each in (source, str(target), kind)]
    done = libc.mount(*texts, ctypes.c_ulong(flags), options.encode() or None)
    checked(done, f"mount of {source or target}")


def prctl(what: int, value: int) -> None:
    checked(libc.prctl(what, value, 0, 0, 0), "prctl")


def checked(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def no_room(error: OSError) -> None:
    os.write(2, f"{error.strerror or error}\n".encode())
    os._exit(NO_ROOM)


if __name__ == "__main__":
    main()
