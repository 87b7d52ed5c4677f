"""What does a network lose where it has never been? PACS, each of its four environments left out in turn.

    python bench/environments.py [--out FOLDER] [-- MORE FLAGS OF TRAIN]

From ImageNet weights (tf_efficientnet_lite0, under NEOCOG_DATA/pretrained) every layer is tuned on three environments, a tenth of
which chooses the epoch and is "inside"; judged is on the fourth, of which nothing was seen. Pictures of 160 pixels, and
changes of light and colour about as strong as DomainBed's (Gulrajani & Lopez-Paz 2021), chosen before any environment was looked
at. A line an environment: accuracy outside and inside with 95 % intervals, a frozen probe's beside it, and the CPU seconds.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("NEOCOG_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
WEIGHTS = DATA / "pretrained" / "tf_efficientnet_lite0.safetensors"
PROBE = {"photo": 0.92, "art_painting": 0.68, "cartoon": 0.62, "sketch": 0.50}  # outside, by logistic regression
AUGMENTED = ("scale=0.3", "brightness=0.3", "contrast=0.3", "saturation=1", "tint=0.2")
SETTINGS = (
    *("--levels", "group,class", "--folds", "4", "--leave-one-group-out", "--split", "0.8", "0.1", "0.1"),
    *("--from", str(WEIGHTS), "--tune", "all", "--size", "160", "--threads", "1", "--augment", *AUGMENTED),
)


def main() -> None:
    words = sys.argv[1:]
    place = words.index("--") if "--" in words else len(words)
    given, more = words[:place], words[place + 1 :]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(given[1]) if given[:1] == ["--out"] else Path(folder) / "run"
        began = time.monotonic()
        command = [sys.executable, "-m", "neocog", "train", str(DATA / "pacs"), *SETTINGS, *more, "--out", str(out)]
        subprocess.run([*command, "--quiet"], check=True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        for name, sides in json.loads((out / "result.json").read_text())["groups"].items():
            print(line(name, sides), flush=True)
        print(f"{used.ru_utime + used.ru_stime:.0f} CPU s, {time.monotonic() - began:.0f} s by the clock")


def line(name: str, sides: dict[str, Any]) -> str:
    outside, inside = (
        "{value:.3f} ({low:.3f} – {high:.3f}, n {n})".format(**sides[side]["accuracy"])
        for side in ("outside", "inside")
    )
    return f"{name:13} outside {outside}; inside {inside}; a frozen probe outside {PROBE[name]:.2f}"


if __name__ == "__main__":
    main()
