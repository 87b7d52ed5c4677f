"""The section of pictures: where the network is most confidently wrong, and where it is most confidently right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.records import Picture, Pictures, Section, Text

Array = NDArray[Any]


@dataclass(frozen=True)
class Example:
    """One test image: its name in the data set, its ``thumbnail``, and what was said of it."""

    name: str
    png: str
    truth: str
    prediction: str
    probability: float


def most_confident(truth: Array, prediction: Array, probability: Array, count: int = 12) -> tuple[Array, Array]:
    """Indices of the most confidently wrong and of the most confidently right; each (N,) argument in test order."""
    order = np.argsort(-np.asarray(probability), kind="stable")
    right = np.asarray(truth)[order] == np.asarray(prediction)[order]
    return order[~right][:count], order[right][:count]


def mistakes_section(worst: Sequence[Example], right: Sequence[Example], wrong: int, n: int) -> Section:
    """``wrong`` of ``n`` test images are mistakes; ``worst`` and ``right`` as ``most_confident`` orders them."""
    if worst:
        intro = f"{wrong:,} of {n:,} test images are misclassified. Start with the most confident ones: often the label is wrong."
    else:
        intro = f"All {n:,} test images are classified correctly."
    items: list[Text | Pictures] = [Text(intro)]
    if worst:
        bad = tuple(Picture(e.png, f"{_caption(e)}\ntruth: {e.truth}\n{e.name}", "bad") for e in worst)
        items.append(Pictures(bad, "Most confident errors."))
    if right:
        good = tuple(Picture(e.png, f"{_caption(e)}\n{e.name}", "good") for e in right)
        items.append(Pictures(good, "Most confident correct predictions."))
    return Section("Most confident errors", tuple(items), "mistakes")


def _caption(example: Example) -> str:
    return f"predicted {example.prediction} ({example.probability * 100:.1f} %)"
