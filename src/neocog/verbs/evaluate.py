"""``evaluate``: a trained run measured again on its test part, or on other labelled data of the same classes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from neocog.config import Config, ReadConfig, from_run
from neocog.data.dataset import SPLITS, Dataset
from neocog.data.learned import THUMBNAILS, Shared, read_thumbnails, shared
from neocog.data.loader import Store, Streamed
from neocog.data.masks import target_texts
from neocog.data.readers.memory import MEMORY, given
from neocog.data.split import Manifest, read_splits
from neocog.data.subset import set_aside
from neocog.data.taken import taken_json
from neocog.data.unchanged import altered, held_to_record
from neocog.engine.precision import Wanted, to_answer
from neocog.engine.repeatable import as_trained
from neocog.errors import UserError, count, listed, raise_all
from neocog.metrics.stored import stored_measure
from neocog.predictor import Predictor, evaluation_threads, load_predictor, path_of
from neocog.progress import Progress
from neocog.records import Finding
from neocog.run import Run, to_json, write_atomically
from neocog.tasks import task_for
from neocog.tasks.evaluation import Samples, Watched
from neocog.tasks.task import Task
from neocog.verbs.outputs import insist_on_new
from neocog.verbs.session import (
    is_gone,
    open_data,
    scan_dataset,
    settings_for,
    still_there,
    usable,
    without_unreadable,
)

Recorded = tuple[NDArray[np.int64], list[str]]  # (n,) positions in a data set, and names that it does not have


def evaluate(
    run: str | Path | Run,
    data: str | Path | Any = None,
    out: str | Path | None = None,
    quiet: bool = False,
    any_range: bool = False,
    precision: Literal["fp32", "bf16", "auto"] = "fp32",
    **settings: Any,
) -> dict[str, Any]:
    """Measures with 95 % intervals: {"run", "task", "model", "classes", "n", "data", "measures": {"test": …}, …}.

    Without ``data``: the run's own test part, as splits.csv names it. With ``data``: all of it, or its test part where it
    has one; images of the run's training part among them (the same bytes or pixels) are an error, and so are those beyond
    doubt of another scale than the training's, unless ``any_range``; "differences" has what else is unlike the training,
    "findings" what is near copies of it or of its groups. Writes the JSON to ``out``. ``precision``: in which the network
    computes, as of ``predict``; "precision" says which it was. ``settings``: how the data are read, fields of
    ``neocog.config.ReadConfig``; by default as the run read its own.
    """
    insist_on_new(out)
    with given(data) as name:
        result = _evaluated(path_of(run), name, Progress(quiet), any_range, precision, settings)
    if out is not None:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(Path(out), to_json(result))
    return result


@dataclass(frozen=True)
class Opened:
    """What a run is evaluated on, opened: its own test part, or data of others (``own`` False)."""

    predictor: Predictor
    task: Task
    dataset: Dataset  # with what was set aside
    samples: Samples
    own: bool
    findings: list[Finding]  # what the data of others share with those of the training
    parts: dict[str, Recorded]  # of the run's own data; {} of others


def _evaluated(
    run: Run,
    data: str | Path | None,
    progress: Progress,
    any_range: bool,
    wanted: Wanted,
    settings: dict[str, Any],
) -> dict[str, Any]:
    config = read_as(run, data, settings)
    with as_trained(config.training, evaluation_threads(run)) as device:
        precision = to_answer(device, wanted)
        if wanted != "fp32":
            progress.say(f"answers in {precision.name}: {precision.why}")
        new_place = f"neocog evaluate {shlex.quote(str(run.folder))} NEW_PLACE"
        tried = opened(run, data, config, load_predictor(run, device), progress, new_place, any_range)
        predictor, task, samples = tried.predictor, tried.task, tried.samples
        with progress.bar("evaluating", len(samples)) as advance, precision.evaluating(device):
            answers = task.answers(predictor, samples, advance)
        found = task.evaluation(predictor, answers, samples)
    differences = task.differences(predictor, answers)
    for line in differences:
        progress.say(f"  differs from the training data: {line}", "yellow")
    result = {
        "run": str(run.folder),
        "task": predictor.task,
        "model": config.model.model,
        "data": config.data.data,
        "classes": list(predictor.classes),
        "n": {"test": len(samples)},
        "precision": precision.name,
        "differences": differences,
        "findings": [asdict(finding) for finding in tried.findings],
        "measures": {"test": {name: asdict(measure) for name, measure in found.measures.items()}},
        **found.more,
        **taken_json(tried.dataset),
    }
    return result


def opened(
    run: Run, data: str | Path | None, config: Config, predictor: Predictor, progress: Progress, new_place: str,
    any_range: bool = False,
) -> Opened:  # fmt: skip
    """The samples that a run is evaluated on; data in memory, or at a new place, that are the run's own stand for its own test
    part. ``new_place``: the command that names this place, where the data were moved."""
    own_data = from_run(run.config).data
    if data is None:
        still_there(
            own_data.data, f"put them back; or if they were moved, name the place where they are now: {new_place}"
        )
    predictor = predictor if data is None else predictor.watching(strict=not any_range)
    read = replace(config.data, corrections="") if data == MEMORY else config.data  # they are of the run's own data
    dataset = open_data(read, progress, preprocessing=predictor.preprocessing)
    if data is not None and is_own(run, dataset):
        if own_data.corrections:
            read = replace(config.data, corrections=own_data.corrections)
            dataset = open_data(read, Progress(quiet=True), preprocessing=predictor.preprocessing)
        data, predictor = None, replace(predictor, watch=None)
        progress.say("  these are the run's own data: evaluated on its test part")
    task = task_for(predictor.task, dataset, predictor.facts.get("task_options", {}))
    own, unseen = set_aside(dataset, config.data.unseen) if data is None else (dataset, None)
    if data is not None and config.data.on_bad == "skip":
        dataset = own = readable(own, config.data, progress)
    splits = read_splits(run.splits_csv) if data is None else None
    parts = recorded(splits, own) if splits is not None else {}
    positions, again = (whole(run, parts["test"]), []) if parts else foreign_test(run, own, progress)
    if splits is not None:
        own = as_it_was(run, own, positions, splits)
    store: Store = Streamed(own.images, predictor.preprocessing, config.training.workers)
    samples = Samples(
        dataset=own,
        positions=positions,
        store=Watched(store, own, predictor.watch) if predictor.watch else store,
        seed=config.data.split_seed,
        trained=parts["train"][0] if parts else None,
        unseen=unseen,
        within=data is None and config.data.leave_one_group_out,
    )
    return Opened(predictor, task, dataset, samples, data is None, again, parts)


def is_own(run: Run, dataset: Dataset) -> bool:
    """Whether data are those that the run was trained on, which are in memory, or gone from where they were: the same names, in
    the same order, and contents."""
    own = from_run(run.config).data.data
    if own != MEMORY and not is_gone(own):
        return False
    known = read_splits(run.splits_csv)
    same = len(known.names) == len(dataset) and list(known.names) == list(dataset.names)
    return same and all(dataset.images.digest(i) == known.digests[i] for i in range(len(dataset)))


def read_as(run: Run, data: str | Path | None, settings: dict[str, Any]) -> Config:
    """The run's settings, with how ``data`` (None: its own) are to be read."""
    config = from_run(run.config)
    return settings_for(config.data.data if data is None else data, settings, base=config)


def as_it_was(run: Run, dataset: Dataset, test: NDArray[np.int64], splits: Manifest) -> Dataset:
    """The run's own data, held to its ``splits``: the labels and the ``test`` part now, other files when they are read.

    Raises UserError for other labels, and for test samples of other bytes.
    """
    found = {
        "changed since this run recorded them": altered(dataset, splits, test),
        "of other labels than this run recorded": _relabelled(dataset, splits),
    }
    fix = f"put them back as they were, or evaluate them as other data: neocog evaluate {shlex.quote(str(run.folder))} DATA"
    raise_all(
        UserError(f"{count(names, 'sample')} {what}", listed(names), fix) for what, names in found.items() if names
    )
    return held_to_record(dataset, splits)


def _relabelled(dataset: Dataset, splits: Manifest) -> list[str]:
    """Names of the samples whose labels are not the recorded ones; masks and wanted images are compared as they are read."""
    if dataset.masks is not None or dataset.pairs is not None:
        return []
    known = {name: label for name, label, part in zip(splits.names, splits.labels, splits.parts, strict=True) if part}
    return [
        name for name, text in zip(dataset.names, target_texts(dataset), strict=True) if known.get(name, text) != text
    ]


def own_test(run: Run, dataset: Dataset) -> NDArray[np.int64]:
    """Positions of the run's test samples in the data set."""
    return whole(run, recorded(read_splits(run.splits_csv), dataset)["test"])


def whole(run: Run, test: Recorded) -> NDArray[np.int64]:
    """The positions of a test part of which nothing is gone. Raises UserError for others, and where there is none."""
    where, missing = test
    if missing:
        raise UserError(f"{count(missing, 'test image')} gone from the data", listed(missing), "restore them")
    if not len(where):
        fix = "result.json has what the folds say of it; or give data of its own: neocog evaluate RUN DATA"
        raise UserError("this network learned from all samples: none is left to test it", str(run.folder), fix)
    return where


def recorded(splits: Manifest, dataset: Dataset) -> dict[str, Recorded]:
    """Of each part the positions in the data set of its samples, as ``splits`` name them, and the names that are there no more."""
    place, found = {name: index for index, name in enumerate(dataset.names)}, dict[str, Recorded]()
    for part in SPLITS:
        wanted = [name for name, each in zip(splits.names, splits.parts, strict=True) if each == part]
        there = np.array([place[name] for name in wanted if name in place], dtype=np.int64)
        found[part] = there, [name for name in wanted if name not in place]
    return found


def readable(dataset: Dataset, settings: ReadConfig, progress: Progress) -> Dataset:
    """``dataset`` with what cannot be read among what is left out. Raises UserError where that is too much."""
    errors = scan_dataset(dataset, progress).errors
    usable(dataset, errors, settings)
    return without_unreadable(dataset, errors, progress)


def foreign_test(run: Run, dataset: Dataset, progress: Progress) -> tuple[NDArray[np.int64], list[Finding]]:
    """Positions of the samples to test on, without those that are left out, and what they share with the training.

    None of them may have been trained on; near copies of those that were, and others of their groups, are findings, and said.
    """
    out = {each.name for each in dataset.left_out}
    kept = np.array([name not in out for name in dataset.names], np.bool_)
    chosen = np.flatnonzero(kept)
    if dataset.splits is not None and (dataset.splits == "test").any():
        chosen = np.flatnonzero(kept & (dataset.splits == "test"))
    recorded = read_splits(run.splits_csv)
    known = read_thumbnails(run.folder / THUMBNAILS, recorded)
    again = shared(recorded, known, dataset, chosen)
    if again.identical:
        seen = [dataset.names[index] for index in again.identical]
        what = f"{len(seen)} of these {len(chosen):,} images were used to train this run"
        raise UserError(what, listed(seen), "leave them out: a network is not evaluated on what it was trained on")
    found = [*_seen_before(again, dataset, chosen), *([] if known is not None else [UNKNOWN])]
    for finding in found:
        progress.say(f"  {finding.severity}: {finding.what}", "bold red" if finding.severity == "warning" else "")
    return chosen, found


UNKNOWN = Finding("note", "near copies of training samples are not searched for: this run recorded no thumbnails")


def _seen_before(again: Shared, dataset: Dataset, chosen: NDArray[np.int64]) -> Iterator[Finding]:
    """What the samples at ``chosen`` share with those of the training, other than being the same."""
    if again.copies:
        names = tuple(dataset.names[index] for index in again.copies)
        what = f"{len(names):,} of these {len(chosen):,} {dataset.form} are near copies of ones that trained this run"
        if dataset.form == "sequences":
            what = what.replace("near copies", "reverse complements")
        yield Finding("warning", f"{what}: {listed(names)}", names, "leave them out: memorisation would count as skill")
    if again.groups and dataset.groups is not None:
        groups = len(set(dataset.groups[chosen].tolist()) - {""})
        what = f"{len(again.groups):,} of {groups:,} groups were used to train this run: {listed(again.groups)}"
        names = tuple(dataset.names[index] for index in again.of_groups)
        yield Finding("warning", what, names, "evaluate on other groups: new samples of a known group are easier")


def show(result: dict[str, Any], console: Console) -> None:
    """A table for people."""
    table = Table(
        "measure", "value", "95 % interval", "n", title=f"{result['run']} on {result['data']}", title_justify="left"
    )
    for name, value in result["measures"]["test"].items():
        measure = stored_measure(value)
        table.add_row(name, f"{measure.value:.4f}", measure.interval, measure.counted())
    console.print(table)
