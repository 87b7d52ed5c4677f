"""``kmeans``: a picture divided by colour alone, without a network. Clusters of its distinct colours, weighted by pixels.

The best of ten starts is found on cells of 8 × 8 × 8 levels, and its centres then follow Lloyd's algorithm over the colours
themselves until no colour changes its cluster. Letters: H × W pixels, M distinct colours, k clusters, D coordinates of a
colour. Lloyd 1982; k-means++: Arthur & Vassilvitskii 2007; bounds that spare most distances: Hamerly 2010.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neocog.data.cells import csv_of
from neocog.data.dataset import Array
from neocog.data.images import decode
from neocog.errors import UserError, printable
from neocog.run import write_atomically
from neocog.tasks.masks import index_png, png
from neocog.verbs.outputs import insist_on_new

Space = Literal["rgb", "hsv", "lab"]
MOST_COLOURS = 1 << 12  # that the starts are tried on as they are; beyond, on cells
ROUNDS, STARTS = 300, 10
AT_ONCE = 1 << 14  # colours compared with all centres at once, in the processor's own memory
# CIE 1976 L*a*b* of sRGB (IEC 61966-2-1) under D65
_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


@dataclass(frozen=True)
class Clusters:
    """A divided picture; clusters by size, the largest first."""

    labels: NDArray[np.uint8]  # (H, W)
    colours: Array  # (k, 3) uint8 mean RGB
    counts: NDArray[np.int64]  # (k,) pixels
    inertia: float  # sum of squared distances, in the coordinates of the space
    centres: Array  # (k, D)


def clusters(pixels: Array, k: int, space: Space = "rgb", seed: int = 0) -> Clusters:
    """Divide (H, W, 3) uint8 pixels. Coordinates: RGB in 0 … 255; L*a*b*; or HSV as the cone (S V cos H, S V sin H, V),
    in which hue goes round in a circle and counts for nothing in greys.

    Raises UserError where there are fewer colours than clusters.
    """
    flat = pixels.reshape(-1, 3)
    codes = flat[:, 0].astype(np.int32) << 16 | flat[:, 1].astype(np.int32) << 8 | flat[:, 2]
    histogram = np.bincount(codes, minlength=1 << 24)  # 2^24 counters: no sort of millions of pixels
    present = np.flatnonzero(histogram)
    if len(present) < k:
        raise UserError(f"{len(present)} colours for {k} clusters", fix=f"-k {len(present)} or less")
    weights = histogram[present].astype(np.float64)
    colours = np.stack([present >> 16, present >> 8 & 255, present & 255]).T.astype(np.float64)
    learned = _gathered(present, colours, weights, k)
    cells, counts = coordinates(learned[0], space), learned[1]
    starts = [_lloyd(cells, counts, k, np.random.default_rng((seed, start))) for start in range(STARTS)]
    parts = [colours[start : start + AT_ONCE] for start in range(0, len(colours), AT_ONCE)]
    points = np.concatenate([coordinates(part, space) for part in parts])
    chosen, centres, inertia = _refined(points, weights, min(starts, key=lambda start: start[0])[1])
    sizes = np.bincount(chosen, weights, minlength=k)
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty(k, np.uint8)
    rank[order] = np.arange(k)
    means = np.stack([np.bincount(chosen, weights * colours[:, c], minlength=k) for c in range(3)], axis=1)
    means = np.rint(means / np.maximum(sizes, 1)[:, None])[order].astype(np.uint8)
    table = np.empty(1 << 24, np.uint8)
    table[present] = rank[chosen]
    labels = table[codes].reshape(pixels.shape[:2])
    return Clusters(labels, means, sizes[order].astype(np.int64), inertia, centres[order])


def _gathered(present: Array, colours: Array, weights: Array, k: int) -> tuple[Array, Array]:
    """(colours (M, 3), weights (M,)) to learn from: all of them, or the means of cells where there are very many."""
    if len(present) <= MOST_COLOURS:
        return colours, weights
    cells = (present >> 19) << 10 | (present >> 11 & 31) << 5 | present >> 3 & 31
    summed = np.bincount(cells, weights, minlength=1 << 15)
    sums = np.stack([np.bincount(cells, weights * colours[:, c], minlength=1 << 15) for c in range(3)], axis=1)
    used = np.flatnonzero(summed)
    return (sums[used] / summed[used, None], summed[used]) if len(used) >= k else (colours, weights)


def coordinates(colours: Array, space: Space) -> Array:
    """(M, 3) RGB in 0 … 255 → (M, D) float64 in which distances are taken."""
    colours = np.asarray(colours, np.float64)
    if space == "rgb":
        return colours
    if space == "hsv":
        red, green, blue = (colours / 255).T
        value = np.maximum(np.maximum(red, green), blue)
        chroma = value - np.minimum(np.minimum(red, green), blue)  # S V
        across, along = np.sqrt(3) * (green - blue), 2 * red - green - blue  # sin H and cos H, both times ``length``
        length = np.hypot(across, along)
        scale = 255 * chroma / np.where(length > 0, length, 1)
        return np.stack([scale * along, scale * across, 255 * value]).T
    if (colours == np.rint(colours)).all():  # stored colours: 256 levels are made linear, not millions of values
        linear = _linear(np.arange(256) / 255)[colours.astype(np.uint8)]
    else:
        linear = _linear(colours / 255)
    ratios = (_XYZ / _WHITE[:, None]) @ linear.T
    x, y, z = np.where(ratios > (6 / 29) ** 3, np.cbrt(ratios), ratios / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)]).T


def _linear(unit: Array) -> Array:
    """sRGB in 0 … 1 → light in 0 … 1."""
    light: Array = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    return light


def _lloyd(points: Array, weights: Array, k: int, rng: np.random.Generator) -> tuple[float, Array]:
    """(inertia, (k, D) centres) from one k-means++ start."""
    centres = _spread(points, weights, k, rng)
    chosen = np.full(len(points), -1)
    for _ in range(ROUNDS):
        before, (chosen, squared) = chosen, _nearest(points, centres)
        if np.array_equal(before, chosen):
            break
        sizes = np.bincount(chosen, weights, minlength=k)
        sums = [np.bincount(chosen, weights * points[:, d], minlength=k) for d in range(points.shape[1])]
        centres = np.stack(sums, axis=1) / np.maximum(sizes, 1e-300)[:, None]
        for empty in np.flatnonzero(sizes == 0):  # it takes the point that is worst served
            worst = int(np.argmax(squared * weights))
            centres[empty], squared[worst] = points[worst], 0.0
    return float((_nearest(points, centres)[1] * weights).sum()), centres


def _refined(points: Array, weights: Array, centres: Array) -> tuple[Array, Array, float]:
    """(M,) cluster of each point, (k, D) centres and the inertia: Lloyd's algorithm until nothing changes.

    A point whose second nearest centre was farther by more than centres have moved since cannot have changed (Hamerly
    2010): after the first round, distances are measured for the few points on the borders alone.
    """
    k, middle = len(centres), centres.mean(axis=0)
    rows, centres = np.ascontiguousarray((points - middle).T), centres - middle  # (D, M): no digits lost far from 0
    chosen, margin = _two_nearest(rows, centres)
    sizes = np.bincount(chosen, weights, minlength=k)
    sums = np.stack([np.bincount(chosen, weights * row, minlength=k) for row in rows], axis=1)
    border, seen = np.arange(len(points)), 0.0
    moved = np.zeros(
        k
    )  # by how much a point of each cluster may have come nearer to another centre since the beginning
    for _ in range(ROUNDS):
        before, centres = centres, np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1e-300)[:, None], centres)
        steps = np.sqrt(((centres - before) ** 2).sum(axis=1))
        moved += steps + steps.max()
        if (
            moved.max() > seen
        ):  # those near a border are sought among all anew each time that centres have moved twice as far
            seen = 2 * float(moved.max())
            border = np.flatnonzero(margin < seen)
        near = border[margin[border] < moved[chosen[border]]]
        now, apart = _two_nearest(rows[:, near], centres)
        margin[near] = apart + moved[now]
        place, other = near[changed := now != chosen[near]], now[changed]
        if not len(place):
            break
        for cluster, sign in ((chosen[place], -1), (other, 1)):
            share = sign * weights[place]
            sizes += np.bincount(cluster, share, minlength=k)
            sums += np.stack([np.bincount(cluster, share * row[place], minlength=k) for row in rows], axis=1)
        chosen[place] = other
    spread = sum(float(weights @ row**2) for row in rows) - float(sizes @ (centres**2).sum(axis=1))
    return chosen, centres + middle, max(0.0, spread)


def _two_nearest(rows: Array, centres: Array) -> tuple[Array, Array]:
    """Of points (D, M) the nearest centre (M,), and by how much the second nearest is farther; infinite for one centre."""
    chosen, margin = np.empty(rows.shape[1], np.uint8), np.full(rows.shape[1], np.inf)
    for start in range(0, rows.shape[1], AT_ONCE):
        part, here = rows[:, start : start + AT_ONCE], slice(start, start + AT_ONCE)
        squared = (centres**2).sum(axis=1)[:, None] - 2 * centres @ part + (part**2).sum(axis=0)  # (k, m)
        first = chosen[here] = squared.argmin(axis=0)
        nearest, each = squared.min(axis=0), np.arange(part.shape[1])
        if len(centres) > 1:
            squared[first, each] = np.inf
            margin[here] = np.sqrt(squared.min(axis=0).clip(0)) - np.sqrt(nearest.clip(0))
    return chosen, margin


def _nearest(points: Array, centres: Array) -> tuple[Array, Array]:
    """The nearest centre of each point, and its squared distance: |p|² − 2 p·c + |c|²."""
    middle = centres.mean(axis=0)  # taken off both, so that no digits are lost where all lie far from 0
    shifted, aims = (points - middle).T, centres - middle  # (D, M): minima over rows are quick, over short columns slow
    scores = -2 * aims @ shifted + (aims**2).sum(axis=1)[:, None]  # (k, M)
    return scores.argmin(axis=0), (scores.min(axis=0) + (shifted**2).sum(axis=0)).clip(0)


def _spread(points: Array, weights: Array, k: int, rng: np.random.Generator) -> Array:
    """k-means++: each next centre a point drawn by its squared distance to the nearest one so far."""
    centres = [points[rng.choice(len(points), p=weights / weights.sum())]]
    squared = ((points - centres[0]) ** 2).sum(axis=1)
    for _ in range(k - 1):
        share = squared * weights
        centres.append(points[rng.choice(len(points), p=share / share.sum())])
        squared = np.minimum(squared, ((points - centres[-1]) ** 2).sum(axis=1))
    return np.array(centres)


def kmeans(
    image: str | Path, k: int = 5, space: Space = "rgb", out: str | Path | None = None, seed: int = 0
) -> tuple[Clusters, Path]:
    """Divide a picture file into ``k`` clusters of colour and write the new folder ``out`` (default: NAME-kmeans here).

    clusters.png holds the cluster's number of each pixel (with its mean colour as palette), mean-colours.png the picture
    in mean colours, clusters.csv the pixels, share and colour of each. Raises UserError.
    """
    if not 1 <= k <= 255:
        raise UserError(f"-k {k}: between 1 and 255 clusters are possible")
    image = Path(image)
    out = Path(out or f"{image.stem}-kmeans")
    insist_on_new(out)
    pixels = decode(image)
    if pixels.dtype != np.uint8 or pixels.shape[2] not in (1, 3):
        what = f"{pixels.shape[2]} channels of {pixels.dtype}, where 8-bit grey or colour is expected"
        raise UserError(what, printable(str(image)), "save it as an 8-bit picture")
    found = clusters(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), k, space, seed)
    out.mkdir(parents=True)
    indexed = Image.open(io.BytesIO(index_png(found.labels, k)))
    indexed.putpalette(found.colours.tobytes())
    write_atomically(out / "clusters.png", png(indexed))
    write_atomically(out / "mean-colours.png", png(Image.fromarray(found.colours[found.labels])))
    write_atomically(out / "clusters.csv", table(found))
    return found, out


def table(found: Clusters) -> str:
    """CSV: one row a cluster."""
    colours = enumerate(zip(found.counts.tolist(), found.colours.tolist(), strict=True))
    rows = ([i, count, f"{count / found.labels.size:.6f}", *colour] for i, (count, colour) in colours)
    return csv_of(("cluster", "pixels", "share", "red", "green", "blue"), rows)
