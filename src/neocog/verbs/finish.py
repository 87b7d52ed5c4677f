"""What comes after learning: the best weights, the test part measured, predictions, result and report."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import torch

from neocog.data.dataset import SPLITS
from neocog.data.scale import Seen
from neocog.data.split import fingerprint
from neocog.data.taken import taken_json
from neocog.data.views import most_views
from neocog.engine.learner import Learner
from neocog.engine.loop import Loop
from neocog.facts import with_older_names
from neocog.metrics.intervals import clusters
from neocog.networks import package_of
from neocog.pages import sections_to_json, write_card
from neocog.predictor import Predictor, load_predictor, save_predictor
from neocog.progress import Progress
from neocog.records import Measure
from neocog.run import Run, to_json, write_atomically
from neocog.tasks.evaluation import Samples
from neocog.tasks.task import Session, Trained
from neocog.traits import TASKS
from neocog.verbs.baseline import baseline_section
from neocog.verbs.curve import curve_of, curve_result, curve_section, in_words
from neocog.verbs.features import features_file
from neocog.verbs.plan import history_lines, read_plan
from neocog.verbs.probe import outputs_by_folds
from neocog.verbs.sections import sections
from neocog.verbs.transfer import only_the_head
from neocog.verbs.trial import Trial, answered, read_trial

FEW, MANY = 30, 10  # validation samples (or groups) among which the best of so many epochs is partly luck


def finish_run(session: Session, learner: Learner, loop: Loop, progress: Progress, seconds: float) -> None:
    """Write all that a finished run holds. Nothing here changes the network; the test part is looked at for the first time."""
    saved = kept(session, learner, loop)
    progress.say(f"{chosen(session, learner)}; evaluating it on the test part")
    run, model, dataset, task = loop.run, session.config.model, session.dataset, session.task
    network = learner.evaluated[task.network]
    predictor, parts = saved({}), parts_of(session, loop)
    trial = read_trial(run)
    unseen = None if len(parts["validation"]) else answers_to_unseen(session, learner, loop, predictor, trial)
    with progress.bar("evaluating", len(parts["validation"]) + len(parts["test"])) as advance:
        validation = task.answers(predictor, parts["validation"], advance)
        predictor = saved(task.learned(predictor, unseen or validation, session, parts, advance))
        answers = {"test": task.answers(predictor, parts["test"], advance), "validation": validation}
    evaluated = {
        part: task.evaluation(predictor, found, parts[part]) for part, found in answers.items() if len(parts[part])
    }
    differences = task.differences(predictor, answers["test"])
    for line in differences:
        progress.say(f"  the test part differs from the training part: {line}", "yellow")
    found = task.report(session, trained(learner), predictor, answers["test"], evaluated)
    plan, measures = read_plan(run), {part: one.measures for part, one in evaluated.items()}
    write_atomically(run.predictions_csv, found.predictions)
    result: dict[str, Any] = {
        "run": str(run.folder),
        "report": str(run.report),
        "task": session.task.name,
        "model": model.model,
        "parameters": sum(p.numel() for p in network.parameters()),
        "classes": list(dataset.classes),
        "n": session.counts(),
        "measures": {part: {name: asdict(m) for name, m in each.items()} for part, each in measures.items()},
        "differences": differences,
        "per_class": {},
        **evaluated["test"].more,
        **found.result,
        "seconds": seconds,
        "epochs": learner.counters.epochs,
        "best_epoch": learner.counters.best_epoch,
        "images_per_second": speed(loop),
        "precision": loop.precision.name,
        "history": [dict(each) for each in plan.history] if plan else [],
        "augmentation": [asdict(each) for each in session.decisions],
        "data": {"kind": dataset.kind, "fingerprint": fingerprint(session.data.digests, session.data.target_texts)},
        **taken_json(dataset),
    }
    name, measure = next(iter(measures["test"].items()))
    if trial is not None:
        result["trial"] = asdict(trial)
    curve = curve_of(run, name, measure, session.counts()["train"])
    if curve is not None:
        result["curve"] = curve_result(curve)
        progress.say(f"  {in_words(curve)}")
    more = [baseline_section(run, measures["test"]), curve_section(curve) if curve is not None else None]
    results = [*found.sections[:1], *(one for one in more if one is not None), *found.sections[1:]]
    history = [*history_lines(plan), *(trial.lines() if trial is not None else ())]
    write_atomically(run.sections, sections_to_json(sections(session, learner, loop, results, history)))
    write_atomically(run.result, to_json(with_older_names(result)))
    write_card(run)
    features_file(run).unlink(missing_ok=True)
    show_measures(measures["test"], run, progress)


def answers_to_unseen(session: Session, learner: Learner, loop: Loop, predictor: Predictor, trial: Trial | None) -> Any:
    """What networks like this one say of training samples that they had not seen, where nothing validates; None where none can."""
    if not only_the_head(session.config):
        return trial and answered(loop.run, trial, session, lambda _: None)
    outputs = outputs_by_folds(session, loop, learner)
    return None if outputs is None else session.task.read(predictor, parts_of(session, loop)["train"], outputs)


def kept(session: Session, learner: Learner, loop: Loop) -> Callable[[Mapping[str, Any]], Predictor]:
    """Take the best weights, and return what saves them with what more is known of them, and loads them again."""
    for name, state in learner.best.items():
        learner.evaluated[name].load_state_dict(state)
    network, model, facts = learner.evaluated[session.task.network], session.config.model, known(session)

    def saved(more: Mapping[str, Any]) -> Predictor:
        save_predictor(loop.run, network, model.model, dict(model.options), session.preprocessing, facts | dict(more))
        return load_predictor(loop.run, loop.loader.device)

    return saved


def trained(learner: Learner) -> Trained:
    """The learner as its task may see it."""
    counters = learner.counters
    return Trained(learner.evaluated, counters.rows, counters.steps, bool(learner.ema))


def known(session: Session) -> dict[str, Any]:
    """What model.json says before anything is evaluated."""
    dataset, task = session.dataset, session.task
    facts = {"task": task.name, "classes": list(dataset.classes), **task.facts(session), **seen(session)}
    if not session.config.training.threads:
        facts["threads"] = torch.get_num_threads()  # on which it is evaluated, as sums in other parts round otherwise
    if session.config.transfer.views > 1:
        mirror = any(each.change == "flip" and (each.on or each.keeps) for each in session.decisions)
        facts["views"] = {"count": most_views(session.config.transfer.views, mirror), "mirror": bool(mirror)}
    if options := session.config.data.task_options:
        facts["task_options"] = dict(options)
    packages = {"task": TASKS.package(task.name), "model": package_of(session.config.model.model)}
    if any(packages.values()):
        facts["packages"] = {what: package for what, package in packages.items() if package}
    return facts | ({"target_names": list(dataset.target_names)} if dataset.target_names else {})


def seen(session: Session) -> dict[str, Any]:
    """What the training images were like, against which those of others are held."""
    if session.preprocessing.encoding == "nucleotides":
        return {}
    records = session.data.records
    known = (session.parts == "train") & records.headers.there
    return {"seen": asdict(Seen.of(records.extremes[known], records.headers.take(known)))}


def parts_of(session: Session, loop: Loop) -> dict[str, Samples]:
    """Every part as it is evaluated: all of it by this process, from the pixels that training had."""
    where, store, given = loop.loader.parts, loop.loader.store, session.config.data
    seed, within = given.split_seed, given.leave_one_group_out
    return {
        part: Samples(session.dataset, where[part], store, seed, part, where["train"], session.data.unseen, within)
        for part in SPLITS
    }


def chosen(session: Session, learner: Learner) -> str:
    """Which epoch's weights are kept, and whether so few samples chose it that luck did."""
    counters, where = learner.counters, session.parts == "validation"
    epochs = counters.epochs
    if counters.inverse_penalty and counters.best_epoch == 0:
        on = f" on {int(where.sum())} validation samples"
        return "the linear probe is kept" + f": {epochs} epochs of tuning were no better{on}" * bool(epochs)
    if not where.any() or not session.objective.chooses:
        return f"the last of {epochs} epochs is kept"
    groups = session.dataset.groups
    _, units = clusters(None if groups is None else groups[where], int(where.sum()))
    text = f"best epoch: {counters.best_epoch} of {epochs}"
    if units >= FEW or (epochs < MANY and units > 2):
        return text
    form = session.dataset.form if groups is None else "groups"
    by = f"{units} validation {form[: -1 if units == 1 else None]}"
    return f"{text}, chosen on {by} only: partly luck (see --split)"


def speed(loop: Loop) -> float | None:
    """Training images a second: the median over the steps of this process."""
    times = sorted(loop.times)
    return round(loop.config.batch / times[len(times) // 2], 1) if times else None


def show_measures(measures: Any, run: Run, progress: Progress) -> None:
    """The end of every training: how good, on how many, how sure, and where to look."""
    name, value = next(iter(measures.items()))
    assert isinstance(value, Measure)
    n = value.counted("test samples")
    sure = f"95 % interval {value.interval}" if math.isfinite(value.low) else value.interval
    progress.say(f"test {name} {value.value:.4f} ({sure}, {n})", "bold")
    progress.say(f"report: {run.report}")
