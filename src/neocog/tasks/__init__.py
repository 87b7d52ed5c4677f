"""Studies: one task each, from settings to report: everything around the loop that one task needs and others do not.

``tasks/`` says what is learned, ``engine/`` how; a study says with which settings, judged how, written and shown how.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from neocog.errors import UserError

if TYPE_CHECKING:
    from neocog.data.dataset import Dataset
    from neocog.tasks.task import Study

STUDIES: dict[str, str] = {
    "classification": "neocog.tasks.classification.task:ClassificationStudy",
    "regression": "neocog.tasks.regression.task:RegressionStudy",
    "segmentation": "neocog.tasks.segmentation.task:SegmentationStudy",
    "orientation": "neocog.tasks.orientation.task:OrientationStudy",
    "vae": "neocog.tasks.vae.task:VAEStudy",
    "gan": "neocog.tasks.gan.task:GANStudy",
}


def study_of(name: str) -> Study:
    """The study of a task by name."""
    module, _, attribute = STUDIES[name].partition(":")
    found: Study = getattr(importlib.import_module(module), attribute)()
    return found


def study_for(task: str, dataset: Dataset) -> Study:
    """The study that the settings name, or with "auto" the one that the data's labels allow. Raises UserError."""
    allowed = allowed_by(dataset)
    chosen = study_of(allowed if task == "auto" else task)
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
