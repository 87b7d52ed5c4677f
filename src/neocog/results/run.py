"""A run in Python: what lies in its folder as frames, its answers to images in memory, its network, and how it shows itself."""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neocog.data.dataset import Array
from neocog.documents import rows
from neocog.engine.precision import Wanted, to_answer
from neocog.errors import UserError
from neocog.pages.card import card, unfinished
from neocog.pages.record import read
from neocog.pages.stress import stress_sections
from neocog.predictor import Predictor, load_predictor, path_of, where_it_is
from neocog.records import Section
from neocog.results import frames
from neocog.results.figures import figure
from neocog.results.images import separate
from neocog.results.module import StoredPixels
from neocog.results.stress import Stress
from neocog.run import Run
from neocog.tasks import task_of_run
from neocog.tasks.report.training import training_section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOADING = threading.Lock()  # threads that ask at once share one network


@dataclass(frozen=True)
class Results(Run):
    """A run's folder, and what is in it.

    Frames are pandas' where it is installed (``neocog[pandas]``), else lists of records. Of cross-validation they have the rows
    of all folds, whose number is in the first column, ``fold``; the network of ``--refit`` has its own metrics and splits. It is
    pickled as its folder alone, and may be used by several threads. Whatever needs the run's end raises UserError before it.
    """

    @property
    def metrics(self) -> Any:
        """A row an epoch: loss, measures and rate, as in metrics.csv."""
        return self._table("metrics.csv")

    @property
    def predictions(self) -> Any:
        """A row a test sample: path, truth, prediction, probabilities, as in predictions.csv."""
        return self._table("predictions.csv")

    @property
    def splits(self) -> Any:
        """A row a sample: its label, part, group and SHA-256, as in splits.csv."""
        return self._table("splits.csv")

    @property
    def measures(self) -> Any:
        """A row a measure and part: value, 95 % interval, number of samples, as in result.json."""
        return frames.measures(read(self))

    @property
    def stress(self) -> Stress:
        """What ``neocog.stress`` found of it: verdicts and tables as frames."""
        return Stress(self)

    @property
    def predictor(self) -> Predictor:
        """The saved network with its preprocessing, classes and calibration, loaded once. Raises UserError."""
        with LOADING:
            return self._predictor

    @property
    def model(self) -> StoredPixels:
        """A copy of the network in evaluation mode, its preprocessing inside: stored pixels (B, C, H, W) → outputs.

        The same module each time it is asked for. Raises UserError.
        """
        with LOADING:
            return self._model

    def predict(self, images: Any, any_range: bool = False, precision: Wanted = "fp32") -> Any:
        """What the run says of images in memory or in files, of one or of many.

        ``images``: an array (H, W[, C]) or (N, H, W[, C]), a tensor with its channels first, a Pillow image, a path, or a list
        of such; in stored units (0–255), at any size. Gives calibrated probabilities (N, K) in the order of
        ``run.predictor.classes``; of a regression values (N, V), of an orientation degrees (N,), of a segmentation the class
        of each pixel at the image's own size. One image has no axis of N. Values that are beyond doubt of another scale
        than the training's are refused, unless ``any_range``; what else is unlike it is a warning. ``precision``: in which the
        network computes; "bf16" is faster and less exact, "auto" takes it where the processor is fast at it. Raises UserError.
        """
        predictor = self.predictor.watching(strict=not any_range)
        stored, names, alone = separate(images, predictor.preprocessing)
        with to_answer(predictor.device, precision).evaluating(predictor.device):
            found: Array | list[Array] = task_of_run(predictor).in_memory(predictor, stored, names)
        for line in predictor.watch.differences() if predictor.watch else ():
            warnings.warn(f"differs from the training data: {line}", stacklevel=2)
        if alone:
            return found[0]
        same = isinstance(found, np.ndarray) or len({one.shape for one in found}) == 1
        return np.asarray(found) if same else found

    def plot(self, name: str) -> Figure:
        """A section of the report as a matplotlib figure: "confusion", "curves" (or "training"), "calibration", "measures", ….

        Raises UserError, which names those that this run has.
        """
        record = read(self) if self.result.is_file() else None
        sections = (*record.sections, *stress_sections(record.stress)) if record else self._so_far()
        return figure(sections, name, str(self.folder))

    def _repr_html_(self) -> str:
        """How a notebook shows it: verdict, measures, curves and worst mistakes; of what cannot be read, why."""
        try:
            if self.result.is_file():
                return card(read(self))
            return unfinished(self.folder.resolve().name, where_it_is(self), self._so_far())
        except UserError as error:
            return unfinished(self.folder.resolve().name, str(error), ())

    def __reduce__(self) -> tuple[Any, ...]:
        return Results, (self.folder,)

    @cached_property
    def _predictor(self) -> Predictor:
        return load_predictor(self)

    @cached_property
    def _model(self) -> StoredPixels:
        return StoredPixels(self._predictor)

    def _table(self, name: str) -> Any:
        """A table of the run, or of all its folds where it has none itself."""
        path, fix = self.folder / name, where_it_is(self)
        folds = sorted(self.folder.glob("fold-*/"), key=lambda fold: (len(fold.name), fold.name))
        if path.is_file() or not folds or not self.result.is_file():
            return frames.frame(frames.records(path, fix))
        rows = [(fold.name, frames.records(fold / name, fix)) for fold in folds]
        return frames.frame([{"fold": int(fold[5:]), **row} for fold, several in rows for row in several])

    def _so_far(self) -> tuple[Section, ...]:
        """The curves of the epochs that have ended."""
        return (training_section(rows(self.metrics_csv)),) if self.metrics_csv.is_file() else ()


def load(run: str | Path | Run) -> Results:
    """A run from its folder, finished or not: ``neocog.load("runs/classification/digits-cnn").predict(image)``.

    Raises UserError where there is no folder, or it is no run's.
    """
    found = path_of(run)
    if not found.folder.is_dir():
        raise UserError("no such folder", str(found.folder), "give the folder that neocog.train returned")
    if not any(path.is_file() for path in (found.plan, found.config, found.result, found.model_json)):
        what = "not a run folder: it has no plan.json, config.toml, result.json or model.json"
        raise UserError(what, str(found.folder), "give the folder that `neocog train` made")
    return Results(found.folder)
