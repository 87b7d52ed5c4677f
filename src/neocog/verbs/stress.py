"""``neocog stress``: where a trained run breaks, part by part, each resumable, within the minutes that it is given."""

from __future__ import annotations

import hashlib
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from rich.console import Console
from rich.table import Table as Lines

from neocog.checked import flag
from neocog.config import Config, from_tables
from neocog.data.dataset import Array, Dataset
from neocog.data.loader import Streamed
from neocog.data.readers.memory import given
from neocog.engine.lock import lock
from neocog.engine.repeatable import as_trained
from neocog.errors import UserError, did_you_mean, faults_of, listed, raise_all
from neocog.pages import write_card
from neocog.pages.stress import FOLDER
from neocog.predictor import Predictor, evaluation_threads, load_predictor, path_of
from neocog.progress import Progress
from neocog.results.stress import Stress
from neocog.robustness.clock import Clock
from neocog.robustness.names import PARTS
from neocog.robustness.outcome import Outcome, Verdict, not_tried
from neocog.robustness.subject import Subject
from neocog.robustness.thresholds import place, read_thresholds, to_toml
from neocog.run import Run, write_atomically
from neocog.tasks.evaluation import Samples
from neocog.verbs import earlier
from neocog.verbs.crossvalidate import fold_runs
from neocog.verbs.evaluate import Opened, opened, own_test, read_as
from neocog.verbs.folder import is_complete
from neocog.verbs.out_of_fold import out_of_fold
from neocog.verbs.plan import read_plan
from neocog.verbs.session import open_data

Options = Mapping[str, Any]
SAMPLES = 1000  # at most, where none were asked for


def stress(
    run: str | Path | Run,
    parts: Sequence[str] = (),
    on: str | Path | Any = None,
    minutes: float = 5.0,
    samples: int = SAMPLES,
    quiet: bool = False,
    any_range: bool = False,
    thresholds: str | Path | Mapping[str, Any] | None = None,
    *,
    by: str | None = None,
    objects: str | Path | None = None,
    lengths: Literal["scaled", "reference"] | None = None,
    norm: Literal["linf", "l2"] | None = None,
    epsilon: float | str | None = None,
    target: str | None = None,
    autoattack: bool | None = None,
    **settings: Any,
) -> Stress:
    """Try where a run breaks: on its own test part, or on labelled data ``on``. ``parts``: by default all that suit the run.

    Of folds the first one's network is tried; ``labels`` takes the answers of all.

    Tables, verdicts and the sections of the report go to ``RUN/stress/``, and report.html is written again. What was
    finished before, on the same data with the same options, is not computed again; with others it replaces that. What does not
    fit into ``minutes`` is "not tried", and the next call goes on with it. ``samples``: at most so many, drawn at random, where
    a part changes each of them many times (0: all). Of groups: ``by`` a column of the table, "folder:2" (a level from the top)
    or "names:REGEX". Of shortcuts: ``objects``, masks or boxes of the same images, say where an answer should look.
    Of corruption: ``lengths`` are scaled to the pictures' size, or as the reference has them, in pixels. Of adversarial:
    changes are measured by their ``norm``; the verdict is about those of size ``epsilon``, such as "8/255" (default: 1/255,
    or what the run was trained to withstand); ``target`` is a class that images of others are turned into; ``autoattack``
    runs AutoAttack whole, which takes long. ``thresholds``: a TOML file, or {"corruption": {"passed": 0.95, "doubtful":
    0.8}}, by which the run's verdicts are graded from now on, in place of the usual ones. ``settings``: how ``on`` is read,
    fields of ``neocog.config.ReadConfig``. Raises UserError.
    """
    options: dict[str, Any] = {
        "by": by, "objects": None if objects is None else str(objects), "lengths": lengths, "norm": norm,
        "epsilon": epsilon, "target": target, "autoattack": autoattack or None,
    }  # fmt: skip
    wrong = [] if thresholds is None else faults_of(lambda: read_thresholds(thresholds))
    raise_all([*_out_of_range(minutes, samples), *_unknown(parts), *_idle(options, parts), *wrong])
    run, progress = path_of(run), Progress(quiet)
    own, folds, answers = _of_folds(run, progress)
    with given(on) as data:
        config = read_as(own, data, settings)
        with as_trained(config.training, evaluation_threads(own)) as device:
            tried = opened(own, data, config, load_predictor(own, device), progress, _at_new_place(run), any_range)
            nets = partial(_networks, folds, tried, config, device) if folds and tried.own else None
            subject = replace(_subject(own, config, tried, samples, progress), run=run, out_of_fold=answers, folds=nets)
            asked = {name: _own(name, options) for name in (parts or PARTS)}
            faults = {name: faults_of(lambda name=name: _check(name, subject, asked[name])) for name in asked}  # type: ignore[misc]
            raise_all(fault for name in asked if name in parts or asked[name] for fault in faults[name])
            (run.folder / FOLDER).mkdir(exist_ok=True)
            with lock(run.folder / FOLDER):
                if thresholds is not None:
                    write_atomically(place(run), to_toml(read_thresholds(thresholds)))
                _try_all(subject, asked, faults, 60 * minutes)
    if run.result.is_file():
        write_card(run)
    return Stress(run)


def _of_folds(run: Run, progress: Progress) -> tuple[Run, list[Run], Callable[[], tuple[Array, Array]] | None]:
    """The run whose network is tried, all folds where it has any, and what these answer. Raises UserError where one is not done."""
    plan = read_plan(run)
    parts = fold_runs(run, from_tables(plan.settings, str(run.plan))) if plan is not None and plan.fold is None else []
    undone = [part.folder.name for part in parts if not is_complete(part)]
    if undone:
        fix = f"`neocog resume {run.folder}` ends them"
        raise UserError(f"{len(undone)} of {len(parts)} folds are not done: {listed(undone)}", str(run.folder), fix)
    if not parts:
        return run, [], None
    progress.say(
        f"  of {len(parts)} folds, the network of the first is tested; labels are compared with the predictions of all"
    )
    found = out_of_fold(parts)
    return parts[0], parts, None if found is None else found.of_samples


def _at_new_place(run: Run) -> str:
    """The command that names data that were moved."""
    return f"neocog stress {shlex.quote(str(run.folder))} --on NEW_PLACE"


def _networks(
    folds: Sequence[Run], tried: Opened, config: Config, device: torch.device
) -> list[tuple[Predictor, Samples]]:
    """Of each fold its network and what it tests."""
    found, dataset = [], tried.samples.dataset
    for part in folds:
        predictor = load_predictor(part, device)
        store = Streamed(dataset.images, predictor.preprocessing, config.training.workers)
        found.append((predictor, replace(tried.samples, positions=own_test(part, dataset), store=store)))
    return found


def _out_of_range(minutes: float, samples: int) -> Iterator[UserError]:
    if not minutes > 0:  # nor is NaN
        yield UserError(f"--minutes {minutes:g} leaves no time to test anything", fix="give minutes, such as 5")
    if samples < 0:
        yield UserError(f"--samples {samples} is below 0", fix="give a number; 0: all")


def _unknown(parts: Sequence[str]) -> Iterator[UserError]:
    for name in parts:
        if not isinstance(name, str):
            yield UserError(f"a {type(name).__name__} is no part of stress", fix="give data as on=(x, y)")
        elif name not in PARTS:
            fix = f"{did_you_mean(name, PARTS)}known: {', '.join(PARTS)}"
            yield UserError(f"no part '{name}' of stress", fix=fix)


def _idle(options: Options, parts: Sequence[str]) -> Iterator[UserError]:
    """Options that were given (others are None) and belong to no part that is tried."""
    for name, value in options.items():
        owners = [part for part in PARTS if name in PARTS[part].options]
        if value is not None and parts and not set(owners) & set(parts):
            what = f"{flag(name)} has no effect on {', '.join(parts)}"
            yield UserError(what, fix=f"leave it out, or try {' or '.join(owners)} too")


def _own(part: str, options: Options) -> dict[str, Any]:
    return {name: options[name] for name in PARTS[part].options if options[name] is not None}


def _check(part: str, subject: Subject, options: Options) -> None:
    PARTS[part].module().check(replace(subject, options=options))


def _subject(run: Run, config: Config, tried: Opened, most: int, progress: Progress) -> Subject:
    samples = tried.samples
    parts = {part: where for part, (where, _) in tried.parts.items()}

    def reread(**settings: Any) -> Dataset:
        read = replace(config.data, **settings)
        return open_data(read, Progress(quiet=True), preprocessing=tried.predictor.preprocessing)

    return Subject(run, config, tried.predictor, tried.task, samples, parts, tried.own, most, {}, progress, reread)


def _try_all(
    subject: Subject, asked: Mapping[str, Options], faults: Mapping[str, Sequence[UserError]], seconds: float
) -> None:
    """Each part in its order; what one leaves of its share of the time is the others'."""
    until, contents = time.monotonic() + seconds, _contents(subject)
    for behind, (name, options) in enumerate(asked.items()):
        path = subject.run.folder / FOLDER / f"{name}.json"
        identity = {
            "part": name, "weights": subject.predictor.facts["weights"]["sha256"], "data": subject.config.data.data,
            "contents": contents, "samples": subject.most, "seed": subject.seed, "options": dict(options),
        }  # fmt: skip
        kept, flags = path.with_suffix(".partial.json"), _flags(subject, options)
        if earlier.is_whole(path, identity):
            kept.unlink(missing_ok=True)  # where a kill came between the last two lines
            subject.progress.say(f"{name}: as it was found before")
            continue
        lost = list(earlier.replaced(path, identity))
        share = (until - time.monotonic()) / (len(asked) - behind)
        clock = Clock(time.monotonic() + share, kept, identity, subject.progress, flags)
        if faults[name]:
            why = "; ".join(f"{each.what}; {each.fix}" if "--" in each.fix else each.what for each in faults[name])
            outcome = not_tried(PARTS[name].title, f"{why[:1].upper()}{why[1:]}.")
        else:
            outcome = PARTS[name].module().run(replace(subject, options=options), clock)
        if clock.late:
            outcome = _with_late(outcome, PARTS[name].title, clock)
        if earlier.stays(path, identity, outcome):
            why = " ".join(verdict.sentence for verdict in outcome.verdicts)
            subject.progress.say(f"{name}: nothing was measured, and {lost[0]} stays: {why}", "yellow")
            continue
        for each in lost:
            subject.progress.say(f"{name}: {each} is replaced", "yellow")
        more = clock.late or any("--" in each.fix for each in faults[name])
        outcome = replace(outcome, flags=flags, again=flags if more else None)
        earlier.write(path, identity, outcome, clock.late, subject.progress)
        if not clock.late:
            kept.unlink(missing_ok=True)


def _flags(subject: Subject, options: Options) -> str:
    """Those of this call, without which another would begin anew."""
    on = {} if subject.own else {"on": subject.config.data.data}
    given = {**on, **({} if subject.most == SAMPLES else {"samples": subject.most}), **options}
    words = (
        flag(name) if value is True else f"{flag(name)} {shlex.quote(str(value))}" for name, value in given.items()
    )
    return " ".join(words)


def _with_late(outcome: Outcome, title: str, clock: Clock) -> Outcome:
    """What was found, and a line of the pieces that did not fit; one with what the part itself says was not tried."""
    many = f"{len(clock.late)} of {len(clock.late) + len(clock.kept)} pieces did not fit into --minutes"
    own = [each for each in outcome.verdicts if (each.what, each.grade) == (title, "not tried")]
    words = (
        *(each.sentence for each in own),
        f"{many}: {listed(clock.late, 3)}; repeat the command to continue.",
    )
    others = (each for each in outcome.verdicts if each not in own)
    return replace(outcome, verdicts=(*others, Verdict(title, "not tried", " ".join(words))))


def _contents(subject: Subject) -> str:
    """SHA-256 (hex) over the samples: their names, bytes, and what is known of them."""
    found, dataset = hashlib.sha256(), subject.dataset
    for index in subject.samples.positions.tolist():
        row = (str(dataset.names[index]), dataset.images.digest(index), dataset.target_text(index))
        found.update("\0".join((*row, "")).encode("utf-8", "surrogatepass"))
        if dataset.masks is not None:
            found.update(np.ascontiguousarray(dataset.masks.read(index)).tobytes())
    return found.hexdigest()


def show(found: Stress, console: Console) -> None:
    """The card, for people."""
    table = Lines("what", "verdict", "measured", "in words", title=str(found.run.folder), title_justify="left")
    for line in found.lines:
        verdict = line.verdict
        table.add_row(verdict.what, verdict.grade, line.numbers, f"{line.words} {line.command}".strip())
    console.print(table)
    if place(found.run).exists():
        console.print(f"thresholds: {place(found.run)}")
    if found.run.report.is_file():
        console.print(str(found.run.report))
