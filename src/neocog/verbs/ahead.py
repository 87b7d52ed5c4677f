"""What is wrong with a run before it begins: all that can be told without decoding an image, and all of it at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.nn import Module

from neocog.augment import Augmentation
from neocog.augment.sequence import SequenceAugmentation
from neocog.augment.volume import VolumeAugmentation
from neocog.checked import SPELLED, flag
from neocog.config import HINTS, Config, ModelConfig, TrainConfig, understood
from neocog.data.dataset import SPLITS, Dataset
from neocog.data.preprocessing import Preprocessing
from neocog.effects import without_effect
from neocog.engine.muon import hidden
from neocog.engine.progressive import sides
from neocog.errors import UserError, faults_of, listed, nearest, printable, raise_all
from neocog.interop.engine import on_processor
from neocog.networks import (
    MODELS,
    OTHERS,
    build,
    check_options,
    check_purpose,
    form_of,
    options,
)
from neocog.networks.names import FROM
from neocog.networks.shapes import shapes_only
from neocog.networks.trial import MISFITS, try_out
from neocog.pretrained import origin_of
from neocog.progress import Progress
from neocog.tasks import task_named
from neocog.tasks.task import Task
from neocog.traits import TASKS
from neocog.verbs.folder import unused

POLICIES = {"images": Augmentation, "volumes": VolumeAugmentation, "sequences": SequenceAugmentation}
FEW = 10  # names of options that a message lists


def planned(base: Config, settings: Mapping[str, Any], out: Path | None = None) -> Config:
    """``base`` with ``settings``, as a run may begin with it; names that are no settings are the model's options.

    Raises UserError with every fault: types, choices, ranges, names, what has no effect, the network and its options,
    changes of the augmentation, what this machine does not have, and something that is at ``out`` already.
    """
    config, faults = understood(base, settings)
    own = {name: value for name, value in config.model.options.items() if name not in HINTS}
    faults += without_effect(config)
    faults += _network(config, own)
    faults += _augmentation(config)
    faults += _machine(config.training)
    if config.transfer.pretrained and not faults:
        faults += faults_of(lambda: origin_of(config, Progress(quiet=True)))
    faults += [] if out is None else faults_of(lambda: unused(out))
    raise_all(faults)
    return config


def _network(config: Config, given: Mapping[str, Any]) -> Iterator[UserError]:
    """The network and its options, as far as they are known before the data are."""
    name, task = config.model.model, config.data.task
    if name == "auto":
        tasks = TASKS if task == "auto" else [task]
        models = {
            model for one in tasks for form, model in task_named(one).models.items() if fits(config.data.kind, form)
        }
        known = {option for model in models for option in options(model)}
        yield from (_no_option(option, known, "") for option in given if option not in known)
        if len(models) == 1:
            yield from faults_of(lambda: check_options(models.pop(), dict(given)))
        return
    found = faults_of(lambda: options(name))
    if found:
        every = {option for model in (*MODELS, *OTHERS) for option in options(model)}
        found += [_no_option(option, every, "") for option in given if option not in every]
    else:
        known = set(options(name))
        anything = name.partition(":")[0].endswith(".py")  # its author's own code says what it takes
        unknown = [] if anything else [option for option in given if option not in known]
        found += [_no_option(option, known, name) for option in unknown]
        found += (
            [] if anything else faults_of(lambda: check_options(name, {k: v for k, v in given.items() if k in known}))
        )
        if task != "auto":
            found += faults_of(lambda: check_purpose(name, task_named(task).purpose))
    if not found and config.data.size and ":" not in name:
        channels = config.data.channels or 3
        sides = 3 if form_of(name) == "volumes" else 2
        size = config.data.size * (sides if len(config.data.size) == 1 else 1)
        found += faults_of(lambda: sketched(name, channels, size, dict(given)))
    yield from found


def fits(kind: str, form: str) -> bool:
    """Whether data of a kind that may be open ("auto") can have that form."""
    return kind in ("auto", form)


def _no_option(option: str, known: set[str], model: str) -> UserError:
    """A misspelt setting must not be taken for an option of the model: the nearest of both, and a short list."""
    if option == "weights":
        return UserError("--weights is now --from", fix=FROM)
    spelled = next((setting for setting, word in SPELLED.items() if option.rstrip("_") == word), "")
    if spelled:
        return UserError(
            f"unknown option {option}", fix=f"in Python it is called {spelled}, since {SPELLED[spelled]} is Python's"
        )
    names = [*HINTS, *sorted(known)]
    near = [flag(name) for name in nearest(option, names, 2)]
    own = listed((name.replace("_", "-") for name in sorted(known)), FEW)
    more = (f"{model} has {own}" if known else f"{model} has none") if model else "`neocog train --help-all` lists all"
    fix = f"did you mean {' or '.join(near)}? " * bool(near) + more
    return UserError(f"unknown option {printable(flag(option))}", fix=fix)


def _augmentation(config: Config) -> list[UserError]:
    """Edits that the data's kind cannot have; where it is open, that no kind can have."""
    kinds = [form for form in POLICIES if fits(config.data.kind, form)]
    faults = [faults_of(lambda f=form: POLICIES[f]().changed(config.training.augment)) for form in kinds]  # type: ignore[misc]
    return min(faults, key=len) if all(faults) else []


def _machine(training: TrainConfig) -> Iterator[UserError]:
    if training.device == "cuda" and not torch.cuda.is_available():
        fix = "use --device cpu; `neocog device` says what there is"
        yield UserError("--device cuda: this machine has no GPU that torch can use", fix=fix)
    if training.engine != "torch":
        yield from faults_of(lambda: on_processor(training))


def sketched(name: str, channels: int, size: tuple[int, ...], given: dict[str, Any], outputs: int = 2) -> Module:
    """The network on shapes alone, without numbers. Raises UserError where it does not take them."""
    with shapes_only():
        return build(name, channels, size, outputs, **given)


def learnable(model: ModelConfig, channels: int, size: tuple[int, ...], outputs: int, training: TrainConfig) -> None:
    """Raise UserError where the optimizer has nothing to do on a network, or where it takes images of ``size`` alone and is to
    learn from smaller ones."""
    network = sketched(model.model, channels, size, dict(model.options), outputs)
    if training.optimizer == "muon":
        hidden(network)
    if training.start_size:
        smaller = sides(size, training.start_size, 0)
        try:
            with shapes_only():
                try_out(network, channels, smaller)
        except MISFITS as error:
            whole, begun = (" × ".join(map(str, each)) for each in (size, smaller))
            what = f"--start-size {training.start_size:g}: {model.model} for images of {whole} takes none of {begun}"
            fix = (
                "a larger share, or a network that ends with a mean or maximum of each map, such as resnet or airbench"
            )
            raise UserError(what, str(error).splitlines()[0], fix) from error


def suits(config: Config, dataset: Dataset, task: Task, plan: Preprocessing) -> list[str]:
    """What files' headers show to be wrong, before an image is decoded: UserError. Returns what is to be said."""
    data, training = config.data, config.training
    known = replace(config, data=replace(data, task=task.name, kind=dataset.form))
    faults = list(without_effect(known)) if "auto" in (data.task, data.kind) else []
    splits = [] if dataset.splits is None else dataset.splits.tolist()
    given = set(splits) & set(SPLITS)
    learned = splits.count("train") if given >= set(SPLITS) else len(dataset)
    if training.batch > learned and not data.folds:
        what = f"--batch {training.batch} exceeds the {learned:,} {'training ' * (learned < len(dataset))}samples"
        faults.append(UserError(what, fix=f"give --batch {learned} or less"))
    if given >= set(SPLITS) and data.split != type(data)().split and not data.folds:
        faults.append(UserError("--split: the data come split into train, validation and test", fix="leave it out"))
    if not faults:
        faults += faults_of(lambda: task.resolved(config, dataset))
    if not faults:
        model = task.resolved(config, dataset).model
        if ":" not in model.model and not training.patch:
            faults += faults_of(
                lambda: learnable(model, plan.inputs, plan.size, max(2, len(dataset.classes)), training)
            )
    raise_all(faults)
    return ["the given split is not used: --folds makes its own of all samples"] if given and data.folds else []
