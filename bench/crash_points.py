"""Every call by which a run changes its folder, from its first to its last: what if the process dies, or is stopped, just there?

    python bench/crash_points.py [KIND ...] [--action SIGKILL|SIGTERM|SIGINT|SIGHUP|ENOSPC|EIO] [--every 1] [--once]
                                 [--resumed] [--go-on] [--folder FOLDER]

For each kind of run (``kinds.py``; default: all) the calls of an undisturbed run are counted (``disk_calls.py``). Then,
for N = 1 … last: begin, disturb before the N-th call, go on, and compare every file with those of the undisturbed run.
SIGKILL: killed there. SIGTERM, SIGINT, SIGHUP: the message must name the run that can go on, or say that nothing was
written. ENOSPC and the like: this call and all later ones that need room fail; a message must name the path. With
--resumed the run is first killed in the middle, and it is ``resume`` whose calls are counted and disturbed. With --once only
the first, the middle and the last call of each name are disturbed.
Prints a line a fault and one JSON object on stdout; exit code 1 where there is a fault. About a second a point.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from disturbed import Trial, left
from kinds import KINDS


def middle(trial: Trial, calls: int) -> None:
    """Leave a run that was killed in its middle."""
    trial.clean()
    left(trial.train(at=calls // 2, action="SIGKILL"))


def some(calls: list[str]) -> list[int]:
    """The numbers, from 1, of the first, the middle and the last call of each name."""
    of: dict[str, list[int]] = {}
    for number, call in enumerate(calls, 1):
        of.setdefault(call.split()[0], []).append(number)
    return sorted({numbers[place] for numbers in of.values() for place in (0, len(numbers) // 2, -1)})


def points(trial: Trial, action: str, every: int, once: bool, resumed: bool) -> tuple[int, list[str]]:
    """How many crash points were tried, and the faults that were found."""
    trial.undisturbed()
    whole = calls = trial.calls()
    if resumed:
        middle(trial, len(whole))
        written = trial.folder / "calls"
        written.unlink()
        left(trial.onwards(calls=str(written)))
        calls = written.read_text(errors="surrogateescape").splitlines()
    faults, numbers = [], some(calls) if once else list(range(1, len(calls) + 1, every))
    for number in numbers:
        trial.clean()
        if resumed:
            middle(trial, len(whole))
            trial.log.unlink(missing_ok=True)
        code = left((trial.onwards if resumed else trial.train)(at=number, action=action))
        fault = trial.told(action, code) or trial.fault()
        if fault:
            faults.append(f"{trial.kind}, before call {number} of {len(calls)} ({calls[number - 1]}): {fault}")
            print(faults[-1], file=sys.stderr, flush=True)
    return len(numbers), faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--action", default="SIGKILL")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--resumed", action="store_true")
    parser.add_argument("--go-on", action="store_true")
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    folder = chosen.folder or Path(tempfile.mkdtemp(prefix="neocog-crash-"))
    counts, faults = {}, []
    for kind in chosen.kinds or KINDS:
        trial = Trial(kind, folder / kind.replace(" ", "-"), go_on=chosen.go_on)
        counts[kind], found = points(trial, chosen.action, chosen.every, chosen.once, chosen.resumed)
        faults += found
        print(f"{kind}: {counts[kind]} points, {len(found)} faults", file=sys.stderr, flush=True)
    summary = {"action": chosen.action, "points": counts, "tried": sum(counts.values()), "faults": faults}
    print(json.dumps(summary, indent=1))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
