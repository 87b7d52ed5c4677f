"""Detection: where objects are, of which class, and how far their edges lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor
from torch.nn import Module
from torch.nn import functional as F
from torchvision.ops import generalized_box_iou_loss

from neocog.data.boxes import cut_by
from neocog.data.dataset import Array
from neocog.data.fit_boxes import FRAME
from neocog.data.loader import Batch
from neocog.metrics.detection import Objects, average_precision, match, outcomes
from neocog.records import Section
from neocog.tasks.detection.decode import boxes_of, corners_of
from neocog.tasks.detection.targets import drawn, stride_of
from neocog.tasks.objective import Objective

EDGES = 5.0  # weight of the edges against the heat map
SURE, NEAR = 2.0, 4.0  # how little sure points, and points near a middle, weigh in the heat map's loss
BINS = 1000  # of scores, by which average precision is told while the network learns
HALF = np.array([0.5])  # overlap


@final
@dataclass(frozen=True)
class Detection(Objective):
    """Maps (B, K + 4, h, w) learned from boxes (B, M, 6): class (−1: none, −2: the image), x0, y0, x1, y1, ignored.

    ``objects``: how many an image of the training part has on average, by which losses are divided, so that each object weighs
    the same in whichever image it lies. ``most``: boxes that are told of an image.
    """

    network: Callable[[], Module]
    classes: tuple[str, ...]
    objects: float
    most: int

    def networks(self) -> dict[str, Module]:
        return {"model": self.network()}

    def losses(self, nets: Mapping[str, Module], batch: Batch) -> Iterator[tuple[str, Tensor]]:
        yield "model", batch.mean(self._losses(self.predict(nets, batch.inputs), batch))

    def _losses(self, outputs: Tensor, batch: Batch) -> Tensor:
        return losses_of(outputs, batch.targets, _plane(batch.inputs)) / self.objects

    def predict(self, nets: Mapping[str, Module], inputs: Tensor) -> Tensor:
        """(B, K + 4, h, w)."""
        outputs: Tensor = nets["model"](inputs).float()
        return outputs

    def tally(self, nets: Mapping[str, Module], batch: Batch) -> dict[str, Tensor]:
        """Right and wrong boxes (K, bins of scores) at an overlap of 0.5, and true boxes (K,)."""
        outputs, k = self.predict(nets, batch.inputs), len(self.classes)
        truth = true_objects(batch.targets.cpu().numpy())
        found = found_objects(boxes_of(outputs, _plane(batch.inputs), self.most), batch.targets)
        hits = outcomes(match(truth, found, HALF))[:, 0]
        bins = np.minimum((found.score * BINS).astype(np.int64), BINS - 1) + found.label * BINS
        counts = [np.bincount(bins[hits == kind], minlength=k * BINS).reshape(k, BINS) for kind in (1, 0)]
        true = np.bincount(truth.label[~truth.ignored], minlength=k)
        right, wrong, there = (torch.from_numpy(each).double().to(outputs.device) for each in (*counts, true))
        return {
            "right": right,
            "wrong": wrong,
            "true": there,
            "loss": self._losses(outputs, batch).double().sum(),
            "n": torch.tensor(len(batch), dtype=torch.float64, device=outputs.device),
        }

    def measures(self, totals: Mapping[str, Tensor]) -> dict[str, float]:
        """At the network's own size, scores rounded to a thousandth: the mean average precision over classes with boxes."""
        right, wrong, true = (
            totals[name].cpu().numpy().round().astype(np.int64) for name in ("right", "wrong", "true")
        )
        each = [_binned(*rows) for rows in zip(right, wrong, true.tolist(), strict=True) if rows[2]]
        return {"ap50": float(np.mean(each)) if each else 0.0, "loss": float(totals["loss"] / totals["n"])}

    def sections(self, classes: Sequence[str], totals: Mapping[str, Tensor]) -> list[Section]:
        return []


def losses_of(outputs: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """(B,) of outputs (B, K + 4, h, w) for images of ``size`` (H, W) with ``boxes`` (B, M, 6): the focal loss of the heat map, and
    of the edges 1 − GIoU (Rezatofighi et al. 2019). With the image's own frame among the boxes, what the network finds at its
    border counts only where there is a box."""
    cells = _plane(outputs)
    stride = stride_of(size, cells)
    wanted = drawn(boxes, outputs.shape[1] - 4, cells, stride)
    found, edges = (each.permute(0, 2, 3, 1).flatten(1, 2) for each in (corners_of(outputs, stride), wanted.edges))
    at_border = cut(boxes, found.detach()).view(len(outputs), 1, *cells)
    heat = focal(outputs[:, :-4], wanted.heat, wanted.silent | at_border)
    apart = generalized_box_iou_loss(found.flatten(0, 1), edges.flatten(0, 1)).view(len(outputs), -1)
    losses: Tensor = heat + EDGES * (apart * wanted.weights.flatten(1)).sum(1)
    return losses


def cut(boxes: Tensor, found: Tensor) -> Tensor:
    """(B, d) whether ``found`` (B, d, 4) end at the border of their image, where a row of ``boxes`` (B, M, 6) is its frame."""
    at_border: Tensor = cut_by(boxes[:, -1:, 1:5], found) & (boxes[:, -1:, 0] == FRAME)
    return at_border


def _plane(maps: Tensor) -> tuple[int, int]:
    return maps.shape[-2], maps.shape[-1]


def _binned(right: Array, wrong: Array, true: int) -> float:
    """Average precision of counts by score bin, the wrong ones of a bin before its right ones."""
    kinds = np.stack([wrong[::-1], right[::-1]], axis=1).reshape(-1)
    hits = np.repeat(np.tile([0, 1], len(right)), kinds)
    return float(average_precision(hits[:, None], true)[0])


def focal(logits: Tensor, heat: Tensor, silent: Tensor) -> Tensor:
    """(B,) sums of the loss of heat maps (B, K, h, w): in a middle −(1 − p)² log p, elsewhere −(1 − heat)⁴ p² log(1 − p).

    Law & Deng 2018 (CornerNet), after Lin et al. 2017. Nothing of what is ``silent``.
    """
    p = logits.sigmoid()
    middle = -((1 - p) ** SURE) * F.logsigmoid(logits)
    others = -((1 - heat) ** NEAR) * p**SURE * F.logsigmoid(-logits)
    return torch.where(heat == 1, middle, others.masked_fill(silent, 0.0)).flatten(1).sum(1)


def true_objects(boxes: Array) -> Objects:
    """Of (B, M, 6), without the rows that only fill up."""
    image, row = np.nonzero(boxes[..., 0] >= 0)
    chosen = boxes[image, row]
    corners, ignored = chosen[:, 1:5].astype(np.float64), chosen[:, 5] > 0
    return Objects(image, chosen[:, 0].astype(np.int64), corners, np.ones(len(image)), ignored)


def found_objects(found: Sequence[tuple[Tensor, Tensor, Tensor]], boxes: Tensor) -> Objects:
    """Boxes of several images, which are numbered in their order; what their true ``boxes`` (B, M, 6) say of the border."""
    image = np.repeat(np.arange(len(found)), [len(score) for *_, score in found])
    corners, label, score = (torch.cat([one[part] for one in found]).cpu().numpy() for part in range(3))
    ends = [cut(own[None], one[0][None])[0] for own, one in zip(boxes, found, strict=True)]
    ignored = torch.cat(ends).cpu().numpy()
    return Objects(image, label.astype(np.int64), corners.astype(np.float64), score.astype(np.float64), ignored)
