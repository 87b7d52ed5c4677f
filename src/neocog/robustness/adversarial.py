"""Part ``adversarial``: the smallest changes of stored pixels that make answers wrong, and whether these figures can be believed.

Blocks of a few images in an order drawn by lot are the pieces, so that a short time means fewer images, each with all of its
figures. What is measured is an upper bound: a better attack could turn more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
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
from neocog.attacks.goal import any_other, only
from neocog.attacks.smallest import smallest_radii
from neocog.augment.counter import mix_integer
from neocog.checked import read
from neocog.data.normalise import as_saved, from_unit_range, in_unit_range
from neocog.errors import UserError, did_you_mean, listed, raise_all
from neocog.robustness.adversarial_errors import of_errors
from neocog.robustness.adversarial_report import Example, Found, sections, tables, verdicts
from neocog.robustness.clock import Clock
from neocog.robustness.masked import masked_gradients
from neocog.robustness.outcome import Outcome
from neocog.robustness.subject import Subject
from neocog.tasks.classification.task import matched
from neocog.tasks.report.pictures import thumbnail
from neocog.traits import needs, traits

LECTURE = 0.005  # by which a pig becomes an airliner
RADII: dict[Norm, tuple[float, ...]] = {
    "linf": (1 / 1020, 1 / 255, LECTURE, *(grey / 255 for grey in (2, 3, 4, 6, 8, 12, 16, 32, 64))),
    "l2": (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3),
}
USUAL: dict[Norm, float] = {"linf": 1 / 255, "l2": 0.5}  # of which the verdict is
BLOCK, POSITIONS = 20, 40_000  # images, and positions of them, of a piece, lest one takes minutes: 1 of 224 × 224
FIRST = 2  # blocks that come before all others, of each kind of figure
SIGNS = 100  # images at most that are searched for signs of masked gradients
SHOWN = 4


def check(subject: Subject) -> None:
    raise_all(_faults(subject))


def _faults(subject: Subject) -> list[UserError]:
    task, options, where = subject.predictor.task, subject.options, str(subject.run.folder)
    found = []
    if subject.dataset.form == "sequences":
        what = "a sequence cannot be asked for small changes: a letter is another or it is not"
        found.append(UserError(what, where, "leave the part out"))
    elif not traits(task).attacked:
        what = f"attacks are not for --task {task}: its answers are not held against a truth"
        found.append(UserError(what, where, "leave the part out"))
    if needs(task) == "classes" and len(subject.predictor.classes) < 2:
        found.append(UserError("with one class there is no other answer", where, "leave the part out"))
    norm, epsilon = options.get("norm", "linf"), options.get("epsilon")
    if norm not in RADII:
        found.append(UserError(f"--norm {norm} is not one of linf, l2", fix="linf: the largest change of a pixel"))
    elif epsilon is not None:
        most = (
            1.0
            if norm == "linf"
            else float(np.prod((subject.preprocessing.channels, *subject.preprocessing.size)) ** 0.5)
        )
        if not 0 < read("epsilon", epsilon, float) <= most:
            what = f"--epsilon {epsilon} is not above 0 and at most {most:g}, the whole range from black to white"
            found.append(UserError(what, fix="such as --epsilon 8/255"))
    target = options.get("target")
    if target is not None and needs(task) != "classes":
        found.append(UserError(f"--target {target}: --task {task} answers with no class", fix="leave it out"))
    elif target is not None and target not in subject.predictor.classes:
        classes = subject.predictor.classes
        fix = f"{did_you_mean(target, classes)}it knows {listed(classes, 30)}"
        found.append(UserError(f"--target {target} is no class of this run", where, fix))
    return found


def run(subject: Subject, clock: Clock) -> Outcome:
    if needs(subject.predictor.task) != "classes":
        return of_errors(subject, clock, *asked(subject))
    attacked = Attacked(subject)
    kinds: dict[str, Callable[[str], Any]] = {"smallest changes": attacked.smallest}
    if subject.preprocessing.dtype != "float32":
        kinds["saved as files"] = attacked.saved
    if "target" in subject.options:
        kinds["towards the target"] = attacked.towards
    kinds["signs of masked gradients"] = attacked.signs
    if subject.options.get("autoattack"):
        kinds["AutoAttack"] = attacked.standard
    found: dict[str, Mapping[str, Any]] = {}
    for most in (FIRST, len(attacked.blocks)):
        for kind, compute in kinds.items():
            names = list(attacked.blocks)[:most]
            if kind == "signs of masked gradients":
                names = [name for name in names if attacked.end(name) <= max(SIGNS, attacked.size)]
            found[kind] = clock.pieces(kind, names, compute)
    groups = subject.dataset.groups
    result = Found(
        norm=attacked.norm,
        epsilon=attacked.epsilon,
        radii=sorted({*RADII[attacked.norm], attacked.epsilon}),
        smallest=[radius for each in found["smallest changes"].values() for radius in each],
        groups=None
        if groups is None
        else [str(groups[i]) for b in found["smallest changes"] for i in attacked.blocks[b]],
        saved=_summed(found.get("saved as files", {})),
        target=subject.options.get("target", ""),
        towards=_summed(found.get("towards the target", {})),
        aimed_at=attacked.aimed_at,
        signs=_summed(found["signs of masked gradients"]),
        standard=_summed(found.get("AutoAttack", {})),
        classes=len(subject.predictor.classes),
        low=subject.preprocessing.low,
        high=subject.preprocessing.high,
        bits=_bits(subject.preprocessing.dtype),
        seed=subject.seed,
    )
    if not result.smallest:
        return Outcome()
    examples = attacked.examples(found)
    return Outcome(tables(result), sections(result, examples), verdicts(result))


def _bits(dtype: str) -> int:
    """Of a stored pixel; 0: it is no whole number."""
    return {"uint8": 8, "uint16": 16}.get(dtype, 0)


def _summed(blocks: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Counts of blocks, added up."""
    names = dict.fromkeys(name for block in blocks.values() for name in block)
    return {name: sum(block[name] for block in blocks.values()) for name in names}


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

    def smallest(self, block: str) -> list[float | None]:
        """The radius of each image; None where nothing was found."""
        images, labels = self.images(self.blocks[block])
        radii = sorted({*RADII[self.norm], self.epsilon})
        found = smallest_radii(self.network, images, labels, self.norm, radii, self.blocks[block], self.subject.seed)
        return [radius if radius < float("inf") else None for radius in found]

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
