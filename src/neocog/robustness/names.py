"""The parts of ``neocog stress``, cheapest first; free of torch."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType

from neocog.traits import LABELS


@dataclass(frozen=True)
class Part:
    """``place``: the module, which has ``check`` and ``run``. ``options``: the arguments of the verb that are this part's alone.
    ``labels``: the kinds of labels, as a task's traits name them, without which it is refused."""

    title: str
    help: str
    place: str
    options: tuple[str, ...] = ()
    labels: tuple[str, ...] = ("classes", "values", "masks", "boxes")

    def module(self) -> ModuleType:
        return importlib.import_module(self.place)


PARTS: dict[str, Part] = {
    "groups": Part(
        "Worst group",
        "for which patients, sites or cameras the network works worst",
        "neocog.robustness.groups",
        ("by",),
        tuple(LABELS),
    ),
    "shortcuts": Part(
        "Shortcuts",
        "what besides the object gives the label away, whether the network relies on it, and leaks",
        "neocog.robustness.shortcuts.part",
        ("objects",),
        labels=(*LABELS, ""),
    ),
    "corruption": Part(
        "Corruptions", "what noise, blur, weather and cameras cost", "neocog.robustness.corruption", ("lengths",)
    ),
    "unknown": Part(
        "Unknown samples",
        "whether samples of unknown classes are detected, and which predictions to trust",
        "neocog.robustness.unknown",
        labels=("classes", "masks"),
    ),
    "adversarial": Part(
        "Adversarial robustness",
        "the smallest perturbations that change predictions",
        "neocog.robustness.adversarial",
        ("norm", "epsilon", "target", "autoattack"),
    ),
    "labels": Part(
        "Labels",
        "which labels are likely wrong, and how many there are",
        "neocog.robustness.labels",
        labels=("classes", "masks", "boxes"),
    ),
}
