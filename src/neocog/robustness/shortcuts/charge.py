"""The charges: what was found of each cue and of leaks, and how that is judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.intervals import proportion
from neocog.metrics.stored import stored_measure
from neocog.records import Measure
from neocog.robustness.shortcuts.court import Suspect
from neocog.robustness.shortcuts.cues import CUES
from neocog.robustness.shortcuts.looked import swappable

SUSPECTED = 0.1  # of the way from chance to all, from which on a cue is named
STRONG = 0.5  # … and from which on it is doubtful though the network does not go by it
NEARLY_ALL = 0.7  # … that a cue of the whole picture must tell, to be accused: colours may be the object's own
ACCUSED = 0.2  # share of the answers that go over to the cue's class
LEAKY = 0.01  # share of the test samples that surely repeat others, above which it fails
SURE = ("identical", "group")
UNSURE = "are too few to tell whether the network relies on it"
SHIFTED = 0.75  # AUROC from which on the test part is said to be of another kind
FACTS = {
    "camera": "camera or software named in EXIF",
    "day": "day of the exposure, from EXIF",
    "compression": "JPEG quality",
    "image size": "height and width of the file",
    "file size": "bytes, and bytes per pixel",
    "date of the file": "day of the last modification",
    "order of names": "position among all file names, sorted",
}
WHAT = {**{cue.name: cue.what for cue in CUES}, **FACTS}
WHOLE = {cue.name for cue in CUES if cue.whole}
NAMES = "order of names"


@dataclass(frozen=True)
class Charge:
    """A cue: how well the label is told by it alone (``chance``: the best of the permutations), and what swapping it did.
    ``shows``: whether a strong cue would stand above chance on as many samples."""

    name: str
    accuracy: Measure
    chance: float
    strength: float
    above: bool
    followed: Mapping[str, Measure] | None = None
    shows: bool = True

    @classmethod
    def of(cls, piece: Mapping[str, Any]) -> Charge:
        return cls(**{**piece, "accuracy": stored_measure(piece["accuracy"])})

    @staticmethod
    def stored(suspect: Suspect) -> dict[str, Any]:
        e = suspect.evidence
        kept = {"chance": max(e.chance), "strength": e.strength, "above": e.above_chance}
        kept["shows"] = e.would_show(STRONG)
        return {"name": suspect.name, "accuracy": asdict(e.accuracy), **kept}

    @property
    def suspected(self) -> bool:
        return self.above and self.strength >= SUSPECTED

    @property
    def chargeable(self) -> bool:
        """Of the whole picture only what tells nearly all: the rest may be the object's own."""
        return self.name not in WHOLE or self.strength >= NEARLY_ALL

    @property
    def accused(self) -> bool:
        """Whether the network goes by it: beyond chance, and by much."""
        if not self.suspected or self.followed is None:
            return False
        follows = self.followed["follows"]
        return follows.low > 0 and follows.value >= ACCUSED and self.chargeable

    @property
    def unsure(self) -> bool:
        """Whether so many answers that it would be accused may follow it, though they do not surely."""
        if not self.suspected or self.followed is None or self.followed["follows"].low > 0:
            return False
        follows = self.followed["follows"]
        most = follows.high  # where no answer went over, that of none of as many
        if math.isnan(most):
            most = proportion(0, follows.n if follows.units is None else follows.units)[1]
        return max(follows.value, most) >= ACCUSED

    @property
    def doubtful(self) -> bool:
        """Strong, but nobody goes by it, or none can say; of the whole picture only what answers follow."""
        if self.accused or not self.suspected:
            return False
        if self.followed is not None and self.followed["follows"].low > 0:
            return self.followed["follows"].value >= ACCUSED / 2
        return (self.strength >= STRONG and self.name not in WHOLE) or (self.unsure and self.chargeable)

    @property
    def conclusion(self) -> str:
        if not self.suspected:
            return "no better than chance" if not self.above else "barely better than chance"
        if self.followed is None:
            return "not tried" if swappable(self.name) else "cannot be swapped"
        if self.accused:
            return "the network relies on it"
        follows = self.followed["follows"]
        if follows.low > 0:
            return "the network relies on it a little"
        return f"{follows.counted('samples')} {UNSURE}" if self.unsure else "the network does not rely on it"


@dataclass(frozen=True)
class Leaks:
    """``pairs``: {kind: (sample, the one that it repeats)}; ``measure``: what ``_without`` says, or {}."""

    pairs: Mapping[str, Sequence[tuple[int, ...]]]
    sizes: Mapping[str, int]
    auroc: Measure | None
    tried: Sequence[str]
    measure: Mapping[str, Any]

    def of_test(self, kind: str, parts: NDArray[np.str_]) -> set[int]:
        """The test samples that repeat others so."""
        return {one for one, _ in self.pairs[kind] if parts[one] == "test"}


@dataclass(frozen=True)
class Found:
    """``reason``: why the court could not sit; ``few``: classes with too few samples; ``accuracy``: the network's own."""

    charges: Sequence[Charge]
    leaks: Leaks
    reason: str
    few: Sequence[str]
    accuracy: Measure | None
    n: int

    @property
    def named(self) -> list[Charge]:
        """The accused, then the other suspects, the strongest first."""
        return sorted((each for each in self.charges if each.suspected), key=lambda each: not each.accused)

    @property
    def blind(self) -> str:
        """Where none is named: why that says nothing; "" where most cues would have been, had they been strong."""
        if self.named or 2 * sum(each.shows for each in self.charges) >= len(self.charges):
            return ""
        many = self.charges[0].accuracy.counted("samples")
        return (
            f"{many} are too few to tell: even {STRONG:.0%} of the way from chance to always right would not stand out."
        )
