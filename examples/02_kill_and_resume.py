"""Nothing is lost: a run is killed in the middle of an epoch, goes on, and ends in the same bytes.

    python examples/02_kill_and_resume.py [OUT]

Takes under a minute on two cores. One run goes through undisturbed. A second one, with the same settings, is killed with
SIGKILL (no handler, no warning, as by a power cut) as soon as it has a checkpoint of a step in the middle of an epoch;
``neocog resume`` then ends it. Weights and metrics of the two are compared byte by byte.
"""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EPOCHS = 6
NEOCOG = [sys.executable, "-m", "neocog"]
SETTINGS = [
    "--model",
    "cnn",
    "--widths",
    "8,16",
    "--dropout",
    "0.2",
    "--epochs",
    str(EPOCHS),
    "--save-every",
    "0",
    "--quiet",
]


def kill_in_the_middle(run: Path) -> int:
    """Start training and kill it after a third of its steps at the earliest; the step of the newest checkpoint."""
    process = subprocess.Popen([*NEOCOG, "train", "digits", *SETTINGS, "--out", str(run)])
    newest = 0
    while newest < 3 * EPOCHS and process.poll() is None:
        newest = max(
            (int(path.name[5:]) for path in run.glob("checkpoints/step-*") if path.name[5:].isdigit()), default=0
        )
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return newest


def fingerprint(run: Path) -> dict[str, str]:
    """SHA-256 of what the run ended in."""
    names = ("weights.safetensors", "metrics.csv", "predictions.csv")
    return {name: hashlib.sha256((run / name).read_bytes()).hexdigest()[:16] for name in names}


def main(out: Path) -> bool:
    """The story; whether both runs ended in the same bytes."""
    whole, killed = out / "undisturbed", out / "killed"
    subprocess.run([*NEOCOG, "train", "digits", *SETTINGS, "--out", str(whole)], check=True)

    print(f"killed after step {kill_in_the_middle(killed)}; it has no result: {not (killed / 'result.json').exists()}")
    subprocess.run([*NEOCOG, "resume", str(killed), "--quiet"], check=True)

    expected, found = fingerprint(whole), fingerprint(killed)
    for name in expected:
        print(f"{name:20} {expected[name]} {found[name]} {'same' if expected[name] == found[name] else 'DIFFERENT'}")
    return expected == found


if __name__ == "__main__":
    sys.exit(not main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())))
