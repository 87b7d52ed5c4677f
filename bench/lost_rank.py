"""How long do the others outlive a killed process, and how long does torchrun take to leave when it is asked to?

    python bench/lost_rank.py 10 [--seed 0]

N times: ``torchrun --nproc-per-node 2 -m neocog train digits`` (gloo), then, at a random moment of the training, SIGKILL
to one of the two ranks, in turn with SIGTERM to torchrun itself. Prints one JSON object: seconds until every process had gone,
processes that were left (orphans), and whether the run that SIGTERM stopped was saved. About 15 s a time on two cores.

    python bench/lost_rank.py 20 --go-on

One training under ``torchrun --max-restarts … train … --go-on``: N times SIGKILL to one of the ranks, at a random moment after a
start. Prints torchrun's exit code, whether the weights and metrics.csv are those of a run that nobody disturbed, and how many
tracebacks were printed. About 10 s a time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("times", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--go-on", action="store_true")
    arguments = parser.parse_args()
    draw, folder = random.Random(arguments.seed), Path(tempfile.mkdtemp(prefix="neocog-ranks-"))
    if arguments.go_on:
        print(json.dumps(restarted(folder, draw, arguments.times), indent=1))
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
