"""Outputs (n, w) of a network that gives numbers for each sample: taken as ``evaluate`` does, and looked at when they come."""

from __future__ import annotations

import numpy as np

from neocog.competition.result import Failed
from neocog.data.dataset import Array, Dataset
from neocog.data.loader import Streamed
from neocog.predictor import Predictor
from neocog.tasks.evaluation import Samples, outputs_of


def vectors(predictor: Predictor, dataset: Dataset, width: int) -> Array:
    """(n, width) float32 of all samples, in their order."""
    store = Streamed(dataset.images, predictor.preprocessing, 0)
    return outputs_of(predictor, Samples(dataset, np.arange(len(dataset)), store, 0), width, lambda _: None)


def insist_on_numbers(given: Array, shape: tuple[int, int]) -> None:
    """Raise Failed unless answers are finite float32 of this shape."""
    if given.shape != shape or given.dtype != np.float32:
        raise Failed("answers", f"its answers are not {shape[0]} × {shape[1]} numbers")
    if not np.isfinite(given).all():
        raise Failed("answers", f"{int((~np.isfinite(given)).any(axis=1).sum())} answers are NaN or infinite")
