"""Segmentation: one class a pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor
from torch.nn import Module

from neocog.data.loader import Batch
from neocog.records import Section
from neocog.tasks.objective import Objective
from neocog.tasks.segmentation.losses import IGNORE, LOSSES
from neocog.tasks.segmentation.report import pixel_confusion_section


@final
@dataclass(frozen=True)
class Segmentation(Objective):
    """Logits (B, K, H, W) learned from masks (B, H, W) of class numbers, 255 where a pixel does not count.

    ``class_weights`` (K,) multiply what a class's pixels (of Dice and Tversky: the class) add to a sample's loss.
    """

    network: Callable[[], Module]
    classes: tuple[str, ...]
    loss: str = "dice+cross-entropy"
    class_weights: tuple[float, ...] = ()

    def networks(self) -> dict[str, Module]:
        return {"model": self.network()}

    def losses(self, nets: Mapping[str, Module], batch: Batch) -> Iterator[tuple[str, Tensor]]:
        logits = nets["model"](batch.inputs).float()
        weights = logits.new_tensor(self.class_weights) if self.class_weights else None
        losses = LOSSES[self.loss](logits, batch.targets.long(), weights)
        yield "model", batch.mean(losses)

    def predict(self, nets: Mapping[str, Module], inputs: Tensor) -> Tensor:
        """Logits (B, K, H, W)."""
        logits: Tensor = nets["model"](inputs).float()
        return logits

    def tally(self, nets: Mapping[str, Module], batch: Batch) -> dict[str, Tensor]:
        logits, targets = self.predict(nets, batch.inputs), batch.targets.long()
        each = confusions(targets, logits.argmax(1), len(self.classes))  # (B, K, K)
        dice = sample_dice(each, first_counted(self.classes))
        return {
            "confusion": each.sum(0),  # rows: truth, columns: prediction
            "dice": dice.nan_to_num(0.0).sum(),
            "with_dice": (~dice.isnan()).double().sum(),
            "loss": LOSSES[self.loss](logits, targets, None).double().sum(),
            "n": torch.tensor(len(batch), dtype=torch.float64, device=logits.device),
        }

    def measures(self, totals: Mapping[str, Tensor]) -> dict[str, float]:
        """At the network's own size: mean Dice over the images in which there is something to find, or was found."""
        matrix = totals["confusion"]
        hits, union = matrix.diag(), matrix.sum(0) + matrix.sum(1) - matrix.diag()
        counted = union > 0
        counted[: first_counted(self.classes)] = False
        return {
            "dice": float(totals["dice"] / totals["with_dice"].clamp(min=1)),
            "iou": float((hits / union)[counted].mean()) if counted.any() else 0.0,
            "accuracy": float(hits.sum() / matrix.sum().clamp(min=1)),
            "loss": float(totals["loss"] / totals["n"]),
        }

    def sections(self, classes: Sequence[str], totals: Mapping[str, Tensor]) -> list[Section]:
        return [pixel_confusion_section(totals["confusion"].cpu().numpy().astype(np.int64), classes)]


def confusions(targets: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """(B, K, K) counts of pixels of each sample, rows: truth, columns: prediction; both (B, H, W)."""
    counted = targets != IGNORE
    sample = torch.arange(len(targets), device=targets.device).view(-1, 1, 1).expand_as(targets)
    places = (sample * classes + targets) * classes + predicted
    counts = torch.bincount(places[counted], minlength=len(targets) * classes**2)
    return counts.view(len(targets), classes, classes).double()


def sample_dice(each: Tensor, first: int = 1) -> Tensor:
    """(B,) mean Dice over the classes from ``first`` on that a sample has in truth or prediction, NaN without one."""
    hits = each.diagonal(dim1=1, dim2=2)  # (B, K)
    both = each.sum(1) + each.sum(2)
    return torch.where(both > 0, 2 * hits / both, torch.nan)[:, first:].nanmean(1)


def first_counted(classes: Sequence[str]) -> int:
    """1 where class 0 is named as the background, whose large overlap would flatter every mean; otherwise 0."""
    return int(classes[0].strip("_ ").lower() in ("background", "bg", "void"))
