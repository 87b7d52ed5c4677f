"""A 12-megapixel picture divided into 5 colours: this program against scikit-learn's KMeans on all pixels.

    OMP_NUM_THREADS=1 python bench/kmeans.py [PICTURE]

Without a picture, a made one: smooth fields of colour with noise. Both with 10 starts and one thread. The inertia of
both is computed here in float64 from all pixels and their nearest centres: scikit-learn's own is a float32 sum, up to 1 % off.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from scipy import ndimage
from sklearn.cluster import KMeans

from neocog.data.images import decode
from neocog.verbs.kmeans import STARTS, clusters, coordinates

SHAPE = (3000, 4000)


def made() -> np.ndarray:
    """(3000, 4000, 3) uint8: six million colours would be too easy to beat, so fields are smooth and the noise is small."""
    rng = np.random.default_rng(0)
    fields = ndimage.zoom(rng.uniform(0, 255, (12, 16, 3)), (250, 250, 1), order=1)
    noisy: np.ndarray = fields + rng.normal(0, 4, (*SHAPE, 3))
    return noisy.clip(0, 255).astype(np.uint8)


def inertia(points: np.ndarray, centres: np.ndarray) -> float:
    """Sum of squared distances to the nearest centre, in float64."""
    return sum(
        float(((part[:, None] - centres) ** 2).sum(axis=2).min(axis=1).sum())
        for part in np.array_split(points, len(points) // 100_000 + 1)
    )


def main() -> None:
    pixels = decode(Path(sys.argv[1])) if len(sys.argv) > 1 else made()
    for space in ("rgb", "lab", "hsv"):
        begun = time.perf_counter()
        ours = clusters(pixels, 5, space)
        mine = time.perf_counter() - begun
        points = coordinates(pixels.reshape(-1, 3), space).astype(np.float32)
        begun = time.perf_counter()
        theirs = KMeans(5, n_init=STARTS, random_state=0).fit(points)
        other = time.perf_counter() - begun
        points = coordinates(pixels.reshape(-1, 3), space)
        ratio = inertia(points, ours.centres) / inertia(points, theirs.cluster_centres_.astype(np.float64))
        print(
            f"{space}: {mine:.2f} s, scikit-learn {other:.2f} s: {other / mine:.1f} times; inertia × {ratio:.6f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
