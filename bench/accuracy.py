"""How good do networks get on the two data sets that everyone knows? On MNIST with the default settings.

    python bench/accuracy.py mnist      # lenet5, --minutes 1: at least 0.992 of the 10,000 test digits
    python bench/accuracy.py numpy      # lenet5 by hand (--engine numpy), --epochs 5: at least 0.985
    python bench/accuracy.py cifar10    # cifarcnn, --epochs 8: at least 0.87 of the 10,000 test images

Runs ``neocog train`` as a user would, in a temporary folder, and prints its result as one JSON line. The data are found
under NEOCOG_DATA, or given with --data. The last tenth of the training part validates; the test part is looked at once.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

# Chosen on the validation part: 0.657 after a training of one epoch (0.619 with the defaults), 0.875 after eight (0.874);
# with smoothed labels 0.883
CIFAR = ["--optimizer", "sgd", "--nesterov", "--lr", "0.05", "--batch", "64", "--weight-decay", "0.001",
         "--label-smoothing", "0.1"]  # fmt: skip
JOBS = {
    "mnist": (["mnist", "--model", "lenet5", "--minutes", "1"], 0.992),
    "numpy": (["mnist", "--model", "lenet5", "--engine", "numpy", "--epochs", "5"], 0.985),
    "cifar10": (["cifar10", "--model", "cifarcnn", "--epochs", "8", *CIFAR], 0.87),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", nargs="+", choices=list(JOBS))
    parser.add_argument("--data", help="the folder of the data set, where it is not under NEOCOG_DATA")
    parser.add_argument("--seed", default="0")
    options, more = parser.parse_known_args()
    for job in options.jobs:
        words, target = JOBS[job]
        if options.data:
            words = [options.data, *words[1:]]
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "neocog", "train", *words, "--seed", options.seed, *more]
            command += ["--json", "--out", str(Path(folder) / "run")]
            result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        accuracy = result["measures"]["test"]["accuracy"]
        row = {
            "job": job,
            "command": " ".join(["neocog", "train", *words, *more]),
            "seed": int(options.seed),
            "target": target,
        }
        row |= {"accuracy": accuracy, "seconds": result["seconds"], "epochs": result["epochs"]}
        row |= {"images_per_second": result["images_per_second"], "precision": result["precision"]}
        print(json.dumps(row), flush=True)
        verdict = "reached" if accuracy["value"] >= target else "not reached"
        print(
            f"{job}: {accuracy['value']:.4f} ({accuracy['low']:.4f} to {accuracy['high']:.4f}); {target} {verdict}",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
