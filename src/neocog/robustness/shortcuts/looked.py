"""Samples as the court looks at them: stored pixels, views of them and of their files, and the answers to changed ones.

Letters: n samples, F numbers of a view.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.data.resize import fit, with_channels
from neocog.metrics.intervals import clusters
from neocog.robustness.shortcuts.cues import APART, CUES, flat, in_unit
from neocog.robustness.shortcuts.file_facts import Facts, columns, facts_of
from neocog.robustness.shortcuts.swaps import SWAPS, Swap, compression
from neocog.robustness.subject import Subject
from neocog.tasks.evaluation import at_once

Array = NDArray[Any]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FIRST = ("camera", "day", "compression", "image size")  # facts that are asked before the pixels, the others after them
PRESSED = "compression"


@dataclass(frozen=True)
class Looked:
    """``positions`` (n,) in the data set. Each view is made when it is first needed."""

    subject: Subject
    positions: Ints

    def stored(self, index: int) -> Floats:
        """(H, W, C), or a volume (D, H, W, C), in 0 … 1, with the run's channels."""
        dataset, preprocessing = self.subject.dataset, self.subject.preprocessing
        image = with_channels(dataset.images.read(index), preprocessing.channels, str(dataset.names[index]))
        return in_unit(image, preprocessing.low, preprocessing.high)

    @functools.cached_property
    def pixels(self) -> dict[str, Floats]:
        """{cue: (n, F)}; those of the edge only where no picture is so small that the object reaches into it."""
        rows: dict[str, list[Floats]] = {cue.name: [] for cue in CUES}
        shortest = APART
        with self.subject.progress.bar("looking", len(self.positions)) as advance:
            for index in self.positions.tolist():
                picture = flat(self.stored(index))
                shortest = min(shortest, *picture.shape[:2])
                for cue in CUES:
                    rows[cue.name].append(cue.numbers(picture))
                advance(1)
        return {cue.name: np.array(rows[cue.name]) for cue in CUES if not cue.edge or shortest >= APART}

    @functools.cached_property
    def facts(self) -> list[Facts]:
        return facts_of(self.subject.dataset.images, self.positions.tolist())

    def views(self) -> dict[str, Floats]:
        """{cue or fact: (n, F)}, the most particular first."""
        dataset = self.subject.dataset
        facts = columns(self.facts, [str(dataset.names[i]) for i in self.positions.tolist()], dataset.classes)
        before = {name: facts.pop(name) for name in FIRST if name in facts}
        return {**before, **self.pixels, **facts}

    @property
    def labels(self) -> Ints:
        return self.subject.dataset.labels[self.positions]

    @property
    def units(self) -> list[int] | None:
        """(n,) what stays together; None: each sample stands for itself."""
        groups = self.subject.dataset.groups
        return None if groups is None else clusters(groups[self.positions], len(self.positions))[0].tolist()

    def swap(self, cue: str) -> Callable[[int, int], Array]:
        """(i, j) → fitted pixels (C, …) of the i-th sample with the cue of the j-th."""

        def swapped(i: int, j: int) -> Array:
            how = compression(self.facts[j].tables) if cue == PRESSED else SWAPS[cue]
            image, donor = self.stored(int(self.positions[i])), self.stored(int(self.positions[j]))
            return self.fitted(_slice_by_slice(how, image, donor))

        return swapped

    def fitted(self, unit: Floats) -> Array:
        """(C, …) as the network takes it, of pixels in 0 … 1."""
        preprocessing = self.subject.preprocessing
        values = preprocessing.low + unit * (preprocessing.high - preprocessing.low)
        stored = values if preprocessing.dtype == "float32" else values.round()
        return fit(stored.astype(preprocessing.dtype), preprocessing)

    def answer(self, pictures: Iterable[Array]) -> Ints:
        """(n,) the class of each of fitted pixels (C, …)."""
        predictor, size = self.subject.predictor, at_once(self.subject.preprocessing)
        every, found = list(pictures), [np.empty(0, np.int64)]
        for start in range(0, len(every), size):
            logits = predictor.of_pixels(torch.from_numpy(np.stack(every[start : start + size])))
            found.append(predictor.probabilities(logits).argmax(axis=1))
        return np.concatenate(found)


def _slice_by_slice(swap: Swap, image: Floats, donor: Floats) -> Floats:
    """Of volumes each slice gets the cue of the donor's in the same place."""
    if image.ndim == 3:
        return swap(image, donor)
    places = np.arange(len(image)) * len(donor) // len(image)
    return np.stack([swap(one, donor[place]) for one, place in zip(image, places.tolist(), strict=True)])


def swappable(name: str) -> bool:
    return name == PRESSED or name in SWAPS
