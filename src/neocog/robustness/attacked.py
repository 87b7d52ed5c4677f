"""What the part ``adversarial`` attacks: a classifier and its images, in blocks, with all that is measured of one block."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.attacks.apgd import apgd
from neocog.attacks.autoattack import autoattack
from neocog.attacks.ball import Ball, Norm
from neocog.attacks.deepfool import deepfool
from neocog.attacks.goal import any_other, only
from neocog.attacks.minimum_norm import fmn
from neocog.attacks.smallest import smallest_radii
from neocog.augment.counter import mix_integer
from neocog.checked import read
from neocog.data.normalise import as_saved, from_unit_range, in_unit_range
from neocog.robustness.adversarial_report import Example
from neocog.robustness.masked import masked_gradients
from neocog.robustness.subject import Subject
from neocog.tasks.classification.task import matched
from neocog.tasks.report.pictures import thumbnail

LECTURE = 0.005  # by which a pig becomes an airliner
RADII: dict[Norm, tuple[float, ...]] = {
    "linf": (1 / 1020, 1 / 255, LECTURE, *(grey / 255 for grey in (2, 3, 4, 6, 8, 12, 16, 32, 64))),
    "l2": (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3),
}
USUAL: dict[Norm, float] = {"linf": 1 / 255, "l2": 0.5}  # of which the verdict is
BLOCK, POSITIONS = 20, 40_000  # images, and positions of them, of a piece, lest one takes minutes: 1 of 224 × 224
SHOWN = 4


def asked(subject: Subject) -> tuple[Norm, float]:
    """The norm of changes, and how large those are that the verdict is about: by default what the run was trained to withstand."""
    norm: Norm = subject.options.get("norm", "linf")
    trained = subject.config.training.adversarial if norm == "linf" else 0.0
    return norm, read("epsilon", subject.options.get("epsilon", trained or USUAL[norm]), float)


@dataclass(frozen=True)
class Attacked:
    """A classifier and the images that are attacked, in blocks by name."""

    subject: Subject

    @property
    def norm(self) -> Norm:
        return asked(self.subject)[0]

    @property
    def epsilon(self) -> float:
        return asked(self.subject)[1]

    @cached_property
    def blocks(self) -> dict[str, list[int]]:
        """Positions in the data set, drawn by lot, so that the first blocks are like the others."""
        positions = self.subject.few().positions
        order = np.random.default_rng(mix_integer(self.subject.seed + 1)).permutation(len(positions))
        drawn, step = positions[order].tolist(), self.size
        return {f"image {start + 1}": drawn[start : start + step] for start in range(0, len(drawn), step)}

    @property
    def size(self) -> int:
        """Images of a block."""
        return max(1, min(BLOCK, POSITIONS // math.prod(self.subject.preprocessing.size)))

    def end(self, block: str) -> int:
        """The number of its last image."""
        return int(block.split()[-1]) + self.size - 1

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """(N,) in the run's order of classes."""
        return matched(self.subject.dataset, self.subject.predictor.classes)

    def network(self, images: Tensor) -> Tensor:
        """Images in [0, 1] → logits (B, K)."""
        return self.subject.predictor.outputs(from_unit_range(images, self.subject.preprocessing))

    def images(self, positions: list[int]) -> tuple[Tensor, Tensor]:
        """(images (B, C, …) in [0, 1], labels (B,))."""
        subject, where = self.subject, np.array(positions)
        pixels = torch.as_tensor(np.asarray(next(iter(subject.samples.store.stream(iter([where]))))))
        device = subject.predictor.device
        images = in_unit_range(pixels, subject.preprocessing).clamp(0, 1).to(device)
        return images, torch.from_numpy(self.labels[where]).to(device)

    def answers(self, images: Tensor) -> Tensor:
        """(B,) classes."""
        with torch.no_grad():
            return self.network(images).argmax(1)

    def smallest(self, block: str) -> dict[str, list[float | None]]:
        """By each of ``SMALLEST`` the size of the smallest change of each image; None where nothing was found."""
        images, labels = self.images(self.blocks[block])
        radii = sorted({*RADII[self.norm], self.epsilon})
        nearest = deepfool(self.network, images, labels, self.norm)
        away = Ball(self.norm, self.epsilon).size(nearest - images)
        found = {
            "apgd": smallest_radii(
                self.network, images, labels, self.norm, radii, self.blocks[block], self.subject.seed
            ),
            "fmn": fmn(self.network, images, labels, self.norm)[1].tolist(),
            "deepfool": torch.where(self.answers(nearest) != labels, away, torch.inf).tolist(),
        }
        return {name: [None if math.isinf(each) else each for each in sizes] for name, sizes in found.items()}

    def saved(self, block: str) -> dict[str, int]:
        """How many are turned by changes of several sizes, and how many of these still are, saved as they are stored."""
        images, labels = self.images(self.blocks[block])
        right = self.answers(images) == labels
        found = {"right": int(right.sum())}
        for radius in sorted({1 / 1020, LECTURE, self.epsilon} if self.norm == "linf" else {self.epsilon}):
            changed = self.attack(images, labels, self.blocks[block], radius)
            turned = right & (self.answers(changed) != labels)
            held = turned & (self.answers(as_saved(changed, self.subject.preprocessing)) != labels)
            found |= {f"turned {radius:.17g}": int(turned.sum()), f"saved {radius:.17g}": int(held.sum())}
        return found

    def attack(self, images: Tensor, labels: Tensor, numbers: list[int], radius: float) -> Tensor:
        """Any wrong answer, by Auto-PGD."""
        return apgd(self.network, images, any_other(labels), Ball(self.norm, radius), numbers, 50, self.subject.seed)

    def aim(self, images: Tensor, labels: Tensor, numbers: list[int], radius: float) -> Tensor:
        """The target and no other, by Auto-PGD."""
        target = torch.full_like(labels, self.subject.predictor.classes.index(self.subject.options["target"]))
        return apgd(
            self.network, images, only(labels, target), Ball(self.norm, radius), numbers, 100, self.subject.seed
        )

    @property
    def aimed_at(self) -> float:
        """The size of the changes towards the target: the lecture's, unless another one is asked for."""
        return self.epsilon if "epsilon" in self.subject.options or self.norm == "l2" else LECTURE

    def towards(self, block: str) -> dict[str, int]:
        """Of images of other classes, answered as such, how many are turned into the target."""
        images, labels = self.images(self.blocks[block])
        target = self.subject.predictor.classes.index(self.subject.options["target"])
        other = (self.answers(images) == labels) & (labels != target)
        changed = self.aim(images, labels, self.blocks[block], self.aimed_at)
        turned = other & (self.answers(changed) == target)
        held = turned & (self.answers(as_saved(changed, self.subject.preprocessing)) == target)
        return {"n": int(other.sum()), "turned": int(turned.sum()), "saved": int(held.sum())}

    def signs(self, block: str) -> dict[str, int]:
        images, labels = self.images(self.blocks[block])
        ball = Ball(self.norm, self.epsilon)
        return masked_gradients(self.network, images, labels, ball, self.blocks[block], self.subject.seed)

    def standard(self, block: str) -> dict[str, int]:
        """How many withstand each attack of AutoAttack and those before it."""
        images, labels = self.images(self.blocks[block])
        found = {"n": len(labels), "right": int((self.answers(images) == labels).sum())}
        ball = Ball(self.norm, self.epsilon)
        for attack, _, withstands in autoattack(
            self.network, images, labels, ball, self.blocks[block], self.subject.seed
        ):
            found[attack] = int(withstands.sum())
        return found

    def examples(self, found: Mapping[str, Mapping[str, Any]]) -> list[Example]:
        """The first images that were turned: into the target, where there is one, else at the size of the verdict."""
        aims = "target" in self.subject.options
        made: list[Example] = []
        for block in found["towards the target" if aims else "smallest changes"]:
            if len(made) < SHOWN:
                made += self.turned(self.blocks[block], aims)
        return made[:SHOWN]

    def turned(self, positions: list[int], aims: bool) -> list[Example]:
        images, labels = self.images(positions)
        radius = self.aimed_at if aims else self.epsilon
        changed = (self.aim if aims else self.attack)(images, labels, positions, radius)
        before, after = self.predicted(images), self.predicted(changed)
        saved = self.predicted(as_saved(changed, self.subject.preprocessing))
        target, classes = self.subject.options.get("target"), self.subject.predictor.classes
        found = []
        for i, position in enumerate(positions):
            truth = classes[int(labels[i])]
            if before[i][0] != truth or after[i][0] == truth or (aims and after[i][0] != target):
                continue
            change = 0.5 + 20 * (changed[i] - images[i])
            pngs = [thumbnail(each.cpu().numpy(), 0, 1) for each in (images[i], change, changed[i])]
            name = str(self.subject.dataset.names[position])
            found.append(Example(name, pngs, before[i], after[i], saved[i], radius))
        return found

    def predicted(self, images: Tensor) -> list[tuple[str, float]]:
        """(class, calibrated probability) of each image."""
        with torch.no_grad():
            logits = self.network(images).cpu().numpy()
        likely, classes = self.subject.predictor.probabilities(logits), self.subject.predictor.classes
        return [(classes[k], float(each[k])) for each, k in zip(likely, logits.argmax(1), strict=True)]
