"""Tasks: one folder each, from settings to report.

``task.py`` of a folder says with which settings, how evaluated, written and shown; ``objective.py`` what a step needs: networks,
losses, tallies. The engine sees objectives alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from neocog.errors import UserError

if TYPE_CHECKING:
    from neocog.data.dataset import Dataset
    from neocog.tasks.task import Task

TASKS: dict[str, str] = {
    "classification": "neocog.tasks.classification.task:ClassificationTask",
    "regression": "neocog.tasks.regression.task:RegressionTask",
    "segmentation": "neocog.tasks.segmentation.task:SegmentationTask",
    "orientation": "neocog.tasks.orientation.task:OrientationTask",
    "vae": "neocog.tasks.vae.task:VAETask",
    "gan": "neocog.tasks.gan.task:GANTask",
}


def task_named(name: str) -> Task:
    """A task by name."""
    module, _, attribute = TASKS[name].partition(":")
    found: Task = getattr(importlib.import_module(module), attribute)()
    return found


def task_for(task: str, dataset: Dataset) -> Task:
    """The task that the settings name, or with "auto" the one that the data's labels allow. Raises UserError."""
    allowed = allowed_by(dataset)
    chosen = task_named(allowed if task == "auto" else task)
    if chosen.needs and chosen.needs != allowed:
        what = f"--task {task} needs {LABELS[chosen.needs]}; these data ({dataset.kind}) have {LABELS[allowed]}"
        raise UserError(what, fix=f"use --task {allowed}, or give other data")
    return chosen


def allowed_by(dataset: Dataset) -> str:
    """The task that the data's labels are for."""
    return "regression" if dataset.values is not None else "segmentation" if dataset.masks else "classification"


LABELS = {
    "classification": "a class for each sample",
    "regression": "values for each sample",
    "segmentation": "a mask for each image",
}
