"""Which setting does something in which run. One that would do nothing is refused, so that nobody takes it for obeyed.

Asked when a run begins, not when a run folder is opened: what an older version let pass stays readable.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from neocog.checked import as_typed, flag
from neocog.config import SECTIONS, Config, Optimizer, TrainConfig, TransferConfig, names_of, parameters, usual
from neocog.errors import UserError
from neocog.traits import tasks_with, traits

ADAMS = ("adam", "adamw", "muon")
PIXELS = ("images", "volumes")

# setting → another setting, and the values of it with which the first does something; which settings belong to which task,
# a task says itself
EFFECTIVE: dict[str, dict[str, tuple[str, ...]]] = {
    "label_field": {"kind": ("sequences",)},
    "min_samples": {"kind": ("sequences",)},
    "gaps": {"kind": ("sequences",)},
    "channels": {"kind": PIXELS},
    "fit": {"kind": PIXELS},
    "draft": {"kind": ("images",)},
    "scaling": {"kind": PIXELS},
    "frames": {"kind": PIXELS},
    "axes": {"kind": PIXELS},
    "max_pixels": {"kind": PIXELS},
    "max_bad": {"on_bad": ("skip",)},
    "pretrained": {"engine": ("torch",)},
    "views": {"kind": ("images",)},
    "batch": {"optimizer": tuple(name for name in get_args(Optimizer) if name != "gd")},
    "betas": {"optimizer": ADAMS},
    "alpha": {"optimizer": ("rmsprop",)},
    "momentum": {"optimizer": ("sgd", "muon")},
    "nesterov": {"optimizer": ("sgd",)},
    "warmup": {"schedule": ("onecycle", "cosine")},
    "decay_steps": {"schedule": ("exponential",)},
    "decay_rate": {"schedule": ("exponential",)},
    "staircase": {"schedule": ("exponential",)},
    "adversarial": {"kind": PIXELS, "engine": ("torch",)},
    "label_smoothing": {"loss": ("cross-entropy",)},
    "mixup": {"kind": ("images",)},
    "cutmix": {"kind": ("images",)},
    "start_size": {"kind": ("images",), "engine": ("torch",)},
}

# Settings that are about steps of a training
STEPS = (
    "epochs", "minutes", "batch", "optimizer", "lr", "schedule", "warmup", "bias_lr", "decay_steps", "decay_rate", "staircase",
    "betas", "alpha", "momentum", "nesterov", "weight_decay", "l1", "l2", "clip", "label_smoothing", "mixup", "cutmix", "ema",
    "lookahead", "patience", "augment", "adversarial", "adversary", "keep_checkpoints", "start_size",
)  # fmt: skip


def without_effect(config: Config) -> Iterator[UserError]:
    """The settings of a run that differ from their defaults and do nothing in it. What is "auto" is open, and passes."""
    values = {name: value for section in SECTIONS for name, value in vars(getattr(config, section)).items()}
    plain, own = (
        defaults(),
        {
            **defaults(),
            **usual({"task": config.data.task, "pretrained": config.transfer.pretrained, "tune": config.transfer.tune}),
        },
    )
    for name in values:
        if values[name] in (plain[name], own[name]):
            continue
        for by, effective in conditions(name, config.data.task).items():
            if values[by] not in ("auto", *effective):
                what = f"{flag(name)} belongs to {flag(by)} {' or '.join(effective)}, not to {values[by]}"
                yield UserError(what, fix="leave one of the two out")
    yield from _folds(config)
    yield from _transfer(config)
    yield from _adversarial(config)
    if config.data.fit == "corner" and config.data.task != "auto" and traits(config.data.task).labels != "pairs":
        yield UserError("--fit corner scales no image, and this task needs all of one size", fix="resize, pad or crop")
    training = config.training
    if training.nesterov and training.optimizer == "sgd" and not training.momentum:
        yield UserError(
            "--nesterov looks ahead along the momentum, and --momentum is 0", fix="leave one of the two out"
        )
    if training.ema and training.lookahead:
        what = "--ema and --lookahead each keep a mean of the weights, which is evaluated"
        yield UserError(what, fix="leave one of the two out")
    if training.schedule == "cosine" and 0.05 < training.warmup != own["warmup"]:
        what = (
            f"--warmup {as_typed(training.warmup)}: with --schedule cosine the rate rises in 0.05 of the steps at most"
        )
        yield UserError(what, fix="give 0 to 0.05, or use --schedule onecycle")
    if abs(sum(config.data.split) - 1) > 0.005:
        shares = as_typed(config.data.split)
        yield UserError(f"--split {shares} adds up to {sum(config.data.split):g}", fix="give shares that add up to 1")
    yield from () if config.data.task == "auto" else traits(config.data.task).contradictions(values)


def conditions(name: str, task: str = "auto") -> dict[str, tuple[str, ...]]:
    """{another setting: its values with which this one does something}; of ``task`` it is asked, whosever it is."""
    tasks = tasks_with(name, [task])
    return {**({"task": tasks} if tasks else {}), **EFFECTIVE.get(name, {})}


def _adversarial(config: Config) -> Iterator[UserError]:
    """What is about attacks, where there are none."""
    training, task = config.training, config.data.task
    known = None if task == "auto" else traits(task)
    if training.adversary != TrainConfig().adversary and not training.adversarial:
        what = f"--adversary {training.adversary} says how --adversarial changes images, and that is 0"
        yield UserError(what, fix="add --adversarial 8/255, or leave it out")
    if training.adversarial and (training.mixup or training.cutmix):
        what = "--adversarial changes single images, and --mixup and --cutmix learn from two at once"
        yield UserError(what, fix="leave one of the two out")
    if training.adversarial and training.start_size:
        what = "--adversarial changes images as they are evaluated, and --start-size learns from smaller ones"
        yield UserError(what, fix="leave one of the two out")
    if training.adversarial and known and not known.attacked:
        yield UserError(f"--adversarial is not for --task {task}", fix="leave it out")
    if training.adversary == "trades" and training.adversarial and training.group_weights == "dro":
        what = "--group-weights dro follows the losses of the samples, to which --adversary trades adds another"
        yield UserError(what, fix="give --adversary pgd or fast, or --group-weights balanced")
    if training.adversary == "trades" and known and not known.logits:
        what = f"--adversary trades compares the shares of classes, which --task {task} does not give"
        yield UserError(what, fix="give fast or pgd")


def _folds(config: Config) -> Iterator[UserError]:
    """What is about folds, where there are none."""
    if config.data.repeats > 1 and not config.data.folds:
        what = f"--repeats {config.data.repeats} draws --folds anew, and there are none"
        yield UserError(what, fix="add --folds 5, or leave it out")
    if config.data.leave_one_group_out:
        if not config.data.folds:
            what = "--leave-one-group-out is about --folds, and there are none"
            yield UserError(what, fix="add --folds with the number of groups, or leave it out")
        if config.data.repeats > 1:
            what = (
                f"--repeats {config.data.repeats} draws folds anew, and --leave-one-group-out has the groups for folds"
            )
            yield UserError(what, fix="leave one of the two out")
        if config.data.groups == "none":
            yield UserError(
                "--leave-one-group-out needs groups, and --groups none takes none", fix="leave one of the two out"
            )
    if config.training.refit and not config.data.folds:
        what = "--refit trains on all samples after --folds, which say what it is worth, and there are none"
        yield UserError(what, fix="add --folds 5, or leave it out")
    if config.data.task == "auto" or traits(config.data.task).labels != "any":
        return
    for name in ("curve", "refit"):
        if getattr(config.training, name):
            yield UserError(f"--{name} is not for --task {config.data.task}", fix="leave it out")


def _transfer(config: Config) -> Iterator[UserError]:
    """How pretrained weights are learned further, where there are none, or where only a head is fitted to them."""
    given, usual = config.transfer, TransferConfig()
    own = [name for name in names_of(TransferConfig) if name != "views"]  # which any network may be given
    changed = [name for name in own if getattr(given, name) != getattr(usual, name)]
    if config.data.scaling == "weights" and not given.pretrained:
        yield UserError("--scaling weights: there are no pretrained weights", fix="add --from, or leave it out")
    for name in changed if not given.pretrained else ():
        what = f"{flag(name)} says how pretrained weights are learned further, and there are none"
        yield UserError(what, fix="add --from, such as --from imagenet, or leave it out")
    if not given.pretrained or given.tune != "head":
        return
    if config.training.group_weights == "dro":
        what = "--group-weights dro changes from step to step, and --tune head solves for the last layer at once"
        yield UserError(what, fix="give --group-weights balanced, or --tune all")
    steps = [each for each in STEPS if each != "augment" or given.probe_views == 1]  # else the views are changed so
    for name in (each for each in steps if vars(config.training)[each] != defaults()[each]):
        what = f"{flag(name)} is about the steps of a training, and --tune head solves for the last layer without any"
        yield UserError(what, fix="leave it out, or give --tune all")
    for name in sorted(set(changed) & {"layer_decay", "tune_norms"}):
        what = f"{flag(name)} is about the layers before the head, and --tune head leaves them as they are"
        yield UserError(what, fix="leave one of the two out")


def defaults() -> dict[str, Any]:
    """Every setting as it is where nobody says otherwise."""
    return {p.name: p.default for kind in SECTIONS.values() for p in parameters(kind)}
