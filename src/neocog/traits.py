"""What of a task is known before torch is loaded: which labels it needs, which settings belong to it, which losses it knows.

Settings, readers and pages ask here, so that none of them knows a task by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from neocog.errors import UserError
from neocog.options import keyword_only
from neocog.plugins import Registry, in_file

Labels = Literal["classes", "values", "masks", "boxes", "pairs", "any", "none"]
# What data must say of each sample, in words
LABELS = {
    "classes": "a class for each sample",
    "values": "values for each sample",
    "masks": "a mask for each image",
    "boxes": "boxes around the objects of each image",
    "pairs": "the image that is wanted of each image",
}
TASKS = Registry("neocog.tasks", "task", {
    "classification": "neocog.tasks.classification.traits:ClassificationTraits",
    "regression": "neocog.tasks.regression.traits:RegressionTraits",
    "segmentation": "neocog.tasks.segmentation.traits:SegmentationTraits",
    "detection": "neocog.tasks.detection.traits:DetectionTraits",
    "restoration": "neocog.tasks.restoration.traits:RestorationTraits",
    "style": "neocog.tasks.style.traits:StyleTraits",
    "orientation": "neocog.tasks.orientation.traits:OrientationTraits",
    "vae": "neocog.tasks.vae.traits:VAETraits",
    "gan": "neocog.tasks.gan.traits:GANTraits",
})  # fmt: skip


class Traits:
    """What is said of a task by name; a ``neocog.tasks.task.Task`` is its own traits, unless it would load torch."""

    name: ClassVar[str]
    task: ClassVar[str] = ""  # "module:Class" of the Task, where this is not it
    labels: ClassVar[Labels] = (
        "classes"  # what it learns of each sample; "any": shown where there are any; "none": not read
    )
    logits: ClassVar[bool] = False  # whether its network gives the logits of the classes, which others can use
    probe: ClassVar[Literal["classes", "values", ""]] = ""  # what its last layer alone can be solved for
    attacked: ClassVar[bool] = False  # whether small changes of a sample can make its answer wrong
    sees: ClassVar[bool] = True  # whether its network takes samples; a generator draws them
    losses: ClassVar[tuple[str, ...]]  # that it knows; the first is the default
    settings: ClassVar[tuple[str, ...]] = ()  # that belong to it and not to every task
    usual: ClassVar[Mapping[str, Any]] = {}  # settings whose default is another than in general
    types: ClassVar[Mapping[str, Any]] = {}  # of what it keeps in model.json, by name

    @classmethod
    def contradictions(cls, settings: Mapping[str, Any]) -> Iterator[UserError]:
        """Faults of settings {name: value} that only this task can tell."""
        yield from ()


def traits(name: str) -> type[Traits]:
    """Those of a task by name. Raises UserError where there is no such task, or where its package fails."""
    found = TASKS.load(name)
    if not (isinstance(found, type) and issubclass(found, Traits)):
        package = TASKS.package(name) or name
        raise UserError(
            f"task '{name}' of {package} is not a neocog.tasks.task.Task: {found!r}", fix="give a class of it"
        )
    if in_file(name):  # all that has a task's name finds it again by it, from any folder
        path, _, attribute = name.rpartition(":")
        found.name = f"{Path(path).resolve()}:{attribute}"
    return found


def own_settings(name: Any) -> dict[str, inspect.Parameter]:
    """Those that the class of a task brings: its keyword-only parameters, as a network's."""
    return keyword_only(traits(name)) if isinstance(name, str) and TASKS.knows(name) else {}


def needs(name: str) -> str:
    """Which labels a task needs ("classes", "values", "masks", "boxes", "pairs"); "" where it needs none."""
    labels = traits(name).labels
    return labels if labels in LABELS else ""


def task_of(labels: str) -> str:
    """The first of our tasks that learns "classes", "values", "masks", "boxes" or "pairs"."""
    return next(name for name in TASKS if traits(name).labels == labels)


def tasks_with(setting: str, more: Iterable[str] = ()) -> tuple[str, ...]:
    """Our tasks, and those of ``more``, to which a setting belongs; () for one that every task knows."""
    ours = tuple(name for name in TASKS if setting in traits(name).settings)
    others = (name for name in more if name not in TASKS and TASKS.knows(name))
    return (*ours, *(name for name in others if setting in traits(name).settings))


def losses(task: str) -> list[str]:
    """Those of a task; of "auto" those of all our tasks, each once."""
    names = TASKS if task == "auto" else [task]
    return list(dict.fromkeys(loss for name in names for loss in traits(name).losses))
