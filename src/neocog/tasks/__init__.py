"""Tasks: one folder each, from settings to report.

``traits.py`` of a folder says what is known without torch; ``task.py`` with which settings, how evaluated, written and shown;
``objective.py`` what a step needs: networks, losses, tallies. The engine sees objectives alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neocog.errors import UserError
from neocog.traits import LABELS, needs, task_of, traits

if TYPE_CHECKING:
    from neocog.data.dataset import Dataset
    from neocog.predictor import Predictor
    from neocog.tasks.task import Task


def task_named(name: str, options: Mapping[str, Any] = {}) -> Task:
    """A task by name, made with its own settings. Raises UserError."""
    found = traits(name)
    if found.task:
        module, _, attribute = found.task.partition(":")
        found = getattr(importlib.import_module(module), attribute)
    task: Task = found(**options)  # type: ignore[assignment]
    return task


def task_of_run(predictor: Predictor) -> Task:
    """The task that a run has learned, with the settings of its own that it was given."""
    return task_named(predictor.task, predictor.facts.get("task_options", {}))


def task_for(task: str, dataset: Dataset, options: Mapping[str, Any] = {}) -> Task:
    """The task that the settings name, or with "auto" the one that the data's labels allow. Raises UserError."""
    if task == "auto":
        return task_named(allowed_by(dataset))
    needed = needs(task)
    if needed and needed != dataset.learned:
        what = f"--task {task} needs {LABELS[needed]}; these data ({dataset.kind}) have {LABELS[dataset.learned]}"
        raise UserError(what, fix=f"use --task {allowed_by(dataset)}, or give other data")
    return task_named(task, options)


def allowed_by(dataset: Dataset) -> str:
    """The task that the data's labels are for."""
    return task_of(dataset.learned)
