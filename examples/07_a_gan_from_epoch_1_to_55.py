"""A generator from its first epoch to its 55th: the same latent vectors, what they become, and what could go wrong.

    python examples/07_a_gan_from_epoch_1_to_55.py

Two networks learn from each other: one draws digits out of noise, the other tells them from real ones. No loss says how good
the drawings are, so we look at them, watch the game, and ask a classifier that was trained on the real digits. A few minutes.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import neocog


def main(folder: Path, epochs: int = 55, **settings: Any) -> dict[str, float]:
    """Train on scikit-learn's 8 × 8 digits in ``folder``; what was measured at the end."""
    print(f"1. {epochs} epochs of the game")
    usual = {"width": 32, "batch": 32, "lr": 0.0005, "diff_augment": True, "threads": 1}
    run = neocog.train("digits", folder / "gan", quiet=True, task="gan", epochs=epochs, **(usual | settings))
    with run.metrics_csv.open() as file:
        rows = list(csv.DictReader(file))
    print("   epoch   D(x)   D(G(z))   spread   (ideal: 0.50, 0.50, 1.00)")
    for row in rows:
        if int(row["epoch"]) in (1, 10, 30, epochs):
            d_real, d_fake, spread = (float(row[f"validation_{name}"]) for name in ("d_real", "d_fake", "spread"))
            print(f"   {row['epoch']:>5}   {d_real:.2f}   {d_fake:7.2f}   {spread:6.2f}")

    print("2. The same latent vectors in every epoch")
    print(f"   {run.folder / 'strip.png'}: a row each for epochs 1, 10, 30 and the last; epochs.png: the animation")

    print("3. What a classifier of the real digits says of 10,000 drawn ones")
    result = json.loads(run.result.read_text())
    test = {name: measure["value"] for name, measure in result["measures"]["test"].items()}
    print(f"   judge: {result['extractor']}")
    print(f"   Fréchet distance {test['fid']:.1f}; two real samples have {test['fid_floor']:.1f}")
    print(f"   recognised with p ≥ 0.9: {test['recognised']:.0%}, of real ones {test['recognised_real']:.0%}")
    print(f"   classes: {2.718281828 ** test['class_entropy']:.1f} drawn evenly, of 10")
    print(f"   memorised: {test['memorised_pixels']:.1%} (about 1 % by chance)")
    for line in result["failures"]:
        print(f"   went wrong: {line}")

    print("4. From three to eight on an arc in the latent space")
    way = neocog.sample(run, out=folder / "way.png", interpolate=(3, 8), steps=10, quiet=True)
    print(f"   {way.written[0]}")
    print(f"\nreport: {run.report}")
    return test


if __name__ == "__main__":
    target = Path("runs/gan-example")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    main(target, *map(int, sys.argv[1:2]))
