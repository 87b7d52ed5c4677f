"""Images and volumes larger than those of the training, in overlapping blocks of the network's own size.

A network that learned volumes of 28³ sees nothing of a scan of 300³ that is shrunk to 28³. Here the scan keeps the training's
scale, every block is predicted, and the sample's probabilities are the mean over the blocks.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.data.cells import safe_cell
from neocog.data.dataset import Array, BadImage, Header
from neocog.data.resize import fit
from neocog.predictor import Predictor, probabilities
from neocog.tasks.classification.predictions import RANKS, class_rows, columns
from neocog.tasks.evaluation import Advance, at_once
from neocog.tasks.files import read
from neocog.tasks.task import Predicted

AXES = ("slice", "row", "column")
Place = tuple[slice, ...]


@dataclass(frozen=True)
class Blocks:
    """A sample's blocks: where they lie in the stored pixels, what decides their class (n, K), and their calibrated
    probabilities (n, K)."""

    places: list[Place]
    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64]


def predict_blocks(predictor: Predictor, paths: Sequence[Path], advance: Advance) -> tuple[Predicted, str]:
    """One row a file, the mean over its blocks; and as CSV one row a block: where it lies, and its probabilities."""
    rows, text = [], io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    axes = AXES[-len(predictor.preprocessing.size) :]
    edges = [f"{edge} {axis}" for axis in axes for edge in ("from", "to")]
    heads = [safe_cell(f"p:{name}") for name in predictor.classes]
    writer.writerow(["path", *edges, "label", "probability", *heads])
    whole = replace(predictor.preprocessing, draft=False)  # blocks are cut at the training's scale
    for path in paths:
        row: dict[str, Any] = {"path": str(path), "skipped": ""}
        try:
            found = predicted_blocks(predictor, *read(path, whole), str(path))
        except BadImage as error:
            row["skipped"] = error.what
        else:
            row |= class_rows(found.scores.mean(axis=0), found.probabilities.mean(axis=0), predictor.classes)
            row["blocks"] = len(found.places)
            for place, scores, values in zip(found.places, found.scores, found.probabilities, strict=True):
                top = class_rows(scores, values, predictor.classes)
                where = [edge for side in place for edge in (side.start, side.stop)]
                writer.writerow(
                    [safe_cell(str(path)), *where, safe_cell(top["label"]), top["probability"], *values.tolist()]
                )
        rows.append(row)
        advance(1)
    every = ("path", *(head for pair in RANKS for head in pair), "blocks", *columns(predictor.classes), "skipped")
    return Predicted(every, tuple(rows)), text.getvalue()


def predicted_blocks(predictor: Predictor, stored: Array, header: Header | None = None, name: str = "") -> Blocks:
    """The blocks of stored pixels (…, C). Raises BadImage."""
    size = predictor.preprocessing.size
    pixels, scale = at_scale(predictor, stored)
    predictor.look(pixels, name, header)
    places = list(blocks(pixels.shape[1:], size))
    logits, batch = [], at_once(predictor.preprocessing)
    for start in range(0, len(places), batch):
        cut = np.stack([pixels[(slice(None), *place)] for place in places[start : start + batch]])
        logits.append(predictor.of_pixels(torch.from_numpy(cut)))
    in_stored = [
        tuple(
            slice(round(side.start / times), min(full, round(side.stop / times)))
            for side, times, full in zip(place, scale, stored.shape[:-1], strict=True)
        )
        for place in places
    ]
    known = np.concatenate(logits)
    return Blocks(in_stored, probabilities(known, predictor.temperature), predictor.probabilities(known))


def at_scale(predictor: Predictor, stored: Array) -> tuple[Array, list[float]]:
    """(pixels (C, …) at the scale at which the network learned, at least a block large; the scale along each side)."""
    preprocessing = predictor.preprocessing
    usual = predictor.facts.get("stored") or preprocessing.size
    scale = [side / before for side, before in zip(preprocessing.size, usual, strict=True)]
    if preprocessing.fit != "resize":  # all sides alike
        scale = [(max if preprocessing.fit == "crop" else min)(scale)] * len(scale)
    scale = [side / preprocessing.crop_share for side in scale]
    shape = tuple(max(1, round(side * times)) for side, times in zip(stored.shape[:-1], scale, strict=True))
    pixels = fit(stored, replace(preprocessing, size=shape, fit="resize", crop_share=1.0))
    missing = [max(0, side - have) for side, have in zip(preprocessing.size, shape, strict=True)]
    return np.pad(pixels, [(0, 0), *((0, more) for more in missing)], mode="edge"), scale


def blocks(shape: Sequence[int], size: Sequence[int]) -> Iterator[Place]:
    """Where blocks of ``size`` lie in ``shape``: neighbours overlap by half a block or more, all of it is covered."""
    sides = []
    for have, side in zip(shape, size, strict=True):
        count = 1 + -(-2 * (have - side) // side)
        starts = np.rint(np.linspace(0, have - side, count)).astype(int).tolist()
        sides.append([slice(start, start + side) for start in starts])
    yield from itertools.product(*sides)
