"""What is known of the masks of a data set, what is said about them, and what is decided of their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from neocog.data.dataset import Taken
from neocog.data.masks import IGNORED, Coding, key_text
from neocog.data.objects import By
from neocog.data.readers.mask_evidence import Verdict
from neocog.data.readers.reading import MaskValues

OBJECTS = ("background", "object")
AS_CLASSES, AS_FOREGROUND = "--mask-values classes", "--mask-values foreground"


@dataclass(frozen=True)
class Given:
    """What is said about the masks beside them, or by the user."""

    names: tuple[str, ...] = ()  # of class 0, 1, …
    colours: Mapping[int, str] = field(default_factory=dict)  # key → class, in the map's order
    ignore: int | None = None  # the number that does not count
    remap: bool = False
    where: str = ""
    meaning: MaskValues = "auto"
    background: str = ""  # a number, a class, or "none"


@dataclass(frozen=True)
class Decided:
    coding: Coding
    classes: tuple[str, ...]
    taken: tuple[Taken, ...] = ()
    notes: tuple[str, ...] = ()
    by: By | None = None  # of single objects that are to be told apart: what one of them is


def foreground(given: Given, numbers: Sequence[int], verdict: Verdict) -> Decided:
    """Every value but 0 is an object, all of one class."""
    role = "background 0, and single objects, all of the class 'object'; --instances tells them apart"
    taken = Taken(f"mask values {value_list(numbers)}", role, verdict.evidence, AS_CLASSES)
    return Decided(ranges({0: 0, 1: 1}, given), OBJECTS, (taken,))


def coding_of(classes: Mapping[int, int], given: Given) -> Coding:
    """Number → class, and what does not count."""
    if given.ignore is not None:
        classes = {**classes, given.ignore: IGNORED}
    keys = sorted(classes)
    return Coding(tuple(keys), tuple(classes[key] for key in keys))


def ranges(classes: Mapping[int, int], given: Given) -> Coding:
    """The class from each number on, and the one that does not count."""
    steps = dict(classes)
    if given.ignore is not None:
        after = max(key for key in steps if key <= given.ignore)
        steps = {given.ignore + 1: steps[after], **steps, given.ignore: IGNORED}
    keys = sorted(steps)
    return Coding(tuple(keys), tuple(steps[key] for key in keys), ranges=True)


def value_list(keys: Sequence[int]) -> str:
    """ "0, 1, 2" or "0 … 40"."""
    return ", ".join(map(key_text, keys)) if len(keys) <= 6 else f"{key_text(keys[0])} … {key_text(keys[-1])}"
