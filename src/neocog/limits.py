"""How much memory and how many cores this process may use: the least of what the machine, its containers, the process's own
limits and SLURM allow, shared with the other processes of this node that a launcher started.

Read where Linux tells it: /proc, the memory and cpu controllers of cgroup v1 and v2 (each group from the process's own up to the
root may have a limit), and the variables of torchrun and SLURM. Plain Python: torch need not be there.
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

UNKNOWN = 2 << 30  # bytes that are taken for free where the system says nothing
MEBI = 1 << 20  # the unit of SLURM's variables
M_ARENA_MAX = -8  # <malloc.h>
UNLIMITED = 1 << 60  # bytes: what cgroup v1 says where there is no limit lies far above


@dataclass(frozen=True)
class Limit:
    """``amount`` (bytes, or cores) that this process may use, and ``what`` allows no more; or ``processes`` of a node as one."""

    amount: int
    what: str
    processes: int = 1


GUESS = Limit(UNKNOWN, "a guess")


@dataclass(frozen=True)
class System:
    """Where the limits are read: ``root`` of /proc and /sys, and the ``variables`` that launchers set.

    ``together``: so many processes of the node use what all of them may as one, such as memory that they share.
    """

    root: Path = Path("/")
    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)
    together: int = 1

    @property
    def ranks(self) -> int:
        """Processes of this node that share what it has: of one torchrun, of one srun, or of a torchrun in each of srun's."""
        return self._number("LOCAL_WORLD_SIZE", 1) * self._tasks

    def memory(self) -> Limit:
        """Bytes that this process may still take."""
        return min(self.memory_limits(), key=lambda limit: limit.amount, default=GUESS)

    def cores(self) -> Limit:
        """Processor cores that this process may use, at least 1."""
        least = min(self.core_limits(), key=lambda limit: limit.amount)
        return Limit(max(1, least.amount), least.what)

    def memory_limits(self) -> Iterator[Limit]:
        """All that holds for the memory of this process, in bytes that are left of it."""
        free = _figure(self.root / "proc/meminfo", "MemAvailable")
        if free is not None:
            yield self._share(free * 1024, "free memory of this machine")
        for group in self._groups("memory"):
            left = _left_of_v2(group) if (group / "memory.max").exists() else _left_of_v1(group)
            if left is not None:
                yield self._share(left, f"memory cgroup {self._name(group)}")
        taken = self._taken()
        for kind, flag, used in ((resource.RLIMIT_AS, "-v", taken[0]), (resource.RLIMIT_DATA, "-d", taken[2])):
            most, _ = resource.getrlimit(kind)
            if most != resource.RLIM_INFINITY:
                yield Limit(max(0, most - used), f"ulimit {flag}")  # each process has its own
        slurm = self._of_slurm()
        if slurm is not None:
            share = self._share(slurm.amount, slurm.what)
            yield replace(share, amount=max(0, share.amount - taken[1]))

    def core_limits(self) -> Iterator[Limit]:
        """All that holds for the cores of this process."""
        ranks, each = self._number("LOCAL_WORLD_SIZE", 1), self._number("SLURM_CPUS_PER_TASK", 0)
        affine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        # Where srun gives each task its cores, these are the task's own
        yield self._share(affine, "cores of this process", ranks if each else self.ranks)
        for group in self._groups("cpu"):
            quota = _quota(group)
            if quota is not None:
                # Rounded down: threads beyond the quota are stopped for the rest of each period, in the middle of a step
                yield self._share(int(quota), f"cpu cgroup {self._name(group)}: a quota of {quota:g}")
        if each:
            yield self._share(each, "SLURM_CPUS_PER_TASK", ranks)

    def _share(self, amount: int, what: str, ranks: int | None = None) -> Limit:
        ranks = self.ranks if ranks is None else ranks
        as_one = min(self.together, ranks)
        text = what if ranks == as_one else f"{what}, shared by {ranks} processes"
        return Limit(amount * as_one // ranks, text, as_one)

    def _number(self, name: str, otherwise: int) -> int:
        text = self.variables.get(name, "")
        return int(text) if re.fullmatch("[0-9]{1,18}", text) and int(text) else otherwise

    @property
    def _tasks(self) -> int:
        """Tasks of this srun on a node, of which SLURM says "2(x3),1": two on three nodes and one on the last."""
        counts = re.findall(r"([0-9]{1,9})(?:\(x[0-9]+\))?", self.variables.get("SLURM_STEP_TASKS_PER_NODE", ""))
        return max([1, *map(int, counts)])

    def _of_slurm(self) -> Limit | None:
        """What the job was given on this node; 0 means all of the node's memory."""
        node, core = self._number("SLURM_MEM_PER_NODE", 0), self._number("SLURM_MEM_PER_CPU", 0)
        if node:
            return Limit(node * MEBI, "SLURM_MEM_PER_NODE")
        given = self._number("SLURM_CPUS_ON_NODE", self._number("SLURM_CPUS_PER_TASK", 1) * self._tasks)
        return Limit(core * given * MEBI, f"SLURM_MEM_PER_CPU × {given}") if core else None

    def _taken(self) -> tuple[int, int, int]:
        """Bytes of this process: address space, resident, and data with stacks."""
        try:
            pages = [int(each) for each in (self.root / "proc/self/statm").read_text().split()]
        except (OSError, ValueError):
            return 0, 0, 0
        size = os.sysconf("SC_PAGE_SIZE")
        return pages[0] * size, pages[1] * size, pages[5] * size

    def _groups(self, controller: str) -> Iterator[Path]:
        """Folders of the control groups that hold for this process, from its own up to the root, of v1 and v2."""
        own: dict[str, str] = {}  # controller, "" of v2 → the process's group
        for line in _lines(self.root / "proc/self/cgroup"):
            _, names, path = [*line.split(":", 2), "", ""][:3]
            own |= dict.fromkeys(names.split(","), path)
        for line in _lines(self.root / "proc/self/mountinfo"):
            before, _, after = line.partition(" - ")
            kind, *_, options = [*after.split(), ""][:3]
            name = {"cgroup2": "", "cgroup": controller}.get(kind)
            if name is None or name not in own or (name and name not in options.split(",")):
                continue
            base, mount = (_unescaped(each) for each in before.split()[3:5])
            yield from _upwards(self.root / mount.lstrip("/"), own[name], base)

    def _name(self, group: Path) -> str:
        return f"/{group.relative_to(self.root)}"


def memory() -> Limit:
    """Bytes that this process may still take."""
    return System().memory()


def memory_limits(together: int = 1) -> list[Limit]:
    """All that holds for the bytes that ``together`` processes of this node may still take as one."""
    return [*System(together=together).memory_limits()] or [GUESS]


def cores(together: int = 1) -> int:
    """Processor cores that this process may use, or ``together`` processes of its node as one; at least 1."""
    return System(together=together).cores().amount


def spare_addresses() -> None:
    """Where the address space is limited, let threads share glibc's heaps: each further one would reserve 64 MiB of it."""
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # other C libraries have no such heaps
        mallopt(M_ARENA_MAX, 1)


def _upwards(mount: Path, path: str, base: str) -> Iterator[Path]:
    """A group's folder and those above it up to ``mount``, which shows the groups below ``base``.

    A container may see its own group as the mount itself, under a name that leads nowhere.
    """
    inside = os.path.relpath(path, base)
    group = mount if inside.startswith("..") or not (mount / inside).is_dir() else mount / inside
    yield group
    yield from (parent for parent in group.parents if parent.is_relative_to(mount))


def _left_of_v2(group: Path) -> int | None:
    """Bytes left below memory.max, or below memory.high, beyond which a group is slowed down; None where there is no limit.

    Pages of files that nobody has used for long do not count: they are dropped when memory is wanted.
    """
    limits = [limit for name in ("memory.max", "memory.high") if (limit := _whole(group / name)) is not None]
    used = _whole(group / "memory.current")
    if not limits or used is None:
        return None
    return max(0, min(limits) - used + (_figure(group / "memory.stat", "inactive_file") or 0))


def _left_of_v1(group: Path) -> int | None:
    limit, used = _whole(group / "memory.limit_in_bytes"), _whole(group / "memory.usage_in_bytes")
    if limit is None or limit >= UNLIMITED or used is None:
        return None
    return max(0, limit - used + (_figure(group / "memory.stat", "total_inactive_file") or 0))


def _quota(group: Path) -> float | None:
    """Cores' worth of time that a group may use; None where there is no limit."""
    both = " ".join(_lines(group / "cpu.max")).split()  # v2: "150000 100000", or "max 100000"
    if not both:
        both = [" ".join(_lines(group / f"cpu.cfs_{name}_us")) for name in ("quota", "period")]  # v1; no limit is -1
    try:
        quota, period = map(int, both)
    except ValueError:
        return None
    return quota / period if quota > 0 and period > 0 else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _whole(path: Path) -> int | None:
    text = " ".join(_lines(path))
    return int(text) if re.fullmatch("[0-9]+", text) else None


def _figure(path: Path, key: str) -> int | None:
    """The number behind ``key`` in a file of lines such as "MemAvailable:  123 kB" or "inactive_file 123"."""
    for line in _lines(path):
        name, *values = line.replace(":", " ").split() or [""]
        if name == key and values and values[0].isdigit():
            return int(values[0])
    return None


def _unescaped(text: str) -> str:
    """mountinfo writes blanks as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
