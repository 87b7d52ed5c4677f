"""The sections on restored images: how good, against what needs no network, and where to look."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neocog.data.dataset import Array
from neocog.data.imresize import as_type
from neocog.metrics import title
from neocog.records import Item, Measure, Picture, Pictures, Section, Table, Text, Whiskers
from neocog.tasks.report.pictures import thumbnail
from neocog.tasks.report.quality import cells, short

GUESSES = "Restored pixels are guesses: do not measure intensities on them."
# What is said of measures where the wanted images are not clean
TRUTHS = {
    "noisy": "The target images are noisy exposures themselves: their noise counts as error, so PSNR and SSIM are "
    "lower than against clean images. They can still be compared with each other.",
    "itself": "There are no clean images to compare with. Measured is how well hidden pixels are predicted, against their noisy "
    "values, not how good a restored image is. Noise that is correlated between pixels is predicted, too, and is not removed.",
}
SIDE = 64  # pixels of a detail of the wanted image
SHOWN = 180  # of its picture
GAP = 4  # between the pictures of a row
COLUMNS = {
    "psnr": "PSNR [dB]", "psnr_all": "all channels [dB]", "psnr_invariant": "range-invariant [dB]", "nrmse": "error",
}  # short, so that the table fits  # fmt: skip
BETTER = 0.05  # p below which a difference is more than chance


@dataclass(frozen=True)
class Case:
    """One detail of a test image, as ``row_of`` shows it."""

    name: str
    text: str
    png: str


def performance_section(measures: Mapping[str, Mapping[str, Measure]], how: str, truth: str = "clean") -> Section:
    """``measures`` by part. ``how``: what PSNR and SSIM are of; ``truth``: what the wanted images are."""
    test, other = measures["test"], [part for part in measures if part != "test"]
    rows = tuple((title(n), *cells(m), *(short(measures[part].get(n)) for part in other)) for n, m in test.items())
    warned = [Text(TRUTHS[truth])] if truth in TRUTHS else []
    items: list[Item] = [Text(GUESSES), *warned, Table(("measure", "value", "95 % interval", "n", *other), rows, how)]
    return Section("Performance", tuple(items), "measures")


def baselines_section(own: Mapping[str, Measure], baselines: Mapping[str, Mapping[str, Any]]) -> Section:
    """The network beside what needs none, on the same images."""
    shown = next(iter(baselines.values()))["measures"]
    rows = [("network", *(short(own[m]) for m in shown), "", "")]
    sentences = []
    for name, found in baselines.items():
        gain, measures = found["gain"], found["measures"]
        sure = f"{gain.low:+.2f} to {gain.high:+.2f}" if math.isfinite(gain.low) else "too few images"
        chance = f"{gain.p:.2g}" if math.isfinite(gain.p) else "too few images"
        rows.append((title(name), *(short(measures[m]) for m in shown), f"{gain.difference:+.2f} ({sure})", chance))
        sentences.append(f"{gain.difference:+.2f} dB over {title(name)}{_in_words(gain.p)}")
    note = (
        "PSNR as published; SSIM; PSNR over all channels and pixels; after the best offset and factor (Weigert et al. 2018); root "
        "mean square error relative to the range. Gain: PSNR of the network minus that of the baseline on the same images: mean, "
        "95 % interval, and p of the paired sign-flip test."
    )
    heads = ("", *(COLUMNS.get(name, title(name)) for name in shown), "gain in PSNR [dB]", "p")
    labels = ("network", *map(title, baselines))
    shown_first = next(iter(shown))
    values = (own[shown_first], *(found["measures"][shown_first] for found in baselines.values()))
    items: tuple[Item, ...] = (
        Text(f"PSNR of the network: {'; '.join(sentences)}."),
        Whiskers(labels, values, f"{title(shown_first)} and 95 % interval [dB]"),
        Table(heads, tuple(rows), note),
    )
    return Section("Comparison with baselines", items, "baselines")


def _in_words(p: float) -> str:
    if math.isnan(p):
        return " (too few images for a test)"
    return "" if p <= BETTER else " (not significant)"


def cases_section(groups: Mapping[str, Sequence[Case]], first: str, reach: float) -> Section:
    """``groups``: what is shown → its cases. ``first``: what the second picture is; ``reach``: the difference that is white."""
    text = (
        f"Left to right: input, {first}, output of the network, target, and the absolute difference of the last two "
        f"(white: {reach:g} or more, in stored units)."
    )
    items: list[Item] = [Text(text)]
    for what, cases in groups.items():
        pictures = tuple(Picture(one.png, f"{one.text}\n{one.name}") for one in cases)
        if pictures:
            items.append(Pictures(pictures, what, wide=True))
    return Section("Smallest and largest gains", tuple(items), "cases")


def row_of(images: Sequence[Array], low: float, high: float, reach: float) -> str:
    """Base64 PNG of input, baseline, network and truth (H, W, C) and their difference side by side, each as large as the truth."""
    truth = images[-1]
    shown = [_levels(_as_large(image, truth), low, high) for image in images]
    apart = np.abs(images[-2].astype(np.float64) - truth).mean(axis=2, keepdims=True)
    shown.append(_levels(np.repeat(apart, truth.shape[2], axis=2), 0, reach))
    times = max(1, SHOWN // max(truth.shape[:2]))
    large = [image.repeat(times, axis=0).repeat(times, axis=1) for image in shown]
    gap = np.full((large[0].shape[0], GAP, large[0].shape[2]), 255, np.uint8)
    row = np.concatenate([part for image in large for part in (image, gap)][:-1], axis=1)
    return thumbnail(row.transpose(2, 0, 1), 0, 255, row.shape[1])


def _as_large(image: Array, truth: Array) -> Array:
    times = truth.shape[0] // image.shape[0]
    return image.repeat(times, axis=0).repeat(times, axis=1)


def _levels(image: Array, low: float, high: float) -> Array:
    return as_type((image.astype(np.float64) - low) * (255 / max(high - low, 1e-12)), np.dtype(np.uint8))


def worst_place(truth: Array, found: Array, scale: int, side: int = SIDE) -> tuple[int, int, int, int]:
    """Top, left, height and width, multiples of ``scale``, of the detail of ``side`` pixels where the two differ most."""
    height, width = (min(side, length) // scale * scale for length in truth.shape[:2])
    error = np.square(truth.astype(np.float64) - found).mean(axis=2)
    sums = np.pad(error.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    boxes = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    boxes = boxes[::scale, ::scale]
    top, left = np.unravel_index(int(boxes.argmax()), boxes.shape)
    return int(top) * scale, int(left) * scale, height, width
