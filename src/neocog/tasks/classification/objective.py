"""Classification: one label an image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import torch
from torch import Tensor
from torch.nn import Module
from torch.nn import functional as F

from neocog.data.loader import Batch
from neocog.records import Section
from neocog.tasks.objective import Objective
from neocog.tasks.report.quality import confusion_section


@final
@dataclass(frozen=True)
class Classification(Objective):
    """Logits (B, K) learned from labels (B,). ``class_weights`` (K,) multiply the losses of a class; their mean over the
    training part is 1."""

    network: Callable[[], Module]
    classes: tuple[str, ...]
    loss: Literal["cross-entropy", "mse", "mae"] = "cross-entropy"
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] = ()

    def networks(self) -> dict[str, Module]:
        return {"model": self.network()}

    def losses(self, nets: Mapping[str, Module], batch: Batch) -> Iterator[tuple[str, Tensor]]:
        logits = nets["model"](batch.inputs).float()
        losses = self._weighed(logits, batch.targets)
        if batch.others is not None and batch.shares is not None:  # images of two classes
            losses = batch.shares * losses + (1 - batch.shares) * self._weighed(logits, batch.others)
        yield "model", batch.mean(losses)

    def _weighed(self, logits: Tensor, targets: Tensor) -> Tensor:
        """(B,) losses to learn by."""
        losses = self._losses(logits, targets, self.label_smoothing)
        return losses * losses.new_tensor(self.class_weights)[targets] if self.class_weights else losses

    def _losses(self, logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        """(B,) losses. MSE and MAE compare the probabilities with the one-hot truth, summed over the classes."""
        if self.loss == "cross-entropy":
            return F.cross_entropy(logits, targets, reduction="none", label_smoothing=smoothing)
        error = logits.softmax(1) - F.one_hot(targets, logits.shape[1])
        return error.square().sum(1) if self.loss == "mse" else error.abs().sum(1)

    def predict(self, nets: Mapping[str, Module], inputs: Tensor) -> Tensor:
        """Logits (B, K), from which calibrated probabilities are softmax(logits / temperature)."""
        logits: Tensor = nets["model"](inputs).float()
        return logits

    def tally(self, nets: Mapping[str, Module], batch: Batch) -> dict[str, Tensor]:
        logits = self.predict(nets, batch.inputs)
        pairs = batch.targets * len(self.classes) + logits.argmax(1)
        confusion = torch.bincount(pairs, minlength=len(self.classes) ** 2).double()
        return {
            "confusion": confusion.reshape(len(self.classes), -1),  # rows: truth, columns: prediction
            "loss": self._losses(logits, batch.targets, 0.0).double().sum(),
            "n": torch.tensor(len(batch), dtype=torch.float64, device=logits.device),
        }

    def measures(self, totals: Mapping[str, Tensor]) -> dict[str, float]:
        n = float(totals["n"])
        return {"accuracy": float(totals["confusion"].trace()) / n, "loss": float(totals["loss"]) / n}

    def sections(self, classes: Sequence[str], totals: Mapping[str, Tensor]) -> list[Section]:
        return [confusion_section(totals["confusion"].cpu().numpy().astype(np.int64), classes)]


def balanced_weights(labels: Sequence[int], classes: int) -> tuple[float, ...]:
    """(K,) weights by which every class counts the same, and whose mean over ``labels`` is 1."""
    counts = torch.bincount(torch.as_tensor(labels), minlength=classes).double()
    present = int((counts > 0).sum())
    return tuple((counts.sum() / (present * counts.clamp(min=1))).tolist())
