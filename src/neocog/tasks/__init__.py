"""Tasks: one folder each, from settings to report.

``traits.py`` of a folder says what is known without torch; ``task.py`` with which settings, how evaluated, written and shown;
``objective.py`` what a step needs: networks, losses, tallies. The engine sees objectives alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from neocog.errors import UserError
from neocog.traits import LABELS, needs, task_of, traits

if TYPE_CHECKING:
    from neocog.data.dataset import Dataset
    from neocog.tasks.task import Task


def task_named(name: str) -> Task:
    """A task by name. Raises UserError."""
    found = traits(name)
    if found.task:
        module, _, attribute = found.task.partition(":")
        found = getattr(importlib.import_module(module), attribute)
    task: Task = found()  # type: ignore[assignment]
    return task


def task_for(task: str, dataset: Dataset) -> Task:
    """The task that the settings name, or with "auto" the one that the data's labels allow. Raises UserError."""
    if task == "auto":
        return task_named(allowed_by(dataset))
    needed = needs(task)
    if needed and needed != dataset.learned:
        what = f"--task {task} needs {LABELS[needed]}; these data ({dataset.kind}) have {LABELS[dataset.learned]}"
        raise UserError(what, fix=f"use --task {allowed_by(dataset)}, or give other data")
    return task_named(task)


def allowed_by(dataset: Dataset) -> str:
    """The task that the data's labels are for."""
    return task_of(dataset.learned)
