"""How good do the networks for volumes get?

    python bench/volumes.py --part modelnet --minutes 15   # resnet3d: at least 0.90 of ModelNet10's 908 test volumes, 30³
    python bench/volumes.py --part adrenal --minutes 15    # resnet3d: AUROC at least 0.83 on AdrenalMNIST3D's 298, 28³

Runs ``neocog train`` as a user would, in a temporary folder, and prints its result as one JSON line. The data are
NEOCOG_DATA/modelnet10-voxels and NEOCOG_DATA/adrenalmnist3d, or given with --data. The test part is looked at once.
Beside the result stands what MedMNIST published for AdrenalMNIST3D (Yang et al. 2023): ResNet-18, 3-D: AUROC 0.827.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FEW = ["--lr", "0.001", "--weight-decay", "0.1", "--dropout", "0.5", "--ema", "0.99"]  # against learning 1,188 by heart
FLIPS = ["--augment", "flip_d=0.5", "flip_h=0.5", "flip_w=0.5", "turn_d=15", "turn_h=15", "turn_w=15"]
PARTS = {  # folder below NEOCOG_DATA, settings, measure, target
    "modelnet": ("modelnet10-voxels", ["--batch", "32"], "accuracy", 0.90),
    "adrenal": ("adrenalmnist3d", ["--batch", "32", *FEW, *FLIPS], "auroc", 0.83),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=list(PARTS), required=True)
    parser.add_argument("--minutes", default="15", help="of training")
    parser.add_argument("--data", help="the folder or file, where it is not under NEOCOG_DATA")
    parser.add_argument("--seed", default="0")
    options, more = parser.parse_known_args()
    folder, words, measure, target = PARTS[options.part]
    data = options.data or str(Path(os.environ.get("NEOCOG_DATA", "data")) / folder)
    words = ["--model", "resnet3d", *words, "--minutes", options.minutes, "--seed", options.seed, *more]
    with tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "neocog", "train", data, *words, "--json", "--out", f"{temporary}/run"]
        result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    test = result["measures"]["test"]
    row = {"part": options.part, "command": " ".join(["neocog", "train", folder, *words]), "target": target}
    row |= {name: test[name] for name in ("accuracy", "auroc") if name in test}
    row |= {name: result[name] for name in ("parameters", "seconds", "epochs", "images_per_second", "precision")}
    print(json.dumps(row), flush=True)
    found = test[measure]
    verdict = "reached" if found["value"] >= target else "not reached"
    interval = f"{found['low']:.4f} to {found['high']:.4f}"
    print(f"{options.part}: {measure} {found['value']:.4f} ({interval}); {target} {verdict}", file=sys.stderr)


if __name__ == "__main__":
    main()
