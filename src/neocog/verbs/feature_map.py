"""A map of images: features (N, F) to places (N, 2), and the picture of the thumbnails there."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neocog.errors import pick
from neocog.interop.extras import extra, quiet

Floats = NDArray[np.float32]
WIDE, HIGH = 1600, 1100  # pixels of the map
FEW = 4  # images below which there are no neighbourhoods to keep
MAPS = {
    "pca": "The first two principal components of the features, across and up (Pearson 1901).",
    "tsne": "t-SNE (van der Maaten and Hinton 2008): similar images lie close together; large distances mean nothing.",
    "umap": "UMAP (McInnes et al. 2018): similar images lie close together; large distances mean little.",
}


def check_map(way: str) -> None:
    """Raise UserError where there is no such map, or where the package that makes it is not installed."""
    pick(MAPS, way, "map")
    if way == "umap":
        with quiet():
            extra("umap", "umap")


def placed(found: Floats, way: str = "pca") -> Floats:
    """(N, 2) places of features (N, F), the same for the same features. Fewer than four images are placed by ``pca``."""
    if way == "pca" or len(found) < FEW:
        return principal(found)
    if way == "tsne":
        from sklearn.manifold import TSNE  # slow to load

        perplexity = min(30.0, (len(found) - 1) / 3)
        made: Any = TSNE(perplexity=perplexity, init="pca", metric="cosine", random_state=0).fit_transform(found)
    else:
        (umap,), neighbours = extra("umap", "umap"), min(15, len(found) - 1)
        with quiet():
            made = umap.UMAP(n_neighbors=neighbours, metric="cosine", random_state=0, n_jobs=1).fit_transform(found)
    places: Floats = np.asarray(made, np.float32)
    return places


def principal(found: Floats) -> Floats:
    """(N, 2) principal components of the features; each points to where its largest part is positive."""
    centred = (found - found.mean(0)).astype(np.float64)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.sign(axes[np.arange(len(axes[:2])), np.abs(axes[:2]).argmax(1)])[:, None]
    places: Floats = (centred @ axes.T).astype(np.float32)
    return np.pad(places, [(0, 0), (0, 2 - places.shape[1])])


def drawn(places: Floats, pictures: Sequence[str], side: int) -> bytes:
    """A PNG of the thumbnails at their places."""
    low, high = places.min(0), places.max(0)
    share = (places - low) / np.where(high > low, high - low, 1)
    sheet = Image.new("RGB", (WIDE, HIGH), "white")
    for (x, y), picture in zip(share.tolist(), pictures, strict=True):
        with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
            sheet.paste(image.convert("RGB"), (round(x * (WIDE - side)), round((1 - y) * (HIGH - side))))
    stored = io.BytesIO()
    sheet.save(stored, "PNG", optimize=True)
    return stored.getvalue()
