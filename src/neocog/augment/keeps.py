"""Which changes a sample's answer survives: decided from a few hundred training samples, and from what their names say.

Off where the data or the names speak against a change, and where neither can say. Letters: N samples, C channels, K classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.augment.evidence import Answers, Evidence, halves, handedness, without
from neocog.augment.features import blocks, small
from neocog.augment.names import signed, swapped
from neocog.augment.objects import objects
from neocog.augment.sequence import reversed_complement
from neocog.data.dataset import Form
from neocog.data.readers.angles import period_of

ENOUGH = 600  # samples: more make the answer no surer, only later
MOST_CLASSES = 25
AXES = {"flip": -1, "flip_vertical": -2, "flip_d": -3, "flip_h": -2, "flip_w": -1}
ASKED: Mapping[Form, tuple[str, ...]] = {
    "images": ("flip", "flip_vertical", "light", "colour", "turn"),
    "volumes": ("flip_d", "flip_h", "flip_w"),
    "sequences": ("reverse",),
}
KINDS: Mapping[str, tuple[str, ...]] = {"light": ("brightness", "contrast"), "colour": ("saturation", "tint")}
CALLED = {
    "flip": "mirroring left and right", "flip_vertical": "mirroring top and bottom", "light": "brightness and contrast",
    "colour": "saturation and tint", "turn": "turning", "flip_d": "mirroring the slices' order (D)",
    "flip_h": "mirroring along the rows (H)", "flip_w": "mirroring along the columns (W)", "reverse": "the reverse complement",
}  # fmt: skip
MOST_LOST = {
    "light": 0.25,
    "colour": 0.4,
    "turn": 0.2,
}  # that colours help to tell bees from ants does not make them what they are
LARGE_TURN = 45  # degrees


@dataclass(frozen=True)
class Known:
    """What is known of N training samples, as far as a change can falsify it: one of labels, values, masks, or nothing."""

    names: tuple[str, ...] = ()  # of the classes or the targets
    labels: NDArray[np.int64] | None = None  # (N,)
    values: NDArray[np.float64] | None = None  # (N, V)
    masks: NDArray[np.uint8] | None = None  # (N, H, W)
    groups: NDArray[np.str_] | None = None  # (N,)


@dataclass(frozen=True)
class Verdict:
    """Whether a changed sample keeps its answer; None: doubtful."""

    change: str  # one of ``CALLED``
    keeps: bool | None
    evidence: str


@dataclass(frozen=True)
class Decision:
    """What became of a verdict: whether the change is made while the network learns, and whether the user said so."""

    change: str
    on: bool
    asked_for: bool
    keeps: bool | None
    evidence: str

    @property
    def against(self) -> bool:
        """Whether the user asked for what the data speak against."""
        return self.on and self.asked_for and self.keeps is False

    def __str__(self) -> str:
        answer = {
            True: "it keeps the label",
            False: "it changes the label",
            None: "it may change the label",
        }
        requested = ", as asked for" if self.asked_for else ""
        return f"{CALLED[self.change]}: {'on' if self.on else 'off'}{requested}; {answer[self.keeps]}: {self.evidence}"


def is_on(policy: object, change: str) -> bool:
    """Whether a policy (of images, volumes or sequences; None: nothing happens) makes a change."""
    if change == "turn":
        return getattr(policy, "turn", 0) > LARGE_TURN
    return any(getattr(policy, kind, 0) for kind in KINDS.get(change, (change,)))


def named(edits: Sequence[str], change: str) -> bool:
    """Whether the user's edits speak of a change."""
    names = {part.partition("=")[0].replace("-", "_") for text in edits for part in text.replace(",", " ").split()}
    return bool(names & {"off", "none", *KINDS.get(change, (change,))})


def decided(policy: object, edits: Sequence[str], found: Sequence[Verdict]) -> list[Decision]:
    """``policy``: the default one with the user's ``edits``. What the user named is as the user wants it."""
    return [
        Decision(
            each.change,
            is_on(policy, each.change) and (each.keeps is True or named(edits, each.change)),
            named(edits, each.change),
            each.keeps,
            each.evidence,
        )
        for each in found
    ]


def edited(edits: Sequence[str], decisions: Sequence[Decision]) -> tuple[str, ...]:
    """The edits of a policy that follow the decisions: what they turn off, then the user's own."""
    off = [kind for each in decisions if not each.on for kind in KINDS.get(each.change, (each.change,))]
    return (*(f"{kind}=off" for kind in off), *edits)


def chosen(train: NDArray[np.int64], labels: NDArray[np.int64], names: Sequence[str], seed: int) -> NDArray[np.int64]:
    """At most ``ENOUGH`` of the training samples, of every class about as many. ``labels`` (N,) of the whole data set.

    Of many classes, those that are named as mirror images of each other come first, then the largest.
    """
    counts = np.bincount(labels[train], minlength=1)
    first = [names.index(name) for change in AXES for name in swapped(names, change) or ()]
    large = np.argsort(-counts, kind="stable").tolist()
    picked = [label for label in dict.fromkeys([*first, *large]) if counts[label] >= 4 or counts.max() < 4][
        :MOST_CLASSES
    ]
    rng, found = np.random.default_rng(seed), list[NDArray[np.int64]]()
    for rank, label in enumerate(sorted(picked, key=lambda label: counts[label])):
        own = train[labels[train] == label]
        room = (ENOUGH - sum(len(each) for each in found)) // (len(picked) - rank)
        found.append(rng.permutation(own)[:room])
    return np.sort(np.concatenate(found)) if found else train[:0]


def verdicts(
    pixels: Tensor, known: Known, form: Form, changes: Sequence[str], seed: int = 0, colours: int = 3
) -> list[Verdict]:
    """On each of the ``changes``, for samples (N, C, …) in stored units. A function of its arguments alone."""
    copies = pixels if form == "sequences" else small(pixels)
    return [_with_names(_verdict(copies, known, form, change, seed, colours), known) for change in changes]


def _verdict(copies: Tensor, known: Known, form: Form, change: str, seed: int, colours: int) -> Verdict:
    if len(copies) < 8:
        return Verdict(change, None, f"{len(copies)} training samples are too few to ask")
    if known.masks is not None:
        made = objects(copies, torch.from_numpy(known.masks), len(known.names), AXES.get(change))
        copies = made.images
        groups = made.sources.astype(np.str_) if known.groups is None else known.groups[made.sources]
        known = replace(known, masks=None, labels=made.labels, groups=groups)
    if known.labels is None and known.values is None:
        return _plausible(copies, form, change, seed)
    if known.labels is not None:
        present, labels = np.unique(known.labels, return_inverse=True)
        known = replace(known, labels=labels)
        if len(present) < 2:
            return Verdict(change, None, "there is one class alone")
    answers = answered(known, change)
    if change in AXES or change == "reverse":
        found = halves(blocks(copies, form), blocks(changed(copies, change), form), answers, seed)
    else:
        found = without(blocks(copies, form), bare(copies, change, colours), answers, seed, MOST_LOST[change])
    worst = min(found, key=lambda each: {False: 0, None: 1, True: 2}[each.keeps])
    return Verdict(change, worst.keeps, _described(worst, answers, change))


def answered(known: Known, change: str) -> Answers:
    """Classes and values as they are; angles as cosine and sine, one of which a mirror image is to turn."""
    if known.labels is not None:
        return Answers(labels=known.labels, groups=known.groups)
    assert known.values is not None
    columns, odd = list[NDArray[np.float64]](), list[bool]()
    for k, name in enumerate(known.names):
        value, period = known.values[:, k].astype(np.float64), period_of(name)
        if period and change in ("flip", "flip_vertical"):
            columns += [np.cos(2 * np.pi / period * value), np.sin(2 * np.pi / period * value)]
            odd += [change == "flip", change == "flip_vertical"]
        elif not (period and change == "turn"):  # an angle is turned with its image
            columns.append(value)
            odd.append(False)
    return Answers(values=np.stack(columns or [np.zeros(len(known.values))], 1), odd=tuple(odd), groups=known.groups)


def changed(copies: Tensor, change: str) -> Tensor:
    """Mirror images, or the other strands."""
    if change == "reverse":
        return reversed_complement(copies[:, 0, 0])[:, None, None]
    return copies.flip(AXES[change])


def bare(copies: Tensor, change: str, colours: int) -> dict[str, Tensor]:
    """Features without what ``change`` changes: light, colours, or which way is up."""
    if change == "turn":
        turns = [blocks(copies.rot90(k, (-2, -1)), "images") for k in range(4)]
        return {name: torch.stack([each[name] for each in turns]).mean(0) for name in turns[0]}
    if change == "colour":
        grey = copies[:, :colours].mean(1, keepdim=True)
        return blocks(torch.cat([grey.expand_as(copies[:, :colours]), copies[:, colours:]], 1), "images")
    flat = copies.flatten(1)
    mean, std = (value[:, None, None, None] for value in (flat.mean(1), flat.std(1)))
    return blocks((copies - mean) / std.clamp(min=1e-6), "images")


def _plausible(copies: Tensor, form: Form, change: str, seed: int) -> Verdict:
    """Nothing is known of the samples but that they are samples: can a changed one be told from them?"""
    if change not in AXES and change != "reverse":
        return Verdict(change, None, "the samples have no labels to ask")
    found = handedness(blocks(copies, form), blocks(changed(copies, change), form), seed)
    right = (
        f"simple features tell a sample from its changed copy in {(1 + found.skill) / 2:.0%} of the cases (chance 50 %)"
    )
    return Verdict(change, not (found.learned and found.skill > 0.2), f"{right}; {len(copies):,} training samples")


def _described(found: Evidence, answers: Answers, change: str) -> str:
    """ "simple features reach a balanced accuracy of 1.00, those it does not change 0.52 (chance 0.50); …"."""
    many = len(found.all.losses)
    chance = 0.0 if answers.labels is None else 1 / (1 + int(answers.labels.max()))
    before, after = (chance + (1 - chance) * max(0.0, fit.skill) for fit in (found.best, found.kept))
    what = "an R²" if answers.labels is None else "a balanced accuracy"
    by_chance = "" if answers.labels is None else f" (chance {chance:.2f})"
    without_it = f"simple features reach {what} of {before:.2f}, those it does not change {after:.2f}{by_chance}"
    return f"{without_it}; cross-validated on {many:,} training samples"


def _with_names(verdict: Verdict, known: Known) -> Verdict:
    """What names say is enough to turn a change off, not to turn it on."""
    reasons = list(_names_against(verdict.change, known))
    if verdict.keeps is True and reasons:
        return replace(verdict, keeps=None, evidence=f"{'; '.join(reasons)}, though {verdict.evidence}")
    if reasons:
        return replace(verdict, evidence="; ".join([verdict.evidence, *reasons]))
    return verdict


def _names_against(change: str, known: Known) -> Iterator[str]:
    if known.values is None:
        if pair := swapped(known.names, change):
            yield f"by their names, it swaps {pair[0]} and {pair[1]}"
    elif name := signed(known.names, change):
        yield f"by its name, {name} changes its sign"
