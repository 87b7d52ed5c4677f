"""How long neocog takes to start: medians of nine runs of each command, in turn.

    python bench/startup.py

Seconds by the clock, and of the processor (user and system), which is the fairer figure on a machine that is busy.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time

ROUNDS = 9
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import neocog": ["-c", "import neocog"],
    "neocog --help": ["-m", "neocog", "--help"],
    "neocog train --help": ["-m", "neocog", "train", "--help"],
    "neocog train --help-all": ["-m", "neocog", "train", "--help-all"],
    "neocog models": ["-m", "neocog", "models"],
}


def seconds(words: list[str]) -> tuple[float, float]:
    """By the clock, and of the processor."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    took, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, words in COMMANDS.items():
            found[name].append(seconds(words))
    print(f"median of {ROUNDS}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, times in found.items():
        clock, processor = (statistics.median(each) for each in zip(*times, strict=True))
        print(f"{name:24} {clock:6.3f} s   processor {processor:6.3f} s")


if __name__ == "__main__":
    main()
