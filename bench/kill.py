"""How many runs that were killed or stopped at random moments end in the very bytes of the run that never was?

    python bench/kill.py 300 [KIND ...] [--signals 40] [--go-on] [--seed 0] [--folder FOLDER]

Of each kind of run (``kinds.py``; default: all in turn) one is left alone. Then, N times: begin, SIGKILL, go on; half of those
that go on are killed again, and so on, until one comes to its end. Half of the kills come at a random time of what the whole
run takes, the others before a random one of the calls by which it changes its folder (``disk_calls.py``), so that start-up,
reading, stages, training, judging and writing all have their share. A run that has begun goes on by ``resume``, one that
has not by the command that begins it; with --go-on it is always the same command with --go-on.
Compared is every file of the run (``disturbed.py``). ``--signals``: then as many runs are stopped by SIGTERM, SIGINT, SIGHUP
and SIGUSR1 in turn, half of them twice at once; the message must name the run that can go on, or say that nothing was written.
Prints a line a run on stderr and one JSON object on stdout; exit code 1 where a byte differs. About 2 s a run on one core.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from disturbed import Trial, left
from kinds import KINDS

SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1")


def somewhere(draw: random.Random, calls: int, action: str) -> dict[str, Any]:
    """A disturbance before a random call, or none: then the moment is one of time."""
    return {"at": draw.randint(1, calls), "action": action} if draw.random() < 0.5 else {}


def stop(process: ForkServerProcess, moment: float, number: int, twice: bool = False) -> tuple[int | None, float]:
    """Signal a process after ``moment`` s, unless it ends sooner; its exit code, and the seconds until it had left."""
    process.join(moment)
    begun = time.monotonic()
    if process.exitcode is None:
        for _ in range(1 + twice):
            os.kill(process.pid or 0, number)
    return left(process), time.monotonic() - begun


def killed(trial: Trial, calls: int, draw: random.Random) -> tuple[int, str]:
    """One run from its start to its end with all its kills: how many, and what is wrong with it."""
    kills, again, begin = 0, True, trial.train
    trial.clean()
    while again:
        given = somewhere(draw, calls, "SIGKILL")
        moment = 1000.0 if given else draw.uniform(0, 1.05 * trial.seconds)
        code, _ = stop(begin(**given), moment, signal.SIGKILL)
        fault = trial.told("SIGKILL", code)
        if fault:
            return kills, fault
        kills += code != 0
        begin, again = trial.onwards, code != 0 and draw.random() < 0.5
    return kills, trial.fault()


def signalled(trial: Trial, calls: int, draw: random.Random, name: str) -> tuple[float, str]:
    """One run that is stopped by a signal: the seconds until it had left, and what is wrong with it."""
    trial.clean()
    given = somewhere(draw, calls, name)
    moment = 1000.0 if given else draw.uniform(0, 1.05 * trial.seconds)
    code, seconds = stop(trial.train(**given), moment, signal.Signals[name], twice=draw.random() < 0.5)
    fault = trial.told(name, code)
    return 0.0 if given else seconds, fault or trial.fault()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=int)
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--signals", type=int, default=0)
    parser.add_argument("--go-on", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    folder = chosen.folder or Path(tempfile.mkdtemp(prefix="neocog-kill-"))
    kinds = chosen.kinds or list(KINDS)
    trials = [Trial(kind, folder / kind.replace(" ", "-"), go_on=chosen.go_on) for kind in kinds]
    calls = []
    for trial in trials:
        trial.undisturbed()
        calls.append(len(trial.calls()))
    kills, slowest, faults = 0, 0.0, []
    for number in range(chosen.runs + chosen.signals):
        place, draw = number % len(kinds), random.Random(f"{chosen.seed}-{number}")
        trial, action = trials[place], "SIGKILL"
        if number < chosen.runs:
            count, fault = killed(trial, calls[place], draw)
            kills += count
        else:
            action = SIGNALS[(number - chosen.runs) // len(kinds) % len(SIGNALS)]
            seconds, fault = signalled(trial, calls[place], draw, action)
            slowest = max(slowest, seconds)
        if fault:
            faults.append({"kind": trial.kind, "action": action, "number": number, "fault": fault})
        print(f"{number + 1}: {trial.kind}, {action}: {fault or 'identical'}", file=sys.stderr, flush=True)
    summary = {
        "runs": chosen.runs, "identical": chosen.runs - sum(f["action"] == "SIGKILL" for f in faults), "kills": kills,
        "signals": chosen.signals, "signals_identical": chosen.signals - sum(f["action"] != "SIGKILL" for f in faults),
        "slowest_leave_seconds": round(slowest, 2), "faults": faults,
        "seconds_undisturbed": {trial.kind: round(trial.seconds, 2) for trial in trials}, "folder": str(folder),
    }  # fmt: skip
    print(json.dumps(summary, indent=1))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
