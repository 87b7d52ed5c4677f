"""One step of training, for programs that drive the engine; a student writes these four lines out."""

from __future__ import annotations

import numpy as np

from neocog.scratch.loss import CrossEntropyLoss
from neocog.scratch.module import Array
from neocog.scratch.optim import Optimizer
from neocog.scratch.sequential import Sequential


def train_step(
    model: Sequential,
    criterion: CrossEntropyLoss,
    optimizer: Optimizer,
    x: Array,
    target: Array,
    *,
    weights: Array | None = None,
    lr: float | None = None,
    seed: list[int] | None = None,
) -> float:
    """Forward, loss, back, step; returns the loss. ``seed``, such as [seed, step], makes dropout's draws a function of it.

    x (N, C, H, W), target (N,) class numbers, ``weights`` (N,) of the samples, ``lr`` this step's rate.
    """
    if seed is not None:
        model.seed(seed)
    optimizer.zero_grad()
    loss = criterion(model(x), target, weights)
    model.backward(criterion.backward())
    optimizer.step(lr)
    return loss


def predict(model: Sequential, x: Array, batch: int = 512) -> Array:
    """Scores (N, K) in evaluation mode, a batch at a time; the mode is as before afterwards."""
    training = model.training
    model.eval()
    scores = np.concatenate([model(x[start : start + batch]) for start in range(0, max(len(x), 1), batch)])
    model.train(training)
    return scores
