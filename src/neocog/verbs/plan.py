"""plan.json, the first file of a run's folder: what the run is. All else is begun, gone on with and held to account by it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from neocog.checked import flag
from neocog.config import TABLES, Config, from_run, from_tables
from neocog.documents import expected, read_json
from neocog.engine.ranks import Ranks
from neocog.environment import environment
from neocog.errors import UserError, listed, printable
from neocog.facts import SEAL, sealed, without_old_weights
from neocog.progress import Progress
from neocog.run import Run, to_json, write_atomically
from neocog.version import __version__

FIRST_SECTIONS = ("data", "model", "training")  # every plan has them
STAGE = re.compile(r"\.|baseline|extractor|curve-[248]|trial-[12]-(head|all)|fold-[1-9]\d*")
IDENTITY = re.compile("[0-9a-f]{64}")
# Settings that change neither weights nor measures
INDIFFERENT = frozenset({"workers", "memory", "save_every", "keep_checkpoints", "tensorboard"})
# Settings of the training that another stretch of the same run can have; those of data and network make another run
CHANGEABLE = INDIFFERENT | {
    "lr", "schedule", "warmup", "decay_steps", "decay_rate", "staircase", "betas", "alpha", "momentum", "nesterov",
    "weight_decay", "l1", "l2", "clip", "epochs", "patience", "batch", "augment", "label_smoothing", "mixup", "cutmix",
    "start_size", "class_weights", "precision", "device", "threads",
}  # fmt: skip

AfterEpoch = Callable[[Mapping[str, float]], object]  # gets an epoch's row of metrics.csv; may raise Stop


@dataclass(frozen=True)
class Launch:
    """How a training is started: by which processes and command, shown where, as which fold."""

    ranks: Ranks
    progress: Progress
    command: Sequence[str]
    fold: int | None = None
    changed: Collection[str] = ()  # settings that may be other than the record of a run that goes on
    surroundings: Sequence[str] = ()  # in what it goes on otherwise than it began
    after_epoch: AfterEpoch | None = None


@dataclass(frozen=True)
class Plan:
    """What a run is. ``asked`` and ``settings`` are tables of settings by section, as they were given and resolved."""

    settings: dict[str, Any]
    asked: dict[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    stages: tuple[str, ...] = (".",)  # folders of its trainings in their order, below its own
    command: tuple[str, ...] = ()
    fold: int | None = None  # from 0
    version: str = __version__
    identity: str = ""  # SHA-256 of settings, samples and version; every checkpoint carries it
    history: tuple[
        dict[str, Any], ...
    ] = ()  # what was changed between two stretches of the training, and at which step

    @property
    def identities(self) -> list[str]:
        """Of this run now, and before each change."""
        return [self.identity, *(each["identity"] for each in self.history)]

    def now(self, name: str) -> Any:
        """A setting that was changed after the beginning, as it is now; None for any other."""
        values = {key: value for section in self.settings.values() for key, value in flat(section).items()}
        return values[name] if name in self.changed else None

    @property
    def changed(self) -> frozenset[str]:
        """Settings that were changed after its beginning."""
        return frozenset(name for each in self.history for name in each["changed"])

    def undeclared(self, settings: Mapping[str, Any], changed: Collection[str]) -> dict[str, list[Any]]:
        """{setting: [recorded, now]} for those that differ and are not among the ``changed``."""
        return {name: pair for name, pair in differing(self.settings, settings).items() if name not in changed}

    def after(self, settings: Mapping[str, Any], step: int, surroundings: Sequence[str] = ()) -> Plan:
        """The plan of a run that goes on from ``step`` with other settings, or in other ``surroundings``."""
        changed = differing(self.settings, settings)
        known = self.history[-1]["surroundings"] if self.history else []
        if not changed and known == list(surroundings):
            return replace(self, settings=dict(settings))
        entry = {"step": step, "changed": changed, "surroundings": list(surroundings), "identity": self.identity}
        identity = _sha256([self.identity, settings, __version__]) if changed else self.identity
        return replace(self, settings=dict(settings), identity=identity, history=(*self.history, entry))


def plan_of(
    config: Config, asked: Config, classes: Sequence[str], stages: Sequence[str], launch: Launch, content: str
) -> Plan:
    """The plan of a run that begins. ``content``: digest of its samples, of what is known of them, and of their parts."""
    settings = config.tables()
    identity = _sha256([settings, list(classes), content, launch.fold, __version__])
    given = asked.tables()
    return Plan(settings, given, tuple(classes), tuple(stages), tuple(launch.command), launch.fold, identity=identity)


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """{setting: [before, after]} for those that change results and differ; a section may be missing in one of the two."""
    pairs = {}
    for section in before.keys() | after.keys():
        old, new = flat(before.get(section, {})), flat(after.get(section, {}))
        for name in old.keys() | new.keys():
            pair = [old.get(name), new.get(name)]
            if name not in INDIFFERENT and pair[0] != pair[1] and spelled(pair[0]) != spelled(pair[1]):
                pairs[name] = pair
    return dict(sorted(pairs.items()))


def flat(section: Mapping[str, Any]) -> dict[str, Any]:
    """A section's settings, a network's or a task's own options among them."""
    plain = {name: value for name, value in section.items() if name not in TABLES}
    return {**plain, **{name: value for own in TABLES for name, value in section.get(own, {}).items()}}


def spelled(value: Any) -> Any:
    """A setting as the command line spells it, where a network's options stay text: 8 and "8" are one, as (6, 8) and "6,8"."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value if value is None else str(value)


def changes_text(changed: Mapping[str, Sequence[Any]]) -> str:
    """ "--lr was 0.002, is 0.01"."""
    return listed(f"{flag(name)} was {old}, is {new}" for name, (old, new) in changed.items())


def write_plan(run: Run, plan: Plan) -> None:
    """plan.json first of all, then what people read of it: config.toml, and with what it is computed."""
    if read_plan(run) != plan:
        write_atomically(run.plan, to_json(sealed(asdict(plan))))
    text = from_tables(plan.settings, str(run.plan)).to_toml()
    if not run.config.is_file() or run.config.read_text(encoding="utf-8") != text:
        write_atomically(run.config, text)


def write_environment(run: Run, launch: Launch) -> None:
    """environment.json: with what, and by which command, the run is computed."""
    if not run.environment.is_file():
        facts = {"command": list(launch.command), "fold": launch.fold, "processes": launch.ranks.world}
        write_atomically(run.environment, to_json({**environment(), **facts}))


def read_plan(run: Run) -> Plan | None:
    """The plan of a run, or None where there is none: nothing had begun, or it is older than plans.

    Raises UserError for one that is damaged.
    """
    if not run.plan.exists():
        return None
    fix = "restore it from a backup, or start a new run"
    with expected(run.plan, fix):
        found = {**read_json(run.plan, fix)}
        if SEAL in found and sealed(found)[SEAL] != found.pop(SEAL):  # older runs have none
            what = "edited since it was written: the settings with which the run was begun may be others"
            raise UserError(what, str(run.plan), fix)
        sequences = {name: tuple(found[name]) for name in ("classes", "stages", "command", "history")}
        tables = {name: with_later_settings(found[name], run.plan) for name in ("settings", "asked")}
        if "transfer" not in found["asked"]:  # older than it: what was not asked for was called by its name, not auto
            tables["asked"]["data"] = {**tables["asked"]["data"], "fit": "auto", "scaling": "auto"}
        plan = Plan(**{**found, **sequences, **tables})
        data = from_tables(plan.settings, str(run.plan)).data
        for what in _flaws(plan, data.trainings):
            raise ValueError(what)
    return plan


def with_later_settings(tables: Mapping[str, Any], plan: Path) -> dict[str, Any]:
    """Settings by section; those that came to neocog after a run began have their defaults, with which they change nothing,
    and one that has gone is left out."""
    usual, model = Config().tables(), tables["model"]
    here = {name: tables[name] if name in FIRST_SECTIONS else tables.get(name, {}) for name in usual}
    return {
        **tables,
        **{name: {**table, **here[name]} for name, table in usual.items()},
        "model": {**model, "options": without_old_weights(model["model"], model["options"], plan)},
    }


def _flaws(plan: Plan, folds: int) -> Iterator[str]:
    """What no plan of ours says."""
    words = (*plan.classes, *plan.stages, *plan.command, plan.version)
    if not all(isinstance(word, str) for word in words):
        yield "classes, stages, command or version are no text"
    if not plan.stages or not all(STAGE.fullmatch(name) for name in plan.stages):
        yield "other stages than a run can have"
    if any(not isinstance(each, dict) or not isinstance(each["identity"], str) for each in plan.history):
        yield "a history without identities"
    if not all(IDENTITY.fullmatch(identity) for identity in plan.identities):
        yield "an identity that is none"
    if plan.fold is not None and not (type(plan.fold) is int and 0 <= plan.fold < folds):
        yield f"fold {plan.fold} of {folds}"
    if not {*Config().tables()} == {*plan.settings} == {*plan.asked}:
        yield "sections of settings are missing"
    for each in plan.history:
        pairs, notes = each["changed"], each["surroundings"]
        if type(each["step"]) is not int or not isinstance(notes, list) or not all(isinstance(x, str) for x in notes):
            yield "a history without steps or surroundings"
        if not pairs.keys() <= CHANGEABLE or not all(
            isinstance(pair, list) and len(pair) == 2 for pair in pairs.values()
        ):
            yield "a history of settings that cannot be changed"


def recorded(run: Run, plan: Plan | None, changing: Collection[str] = ()) -> Config:
    """The settings of a run that goes on. Raises UserError, by name, where config.toml is not what the run recorded,
    ``changing`` apart, which are said to be other from now on."""
    if plan is None:
        return from_run(run.config)
    planned = from_tables(plan.settings, str(run.plan))
    if not run.config.is_file():  # a kill came between the two
        return planned
    try:
        config = from_run(run.config)
    except UserError as error:
        fix = "correct it, or remove it: plan.json has the settings with which the run was begun"
        raise UserError(str(error.what), error.where or str(run.config), fix) from None
    edited = differing(plan.settings, config.tables())
    last = plan.history[-1]["changed"] if plan.history else {}
    for name in [
        name for name, (_, now) in edited.items() if name in changing or (name in last and last[name][0] == now)
    ]:
        del edited[name]  # a kill came between the plan's change and this file's, or it is said
    if edited:
        fix = "put them back"
        if edited.keys() <= CHANGEABLE:
            fix += f", or say so: neocog resume {printable(str(run.folder))} --change " + " ".join(
                f"{name}={now}" for name, (_, now) in edited.items()
            )
        raise UserError(f"settings were edited after the run began: {changes_text(edited)}", str(run.config), fix)
    return from_tables({**plan.settings, "training": _with(plan.settings, config)}, str(run.plan))


def _with(settings: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """The training's table with those settings of config.toml that make no difference, as they may be edited."""
    now = config.tables()["training"]
    return {**settings["training"], **{name: now[name] for name in INDIFFERENT if name in now}}


def history_lines(plan: Plan | None) -> Iterator[str]:
    """A sentence on each change between two stretches: such a run is not one training."""
    for each in plan.history if plan else ():
        changed = [changes_text(each["changed"])] if each["changed"] else []
        yield f"Not a single training: it was resumed at step {each['step']:,}, and {'; '.join([*changed, *each['surroundings']])}."
