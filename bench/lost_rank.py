"""How long do the others outlive a killed process, and how long does torchrun take to leave when it is asked to?

    python bench/lost_rank.py 10 [--seed 0]

N times: ``torchrun --nproc-per-node 2 -m neocog train digits`` (gloo), then, at a random moment of the training, SIGKILL
to one of the two ranks, in turn with SIGTERM to torchrun itself. Prints one JSON object: seconds until every process had gone,
processes that were left (orphans), and whether the run that SIGTERM stopped was saved. About 15 s a time on two cores.

    python bench/lost_rank.py 20 --go-on

One training under ``torchrun --max-restarts … train … --go-on``: N times SIGKILL to one of the ranks, at a random moment after a
start. Prints torchrun's exit code, whether the weights and metrics.csv are those of a run that nobody disturbed, and how many
tracebacks were printed. About 10 s a time.

    python bench/lost_rank.py 50 --survivor

Two ranks that nobody watches, of a network with batch norm and of one without, in turn: N times SIGKILL to one of them at a random
moment between the first file of the run and its last. Prints the longest time that the other outlived it, its exit codes, how often
it said so in one message and printed a traceback, and how many runs had the undisturbed one's bytes after ``resume``. About 20 s a
time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

COMMAND = [
    *[sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "neocog", "train"],
    *["digits", "--model", "cnn", "--widths", "8,16", "--threads", "1", "--out"],
]


def ranks(agent: int) -> list[int]:
    """The processes that torchrun started, by rank."""
    listed = Path(f"/proc/{agent}/task/{agent}/children").read_text().split()
    return sorted(int(child) for child in listed if b"neocog" in Path(f"/proc/{child}/cmdline").read_bytes())


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def trial(folder: Path, draw: random.Random, asked: bool) -> dict[str, Any]:
    log = folder.with_suffix(".log")
    with log.open("wb") as file:
        agent = subprocess.Popen(
            [*COMMAND, str(folder), "--epochs", "500"], stderr=file, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
    while not (folder / "metrics.csv").is_file():
        if agent.poll() is not None:
            sys.exit(log.read_text())
        time.sleep(0.01)
    time.sleep(draw.uniform(0, 3))
    both = ranks(agent.pid)
    begun = time.monotonic()
    if asked:
        agent.terminate()
    else:
        os.kill(draw.choice(both), signal.SIGKILL)
    while any(map(running, both)) and time.monotonic() - begun < 60:
        time.sleep(0.005)
    seconds = time.monotonic() - begun
    agent.wait()
    left = [pid for pid in both if running(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return {"seconds": seconds, "orphans": len(left), "saved": "and saved" in log.read_text()}


def torchrun(folder: Path, epochs: int, restarts: int) -> tuple[subprocess.Popen[bytes], Path]:
    words = [
        "--max-restarts",
        str(restarts),
        *COMMAND[3:],
        str(folder),
        "--epochs",
        str(epochs),
        "--save-every",
        "0",
        "--go-on",
    ]
    log = folder.with_suffix(".log")
    with log.open("wb") as file:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen([*COMMAND[:3], *words], stdout=file, stderr=file, env=environment), log


def hashes(run: Path) -> list[str]:
    names = ("weights.safetensors", "metrics.csv", "predictions.csv")
    return [hashlib.sha256((run / name).read_bytes()).hexdigest() for name in names]


def restarted(folder: Path, draw: random.Random, times: int) -> dict[str, Any]:
    """One training that goes on by itself after each of ``times`` kills."""
    epochs = 3 * times
    whole, log = torchrun(folder / "whole", epochs, 0)
    if whole.wait():
        sys.exit(log.read_text())
    agent, log = torchrun(folder / "killed", epochs, times)
    killed, places, before = 0, [], list[int]()
    while killed < times and agent.poll() is None:
        both = ranks(agent.pid)
        if len(both) < 2 or set(both) & set(before):
            time.sleep(0.01)
            continue
        time.sleep(draw.uniform(0, 20))
        before, killed = both, killed + 1
        places.append(max((int(path.name[5:]) for path in folder.glob("killed/checkpoints/step-?????????")), default=0))
        with suppress(ProcessLookupError):
            os.kill(draw.choice(both), signal.SIGKILL)
    code, said = agent.wait(), log.read_text()
    return {
        "kills": killed, "newest_step_at_each": places, "exit_code": code, "tracebacks": said.count("Traceback"),
        "survivors_that_said_so": said.count("processes is gone"),
        "identical": code == 0 and hashes(folder / "whole") == hashes(folder / "killed"),
        "cores": os.cpu_count(), "load": round(os.getloadavg()[1], 1), "folder": str(folder),
    }  # fmt: skip


def pair(command: list[str], log: Path) -> list[subprocess.Popen[bytes]]:
    """Two ranks that meet by themselves, each with a log of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    found = []
    for rank in range(2):
        own = {"RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0"}
        with log.with_suffix(f".{rank}.log").open("ab") as file:
            words = [sys.executable, "-m", "neocog", *command, "--quiet"]
            found.append(subprocess.Popen(words, stdout=file, stderr=file, env={**os.environ, **common, **own}))
    return found


def begun(run: Path, both: list[subprocess.Popen[bytes]]) -> float:
    """When the run's first file was there."""
    while not (run / "plan.json").is_file() and both[0].poll() is None:
        time.sleep(0.005)
    return time.monotonic()


def survivors(folder: Path, draw: random.Random, times: int) -> dict[str, Any]:
    """What the other of two ranks does when one is killed, and whether ``resume`` ends in the same bytes."""
    networks, wholes, rows = (["--batch-norm", "True"], ["--batch-norm", "False"]), [], list[dict[str, Any]]()
    command = [
        "train",
        "digits",
        "--model",
        "cnn",
        "--widths",
        "8,16",
        "--threads",
        "1",
        "--epochs",
        "8",
        "--batch",
        "64",
    ]
    for number, norm in enumerate(networks):
        run = folder / f"whole-{number}"
        both = pair([*command, *norm, "--out", str(run)], run)
        start = begun(run, both)
        if any(process.wait() for process in both):
            sys.exit(run.with_suffix(".0.log").read_text())
        wholes.append((time.monotonic() - start, hashes(run)))
    while len(rows) < times:
        number = len(rows) % 2
        run = folder / f"{len(rows)}"
        both = pair([*command, *networks[number], "--save-every", "0", "--out", str(run)], run)
        begun(run, both)
        time.sleep(draw.uniform(0, wholes[number][0]))
        lost = draw.randrange(2)
        if both[lost].poll() is not None:  # it was done already
            [process.wait() for process in both]
            shutil.rmtree(run)
            continue
        both[lost].kill()
        start = time.monotonic()
        code = both[1 - lost].wait(120)
        seconds, log = time.monotonic() - start, run.with_suffix(f".{1 - lost}.log").read_text()
        resumed = [process.wait(300) for process in pair(["resume", str(run)], run.with_suffix(".resumed"))]
        same = resumed == [0, 0] and hashes(run) == wholes[number][1]
        rows.append(
            {"code": code, "seconds": seconds, "said": log.count("processes is gone"), "log": log, "same": same}
        )
    return {
        "kills": times, "with batch norm": len(rows[::2]), "identical after resume": sum(row["same"] for row in rows),
        "longest_seconds": round(max(row["seconds"] for row in rows), 2),
        "exit_codes": dict(Counter(row["code"] for row in rows)), "messages": dict(Counter(row["said"] for row in rows)),
        "tracebacks": sum("Traceback" in row["log"] for row in rows), "load": round(os.getloadavg()[1], 1),
        "folder": str(folder),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("times", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--go-on", action="store_true")
    parser.add_argument("--survivor", action="store_true")
    arguments = parser.parse_args()
    draw, folder = random.Random(arguments.seed), Path(tempfile.mkdtemp(prefix="neocog-ranks-"))
    if arguments.go_on or arguments.survivor:
        measure = restarted if arguments.go_on else survivors
        print(json.dumps(measure(folder, draw, arguments.times), indent=1))
        return
    rows = [trial(folder / f"{place}", draw, asked=place % 2 == 1) for place in range(arguments.times)]
    killed, asked = rows[0::2], rows[1::2]
    summary = {
        "killed": len(killed), "seconds_until_all_gone": [round(float(row["seconds"]), 2) for row in killed],
        "asked": len(asked), "seconds_until_left": [round(float(row["seconds"]), 2) for row in asked],
        "asked_and_saved": sum(bool(row["saved"]) for row in asked),
        "orphans": sum(int(row["orphans"]) for row in rows), "cores": os.cpu_count(), "folder": str(folder),
    }  # fmt: skip
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
