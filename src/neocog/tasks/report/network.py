"""The sections on the network: its layers, and the filters of its first convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.records import Picture, Pictures, Section, Table, Text
from neocog.tasks.report.pictures import thumbnail

Array = NDArray[Any]
MOST = 64  # filters on a page


def network_section(
    model: str, layers: Sequence[tuple[str, str, Sequence[int], int]], parameters: int, size: Sequence[int]
) -> Section:
    """``layers``: name, kind, output shape without the batch, own parameters; ``size``: the input (C, H, W)."""
    rows = tuple((name, kind, times(shape), own or None) for name, kind, shape, own in layers)
    text = f"{model}: {parameters:,} parameters ({megabytes(parameters * 4)} at 32 bits), input {times(size)}."
    return Section("Network", (Text(text), Table(("layer", "kind", "output", "parameters"), rows)), "network")


def filters_section(weights: Array) -> Section:
    """The first convolution's weights (out, in, kh, kw) as pictures: mid-grey is 0, each scaled by its own largest.

    Three input channels are shown in colour, one in grey, others as their mean in grey.
    """
    shown = []
    for index, kernel in enumerate(np.asarray(weights, dtype=np.float64)[:MOST]):
        pixels = kernel if len(kernel) in (1, 3) else kernel.mean(axis=0, keepdims=True)
        largest = float(np.abs(pixels).max()) or 1.0
        shown.append(Picture(thumbnail(pixels, -largest, largest, 64), str(index)))
    out, channels, height, width = weights.shape
    note = f"{out} filters of {channels} × {height} × {width}; mid-grey is 0; each is scaled to its largest weight."
    if channels not in (1, 3):
        note += f" The mean over the {channels} input channels is shown."
    if out > MOST:
        note += f" The first {MOST} are shown."
    return Section("First-layer filters", (Pictures(tuple(shown), note),), "filters")


def times(shape: Sequence[int]) -> str:
    """(6, 28, 28) as text: 6 × 28 × 28."""
    return " × ".join(f"{n:,}" for n in shape)


def megabytes(size: int) -> str:
    """Bytes for people."""
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.1f} kB"
