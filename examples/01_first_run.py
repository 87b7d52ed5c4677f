"""The main job, from images on disk to a network whose numbers can be trusted, in Python instead of the shell.

    python examples/01_first_run.py [OUT]

Takes about half a minute on two cores; the test accuracy is about 0.98. It writes the digits of scikit-learn (real
handwriting) as PNG files in class folders, as a user's images would lie there, then: what is in them and what is wrong?
how good does a network become? what does it say of new files? where is it wrong?
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits

import neocog


def write_images(folder: Path) -> None:
    """1,797 grey PNGs of 8 × 8 pixels in folders 0 … 9, and two of the faults that real data have."""
    digits = load_digits()
    for index, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        place = folder / str(label)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 15).astype("uint8")).save(place / f"{index:04}.png")
    (folder / "3" / "copy of 0003.png").write_bytes((folder / "3" / "0003.png").read_bytes())
    (folder / "8" / "mislabelled.png").write_bytes((folder / "1" / "0001.png").read_bytes())


def main(out: Path, epochs: int = 20) -> float:
    """The story; returns the test accuracy."""
    images = out / "images"
    write_images(images)

    found = neocog.audit(images, quiet=True)
    for finding in found.findings:
        print(f"{finding.severity}: {finding.what}")

    run = neocog.train(images, out=out / "run", quiet=True, model="cnn", epochs=epochs, augment=("flip=off", "turn=10"))
    accuracy = json.loads(run.result.read_text())["measures"]["test"]["accuracy"]
    print(
        f"test accuracy {accuracy['value']:.3f} ({accuracy['low']:.3f} to {accuracy['high']:.3f}, n = {accuracy['n']})"
    )

    predicted = neocog.predict(run, [images / "7"], quiet=True)
    sevens = sum(row["label"] == "7" for row in predicted.rows)
    print(f"{sevens} of {len(predicted.rows)} sevens are taken for sevens")
    print(f"look at {run.report}")
    return float(accuracy["value"])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()))
