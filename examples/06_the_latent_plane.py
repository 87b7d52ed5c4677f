"""Two numbers for each image: what a variational autoencoder finds out about handwriting when nobody tells it the digits.

    python examples/06_the_latent_plane.py [OUT]

Takes about a minute. A VAE squeezes each picture into a point of a plane and learns to draw the picture again from there. Labels
are never shown to it; yet digits of one kind come to lie together, and between two of them lie pictures that nobody wrote.
The same plane tells which pictures are strange, and turns one digit into another.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

import neocog
from neocog.run import Run


def neighbours_alike(points: np.ndarray, labels: np.ndarray) -> float:
    """The share of points (n, 2) whose nearest neighbour has the same label."""
    distance = np.square(points[:, None] - points).sum(-1)
    np.fill_diagonal(distance, np.inf)
    return float((labels[distance.argmin(axis=1)] == labels).mean())


def plane(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Where the test digits lie, and which they are: the points that the report draws."""
    sections = {section["name"]: section for section in json.loads(run.sections.read_text())}
    drawn = next(item for item in sections["plane"]["items"] if item["kind"] == "scatter")
    return np.column_stack([drawn["x"], drawn["y"]]), np.array(drawn["groups"])


def main(out: Path, epochs: int = 80) -> dict[str, float]:
    """The story; returns the share of like neighbours, and how strange a digit and a picture of noise are."""
    network = {"latent": 2, "widths": "16,32", "hidden": 64}
    run = neocog.train("digits", out=out / "run", task="vae", epochs=epochs, lr=0.004, quiet=True, **network)
    measures = json.loads(run.result.read_text())["measures"]["test"]
    elbo = measures["elbo"]
    print(f"ELBO {elbo['value']:.1f} nats ({elbo['low']:.1f} to {elbo['high']:.1f}, n = {elbo['n']})")
    points, labels = plane(run)
    alike = neighbours_alike(points, labels)
    print(f"{alike * 100:.0f} % of the test digits lie nearest to one of their own kind; by chance it would be 10 %")

    neocog.sample(run, 64, out / "new.png", quiet=True)
    neocog.sample(run, interpolate=(1, 2), out=out / "between.png", quiet=True)
    pictures = out / "pictures"
    pictures.mkdir()
    Image.fromarray((load_digits().images[0] * 15).astype("uint8")).save(pictures / "zero.png")
    noise = np.random.default_rng(0).integers(0, 255, (8, 8)).astype("uint8")
    Image.fromarray(noise).save(pictures / "noise.png")
    neocog.sample(
        run, direction=("from:0", "to:1"), apply=[pictures / "zero.png"], out=out / "zero-to-one.png", quiet=True
    )

    found = {Path(row["path"]).stem: row for row in neocog.predict(run, [pictures], quiet=True).rows}
    for name, row in found.items():
        print(f"{name}: {row['elbo']:.1f} nats, stranger than {row['stranger_than'] * 100:.0f} % of the digits")
    print(f"look at {run.report}, and at new.png, between.png and zero-to-one.png in {out}")
    return {"alike": alike, "zero": found["zero"]["elbo"], "noise": found["noise"]["elbo"]}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()))
