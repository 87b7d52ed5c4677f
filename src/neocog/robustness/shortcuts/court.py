"""The court: which cheap views tell the label (suspects), and does the network go by them (the accused)?

Honest data have cues too, as bees sit on flowers: that a view tells the label is suspicion. Accused is a cue only where the
network's answers follow it: pictures get the cue of one of another class, and, to know what the change alone does, of one of
their own. Letters: n samples, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.intervals import Groups, mean_measures
from neocog.records import Measure
from neocog.robustness.shortcuts.detective import Evidence, tell

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Answer = Callable[[Sequence[Floats]], Ints]  # (n,) the class of each stored picture (H, W, C) in 0 … 1
TIE = 0.05  # strengths that differ by less, or by less than a standard error, are one


@dataclass(frozen=True)
class Suspect:
    """A view that was asked, and how well it tells the label."""

    name: str
    evidence: Evidence


@dataclass(frozen=True)
class Followed:
    """What n answers do when pictures get the cue of others."""

    follows: Measure  # share that goes over to the cue's class, beyond those that the change alone brings there
    own: Measure  # share of right answers with the cue of another picture of the same class
    other: Measure  # … of a picture of another class


def suspects(
    views: Mapping[str, NDArray[Any]], labels: Ints, classes: int, groups: Sequence[object] | None = None, seed: int = 0
) -> list[Suspect]:
    """Each of ``views`` (name → (n, F)) that can be asked, the strongest first; of those that tell the same the one that
    stands first in ``views``, where the most particular do."""
    found = {name: tell(numbers, labels, classes, groups, seed) for name, numbers in views.items()}
    left = [Suspect(name, each) for name, each in found.items() if each is not None]
    ranked = []
    while left:
        best = max((each.evidence for each in left), key=lambda evidence: evidence.strength)
        first = next(each for each in left if each.evidence.strength >= best.strength - max(TIE, best.standard_error))
        ranked.append(first)
        left.remove(first)
    return ranked


def donors(labels: Ints, seed: int = 0) -> tuple[Ints, Ints]:
    """((n,), (n,)) for each sample one of its own class and one of another, drawn by lot; −1 where there is none."""
    draws, same, other = np.random.default_rng(seed), np.full(len(labels), -1), np.full(len(labels), -1)
    for index, label in enumerate(labels.tolist()):
        own, others = np.flatnonzero(labels == label), np.flatnonzero(labels != label)
        own = own[own != index]
        same[index] = draws.choice(own) if len(own) else -1
        other[index] = draws.choice(others) if len(others) else -1
    return same, other


def follow(
    labels: Ints, swapped: Callable[[int, int], Floats], answer: Answer, groups: Groups = None, seed: int = 0
) -> Followed:
    """Whether the answers to n pictures of ``labels`` (n,) follow a cue. ``swapped(i, j)``: picture i with the cue of picture j."""
    same, other = donors(labels, seed)
    asked = np.flatnonzero((same >= 0) & (other >= 0))

    def answers(givers: Ints) -> Ints:
        return answer([swapped(i, j) for i, j in zip(asked.tolist(), givers[asked].tolist(), strict=True)])

    own, changed = answers(same), answers(other)
    toward, truth = labels[other[asked]], labels[asked]
    went = (changed == toward).astype(float) - (own == toward)
    here = None if groups is None else np.asarray(groups)[asked]
    columns = np.stack([went, own == truth, changed == truth], axis=1)
    return Followed(*mean_measures(columns, ("correlation", "counts", "counts"), here, seed))
