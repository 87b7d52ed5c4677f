"""Two that begin in one folder at about the same time: does exactly one win, and is its result left alone?

    python bench/one_folder.py 100 [--seed 0] [--folder FOLDER]

N times: two ``neocog train`` on one ``--out``, the second 0 to 50 ms after the first; in a third of the trials one of the two
is slow in reading, slower than the other's whole training. The winner must end with the bytes of a run that was alone, the
loser with exit code 2, and no later than it has read. In another third the winner is killed as soon as the other has lost, and
the run goes on: no lock may be left. Prints one JSON object; exit code 1 where anything else happens.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from disturbed import Trial, left
from kinds import KINDS


def pair(trial: Trial, draw: random.Random, slow: bool, die: bool) -> tuple[float, str]:
    """One start of two: the seconds that the loser took, less those that it was made to wait; what is wrong."""
    trial.clean()
    delay = 3 * trial.seconds + 1 if slow else 0.0
    data = str(next(path for path in trial.folder.iterdir() if path.name.startswith("data-")))
    waits = {"slow": data, "seconds": delay} if slow else {}
    first_is_slow, begun = draw.random() < 0.5, time.monotonic()
    first = trial.train(**(waits if first_is_slow else {}))
    time.sleep(draw.uniform(0, 0.05))
    second = trial.train(**({} if first_is_slow else waits))
    running, loser = [first, second], 0.0
    codes: dict[int | None, int] = {}
    while len(codes) < 2:
        for process in running:
            if process.pid not in codes and process.exitcode is not None:
                codes[process.pid] = process.exitcode
                if process.exitcode == 2:
                    loser = time.monotonic() - begun - delay
                    other = second if process is first else first
                    if die and other.exitcode is None:
                        other.kill()
        time.sleep(0.002)
    for process in running:
        left(process)
    good = [{0, 2}, {-9, 2}] if die else [{0, 2}]
    if set(codes.values()) not in good or len(codes) != 2:
        return loser, f"exit codes {sorted(codes.values())}: {trial.log.read_text()[-500:]}"
    text = trial.log.read_text()
    if "exists already" not in text and "is working in this run folder" not in text:
        return loser, f"message: {text[-500:]}"
    return loser, trial.fault()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("starts", type=int)
    parser.add_argument("--kind", default="masks", choices=[kind for kind, (make, _) in KINDS.items() if make])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    trial = Trial(chosen.kind, chosen.folder or Path(tempfile.mkdtemp(prefix="neocog-one-")))
    trial.undisturbed()
    losers, faults = [], []
    for number in range(chosen.starts):
        draw = random.Random(f"{chosen.seed}-{number}")
        seconds, fault = pair(trial, draw, slow=number % 3 == 1, die=number % 3 == 2)
        losers.append(seconds)
        faults += [f"{number}: {fault}"] * bool(fault)
        print(f"{number + 1}: {fault or 'one won'}", file=sys.stderr, flush=True)
    summary = {
        "starts": chosen.starts, "one_won": chosen.starts - len(faults), "slowest_loser_seconds": round(max(losers), 2),
        "faults": faults,
    }  # fmt: skip
    print(json.dumps(summary, indent=1))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
