"""Is a stress test that was killed, and begun again, the very one that never was?

    python bench/kill_stress.py [N] [PART ...] [--seed 0]

A small run is trained for each kind of data, and each part of ``neocog stress`` is tried once without a disturbance. Then, N times
(default: 20) a part: SIGKILL before a random one of the calls by which it changes ``RUN/stress/`` (``disk_calls.py``), or at a
random time; half of those that begin again are killed again. All files of ``RUN/stress/`` and the card of the report must then have
the bytes of the undisturbed one. Prints a line a part; exit code 1 where a byte differs.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from disturbed import PASSING, left
from forked import start
from kinds import words
from neocog.robustness.names import PARTS

KINDS = {"labels": "folds", "groups": "values"}  # the others: "classes"


class Trial:
    """One part on one run."""

    def __init__(self, part: str, run: Path) -> None:
        self.run, self.out, self.log = run, run / "stress", run.parent / f"{part}.log"
        self.words = ["stress", str(run), part, "--samples", "10", "--minutes", "600", "--quiet"]
        self.begin_again()
        began = time.monotonic()
        self.calls = self.counted()
        self.seconds = time.monotonic() - began
        self.expected = self.files()

    def begin_again(self) -> None:
        shutil.rmtree(self.out, ignore_errors=True)

    def counted(self) -> int:
        calls = self.run.parent / "calls"
        calls.unlink(missing_ok=True)
        code = self.tried(calls=str(calls))
        if code != 0:
            raise SystemExit(f"exit code {code} without a disturbance: {self.log.read_text()}")
        return len(calls.read_bytes().splitlines())

    def tried(self, moment: float = 1000.0, **disturbed: Any) -> int | None:
        """The exit code of a process that is killed after ``moment`` seconds unless it ended."""
        process = start(self.words, self.log, **({"folder": str(self.out), **disturbed} if disturbed else {}))
        process.join(moment)
        if process.exitcode is None:
            process.kill()
        return left(process)

    def files(self) -> dict[str, bytes]:
        found = {path.name: path.read_bytes() for path in sorted(self.out.iterdir()) if path.name != "lock"}
        return {**found, "report.html": PASSING.sub(b"", (self.run / "report.html").read_bytes())}

    def killed(self, draw: random.Random) -> tuple[int, str]:
        """One trial with all its kills: how many, and what differs in the end."""
        self.begin_again()
        kills, again = 0, True
        while again:
            if draw.random() < 0.5:
                code = self.tried(at=draw.randint(1, self.calls), action="SIGKILL")
            else:
                code = self.tried(draw.uniform(0, self.seconds))
            kills += code == -signal.SIGKILL
            again = code != 0 and draw.random() < 0.5
        code = self.tried()
        if code != 0:
            return kills, f"exit code {code}: {self.log.read_text()[-500:]}"
        found = self.files()
        differing = [name for name in found.keys() | self.expected.keys() if found.get(name) != self.expected.get(name)]
        return kills, ", ".join(sorted(differing))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, nargs="?", default=20)
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        for part in chosen.parts or PARTS:
            trial, kills = Trial(part, trained(KINDS.get(part, "classes"), Path(folder))), 0
            for number in range(chosen.count):
                count, fault = trial.killed(random.Random(f"{chosen.seed}-{part}-{number}"))
                kills, faults = kills + count, faults + bool(fault)
                if fault:
                    print(f"{part}, {number}: differs: {fault}", file=sys.stderr, flush=True)
            print(f"{part}: {chosen.count} trials, {kills} kills, {trial.seconds:.1f} s undisturbed", flush=True)
    print(f"{faults} differ")
    sys.exit(faults > 0)


def trained(kind: str, folder: Path) -> Path:
    """The run of a kind (``kinds.py``), learned once."""
    run = folder / kind / "run"
    if not run.exists():
        run.parent.mkdir()
        log = run.parent / "log"
        if left(start([*words(kind, run.parent), "--out", str(run)], log)) != 0:
            raise SystemExit(log.read_text())
    return run


if __name__ == "__main__":
    main()
