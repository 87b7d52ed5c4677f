"""One change, or one patch, for all images: made from half of them, tested on the others, beside one that was drawn by lot."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neocog.attacks.ball import Ball, drawn
from neocog.attacks.patch import laid, patch, places
from neocog.attacks.universal import added, pieces, universal
from neocog.metrics.intervals import share_measure
from neocog.records import Item, Picture, Pictures, Table, Text
from neocog.robustness.adversarial_sizes import size
from neocog.robustness.attacked import Attacked
from neocog.robustness.clock import Clock
from neocog.robustness.outcome import bounds
from neocog.tasks.report.pictures import thumbnail

IMAGES, POSITIONS = 400, 2_000_000  # at most, half of which the change is made from: 40 images of 224 × 224
AT_ONCE = 400_000  # positions of a step
RADII = {"linf": (4 / 255, 8 / 255, 16 / 255), "l2": (1.0, 2.0, 4.0)}
AREAS = (0.02, 0.05, 0.1)  # shares of a picture that a patch covers
ANEW = 1000  # the turn by which patches are laid where they are tested: none of those in which they were learned
HEADS = ("kind", "size", "accuracy", "low", "high", "n", "by_lot", "unchanged", "made_from")
TEXT = (
    "A universal perturbation and a universal patch: one for all images, computed on {made:,} images and tested on {n:,} others. "
    "Random: one of the same size with random pixels. Patches lie at a random position of each image, and cover as much of it."
)


def for_all(attacked: Attacked, clock: Clock) -> tuple[dict[str, Table], tuple[Item, ...]]:
    """A table, and what the report shows; nothing where there are too few images for two halves, or no time was left."""
    most = min(IMAGES, POSITIONS // math.prod(attacked.subject.preprocessing.size))
    blocks = list(attacked.blocks)[: max(2, most // attacked.size)]
    if len(blocks) < 2:
        return {}, ()
    halves = Halves(attacked, blocks[::2], blocks[1::2])
    found = clock.pieces("one change for all", halves.names(), halves.measured)
    if not found:
        return {}, ()
    table = Table(HEADS, tuple(rows(found, halves)))
    text = Text(TEXT.format(made=len(halves.made_from), n=len(halves.tested)))
    heads = ("universal attack", "accuracy (95 % interval)", "random", "unchanged")
    shown = Table(heads, tuple(cells(row, attacked) for row in table.rows))
    largest = {name.split(" ")[0]: name for name in found}.values()
    pictures = (pictured(name, found[name]["pngs"], attacked) for name in largest)
    return {"adversarial_universal": table}, (text, shown, *pictures)


@dataclass(frozen=True)
class Halves:
    """Blocks of images that the changes are made from, and others that test them."""

    attacked: Attacked
    first: Sequence[str]
    second: Sequence[str]

    @cached_property
    def made_from(self) -> list[int]:
        """Positions in the data."""
        return [position for block in self.first for position in self.attacked.blocks[block]]

    @cached_property
    def tested(self) -> list[int]:
        return [position for block in self.second for position in self.attacked.blocks[block]]

    @cached_property
    def images(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Of each half (images (B, C, …) in [0, 1], labels (B,))."""
        return self.attacked.images(self.made_from), self.attacked.images(self.tested)

    @property
    def at_once(self) -> int:
        return max(1, AT_ONCE // math.prod(self.attacked.subject.preprocessing.size))

    def names(self) -> list[str]:
        """Of what is tried: a kind and its size."""
        norm, epsilon = self.attacked.norm, self.attacked.epsilon
        found = [f"change {radius:.17g}" for radius in sorted({*RADII[norm], epsilon})]
        flat = len(self.attacked.subject.preprocessing.size) == 2
        return found + [f"patch {area:g}" for area in AREAS if flat]

    def measured(self, name: str) -> dict[str, Any]:
        """Which of the images that test are answered rightly, the shares by lot and unchanged, and PNGs."""
        kind, _, amount = name.partition(" ")
        changed, by_lot, png = (self.change if kind == "change" else self.patch)(float(amount))
        images, right = self.images[1][0], self.right(changed)
        pngs = [thumbnail(each.cpu().numpy(), 0, 1) for each in (images[0], png, changed[0])]
        lot, unchanged = (float(self.right(each).double().mean()) for each in (by_lot, images))
        return {"right": right.tolist(), "by lot": lot, "unchanged": unchanged, "pngs": pngs}

    def right(self, images: Tensor) -> Tensor:
        """(B,) bool."""
        parts = pieces(len(images), self.attacked.size)
        return torch.cat([self.attacked.answers(images[part]) for part in parts]) == self.images[1][1]

    def change(self, radius: float) -> tuple[Tensor, Tensor, Tensor]:
        """The other images changed, changed by lot, and the change to be seen: grey is none, black and white the radius."""
        (images, labels), (others, _), ball = *self.images, Ball(self.attacked.norm, radius)
        found = universal(self.attacked.network, images, labels, ball, at_once=self.at_once)
        lot = drawn(images[:1], self.attacked.subject.seed, [0], normal=ball.norm == "l2")
        lot = ball.within((lot.sign() if ball.norm == "linf" else 1e3 * lot) * radius)
        return added(others, found), added(others, lot), 0.5 + 0.5 * found[0] / found.abs().max().clamp(min=1e-12)

    def patch(self, area: float) -> tuple[Tensor, Tensor, Tensor]:
        """The other images under the patch, under one drawn by lot, and the patch."""
        (images, labels), (others, _), seed = *self.images, self.attacked.subject.seed
        side = max(1, round(math.sqrt(area * math.prod(others.shape[2:]))))
        side = min(side, *others.shape[2:])
        found = patch(self.attacked.network, images, labels, side, self.made_from, seed, at_once=self.at_once)
        corners = places(others, side, seed, torch.tensor(self.tested), ANEW)
        lot = (drawn(found, seed, [0]) + 1) / 2
        return laid(others, found, corners), laid(others, lot, corners), found[0]


def rows(found: Mapping[str, Mapping[str, Any]], halves: Halves) -> Iterator[tuple[Any, ...]]:
    """Of the table, under ``HEADS``."""
    groups = halves.attacked.subject.dataset.groups
    units = None if groups is None else [str(groups[position]) for position in halves.tested]
    for name, each in found.items():
        kind, _, amount = name.partition(" ")
        m = share_measure(np.array(each["right"], bool), units, halves.attacked.subject.seed)
        yield kind, float(amount), m.value, *bounds(m), m.n, each["by lot"], each["unchanged"], len(halves.made_from)


def cells(row: Sequence[Any], attacked: Attacked) -> tuple[str, ...]:
    """A row of the table as the report shows it."""
    kind, amount, accuracy, low, high, _, by_lot, unchanged, _ = row
    interval = "" if low is None else f" ({low:.1%} – {high:.1%})"
    return named(kind, amount, attacked), f"{accuracy:.1%}{interval}", f"{by_lot:.1%}", f"{unchanged:.1%}"


def named(kind: str, amount: float, attacked: Attacked) -> str:
    return (
        f"perturbation of {size(amount, attacked.norm)}" if kind == "change" else f"patch on {amount:.0%} of the image"
    )


def pictured(name: str, pngs: Sequence[str], attacked: Attacked) -> Pictures:
    kind, _, amount = name.partition(" ")
    captions = "unchanged", "perturbation, amplified" if kind == "change" else "patch", "attacked"
    shown = tuple(Picture(png, caption) for png, caption in zip(pngs, captions, strict=True))
    return Pictures(shown, f"Universal {named(kind, float(amount), attacked)}.")
