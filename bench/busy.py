"""Training on a busy machine: a fixed number of steps, quiet and beside others in turn.

    python bench/busy.py                     # medians of three rounds, about half an hour on two cores
    python bench/busy.py --quick             # one round, eight minutes and more
    python bench/busy.py --only digits --beside quiet --rounds 5
    python bench/busy.py --only digits cifarcnn gan --beside minutes   # a neighbour comes in the middle of --minutes

Six networks on noise of the shapes of their data, with the default settings. Beside them: one busy loop a core, two, another
neocog that trains ``cifarcnn``; then two of them on one core (``taskset``) and with a quota of 1.5 processors, where control
groups can be written. ``seconds``: of the whole training, with its trial of threads, validation and report. Wanted: a fair share,
which is 2 × beside one loop a core and 3 × beside two; at most 2.5 ×, 3.5 × and, beside another neocog, 2.5 ×.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from statistics import median

import numpy as np

from forked import start
from kinds import masks

CORES = sorted(os.sched_getaffinity(0))
GROUPS = Path("/sys/fs/cgroup")
QUOTA, PERIOD = 150_000, 100_000  # µs
BESIDE = ("quiet", "loops", "neocog", "core", "quota", "minutes")
LIMITED = ("digits", "cifarcnn")  # that are also run on one core and with a quota
WANTED = {
    "a loop a core": 2.5,
    "two loops a core": 3.5,
    "another neocog": 2.5,
    "one core, a loop": 2.5,
    "quota, a loop a core": 2.5,
}


def arrays(folder: Path, count: int, *shape: int) -> str:
    """Noise of ten classes."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    np.savez(folder / "noise.npz", X=rng.integers(0, 256, (count, *shape), dtype=np.uint8), y=np.arange(count) % 10)
    return str(folder / "noise.npz")


def digits_like(folder: Path) -> str:
    return arrays(folder, 8_000, 28, 28)


# network: (what makes its data, words of the command)
NETWORKS: dict[str, tuple[Callable[[Path], str], list[str]]] = {
    "digits": (lambda _: "digits", ["--epochs", "20"]),
    "lenet5": (digits_like, ["--model", "lenet5", "--epochs", "6"]),
    "cifarcnn": (lambda folder: arrays(folder, 1_200, 32, 32, 3), ["--model", "cifarcnn", "--epochs", "3"]),
    "unet": (lambda folder: str(masks(folder, 40, 128)), ["--width=16", "--epochs", "12"]),
    "vae": (lambda folder: arrays(folder, 1_500, 28, 28), ["--task", "vae", "--epochs", "12"]),
    "gan": (lambda folder: arrays(folder, 2_000, 28, 28), ["--task", "gan", "--epochs", "5"]),
}


@contextmanager
def loops(each: int, cores: list[int]) -> Iterator[None]:
    """So many busy loops on each core."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in cores for _ in range(each)]
    for place, one in enumerate(started):
        os.sched_setaffinity(one.pid, {cores[place % len(cores)]})
    try:
        yield
    finally:
        for one in started:
            one.kill()
            one.wait()


@contextmanager
def another(folder: Path) -> Iterator[None]:
    """Another neocog that trains until it is stopped."""
    make, words = NETWORKS["cifarcnn"]
    out, log = folder / "another", folder / "another.log"
    data = make(folder / "data-another")
    command = ["train", data, *words[:2], "--epochs", "100000", "--save-every", "1e6", "--quiet", "--out", str(out)]
    process = start(command, log)
    try:
        while not (out / "metrics.csv").exists() and process.is_alive():
            process.join(0.2)
            if any(out.glob("checkpoints/step-*")):
                break
        assert process.is_alive(), log.read_text()
        yield
    finally:
        process.kill()
        process.join()


@contextmanager
def quota() -> Iterator[Path | None]:
    """A control group of 1.5 processors, of version 1 or 2; None where none can be made."""
    one = GROUPS / "cpu" / f"neocog-busy-{os.getpid()}"
    two = GROUPS / f"neocog-busy-{os.getpid()}"
    group = one if (GROUPS / "cpu").is_dir() else two
    try:
        group.mkdir()
        if group is one:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(QUOTA))
        else:
            (group / "cpu.max").write_text(f"{QUOTA} {PERIOD}")
    except OSError as error:
        print(f"quota: skipped, no control group can be made here ({error})")
        yield None
        return
    try:
        yield group
    finally:
        group.rmdir()


def training(network: str, folder: Path, cores: list[int], group: Path | None = None) -> dict[str, float]:
    """Seconds, steps a second and threads of one training."""
    make, words = NETWORKS[network]
    data = folder / f"data-{network}"
    made = next((str(path) for path in data.glob("*.npz")), str(data)) if data.exists() else make(data)
    with tempfile.TemporaryDirectory(dir=folder) as where:
        out, log = Path(where) / "run", Path(where) / "log"
        process = start(["train", made, *words, "--quiet", "--out", str(out)], log)
        os.sched_setaffinity(process.pid or 0, cores)
        if group is not None:
            (group / "cgroup.procs").write_text(str(process.pid))
        process.join()
        assert process.exitcode == 0, log.read_text()
        result = json.loads((out / "result.json").read_text(encoding="utf-8"))
        chosen = json.loads((out / "model.json").read_text(encoding="utf-8")).get("threads", 0)
        counters = json.loads(max(out.glob("checkpoints/step-*/state.json")).read_text(encoding="utf-8"))["counters"]
    batch = result["n"]["train"] / counters["per_epoch"]
    speed = result["images_per_second"] / batch
    return {"seconds": result["seconds"], "steps": counters["steps"], "speed": speed, "threads": chosen}


def minutes(network: str, folder: Path, given: float = 2.0) -> None:
    """Print how long ``--minutes`` take with everything, where a loop a core comes after a third of them."""
    make, words = NETWORKS[network]
    out, log, begun = folder / f"minutes-{network}", folder / "log", time.monotonic()
    words = [word for word in words if word != "--epochs" and not word.isdecimal()]
    process = start(
        ["train", make(folder / network), *words, "--minutes", str(given), "--quiet", "--out", str(out)], log
    )
    process.join(20 * given)
    with loops(1, CORES):
        process.join()
    assert process.exitcode == 0, log.read_text()
    took = (time.monotonic() - begun) / 60
    counters = json.loads(max(out.glob("checkpoints/step-*/state.json")).read_text(encoding="utf-8"))["counters"]
    last = f"{counters['used']:.0f} s at the last look, planned {len(counters['plans'])} times"
    print(
        f"{network:9} --minutes {given}: {took:.2f}, {100 * (took / given - 1):+.0f} %, +15 % asked; {last}", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--beside", nargs="+", default=["quiet", "loops", "neocog", "core", "quota"], choices=BESIDE)
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    print(f"load before: {os.getloadavg()[0]:.1f} on {len(CORES)} cores; medians of {rounds}", flush=True)
    with tempfile.TemporaryDirectory() as name, quota() as group:
        for network in options.only:
            measured(network, Path(name), options.beside, rounds, group)
            if "minutes" in options.beside:
                minutes(network, Path(name))


def measured(network: str, folder: Path, beside: list[str], rounds: int, group: Path | None) -> None:
    """Print the rows of one network, its surroundings in turn."""
    first = CORES[:1]
    surroundings: dict[str, tuple[str, Callable[[], AbstractContextManager[None]], list[int], Path | None]] = {
        "quiet": ("quiet", nullcontext, CORES, None),
        "a loop a core": ("loops", lambda: loops(1, CORES), CORES, None),
        "two loops a core": ("loops", lambda: loops(2, CORES), CORES, None),
        "another neocog": ("neocog", lambda: another(folder), CORES, None),
    }
    if network in LIMITED:
        surroundings |= {
            "one core": ("core", nullcontext, first, None),
            "one core, a loop": ("core", lambda: loops(1, first), first, None),
        }
    if network in LIMITED and group is not None:
        surroundings |= {
            "quota": ("quota", nullcontext, CORES, group),
            "quota, a loop a core": ("quota", lambda: loops(1, CORES), CORES, group),
        }
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(rounds):
        for said, (kind, disturbed, cores, limit) in surroundings.items():
            if kind in beside:
                with disturbed():
                    found.setdefault(said, []).append(training(network, folder, cores, limit))
    base = "quiet"
    for said, each in found.items():
        middle = {key: median(one[key] for one in each) for key in each[0]}
        if said in ("quiet", "one core", "quota"):
            base, quiet = said, middle
        times = middle["seconds"] / quiet["seconds"]
        threads = "/".join(f"{one['threads']:.0f}" for one in each)
        asked = "" if said not in WANTED else f"  {WANTED[said]} asked{'' if times <= WANTED[said] else ': TOO SLOW'}"
        print(
            f"{network:9} {said:21} {middle['steps']:4.0f} steps on threads {threads}: {middle['speed']:6.1f} steps/s, "
            f"{middle['seconds']:6.1f} s = {times:4.2f} × {base}{asked}",
            flush=True,
        )


if __name__ == "__main__":
    main()
