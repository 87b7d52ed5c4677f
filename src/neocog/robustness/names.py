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
        "patients, sites, cameras: which is served worst",
        "neocog.robustness.groups",
        ("by",),
        tuple(LABELS),
    ),
    "shortcuts": Part(
        "Shortcuts",
        "what beside the object tells the label, whether the network goes by it, and leaks",
        "neocog.robustness.shortcuts.part",
        ("objects",),
        labels=(*LABELS, ""),
    ),
    "corruption": Part(
        "Corruptions", "noise, blur, weather, cameras: what each costs", "neocog.robustness.corruption", ("lengths",)
    ),
    "unknown": Part(
        "Unknown samples",
        "none of the classes: is it noticed, and which answers to keep",
        "neocog.robustness.unknown",
        labels=("classes", "masks"),
    ),
    "adversarial": Part(
        "Adversarial changes",
        "the smallest changes that turn answers",
        "neocog.robustness.adversarial",
        ("norm", "epsilon", "target", "autoattack"),
    ),
    "labels": Part(
        "Labels", "which labels are likely wrong, and how many", "neocog.robustness.labels", labels=("classes",)
    ),
}
