"""Settings replaced by others: each checked by its type and range, then all of them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from neocog.checked import as_typed, read
from neocog.config.model import TUNE, TUNED
from neocog.config.sections import HINTS, SECTIONS, Config, names_of
from neocog.errors import UserError, did_you_mean, faults_of, raise_all
from neocog.options import values
from neocog.traits import TASKS, losses, own_settings, traits


def configured(config: Config, settings: Mapping[str, Any]) -> Config:
    """``config`` with settings replaced; names that no section knows are options of the task, or else of the model.

    Raises UserError.
    """
    config, faults = understood(config, settings)
    raise_all(faults)
    return config


def understood(config: Config, settings: Mapping[str, Any]) -> tuple[Config, list[UserError]]:
    """As ``configured``, but with the faults beside what is left without them, so that others can be told with them.

    Where a task is chosen whose usual settings are other than the general defaults, it brings them along.
    """
    settings = {name.replace("-", "_"): value for name, value in settings.items()}
    if settings.get("task", config.data.task) != config.data.task:
        settings = {**usual({"task": settings["task"]}), **settings}
    if settings.get("pretrained") and not config.transfer.pretrained:
        settings = {**usual({"tune": config.transfer.tune, **settings}), **settings}
    own = {name: value for name, value in settings.items() if name not in HINTS}
    edits = {name: value for name, value in settings.items() if name in HINTS}
    known = own_settings(settings.get("task", config.data.task))
    if of_task := {name: value for name, value in own.items() if name in known}:
        edits["task_options"] = {**config.data.task_options, **as_table(settings.get("task_options")), **of_task}
    if of_model := {name: value for name, value in own.items() if name not in known}:
        edits["options"] = {**config.model.options, **as_table(settings.get("options")), **of_model}
    return taken(config, edits)


def usual(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings whose default is another than in general for the task among ``settings``, or for tuning pretrained weights."""
    task = settings.get("task")
    found = traits(task).usual if isinstance(task, str) and TASKS.knows(task) else {}
    tuned = settings.get("pretrained") and settings.get("tune") != "head"
    return {**(TUNED if tuned else {}), **found}


def changed(config: Config, edits: Mapping[str, Any]) -> Config:
    """``config`` with some fields (unique names over all sections) replaced. Raises UserError with every fault."""
    config, faults = taken(config, edits)
    raise_all(faults)
    return config


def taken(config: Config, edits: Mapping[str, Any], where: str = "") -> tuple[Config, list[UserError]]:
    """``config`` with the edits that are what they should be, and the faults of the others."""
    good, faults = dict[str, Any](), list[UserError]()
    for name, value in edits.items():
        faults += faults_of(lambda n=name, v=value: good.update({n: read(n, v, HINTS[n], where)}))  # type: ignore[misc]
    for section, kind in SECTIONS.items():
        mine = {name: good[name] for name in names_of(kind) if name in good}
        if mine:
            config = replace(config, **{section: replace(getattr(config, section), **mine)})
    if "task" in good or "task" not in edits:  # of a task that there is none of, neither losses nor options are known
        faults += _loss(config.data.task, config.training.loss)
        given = dict(config.data.task_options)
        whose = f"--task {config.data.task}"
        faults += faults_of(lambda: given.update(values(whose, own_settings(config.data.task), given)))
        config = replace(config, data=replace(config.data, task_options=given))
    return config, [*faults, *_contradictions(config)]


def _loss(task: str, loss: str) -> Iterator[UserError]:
    """What is wrong with the loss: one that the task, or no task of ours, knows."""
    known = ["auto", *losses(task)]
    if loss not in known:
        what = "is none that is known" if task == "auto" else f"is not for --task {task}"
        fix = did_you_mean(loss, known).strip() or f"choose one of {', '.join(known[1:])}"
        yield UserError(f"--loss {as_typed(loss)} {what}", fix=fix)


def _contradictions(config: Config) -> Iterator[UserError]:
    """What no single value is at fault for, and lists of the wrong length."""
    data, training = config.data, config.training
    if len(training.betas) != 2:
        what = f"--betas {as_typed(training.betas)} is not two numbers from 0 to below 1"
        yield UserError(what, fix="give two, such as --betas 0.9 0.99")
    if training.epochs and training.minutes:
        yield UserError("--epochs and --minutes contradict each other", fix="give one of the two")
    if not TUNE.fullmatch(config.transfer.tune):
        fix = "give head, all, auto, or last:N with the number of blocks, such as last:2"
        yield UserError(f"--tune {as_typed(config.transfer.tune)} is not a way to tune", fix=fix)
    if len(training.patch) > 2:
        fix = "give one side, or height and width (256 320)"
        yield UserError(f"--patch {as_typed(training.patch)} is not a window size", fix=fix)
    if len(data.size) > 3:
        fix = "give one side, height and width (48 64), or depth too (32 48 64)"
        yield UserError(f"--size {as_typed(data.size)} is not a size", fix=fix)
    if len(data.split) != 3:
        fix = "give train, validation and test, such as 0.8 0.1 0.1"
        yield UserError(f"--split {as_typed(data.split)} is not three shares", fix=fix)
    elif data.split[0] <= 0 or data.split[2] <= 0:
        yield UserError("--split leaves nothing to train or to test on", fix="give shares above 0 for train and test")
    least = 3 if len(data.split) < 2 or data.split[1] else 2  # where no fold validates
    if 0 < data.folds < least:
        parts = "one part trains, one validates, one tests" if least == 3 else "one part trains, one tests"
        fix = f"give {least} or more ({parts}), or 0"
        yield UserError(f"--folds {data.folds} is too few", fix=fix)
    if data.unseen == 1:
        yield UserError("--unseen 1 leaves no class to learn", fix="give 2 or more, such as 6, or 0")


def as_table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
