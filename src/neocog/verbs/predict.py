"""``predict``: files, folders, globs, or images in memory → a CSV with one row each, the unreadable ones included."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from neocog.data.cells import csv_of
from neocog.data.images import is_junk
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers.memory import images_of, is_path
from neocog.engine.precision import to_answer
from neocog.errors import UserError, count, printable
from neocog.predictor import Predictor, load_predictor, path_of
from neocog.progress import Progress
from neocog.results.images import separate
from neocog.run import Run
from neocog.tasks import task_of_run
from neocog.tasks.files import held, put, suffixes
from neocog.tasks.task import Task
from neocog.verbs.outputs import insist_on_new


@dataclass(frozen=True)
class Predictions:
    """One row a file under ``columns``; ``skipped`` is the reason where there is nothing else."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    written: tuple[Path, ...] = ()
    precision: Literal["fp32", "bf16"] = "fp32"  # in which the network computed

    def to_json(self) -> dict[str, Any]:
        """{"predictions": [{"path", "label", "probability", …}], "skipped": [{"path", "reason"}], "precision"}."""
        good = [{k: v for k, v in row.items() if k != "skipped"} for row in self.rows if not row["skipped"]]
        bad = [{"path": row["path"], "reason": row["skipped"]} for row in self.rows if row["skipped"]]
        files = {"written": [str(path) for path in self.written]} if self.written else {}
        return {"predictions": good, "skipped": bad, "precision": self.precision, **files}

    def to_csv(self) -> str:
        """The rows as CSV; cells that a spreadsheet would take for a formula are prefixed."""
        rows = ((row.get(column, "") for column in self.columns) for row in self.rows)
        texts = (("; ".join(cell) if isinstance(cell, list) else cell for cell in row) for row in rows)
        return csv_of(self.columns, texts)

    def show(self, out: Path | None) -> None:
        """The CSV on standard output, or where it was written."""
        sys.stdout.write(f"{out}\n" if out else self.to_csv())


def predict(
    run: str | Path | Run,
    files: Any,
    out: str | Path | None = None,
    quiet: bool = False,
    tiled: bool = False,
    any_range: bool = False,
    coverage: float | None = None,
    refuse: float | None = None,
    format: str = "",
    precision: Literal["fp32", "bf16", "auto"] = "fp32",
) -> Predictions:
    """Predict every sample among ``files``; write ``out`` where one is given.

    ``files``: a path, a folder or a glob, or several; in Python also images in memory: what ``run.predict`` takes, a frame with a
    column of paths, or a data set. Those have a row each under ``image 0``, ``image 1``, ….
    ``out`` is a CSV, or for a task that makes pictures (masks) a new folder with the CSV in it. ``tiled``: samples larger
    than those of the training keep their scale and are cut into overlapping blocks; beside ``new.csv``, with a row a sample,
    ``new-blocks.csv`` then has a row a block. A file whose values are beyond doubt of another scale than the training's is
    skipped, unless ``any_range``. ``coverage`` (0 … 1): of a classifier, the set of classes among which the truth is in such a
    share of new samples like those of the training; of a regression, intervals that hold it as often. ``refuse`` (0 … 1): of a
    classifier, tell what looks like none of its classes, at most so many of the samples that are of one; `neocog stress RUN
    unknown` finds by which score. ``format``: of a detection, as which data set the images and what was found in them are
    written too, into a folder of that name in ``out``, which can be corrected and trained on: "csv", "coco", "labelme" or
    "yolo". ``precision``: of the network; "bf16" is faster and less exact, "auto" takes it where the processor has it.
    """
    out = None if out is None else Path(out)
    insist_on_new(out)
    more = out.with_name(f"{out.stem}-blocks{out.suffix}") if tiled and out is not None else None
    insist_on_new(more)
    predictor = load_predictor(path_of(run)).watching(strict=not any_range)
    chosen = task_of_run(predictor)
    predictor = promising(predictor, chosen, tiled, precision, coverage, refuse)
    insist_on_format(chosen, format, out)
    progress, counted = Progress(quiet), to_answer(predictor.device, precision)
    if precision != "fp32":
        progress.say(f"answers in {counted.name}: {counted.why}")
    with (
        named(files, predictor.preprocessing, format) as paths,
        progress.bar("predicting", len(paths)) as advance,
        counted.evaluating(predictor.device),
    ):
        if tiled:
            found, blocks = chosen.predict_blocks(predictor, paths, advance)
        else:
            predict_all = partial(chosen.predict_as, format) if format else chosen.predict
            found, blocks = predict_all(predictor, paths, out, advance), ""
    for line in predictor.watch.differences() if predictor.watch else ():
        progress.say(f"  differs from the training data: {line}", "yellow")
    if skipped := sum(bool(row["skipped"]) for row in found.rows):
        progress.say(f"{skipped} of {count(found.rows, 'file')} skipped: the last column says why", "yellow")
    predictions = Predictions(found.columns, found.rows, found.written, counted.name)
    if out is None:
        return predictions
    tables = {out / "predictions.csv" if out.is_dir() else out: predictions.to_csv()}
    if more is not None:
        tables[more] = blocks
    written = [put(path, text) for path, text in tables.items()]
    return replace(predictions, written=(*predictions.written, *written))


def promising(
    predictor: Predictor, task: Task, tiled: bool, precision: str, coverage: float | None, refuse: float | None
) -> Predictor:
    """``predictor`` with what is asked of its answers. Raises UserError where that would not be kept, or is not for the task."""
    for name, given in (("--coverage", coverage), ("--refuse", refuse)):
        if given is not None and tiled:
            raise UserError(f"{name} is not for --tiled: what was promised is of whole samples", fix="leave one out")
        if given is not None and precision != "fp32":
            what = f"{name} is not for --precision {precision}: what was promised is of answers in fp32"
            raise UserError(what, fix="leave one out")
    if refuse is not None and not task.logits:
        raise UserError(
            f"--refuse is not for --task {task.name}: it has no classes", str(predictor.folder), "leave it out"
        )
    predictor = predictor if coverage is None else predictor.covering(coverage)
    return predictor if refuse is None else predictor.refusing(refuse)


def insist_on_format(task: Task, format: str, out: Path | None) -> None:
    """Raise UserError where predictions are to be another program's files and the task writes none, or there is no folder."""
    if format and format not in task.formats:
        known = f"known: {', '.join(task.formats)}" if task.formats else "leave it out"
        raise UserError(f"--format {printable(format)} is not for --task {task.name}", fix=known)
    if format and out is None:
        raise UserError(f"--format {format} writes files", fix="add --out with a new folder")


@contextmanager
def named(files: Any, preprocessing: Preprocessing, format: str = "") -> Iterator[list[Path]]:
    """Paths by which ``tasks.files.read`` finds each sample while the block runs, be it a file or in memory. Raises UserError."""
    files = images_of(files)
    several = isinstance(files, list | tuple)
    if is_path(files) or (several and all(map(is_path, files))):
        yield list(expanded(files, suffixes(preprocessing)))
        return
    if format:
        raise UserError(f"--format {format} copies the images' files, and these are in memory", fix="give files")
    images, names, _ = separate(files, preprocessing)
    with held(images, names) as paths:
        yield paths


def expanded(files: str | Path | Sequence[str | Path], known: Sequence[str]) -> Iterator[Path]:
    """Files as they are, those of ``known`` suffixes below folders, and what globs match. Raises UserError."""
    for item in [files] if isinstance(files, str | Path) else files:
        path = Path(item)
        if not str(item):
            raise UserError(
                "an empty name of a file", fix="is a variable of the shell not set? give files, folders or globs"
            )
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.name.lower().endswith(tuple(known)) and not is_junk(p))
            if not inside:
                raise UserError("no images in the folder", printable(str(path)), "give image files or a folder of them")
            yield from inside
        elif path.exists() or path.is_symlink():
            yield path
        else:
            matched = sorted(glob.glob(str(item), recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)
            if not matched:
                raise UserError("no such file", printable(str(item)), "give image files, folders or globs")
            yield from map(Path, matched)
