"""What a cue saw, and what a swapped cue does to answers, as small PNGs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neocog.records import Picture
from neocog.robustness.shortcuts.court import donors
from neocog.robustness.shortcuts.cues import CUES, flat
from neocog.robustness.shortcuts.looked import Looked
from neocog.tasks.report.pictures import thumbnail

SIDE = 160  # pixels
TRIED, SHOWN = 16, 3  # samples whose cue is swapped, and those that are shown


@dataclass(frozen=True)
class Seen:
    """``seen``: what a cue leaves of pictures of each class; ``swapped``: pictures before and after their cue was swapped."""

    seen: tuple[Picture, ...] = ()
    swapped: tuple[Picture, ...] = ()


def png(unit: np.ndarray[Any, Any]) -> str:
    """Of (H, W, C) in 0 … 1."""
    return thumbnail(np.moveaxis(unit, -1, 0), 0.0, 1.0, SIDE)


def seen(looked: Looked, name: str, clearest: Mapping[str, list[int]]) -> Iterator[Picture]:
    """What the cue leaves of the pictures of each class that it tells most surely; of facts none."""
    cue = next((each for each in CUES if each.name == name), None)
    for title, positions in clearest.items() if cue else ():
        for index in positions:
            assert cue is not None
            yield Picture(png(cue.seen(flat(looked.stored(index)))), title)


def swapped(tested: Looked, name: str, classes: tuple[str, ...]) -> Iterator[Picture]:
    """Pictures whose answers went over to the class of the picture that gave its cue: before and after."""
    _, other = donors(tested.labels, tested.subject.seed)
    asked = [i for i in range(len(other)) if other[i] >= 0][:TRIED]
    swap = tested.swap(name)
    originals = [tested.fitted(tested.stored(int(tested.positions[i]))) for i in asked]
    changed = [swap(i, int(other[i])) for i in asked]
    before, after = tested.answer(originals), tested.answer(changed)
    went = [k for k, i in enumerate(asked) if after[k] == tested.labels[other[i]] != before[k]]
    low, high = tested.subject.preprocessing.low, tested.subject.preprocessing.high
    for k in went[:SHOWN]:
        yield Picture(thumbnail(originals[k], low, high, SIDE), f"predicted {classes[before[k]]}")
        giver = classes[tested.labels[other[asked[k]]]]
        yield Picture(thumbnail(changed[k], low, high, SIDE), f"cue of {giver}: predicted {classes[after[k]]}", "bad")


def pair(looked: Looked, one: int, other: int, parts: Mapping[int, str]) -> tuple[Picture, Picture]:
    """Two samples of which one repeats the other."""
    first, second = (Picture(png(flat(looked.stored(i))), f"{parts[i]}: {_short(looked, i)}") for i in (one, other))
    return first, second


def _short(looked: Looked, index: int) -> str:
    return str(looked.subject.dataset.names[index]).rsplit("/", 1)[-1]
