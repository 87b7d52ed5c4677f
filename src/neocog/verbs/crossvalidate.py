"""``train --folds K``: K trainings, each tested on another fold, and their mean ± standard deviation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import mean, stdev
from typing import Any

import numpy as np
from scipy.special import stdtrit

from neocog.config import Config, from_tables
from neocog.data.split import content_digest
from neocog.documents import read_json
from neocog.engine.lock import lock
from neocog.errors import UserError, raise_all
from neocog.pages import sections_to_json, write_report
from neocog.pretrained import write_record
from neocog.progress import Screen
from neocog.records import Bars, Section, Table, Text
from neocog.run import Run, to_json, write_atomically
from neocog.tasks.task import Data, Session
from neocog.verbs.fit import ready
from neocog.verbs.folder import begun, complete_for_all, held, is_complete
from neocog.verbs.plan import Launch, history_lines, plan_of, read_plan, write_environment, write_plan
from neocog.verbs.plan import told as told_changes
from neocog.verbs.prepare import arrange
from neocog.verbs.stages import train_stages


def crossvalidate(config: Config, data: Data, run: Run, launch: Launch) -> None:
    """Train every fold in a folder of its own below the run folder, then write the summary result.json and report.html.

    Folds that are complete are left as they are, so that ``resume`` of the run folder goes on where it stopped.
    """
    for fold in range(config.data.folds):
        train_fold(config, data, run, replace(launch, fold=fold))
    if launch.ranks.is_writer:
        parts = fold_runs(run, config)
        raise_all(misplaced(parts))
        summarise(run, parts, launch.screen)


def misplaced(parts: Sequence[Run]) -> Iterator[UserError]:
    """Folds that are not what their folders' names say: their mean would count one of them twice."""
    for fold, part in enumerate(parts):
        plan = read_plan(part)
        if plan is not None and plan.fold != fold:
            what = f"this is fold {'none' if plan.fold is None else plan.fold + 1}, not fold {fold + 1}"
            yield UserError(what, str(part.folder), "put the right folder in its place, or remove it to train it again")


def train_fold(config: Config, data: Data, run: Run, launch: Launch) -> None:
    """Train the fold of ``launch``, unless that is done."""
    assert launch.fold is not None
    ranks, own = launch.ranks, fold_runs(run, config)[launch.fold]
    launch.screen.say(f"fold {launch.fold + 1} of {config.data.folds}", "bold")
    with held(own, ranks):
        if not complete_for_all(own, ranks):
            session = arrange(config, data, ranks, launch.screen, launch.fold)
            train_stages(session, ready(session, ranks), config, own, launch)


def fold_runs(run: Run, config: Config) -> list[Run]:
    """The runs of the folds, the first one's folder being fold-1."""
    return [Run(run.folder / f"fold-{fold + 1}") for fold in range(config.data.folds)]


def describe_folds(session: Session, asked: Config, run: Run, launch: Launch) -> None:
    """Write what the whole is, before any fold. ``session``: of the first fold; each fold resolves its settings anew."""
    stages = [each.folder.name for each in fold_runs(run, session.config)]
    content = content_digest(
        session.dataset, np.full(len(session.dataset), ""), session.data.digests, session.data.told
    )
    new, plan = plan_of(session.config, asked, session.dataset.classes, stages, launch, content), read_plan(run)
    if plan is None and not begun(run):
        write_plan(run, new)
    elif plan is not None:
        unsaid = plan.unsaid(new.settings, launch.changed)
        comparable = not launch.changed and plan.version == new.version
        if unsaid or (comparable and plan.identity != new.identity):
            what = told_changes(unsaid) if unsaid else "the data have changed"
            raise UserError(f"these folds were begun otherwise: {what}", str(run.plan), "give another --out")
        write_plan(run, plan.after(new.settings, 0))
    write_environment(run, launch)
    if session.data.source is not None and session.data.source.taken:
        write_record(run, session.data.source)


def summarise_if_last(run: Run, launch: Launch) -> None:
    """Sum up where every fold is complete: of several jobs, the last one does. Who holds the whole does it for all."""
    plan = read_plan(run) if launch.ranks.is_writer else None
    parts = fold_runs(run, from_tables(plan.settings, str(run.plan))) if plan else []
    if not parts or is_complete(run) or not all(map(is_complete, parts)):
        return
    try:
        raise_all(misplaced(parts))
        with lock(run.folder, patience=60):
            if not is_complete(run):
                summarise(run, parts, launch.screen)
    except UserError as error:
        launch.screen.say(f"  the folds are not summed up: {error.what}", "yellow")


def summarise(run: Run, parts: Sequence[Run], screen: Screen) -> None:
    """result.json of the whole: each measure's mean over the folds, its sd, and Student's 95 % interval of the mean."""
    results: list[dict[str, Any]] = [read_json(part.result) for part in parts]
    names = [name for name in results[0]["measures"]["test"] if all(name in r["measures"]["test"] for r in results)]
    measures = {name: over_folds([r["measures"]["test"][name] for r in results]) for name in names}
    first = results[0]
    speeds = [
        r["images_per_second"] for r in results if r["images_per_second"] is not None
    ]  # a resumed fold may know none
    result = {
        **{key: first[key] for key in ("task", "model", "parameters", "classes", "precision", "data")},
        "taken": first.get("taken", []),
        "left_out": first.get("left_out", {}),
        "run": str(run.folder),
        "report": str(run.report),
        "folds": [str(part.folder) for part in parts],
        "n": {
            "train": first["n"]["train"],
            "validation": first["n"]["validation"],
            "test": sum(r["n"]["test"] for r in results),
        },
        "measures": {"test": measures},
        "history": {part.folder.name: r["history"] for part, r in zip(parts, results, strict=True) if r.get("history")},
        "per_class": {},
        "seconds": sum(r["seconds"] for r in results),
        "epochs": sum(r["epochs"] for r in results),
        "images_per_second": mean(speeds) if speeds else None,
    }
    rows = [
        (name, told(m), m["folds"], *(r["measures"]["test"][name]["value"] for r in results))
        for name, m in measures.items()
    ]
    table = Table(("measure", "mean ± sd", "folds", *(part.folder.name for part in parts)), tuple(rows))
    values = [r["measures"]["test"][names[0]]["value"] for r in results]
    known = [(part.folder.name, value) for part, value in zip(parts, values, strict=True) if value is not None]
    bars = Bars(tuple(name for name, _ in known), tuple(value for _, value in known), names[0])
    unlike = [Text(f"{part.folder.name}: {line}") for part in parts for line in history_lines(read_plan(part))]
    section = Section(f"{len(parts)}-fold cross-validation", (table, bars, *unlike), "folds")
    write_atomically(run.sections, sections_to_json([section]))
    write_atomically(run.result, to_json(result))
    write_report(run)
    screen.say(f"{names[0]} over {len(parts)} folds: {told(measures[names[0]])} (sd); report: {run.report}", "bold")


def over_folds(each: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A measure's mean over the folds in which it is defined (``folds``), its sd, and Student's 95 % interval of the mean.

    The R² of one sample, or the AUROC of a class that a fold does not test, is undefined: null.
    """
    known = [m for m in each if m["value"] is not None]
    values = [m["value"] for m in known]
    found = {"value": None, "low": None, "high": None, "n": sum(m["n"] for m in known), "sd": None, "folds": len(known)}
    if values:
        found["value"] = mean(values)
    if len(values) > 1:
        half = float(stdtrit(len(values) - 1, 0.975)) * stdev(values) / len(values) ** 0.5
        found |= {"low": mean(values) - half, "high": mean(values) + half, "sd": stdev(values)}
    return found


def told(m: dict[str, Any]) -> str:
    """ "0.9123 ± 0.0100"."""
    if m["value"] is None:
        return "undefined"
    return f"{m['value']:.4f} ± {m['sd']:.4f}" if m["sd"] is not None else f"{m['value']:.4f}, of one fold"
