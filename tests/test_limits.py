"""Memory and cores: the least of all limits holds, shared by the processes of a node. The systems here are folders."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from neocog.limits import UNKNOWN, Limit, System, cores, memory

GIBI = 1 << 30
NO_LIMIT_V1 = str(2**63 - 4096)


def system(root: Path, group: str = "", mounts: str = "", **variables: str) -> System:
    """A machine with 8 GiB free, whose process stands in ``group`` (the text of /proc/self/cgroup)."""
    write(root / "proc/meminfo", f"MemTotal: {16 << 20} kB\nMemAvailable:    {8 << 20} kB\n")
    write(root / "proc/self/cgroup", group)
    write(root / "proc/self/mountinfo", mounts)
    return System(root, variables)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def v2(root: Path, path: str, most: str, current: int, inactive: int = 0, **more: str) -> None:
    folder = root / "sys/fs/cgroup" / path
    write(folder / "memory.max", f"{most}\n")
    write(folder / "memory.current", f"{current}\n")
    write(folder / "memory.stat", f"anon 1\ninactive_file {inactive}\n")
    for name, text in more.items():
        write(folder / name.replace("_", "."), f"{text}\n")


def v1(root: Path, path: str, limit: str, usage: int, inactive: int = 0) -> None:
    folder = root / "sys/fs/cgroup/memory" / path
    write(folder / "memory.limit_in_bytes", f"{limit}\n")
    write(folder / "memory.usage_in_bytes", f"{usage}\n")
    write(folder / "memory.stat", f"inactive_file 7\ntotal_inactive_file {inactive}\n")


MOUNT_V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
MOUNT_V1 = """\
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct
"""


def test_without_limits_it_is_the_machines_free_memory(tmp_path: Path) -> None:
    assert system(tmp_path).memory() == Limit(8 * GIBI, "free memory of this machine")
    assert System(tmp_path / "nothing", {}).memory().amount == UNKNOWN


@pytest.mark.parametrize("tight", ["a", "a/b", "a/b/c"])
def test_every_group_above_the_process_counts(tmp_path: Path, tight: str) -> None:
    for path in ("a", "a/b", "a/b/c"):
        v2(tmp_path, path, str(3 * GIBI) if path == tight else "max", GIBI, GIBI // 2)
    found = system(tmp_path, "0::/a/b/c\n", MOUNT_V2).memory()
    assert found == Limit(5 * GIBI // 2, f"memory cgroup /sys/fs/cgroup/{tight}")


def test_a_group_of_another_process_does_not_count(tmp_path: Path) -> None:
    v2(tmp_path, "a", "max", 0)
    v2(tmp_path, "b", str(GIBI), 0)
    assert system(tmp_path, "0::/a\n", MOUNT_V2).memory().amount == 8 * GIBI


def test_memory_high_slows_a_group_down_and_counts(tmp_path: Path) -> None:
    v2(tmp_path, "a", str(4 * GIBI), 0, memory_high=str(2 * GIBI))
    assert system(tmp_path, "0::/a\n", MOUNT_V2).memory().amount == 2 * GIBI


def test_more_used_than_allowed_leaves_nothing(tmp_path: Path) -> None:
    v2(tmp_path, "a", str(GIBI), 2 * GIBI)
    assert system(tmp_path, "0::/a\n", MOUNT_V2).memory().amount == 0


def test_first_version_groups_and_their_number_for_no_limit(tmp_path: Path) -> None:
    v1(tmp_path, "job", str(2 * GIBI), GIBI, GIBI // 4)
    v1(tmp_path, "", NO_LIMIT_V1, GIBI)
    text = "5:memory:/job\n1:cpu,cpuacct:/\n0::/\n"
    assert system(tmp_path, text, MOUNT_V1).memory() == Limit(5 * GIBI // 4, "memory cgroup /sys/fs/cgroup/memory/job")
    v1(tmp_path, "job", NO_LIMIT_V1, GIBI)
    assert system(tmp_path, text, MOUNT_V1).memory().amount == 8 * GIBI


@pytest.mark.parametrize(
    "path, base", [("/docker/abc", "/docker/abc"), ("/docker/abc", "/"), ("/../elsewhere", "/")]
)  # Docker's: seen from inside, from outside, and from a namespace of its own
def test_a_container_sees_its_group_as_the_mount_itself(tmp_path: Path, path: str, base: str) -> None:
    v1(tmp_path, "", str(GIBI), 0)
    mount = f"35 31 0:32 {base} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    assert system(tmp_path, f"5:memory:{path}\n", mount).memory().amount == GIBI


def test_a_mount_whose_name_has_a_blank(tmp_path: Path) -> None:
    write(tmp_path / "mnt/c groups/memory.max", str(GIBI))
    write(tmp_path / "mnt/c groups/memory.current", "0")
    mount = "30 23 0:26 / /mnt/c\\040groups rw - cgroup2 none rw\n"
    assert system(tmp_path, "0::/\n", mount).memory().amount == GIBI


def test_ranks_share_what_the_node_has(tmp_path: Path) -> None:
    alone, four = system(tmp_path), system(tmp_path, LOCAL_WORLD_SIZE="4")
    assert four.memory().amount == alone.memory().amount // 4
    assert four.memory().what == "free memory of this machine, shared by 4 processes"
    assert system(tmp_path, SLURM_STEP_TASKS_PER_NODE="2(x3),1").memory().amount == 4 * GIBI
    both = system(tmp_path, SLURM_STEP_TASKS_PER_NODE="2", LOCAL_WORLD_SIZE="2")
    assert both.memory().amount == 2 * GIBI


def test_processes_that_hold_something_together_may_take_what_all_of_them_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    four = system(tmp_path, LOCAL_WORLD_SIZE="4", SLURM_MEM_PER_NODE="2048")
    as_one, two = replace(four, together=4), replace(four, together=2)
    assert [limit.amount for limit in as_one.memory_limits()] == [8 * GIBI, 2 * GIBI]
    assert as_one.memory() == Limit(2 * GIBI, "SLURM_MEM_PER_NODE", 4)
    assert two.memory() == Limit(GIBI, "SLURM_MEM_PER_NODE, shared by 4 processes", 2)
    assert replace(system(tmp_path), together=4).memory() == Limit(8 * GIBI, "free memory of this machine")
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(6)), raising=False)
    assert [replace(four, together=n).cores().amount for n in (1, 2, 4)] == [1, 3, 6]
    own = system(tmp_path, SLURM_STEP_TASKS_PER_NODE="4", SLURM_CPUS_PER_TASK="6")  # srun bound each task to its cores
    assert replace(own, together=4).cores().amount == 6


@pytest.mark.parametrize(
    "variables, mebi",
    [
        ({"SLURM_MEM_PER_NODE": "2048"}, 2048),
        ({"SLURM_MEM_PER_NODE": "0"}, 8192),  # all of the node's
        ({"SLURM_MEM_PER_CPU": "512", "SLURM_CPUS_ON_NODE": "4"}, 2048),
        ({"SLURM_MEM_PER_CPU": "512", "SLURM_CPUS_PER_TASK": "3"}, 1536),
        ({"SLURM_MEM_PER_NODE": "2048", "LOCAL_WORLD_SIZE": "2"}, 1024),
        ({"SLURM_MEM_PER_NODE": "all"}, 8192),
        ({"SLURM_MEM_PER_NODE": "-3"}, 8192),
    ],
)
def test_slurms_memory(tmp_path: Path, variables: dict[str, str], mebi: int) -> None:
    assert system(tmp_path, **variables).memory().amount == mebi << 20


@pytest.mark.parametrize("flag", ["-v", "-d"])
def test_limits_of_the_process_hold_less_what_it_has_taken(flag: str) -> None:
    code = "import neocog.limits as l; found = l.memory(); print(found.amount, found.what)"
    command = f"ulimit {flag} 1000000; exec {sys.executable} -c '{code}'"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
    amount, what = done.stdout.strip().split(" ", 1)
    assert what == f"ulimit {flag}"
    assert 500e6 < int(amount) < 1000000 * 1024


@pytest.mark.parametrize(
    "quota, expected", [("150000 100000", 1), ("290000 100000", 2), ("50000 100000", 1), ("max 100000", 3)]
)
def test_a_quota_is_rounded_down_to_whole_cores_and_is_one_at_least(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, expected: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0, 1, 2}, raising=False)
    write(tmp_path / "sys/fs/cgroup/a/b/memory.max", "max")
    write(tmp_path / "sys/fs/cgroup/a/cpu.max", quota)
    assert system(tmp_path, "0::/a/b\n", MOUNT_V2).cores().amount == expected


def test_a_quota_of_the_first_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(8)), raising=False)
    write(tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1")
    write(tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000")
    text = "1:cpu,cpuacct:/\n"
    assert system(tmp_path, text, MOUNT_V1).cores().amount == 8
    write(tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "250000")
    assert system(tmp_path, text, MOUNT_V1).cores() == Limit(2, "cpu cgroup /sys/fs/cgroup/cpu: a quota of 2.5")


@pytest.mark.parametrize(
    "variables, expected",
    [
        ({"SLURM_CPUS_PER_TASK": "3"}, 3),
        ({"LOCAL_WORLD_SIZE": "4"}, 2),
        ({"LOCAL_WORLD_SIZE": "16"}, 1),  # never none
        ({"SLURM_STEP_TASKS_PER_NODE": "4", "SLURM_CPUS_PER_TASK": "8"}, 8),  # srun has given this task its eight
        ({"SLURM_STEP_TASKS_PER_NODE": "4"}, 2),
        ({"SLURM_CPUS_PER_TASK": "6", "LOCAL_WORLD_SIZE": "2"}, 3),
    ],
)
def test_cores_under_launchers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(8)), raising=False)
    assert system(tmp_path, **variables).cores().amount == expected


def test_this_machine_has_both() -> None:
    assert memory().amount > 0
    assert cores() >= 1
