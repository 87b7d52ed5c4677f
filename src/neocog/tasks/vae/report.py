"""The sections of a variational autoencoder: nats, rows of images, what each dimension holds, and the plane."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.metrics import title
from neocog.records import Bars, Item, Measure, Picture, Pictures, Scatter, Section, Table, Text
from neocog.tasks.report.montage import sheet

Array = NDArray[Any]
MOST_POINTS, MOST_COLOURS = 2000, 12
BOUND = (
    "All in nats per image. ELBO: log p(x | z) − KL with one code per image; the importance-weighted −log p(x) uses 1,000 codes "
    "per image and is a tighter bound (Burda et al. 2016). Reconstruction and KL divergence are the two terms of the ELBO."
)
PIXELS = {
    ("bernoulli", "none"): "Grey values were taken as probabilities: these nats are not a likelihood of the images; "
    "compare them only between runs on the same data with the same setting.",
    ("bernoulli", "threshold"): "Pixels were binarised at half of the range, which is easier than sampled binarisation, so "
    "these nats cannot be compared with those published for it.",
    ("bernoulli", "sampled"): "Pixels were binarised by sampling with their grey values as probabilities: anew in each training "
    "step, once for the test part.",
    ("gaussian", "none"): "Densities of pixels in 0 … 1: nats can be negative; compare them only between runs on the same data.",
}  # fmt: skip


def likelihood_section(measures: Mapping[str, Mapping[str, Measure]], likelihood: str, binarise: str) -> Section:
    """``measures``: of the test and the validation part."""
    other = [part for part in measures if part != "test"]
    rows = tuple(
        (
            title(name),
            nats(m.value),
            f"{nats(m.low)} to {nats(m.high)}" if math.isfinite(m.low) else "too few",
            m.n if m.units is None else m.counted(),
            *(nats_of(measures[part].get(name)) for part in other),
        )
        for name, m in measures["test"].items()
    )
    table = Table(("measure", "value", "95 % interval", "n", *other), rows, BOUND)
    return Section("Performance", (table, Text(PIXELS[likelihood, binarise])), "measures")


def nats(value: float) -> str:
    return f"{value:,.2f}".replace("-", "−")


def nats_of(m: Measure | None) -> str | None:
    return None if m is None else nats(m.value)


def images_section(rows: Sequence[Array]) -> Section:
    """``rows``: originals, their reconstructions, generated images, (n, H, W, C) uint8 each, as many in each row."""
    note = "Top: test images; middle: their reconstructions; bottom: images decoded from random codes."
    picture = Picture(sheet(np.concatenate(rows), len(rows[0])), "original, reconstructed, generated")
    return Section("Original, reconstructed, generated", (Pictures((picture,), note, wide=True),), "images")


def dimensions_section(
    kl: Array, variance: Array, active: Sequence[int], walks: Sequence[Array], reach: float
) -> Section:
    """``kl`` and ``variance`` of the means (L,); ``walks``: for each of the first living dimensions (n, H, W, C) uint8."""
    text = f"{len(active)} of {len(kl)} dimensions are active: the means of their codes vary by more than 0.01 (Burda et al. 2016)."
    if len(active) < len(kl):
        text += (
            " The others carry no information: a smaller --beta, a longer --kl-warmup or --free-bits can activate them."
        )
    order = np.argsort(-kl, kind="stable")
    names = tuple(f"{index + 1}" for index in order)
    bars = Bars(names, tuple(round(float(kl[index]), 3) for index in order), "KL divergence of each dimension [nats]")
    items: list[Item] = [Text(text), bars]
    if walks:
        to_pixels = ", ".join(str(index + 1) for index in active[: len(walks)])
        note = f"Each row varies one dimension from −{reach:g} to {reach:g}; the others are those of one test image."
        picture = Picture(sheet(np.concatenate(walks), len(walks[0])), f"dimensions {to_pixels}, from the top")
        items.append(Pictures((picture,), note, wide=True))
    return Section("Latent dimensions", tuple(items), "dimensions")


def plane_section(means: Array, labels: Sequence[str], grid: Array, reach: float) -> Section:
    """``means`` (n, 2) of the test codes; ``labels`` (n,) or none; ``grid``: decoded images of the plane, row by row."""
    places = np.linspace(0, len(means) - 1, min(len(means), MOST_POINTS)).astype(int)
    groups = tuple(labels[place] for place in places) if labels and len(set(labels)) <= MOST_COLOURS else ()
    x, y = (tuple(round(float(value), 3) for value in means[places, axis]) for axis in (0, 1))
    points = Scatter(
        "first dimension", "second dimension", x, y, "none", "Codes (means) of the test images.", groups=groups
    )
    note = f"Decoded codes from −{reach:g} to {reach:g} in both dimensions, the first to the right, the second upwards."
    picture = Picture(sheet(grid, round(len(grid) ** 0.5)), "the plane, decoded")
    return Section("Latent space", (points, Pictures((picture,), note, wide=True)), "plane")
