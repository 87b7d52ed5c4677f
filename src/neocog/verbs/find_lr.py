"""``train --find-lr``: at which learning rates a network learns from these data, and which one to give. Nothing trained is kept."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neocog.checked import flag
from neocog.config import SECTIONS, Config, usual
from neocog.data.cells import csv_of
from neocog.data.readers.memory import given
from neocog.effects import defaults
from neocog.engine.loop import Loop
from neocog.engine.precision import choose
from neocog.engine.range_test import HIGH, LOW, STEPS, RangeTest, range_test
from neocog.engine.ranks import Ranks
from neocog.errors import UserError, faults_of, printable, raise_all
from neocog.pages.page import Head, page
from neocog.progress import Progress
from neocog.records import Curves, Section, Series, Text
from neocog.run import Run, write_atomically
from neocog.tasks.adversarial import under_attack
from neocog.tasks.task import Session
from neocog.traits import traits
from neocog.verbs.ahead import planned
from neocog.verbs.fit import ready
from neocog.verbs.outputs import insist_on_new, new_folder
from neocog.verbs.prepare import arrange, read
from neocog.verbs.probe import probe
from neocog.verbs.session import data_name
from neocog.verbs.transfer import only_the_head, start_from

# Settings that say at which rates, how long or how often it is learned, or what becomes of the network
IDLE = (
    "lr", "schedule", "warmup", "decay_steps", "decay_rate", "staircase", "epochs", "minutes", "patience", "ema", "folds",
    "repeats", "refit", "curve", "baseline", "extractor", "views", "tensorboard", "save_every",
    "keep_checkpoints",
)  # fmt: skip


@dataclass(frozen=True)
class LearningRates:
    """``rates`` (S,), the mean ``losses`` (S,) of the batches learned from at them, and these ``smooth`` (S,); ``suggestion``: what
    to give as --lr, None where no rate made the loss fall."""

    folder: Path
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smooth: tuple[float, ...]
    suggestion: float | None

    def to_json(self) -> dict[str, Any]:
        """What --json prints."""
        curves = {"rates": self.rates, "losses": self.losses, "smooth": self.smooth}
        return {"out": str(self.folder), "suggestion": self.suggestion, **{name: list(x) for name, x in curves.items()}}


def find_lr(
    data: str | Path | Any,
    out: str | Path | None = None,
    *,
    base: Config | None = None,
    quiet: bool = False,
    **settings: Any,
) -> LearningRates:
    """Learn 120 batches at rates from 10⁻⁶ to 10, as ``train`` would with these settings, and write the new folder ``out``:
    range-test.html with the picture and the suggestion, range-test.csv with the numbers (Smith 2017).

    ``settings``: as of ``train``, over those of ``base``; a function of them and the data. Raises UserError.
    """
    with given(data) as name:
        target = Path(out or f"find-lr-{Path(name).absolute().stem.strip('<>') or 'data'}")
        config, progress = planned(base or Config(), {**settings, "data": data_name(name)}), Progress(quiet)
        raise_all([*idle(config), *faults_of(lambda: insist_on_new(target))])
        session = arrange(config, read(config, progress), Ranks(), progress)
    if not traits(session.task.name).sees:
        what = f"--find-lr: the losses of --task {session.task.name} tell of a contest, and not how well it learns"
        raise UserError(what, fix="leave it out")
    if only_the_head(session.config):
        raise UserError("--find-lr: nothing is learned in steps with --tune head", fix="give --tune all")
    found = tried(session, progress)
    made = LearningRates(target, found.rates, found.losses, tuple(found.smooth.tolist()), found.suggestion)
    with new_folder(target) as folder:
        write_atomically(folder / "range-test.csv", table(made))
        shown = "none" if made.suggestion is None else f"{made.suggestion:.2g}"
        head = Head(
            f"{target.name} · neocog", f"learning rate · {printable(str(name))}", shown, "suggested learning rate"
        )
        write_atomically(folder / "range-test.html", page(head, [section(made)], config.to_toml()))
    progress.say(f"{in_words(made)} {target / 'range-test.html'}", "bold")
    return made


def rates_tried(config: Config, out: Path | None, quiet: bool, goes_on: bool, processes: int) -> LearningRates:
    """``find_lr`` of the command line, where flags of a training may be given with it, and several processes started."""
    if goes_on:
        raise UserError(
            "--find-lr keeps nothing that --go-on or --fold could go on with", fix="leave one of the two out"
        )
    if processes > 1:
        raise UserError("--find-lr is the work of one process", fix="start it once, without torchrun or srun")
    return find_lr(config.data.data, out, base=config, quiet=quiet)


def idle(config: Config) -> Iterator[UserError]:
    """Settings that do nothing here."""
    values = {name: value for section in SECTIONS for name, value in vars(getattr(config, section)).items()}
    given = {"task": config.data.task, "pretrained": config.transfer.pretrained, "tune": config.transfer.tune}
    plain, own = defaults(), {**defaults(), **usual(given)}
    for name in (name for name in IDLE if values[name] not in (plain[name], own[name])):
        what = f"{flag(name)} has no effect with --find-lr, which tries rates from {LOW:g} to {HIGH:g} once and keeps nothing"
        yield UserError(what, fix="leave one of the two out")


def tried(session: Session, progress: Progress) -> RangeTest:
    """The range test of a training that begins as ``train`` would begin it, pretrained weights and their probe included."""
    training, ranks = session.config.training, Ranks()
    fresh, precision = ready(session, ranks), choose(training.device, training.precision)
    with tempfile.TemporaryDirectory(prefix="neocog-find-lr-") as folder:
        objective = under_attack(session.objective, training, session.loader)
        loop = Loop(objective, session.loader, training, precision, ranks, Run(Path(folder)), session.dataset)
        start_from(session, fresh)
        probe(session, loop, fresh, progress)
        with progress.bar("learning rates", STEPS) as advance:
            return range_test(loop, fresh, advance)


def table(made: LearningRates) -> str:
    """range-test.csv."""
    return csv_of(("lr", "loss", "smooth"), zip(made.rates, made.losses, made.smooth, strict=True))


def section(made: LearningRates) -> Section:
    """The picture."""
    x = tuple(np.log10(made.rates).tolist())
    least = int(np.argmin(made.smooth))
    top = 2 * max(made.smooth[: least + 1])  # a loss that is lost would hide all others
    drawn = [tuple(min(loss, top) for loss in losses) for losses in (made.smooth, made.losses)]
    series = [Series("running mean", x, drawn[0]), Series("loss of a batch", x, drawn[1])]
    if made.suggestion is not None:
        at = float(np.log10(made.suggestion))
        series.append(Series("suggestion", (at, at), (0.0, top)))
    how = (
        "The rate grew by a constant factor per step during training (range test, Smith 2017). Where the loss falls, the network "
        "learns; where it rises again (drawn up to twice its previous maximum), the rate is too large. The suggestion is a tenth "
        "of the rate at which the loss has all but stopped falling, as the peak of --schedule onecycle. It holds for this "
        "network, optimizer and batch size."
    )
    return Section(
        "Learning rates", (Text(in_words(made)), Curves("log10 of the learning rate", "loss", tuple(series)), Text(how))
    )


def in_words(made: LearningRates) -> str:
    if made.suggestion is None:
        return "The loss hardly fell at any rate: no suggestion."
    return f"Suggested: --lr {made.suggestion:.2g}."
