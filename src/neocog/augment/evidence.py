"""Does a changed sample keep its answer? Asked of the data, by cross-validation, before anything is trained.

A mirror image g(x) makes two halves of any features φ: the even one, (φ(x) + φ(g(x))) / 2, which mirroring leaves as it is,
and the odd one, (φ(x) − φ(g(x))) / 2, whose sign it turns. A network trained on images and mirror images under the same answers
can use the even half alone. So: how well do both halves together, and each alone, tell the answer of samples held out? Where
the odd half tells it, mirroring falsifies. (The decomposition of equivariant networks, Cohen & Welling 2016; whether
mirroring changes a distribution, Lin et al. 2020, "Visual Chirality"; learned, by gradient descent, Benton et al. 2020.)

Letters: N samples, T targets, F features.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

RIDGE = 0.1  # of the mean of a kernel's diagonal
LEARNED = 3.0  # standard deviations beyond chance that show that the features can learn the task at all
CLEAR = 4.0  # … that show it beyond what a choice among kernels can
SURE, DOUBT = 2.5, 1.5  # standard errors of a paired difference that are no accident, or may be none
DROP = 0.2  # of what is told: a change that loses more falsifies
CLASS_DROP, CLASS_SURE = 0.3, 4.0  # … of one class, of which there are many


@dataclass(frozen=True)
class Answers:
    """What is asked of N samples: ``labels`` (N,), or ``values`` (N, T), of which those at ``odd`` are to change their sign."""

    labels: NDArray[np.int64] | None = None
    values: NDArray[np.float64] | None = None
    odd: tuple[bool, ...] = ()  # (T,)
    groups: NDArray[np.str_] | None = None  # (N,)

    def targets(self) -> tuple[Tensor, Tensor]:
        """(N, T) float64 of mean 0, and each sample's weight (N,): classes weigh alike, however rare."""
        if self.labels is None:
            assert self.values is not None
            values = torch.from_numpy(self.values).double()
            return (values - values.mean(0)) / values.std(0).clamp(min=1e-12), torch.ones(len(values)).double()
        labels = torch.from_numpy(self.labels)
        counts = torch.bincount(labels)
        hot = torch.nn.functional.one_hot(labels, len(counts)).double()
        return hot - 1 / len(counts), (len(labels) / len(counts) / counts[labels]).double()

    def folds(self, count: int, seed: int) -> Tensor:
        """(N,) int64, five to ten parts of which each is predicted from the others; a group stands in one of them."""
        rng = np.random.default_rng(seed)
        many = 5 if count >= 200 else 10
        if self.groups is not None:
            names, which = np.unique(self.groups, return_inverse=True)
            return torch.from_numpy((rng.permutation(len(names)) % many)[which])
        order = rng.permutation(count)
        if self.labels is not None:
            order = order[np.argsort(self.labels[order], kind="stable")]
        folds = np.empty(count, dtype=np.int64)
        folds[order] = np.arange(count) % many
        return torch.from_numpy(folds)

    def independent(self, count: int) -> float:
        """The share of the samples that are independent of each other."""
        return 1.0 if self.groups is None else len(np.unique(self.groups)) / count


@dataclass(frozen=True)
class Fit:
    """How well some features predict the answers of held-out samples."""

    losses: Tensor  # (N,) float64: 0 where the answer is right; their mean is 1 by chance
    z: float  # standard deviations beyond chance

    @property
    def skill(self) -> float:
        """1 where all answers are right, 0 by chance."""
        return 1 - self.losses.mean().item()

    @property
    def learned(self) -> bool:
        return self.z >= LEARNED and self.skill > 0.02


@dataclass(frozen=True)
class Evidence:
    """How well all features predict the answers, those that a change leaves as they are, and those that it changes.

    ``moved``: how well all features, fitted to unchanged samples, predict the answers of changed ones.
    """

    all: Fit
    kept: Fit
    lost: Fit | None
    moved: Fit | None
    labels: Tensor | None  # (N,)
    independent: float = 1.0
    drop: float = DROP

    @property
    def best(self) -> Fit:
        return max((fit for fit in (self.all, self.lost) if fit), key=lambda fit: fit.skill)

    @property
    def keeps(self) -> bool | None:
        """Whether a changed sample keeps its answer; None where the features cannot say."""
        falls = self._falls() if self.best.learned else 0.0
        if falls > SURE or (self.best.learned and self._class_falls()):
            return False
        if self.lost and self.lost.learned and not self.kept.learned:
            return False
        if falls > DOUBT:
            return None
        either = self.lost and self.lost.z > CLEAR and self.lost.skill > 0.5 * self.best.skill
        if either and self.moved and self.moved.skill < (1 - DROP) * self.all.skill:
            return None  # either half predicts the answer, but for a changed sample they disagree
        learned = self.kept.learned or (self.all.learned and self.kept.z > max(2.0, self.lost.z if self.lost else 0.0))
        return True if learned else None

    def _falls(self) -> float:
        """How sure it is that more is lost than may be, in standard errors; 0 where less is."""
        more = self.kept.losses - self.best.losses
        return self._sure(more) if more.mean().item() > self.drop * self.best.skill else 0.0

    def _class_falls(self) -> bool:
        """A pair of classes that a change swaps is little among many."""
        if self.labels is None or self.lost is None:
            return False
        classes = int(self.labels.max()) + 1
        scale = classes / max(1, classes - 1)  # a loss of 1 is chance
        for label in range(classes):
            more = (self.kept.losses - self.all.losses)[self.labels == label]
            weight = self.all.losses.max().clamp(min=1e-12) if len(more) else 1.0
            share = more / weight if len(more) else more
            if len(more) > 1 and share.mean().item() * scale > CLASS_DROP and self._sure(more) > CLASS_SURE:
                return True
        return False

    def _sure(self, more: Tensor) -> float:
        """t of a mean difference; one that is the same everywhere counts as if it varied a little."""
        spread = more.std() + 0.1 * more.abs().max() + 1e-12
        standard_errors: float = (more.mean() / spread).item() * (len(more) * self.independent) ** 0.5
        return standard_errors


def halves(blocks: Mapping[str, Tensor], changed: Mapping[str, Tensor], answers: Answers, seed: int) -> list[Evidence]:
    """Of a change that undoes itself: features (N, F) of samples and of changed samples, name by name.

    One evidence for the classes, or one for each value.
    """
    pairs = [(blocks[name], changed[name]) for name in blocks]
    targets, _ = answers.targets()
    turns = answers.odd or (False,) * (1 if answers.labels is not None else targets.shape[1])
    across = with_mean(kernel(a, others=b) + 1 for a, b in pairs)
    every, moved = cross_validated_on(with_mean(kernel(a) + 1 for a, _ in pairs), across, answers, seed)
    even = cross_validated(with_mean(kernel((a + b) / 2) + 1 for a, b in pairs), answers, seed)
    odd = cross_validated(with_mean(kernel((a - b) / 2, centred=False) for a, b in pairs), answers, seed)
    labels = None if answers.labels is None else torch.from_numpy(answers.labels)
    independent = answers.independent(len(targets))
    return [
        Evidence(a, o if turned else e, e if turned else o, m, labels, independent)
        for a, e, o, m, turned in zip(every, even, odd, moved, turns, strict=True)
    ]


def without(
    blocks: Mapping[str, Tensor], bare: Mapping[str, Tensor], answers: Answers, seed: int, drop: float
) -> list[Evidence]:
    """Of a change after which ``bare`` (features without light, say) is all that is left of ``blocks``."""
    every, kept = (
        cross_validated(with_mean(kernel(f) + 1 for f in each.values()), answers, seed) for each in (blocks, bare)
    )
    labels = None if answers.labels is None else torch.from_numpy(answers.labels)
    independent = answers.independent(len(every[0].losses))
    return [Evidence(a, k, None, None, labels, independent, drop) for a, k in zip(every, kept, strict=True)]


def handedness(blocks: Mapping[str, Tensor], changed: Mapping[str, Tensor], seed: int) -> Fit:
    """How well a sample can be told from its changed self, whatever its answer."""
    count = len(next(iter(blocks.values())))
    ones, folds = torch.ones(count, 1).double(), Answers().folds(count, seed)
    found = [
        predicted(k, k, ones, ones[:, 0], folds)[0][:, 0]
        for k in with_mean(kernel((blocks[name] - changed[name]) / 2, centred=False) for name in blocks)
    ]
    losses = [torch.where(score > 0, 0.0, 2.0).double() for score in found]
    return max((Fit(loss, (1 - loss.mean().item()) * count**0.5) for loss in losses), key=lambda each: each.z)


def kernel(features: Tensor, centred: bool = True, others: Tensor | None = None) -> Tensor:
    """(N, F) → (N, N) float64 products of standardised features, of mean 1 on the diagonal.

    ``others`` (N, F): products of these with the features instead, on the features' own scale.
    """
    middle = features.mean(0) if centred else torch.zeros_like(features[0])
    given = features - middle
    spread = given.square().mean(0).sqrt()
    scale = spread + 0.1 * spread.mean() + 1e-12
    given = given / scale
    left = given if others is None else (others - middle) / scale
    return (left @ given.T).double() / given.square().sum(1).double().mean().clamp(min=1e-12)


def with_mean(kernels: Iterable[Tensor]) -> list[Tensor]:
    """The kernels, and their mean, which sees with all of them."""
    each = list(kernels)
    return [*each, torch.stack(each).mean(0)] if len(each) > 1 else each


def cross_validated(kernels: Sequence[Tensor], answers: Answers, seed: int) -> list[Fit]:
    """How well the best of the kernels predicts held-out samples: their class, or each value."""
    return cross_validated_on(kernels, kernels, answers, seed)[0]


def cross_validated_on(
    kernels: Sequence[Tensor], across: Sequence[Tensor], answers: Answers, seed: int
) -> tuple[list[Fit], list[Fit]]:
    """How well the best of the kernels predicts held-out samples, and the same kernel their changed selves (``across``)."""
    targets, weights = answers.targets()
    folds, signs = answers.folds(len(targets), seed), torch.ones(targets.shape[1]).double()
    if answers.odd:
        signs[torch.tensor(answers.odd)] = -1
    score = of_values if answers.labels is None else of_classes
    found = []
    for within, between in zip(kernels, across, strict=True):
        plain, moved = predicted(within, between, targets, weights, folds)
        found.append(list(zip(score(plain, answers), score(moved * signs, answers), strict=True)))
    pairs = [max(each, key=lambda pair: pair[0].skill) for each in zip(*found, strict=True)]
    return [plain for plain, _ in pairs], [moved for _, moved in pairs]


def predicted(
    products: Tensor, across: Tensor, targets: Tensor, weights: Tensor, folds: Tensor
) -> tuple[Tensor, Tensor]:
    """(N, T) each sample's targets, by ridge regression on the other folds; and its changed self's, by the same."""
    plain, moved = torch.zeros_like(targets), torch.zeros_like(targets)
    for fold in range(int(folds.max()) + 1):
        held, rest = (torch.nonzero(where)[:, 0] for where in (folds == fold, folds != fold))
        if len(held) and len(rest):
            inner = products[rest][:, rest] + torch.diag(RIDGE / weights[rest])
            solved = torch.linalg.solve(inner, targets[rest])
            plain[held], moved[held] = products[held][:, rest] @ solved, across[held][:, rest] @ solved
    return plain, moved


def of_classes(prediction: Tensor, answers: Answers) -> list[Fit]:
    """The classes' mean recall, so that a large class helps nobody."""
    labels = torch.from_numpy(answers.labels)
    classes = prediction.shape[1]
    _, weights = answers.targets()
    chance = 1 / classes
    losses = torch.where(prediction.argmax(1) == labels, 0.0, weights) / (1 - chance)
    spread = (chance / (1 - chance) / torch.bincount(labels).double()).sum().sqrt() / classes
    return [Fit(losses, ((1 - losses.mean()) / spread).item() * answers.independent(len(labels)) ** 0.5)]


def of_values(prediction: Tensor, answers: Answers) -> list[Fit]:
    """The share of each value's variance that is explained, R²."""
    targets, _ = answers.targets()
    losses = (targets - prediction).square() / targets.square().mean(0).clamp(min=1e-12)
    together = (targets * prediction).mean(0) / prediction.square().mean(0).sqrt().clamp(min=1e-12)
    scale = (len(targets) * answers.independent(len(targets))) ** 0.5
    return [
        Fit(losses[:, k], z * scale if losses[:, k].mean() < 1 else min(0.0, z))
        for k, z in enumerate(together.tolist())
    ]
