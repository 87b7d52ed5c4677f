"""How many runs that were killed at random moments end in the very bytes of the run that never was?

    python bench/kill.py 50 [--seed 0] [--folder FOLDER]

For each of two settings the digits are learned once without a disturbance. Then, N times: start, SIGKILL at a random
moment of what the whole run takes, and resume; half of the resumed runs are killed again, and so on, until one ends.
Compared are the weights, every file of the newest checkpoint (networks, means, optimizer, counters), metrics.csv and
predictions.csv. A fifth as many runs are stopped by SIGTERM or SIGINT instead, and the seconds until they have left are
taken. About 10 s a kill on one core. Prints a line a run on stderr and one JSON object on stdout; exit code 1 where a byte differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from forked import start

COMMON = ["digits", "--epochs", "6", "--batch", "48", "--threads", "1", "--save-every", "0", "--model", "cnn"]
SETTINGS = {
    "dropout, AdamW": ["--widths", "8,16", "--hidden", "32", "--dropout", "0.2"],
    "batch norm, mean of weights, SGD": ["--widths", "6,12", "--optimizer", "sgd", "--lr", "0.1", "--ema", "0.9", "--seed", "7"],
}  # fmt: skip
LONGEST = 600.0  # s that any one process may take


def train(folder: Path, setting: str) -> ForkServerProcess:
    return start(["train", *COMMON, *SETTINGS[setting], "--out", str(folder)], folder.with_suffix(".log"))


def resume(folder: Path) -> ForkServerProcess:
    return start(["resume", str(folder)], folder.with_suffix(".log"))


def left(process: ForkServerProcess) -> int | None:
    process.join(LONGEST)
    return process.exitcode


def hashes(run: Path) -> dict[str, str]:
    """SHA-256 of every file that must not depend on how often the run was stopped."""
    newest = max((run / "checkpoints").glob("step-*"), key=lambda path: path.name)
    files = [
        run / name for name in ("weights.safetensors", "model.json", "metrics.csv", "predictions.csv", "splits.csv")
    ]
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in [*files, *sorted(newest.iterdir())]
    }


def unfinished(run: Path) -> list[str]:
    """Temporary files that a killed process left and nobody took away."""
    return [str(path.relative_to(run)) for path in run.rglob(".*")]


def interrupted(
    folder: Path, setting: str, seconds: float, draw: random.Random, number: int
) -> Iterator[tuple[int | None, float]]:
    """Start and stop a run by ``number`` at random moments until one process comes to the end.

    Yields for each that was stopped (exit code, seconds until it had left).
    """
    process = train(folder, setting)
    while True:
        again = number == signal.SIGKILL and draw.random() < 0.5
        process.join(draw.uniform(0, seconds))
        stopped = process.exitcode is None
        begun = time.monotonic()
        if stopped:
            os.kill(process.pid or 0, number)
        code = left(process)
        if stopped:
            yield code, time.monotonic() - begun
        if (folder / "config.toml").is_file():
            process = resume(folder)
        else:  # the data were still being read: nothing had begun
            shutil.rmtree(folder, ignore_errors=True)
            process = train(folder, setting)
        if not again:
            break
    code = left(process)
    if code != 0:
        raise RuntimeError(f"exit code {code}:\n{folder.with_suffix('.log').read_text()}")


def one(
    folder: Path, setting: str, seconds: float, draw: random.Random, number: int, expected: dict[str, str]
) -> dict[str, Any]:
    """One run from its start to its end with all its interruptions, held against the one without."""
    stops: list[tuple[int | None, float]] = []
    fault = ""
    try:
        stops.extend(interrupted(folder, setting, seconds, draw, number))
        found = hashes(folder)
        fault = ", ".join(
            sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        )
    except (RuntimeError, OSError, ValueError) as error:
        fault = str(error)
    rest = unfinished(folder)
    return {
        "setting": setting, "signal": signal.Signals(number).name, "stops": len(stops), "codes": [code for code, _ in stops],
        "slowest": max((taken for _, taken in stops), default=0.0), "fault": fault, "unfinished": rest,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="neocog-kill-"))
    folder.mkdir(parents=True, exist_ok=True)
    expected, seconds = {}, {}
    left(start(["device"], folder / "device.log"))  # the first process also pays for the import of torch
    for place, setting in enumerate(SETTINGS):
        begun, run = time.monotonic(), folder / f"undisturbed-{place}"
        code = left(train(run, setting))
        if code != 0:
            sys.exit(f"exit code {code}:\n{run.with_suffix('.log').read_text()}")
        expected[setting], seconds[setting] = hashes(run), time.monotonic() - begun
    rows = []
    for number, count in (
        (signal.SIGKILL, arguments.runs),
        (signal.SIGTERM, arguments.runs // 10),
        (signal.SIGINT, arguments.runs // 10),
    ):
        for trial in range(count):
            setting = list(SETTINGS)[trial % len(SETTINGS)]
            draw = random.Random(f"{arguments.seed}-{number}-{trial}")
            row = one(folder / f"{number.name}-{trial}", setting, seconds[setting], draw, number, expected[setting])
            rows.append(row)
            print(
                f"{number.name} {trial + 1} of {count}: {row['stops']} stops, {row['fault'] or 'identical'}",
                file=sys.stderr,
            )
    killed = [row for row in rows if row["signal"] == "SIGKILL"]
    asked = [row for row in rows if row["signal"] != "SIGKILL"]
    summary = {
        "runs": len(killed), "identical": sum(not row["fault"] for row in killed), "kills": sum(row["stops"] for row in killed),
        "asked": len(asked), "asked_identical": sum(not row["fault"] for row in asked),
        "asked_codes": [code for row in asked for code in row["codes"]],
        "slowest_leave_seconds": round(max((row["slowest"] for row in asked), default=0.0), 2),
        "unfinished_files": sorted({name for row in rows for name in row["unfinished"]}),
        "faults": [row["fault"] for row in rows if row["fault"]],
        "seconds_undisturbed": {name: round(value, 1) for name, value in seconds.items()}, "folder": str(folder),
    }  # fmt: skip
    print(json.dumps(summary, indent=1))
    sys.exit(bool(summary["faults"]))


if __name__ == "__main__":
    main()
