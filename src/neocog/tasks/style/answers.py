"""What a run makes of photos, and what that is worth beside a photo that only gets the painting's colours. Letters: n photos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.data.cells import csv_of
from neocog.data.dataset import Array, Dataset
from neocog.data.normalise import normalise
from neocog.metrics.intervals import mean_measures
from neocog.predictor import Predictor
from neocog.records import Measure
from neocog.styling.measures import edge_correlation, palette_distance
from neocog.styling.palette import in_colours_of
from neocog.styling.shown import as_array, as_bytes
from neocog.tasks.evaluation import Evaluation, Samples
from neocog.tasks.style.objective import Style

NETWORK, COLOURS, PHOTO = "network", "colours alone", "photo"
MEASURES = ("style_loss", "edge_correlation", "palette_distance")


@dataclass(frozen=True)
class Answers:
    """Of the photos ``samples`` (n,): ``MEASURES`` (n, 3) of the network's pictures, of the photos in the painting's colours, and
    of the photos themselves."""

    samples: NDArray[np.int64]
    of: dict[str, NDArray[np.float64]]

    def column(self, name: str, measure: str) -> NDArray[np.float64]:
        """(n,)"""
        return self.of[name][:, MEASURES.index(measure)]


@torch.no_grad()
def answers_of(predictor: Predictor, objective: Style, samples: Samples, advance: Callable[[int], None]) -> Answers:
    """Every photo, fitted as the network learned them."""
    rows: dict[str, list[list[float]]] = {name: [] for name in (NETWORK, COLOURS, PHOTO)}
    for where, pixels in samples.batches(predictor.preprocessing):
        for one in torch.split(pixels, 1):
            photo = normalise(one.to(predictor.device), predictor.preprocessing)
            found = torch.from_numpy(predictor.of_pixels(one)).to(predictor.device).clamp(0, 1)
            shown = {NETWORK: found, COLOURS: in_colours_of(photo, objective.strokes.to(photo.device)), PHOTO: photo}
            for name, image in shown.items():
                rows[name].append(measured(photo, image, objective))
        advance(len(where))
    return Answers(samples.positions, {name: np.array(each).reshape(-1, len(MEASURES)) for name, each in rows.items()})


def measured(photo: Tensor, image: Tensor, objective: Style) -> list[float]:
    """``MEASURES`` of one picture (1, 3, H, W)."""
    loss_network = objective.loss_network(image.device)
    before, after, strokes = (as_array(each) for each in (photo, image, loss_network.strokes))
    style = float(loss_network.style(loss_network.sees(image)))
    return [style, edge_correlation(before, after), palette_distance(after, strokes)]


def evaluation_of(answers: Answers, samples: Samples) -> Evaluation:
    """How much of the photos' style loss and distance of colours is left, and whether their edges are kept; beside it, what the
    painting's colours alone come to."""

    def measures(name: str) -> dict[str, Measure]:
        left = {
            "style_left": answers.column(name, "style_loss") / answers.column(PHOTO, "style_loss"),
            "edge_correlation": answers.column(name, "edge_correlation"),
            "palette_left": answers.column(name, "palette_distance") / answers.column(PHOTO, "palette_distance"),
        }
        columns = np.stack([np.where(np.isfinite(each), each, np.nan) for each in left.values()], axis=1)
        found = mean_measures(columns, ("positive", "any", "positive"), samples.groups, samples.seed)
        return dict(zip(left, found, strict=True))

    return Evaluation(measures(NETWORK), {"baselines": {COLOURS: {"measures": measures(COLOURS)}}})


def predictions_csv(dataset: Dataset, answers: Answers) -> str:
    """One row a test photo: the measures of the network's picture, of the photo in the painting's colours, and of the photo."""
    heads = [measure if name == NETWORK else f"{measure}: {name}" for name in answers.of for measure in MEASURES]
    rows = (
        (str(dataset.names[index]), *(float(value) for table in answers.of.values() for value in table[row]))
        for row, index in enumerate(answers.samples.tolist())
    )
    return csv_of(("path", *heads), rows)


def restyled(predictor: Predictor, stored: Array) -> NDArray[np.uint8]:
    """(H, W, 3) of a fitted photo (3, H, W), in one piece: instance norm looks at the whole of it."""
    shares = predictor.of_pixels(torch.from_numpy(stored)[None])[0].transpose(1, 2, 0)
    return as_bytes(shares)
