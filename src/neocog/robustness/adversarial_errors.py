"""Of masks, boxes and values: the task's own measure under changes that make its loss as large as they can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from neocog.attacks.apgd import apgd
from neocog.attacks.ball import Ball, Norm
from neocog.attacks.goal import Goal, never
from neocog.data.fit_boxes import fitted
from neocog.data.masks import IGNORED
from neocog.data.normalise import from_unit_range, in_unit_range
from neocog.metrics.stored import stored_measure
from neocog.records import Measure
from neocog.robustness.adversarial_report import TITLE, Errors, error_outcome
from neocog.robustness.adversarial_sizes import size
from neocog.robustness.clock import Clock
from neocog.robustness.outcome import Outcome, not_tried
from neocog.robustness.subject import Subject
from neocog.tasks.detection.objective import losses_of
from neocog.tasks.evaluation import Samples
from neocog.tasks.masks import class_order
from neocog.tasks.regression.task import objective_of, truths
from neocog.tasks.segmentation.own_size import header_of, is_large
from neocog.traits import needs

RADII: dict[Norm, tuple[float, ...]] = {
    "linf": (1 / 1020, 1 / 255, 0.005, 2 / 255, 4 / 255, 8 / 255),
    "l2": (0.1, 0.25, 0.5, 1, 2, 4),
}
MOST = {"masks": 24, "boxes": 24, "values": 400}  # samples: of masks and boxes each is many answers
STEPS = 20


def of_errors(subject: Subject, clock: Clock, norm: Norm, epsilon: float) -> Outcome:
    """The curve, and a verdict at ``epsilon``."""
    most = MOST[needs(subject.predictor.task)]
    samples, large = in_one_piece(subject, subject.few(min(subject.most or most, most)))
    if not len(samples):
        return not_tried(
            TITLE, "All images are too large for one piece and predicted in windows, which are not attacked."
        )
    radii = {size(radius, norm): radius for radius in (0.0, *RADII[norm], epsilon)}

    def measured(piece: str) -> tuple[str, Measure]:
        radius = radii[piece]
        return subject.main(samples, Attack(subject, Ball(norm, radius)) if radius else None)

    order = sorted(radii, key=lambda piece: (radii[piece] not in (0.0, epsilon), radii[piece]))
    found = clock.pieces("attacks", order, measured)
    if "0" not in found:
        return Outcome()
    values: Mapping[float, Measure] = {radii[piece]: stored_measure(each) for piece, (_, each) in found.items()}
    return error_outcome(Errors(found["0"][0], norm, epsilon, dict(sorted(values.items())), len(samples), STEPS, large))


def in_one_piece(subject: Subject, samples: Samples) -> tuple[Samples, int]:
    """Those that the network sees whole, and how many are cut into windows, whose pixels no change of fitted ones reaches."""
    if needs(subject.predictor.task) == "values":
        return samples, 0
    shapes = (header_of(samples.dataset, index) for index in samples.positions.tolist())
    whole = np.array([not is_large(subject.predictor, shape) for shape in shapes], bool)
    return replace(samples, positions=samples.positions[whole]), int((~whole).sum())


@dataclass(frozen=True)
class Attack:
    """Stored pixels as the loss suffers most from them: a change as ``Subject.evaluation`` takes it."""

    subject: Subject
    ball: Ball

    def __call__(self, pixels: Tensor, samples: Tensor) -> Tensor:
        predictor, preprocessing = self.subject.predictor, self.subject.preprocessing
        images = in_unit_range(pixels, preprocessing).clamp(0, 1).to(predictor.device)
        goal = self.goal(samples)

        def network(images: Tensor) -> Tensor:
            return predictor.outputs(from_unit_range(images, preprocessing))

        changed = apgd(network, images, goal, self.ball, samples.tolist(), STEPS, self.subject.seed)
        return from_unit_range(changed, preprocessing).cpu()

    def goal(self, samples: Tensor) -> Goal:
        """Wrong classes of pixels by cross-entropy, far values by the squared error, boxes by what was learned from."""
        dataset, predictor = self.subject.dataset, self.subject.predictor
        device = predictor.device
        if dataset.masks is not None:
            size, fit = predictor.preprocessing.size, predictor.preprocessing.fit
            masks = [dataset.masks.fitted(index, size, fit) for index in samples.tolist()]
            return Goal(torch.from_numpy(np.stack(masks)).long().to(device), pixel_loss, never)
        if dataset.boxes is not None:
            boxes = torch.from_numpy(self.boxes[samples.numpy()]).to(device)
            return Goal(
                boxes, lambda outputs, goal: losses_of(outputs, goal.truth, predictor.preprocessing.plane), never
            )
        names, objective = predictor.facts["target_names"], objective_of(predictor.facts)
        truth = torch.from_numpy(truths(dataset, names)[samples.numpy()]).float().to(device)

        def squared(outputs: Tensor, goal: Goal) -> Tensor:
            values, _ = objective.read(outputs)
            return (objective.error(values, goal.truth) / values.new_tensor(objective.std)).square().mean(1)

        return Goal(truth, squared, never)

    @cached_property
    def boxes(self) -> NDArray[np.float32]:
        """(N, M, 6) of all images at the network's size, in the run's order of classes."""
        known, order = self.subject.dataset.boxes, class_order(self.subject.dataset, self.subject.predictor.classes)
        assert known is not None
        return fitted(replace(known, labels=order[known.labels]), self.subject.preprocessing)


def pixel_loss(logits: Tensor, goal: Goal) -> Tensor:
    """(B,) mean cross-entropy of the pixels that count, of logits (B, K, H, W)."""
    each = F.cross_entropy(logits, goal.truth, ignore_index=IGNORED, reduction="none")
    counted = (goal.truth != IGNORED).flatten(1)
    return each.flatten(1).sum(1) / counted.sum(1).clamp(min=1)
