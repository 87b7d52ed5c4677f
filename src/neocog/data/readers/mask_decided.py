"""What is known of the masks of a data set, what is said about them, and what is decided of their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from neocog.data.dataset import Taken
from neocog.data.masks import IGNORED, Coding, shown
from neocog.data.objects import By
from neocog.data.readers.mask_evidence import Verdict
from neocog.data.readers.mask_look import Look
from neocog.data.readers.reading import MaskValues
from neocog.errors import listed, printable

OBJECTS = ("background", "object")
AS_CLASSES, AS_FOREGROUND = "--mask-values classes", "--mask-values foreground"


@dataclass(frozen=True)
class Values:
    """What occurs in all masks together."""

    looks: Sequence[Look]

    @cached_property
    def masks(self) -> dict[int, list[str]]:
        """Key → the masks that hold it."""
        found: dict[int, list[str]] = {}
        for mask in self.looks:
            for key in mask.values.tolist():
                found.setdefault(key, []).append(mask.name)
        return found

    @property
    def lossy(self) -> bool:
        return any(mask.kind == "JPEG" for mask in self.looks)

    @property
    def soft(self) -> bool:
        return any(mask.soft for mask in self.looks)

    def holders(self, keys: Sequence[int]) -> str:
        """The masks with these values, for a message."""
        return listed(map(printable, dict.fromkeys(name for key in keys for name in self.masks[key])), 5)


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
    taken = Taken(f"mask values {told(numbers)}", role, verdict.evidence, AS_CLASSES)
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


def told(keys: Sequence[int]) -> str:
    """ "0, 1, 2" or "0 … 40"."""
    return ", ".join(map(shown, keys)) if len(keys) <= 6 else f"{shown(keys[0])} … {shown(keys[-1])}"
