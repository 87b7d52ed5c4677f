"""Which way is up? MNIST digits turned by any angle: the median error over the 10,000 test digits, at most 8 degrees.

    python bench/orientation.py

Runs ``neocog train mnist --task orientation`` as a user would, in a temporary folder, and prints one JSON line. The digits are
also shifted, in training and in judgement: MNIST puts the centre of mass of every digit half a pixel beside the middle about
which it is turned, so that unshifted digits tell their angle by where they lie. The classes are told apart, since 0, 1 and 8
often look the same upside down. The data are found under NEOCOG_DATA.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", default="6")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "neocog",
            "train",
            "mnist",
            "--task",
            "orientation",
            "--epochs",
            options.epochs,
        ]
        command += ["--json", "--out", str(Path(folder) / "run")]
        result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    test = result["measures"]["test"]
    row = {"median_error": test["median_error"], "mean_error": test["mean_error"], "within_30": test["within_30"]}
    row |= {"target": 8.0, "seconds": result["seconds"], "epochs": result["epochs"], "parameters": result["parameters"]}
    row |= {"within_30_by_digit": {name: round(m["within_30"]["value"], 3) for name, m in result["per_class"].items()}}
    row |= {"median_by_digit": {name: round(m["median_error"]["value"], 1) for name, m in result["per_class"].items()}}
    print(json.dumps(row))


if __name__ == "__main__":
    main()
