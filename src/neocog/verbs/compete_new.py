"""``compete new``: labelled data become a competition, with its rules, a public part and a sealed one."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neocog.competition.held_out import HeldOut, held_out
from neocog.competition.kinds import Kind, kind_in
from neocog.competition.rules import (
    IMPORTS,
    NAME,
    PUBLIC,
    DataRules,
    EntryRules,
    Hashes,
    Rules,
    hold_out_of,
    new_limits,
    public_hash,
)
from neocog.competition.sealed import seal
from neocog.competition.store import Part, store
from neocog.config import Config
from neocog.data.dataset import Dataset
from neocog.data.images import FileImages
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError
from neocog.limits import cores as usable_cores
from neocog.pretrained.tensors import sha256 as file_hash
from neocog.progress import Progress
from neocog.verbs.outputs import insist_on_new, new_folder
from neocog.verbs.session import open_data, scan_dataset, settings_for, usable, without_unreadable
from neocog.verbs.transfer import planned_shape

PIXELS = ("kind", "frames", "axes", "max_pixels")  # settings without which image files would be read in another way


def new(
    data: str | Path,
    out: str | Path,
    hold_out: str = "last:0.2",
    seconds: float = 600.0,
    cores: int = 0,
    memory: float = 4.0,
    disk: float = 4.0,
    attempts: int = 1,
    seed: int = 0,
    quiet: bool = False,
    **settings: Any,
) -> Rules:
    """Write a competition on labelled data: the folder ``out`` (rules.toml, public/) to hand round, and beside it ``out``.sealed.

    ``hold_out``: last:0.2, random:0.2, group:NAME, or a file that names samples. ``seconds``: from an entry's first import to its
    last prediction; ``memory`` and ``disk`` in GB; ``cores`` 0: all of this machine. ``settings``: how the data are read, fields of
    ``neocog.config.ReadConfig``. Raises UserError with all faults.
    """
    out, sealed = Path(out), sealed_beside(Path(out))
    insist_on_new(out)
    insist_on_new(sealed)
    hold_out_of(hold_out)
    limits = new_limits(seconds, cores or usable_cores(), memory, disk, attempts)
    progress = Progress(quiet)
    config = settings_for(data, settings)
    dataset, chosen, plan = _held_out(config, progress, hold_out, attempts, seed)
    kind = kind_in(dataset).of(dataset, chosen.public)
    with new_folder(out) as folder:
        (folder / PUBLIC).mkdir()
        part = Part(dataset, chosen.public, kind.known(dataset, chosen.public, folder / PUBLIC), groups=True)
        _insist_on_same(store(part, folder / PUBLIC), part, kind, config)
        described = _data_rules(config, dataset, chosen, plan, hold_out, kind)
        rules = Rules(described, limits, EntryRules(attempts, IMPORTS), Hashes(public_hash(folder), ""))
        with tempfile.TemporaryDirectory(prefix="neocog-seal-", dir=sealed.absolute().parent) as beside:
            whole = Path(beside) / "sealed"
            seal(whole, dataset, chosen.held, kind, chosen.parts, rules.sealed_text())
            rules = replace(rules, sha256=replace(rules.sha256, sealed=file_hash(whole)))
            (folder / NAME).write_text(rules.to_toml(), encoding="utf-8")
            whole.rename(sealed)
    return rules


def _held_out(
    config: Config, progress: Progress, hold_out: str, attempts: int, seed: int
) -> tuple[Dataset, HeldOut, Preprocessing]:
    """The data, read as ``train`` reads them, and which samples are held out."""
    dataset = open_data(config.data, progress, 2)
    kind_in(dataset)  # or an error
    scanned = scan_dataset(dataset, progress)
    kept = usable(dataset, scanned.errors, config.data)
    dataset = without_unreadable(dataset, scanned.errors, progress)
    chosen = held_out(dataset, scanned.usable_records, kept, hold_out, attempts, seed)
    progress.say(f"  {len(chosen.public):,} samples are public, {len(chosen.held):,} held out ({hold_out})")
    if chosen.identical:
        what = f"{chosen.identical:,} held-out samples are in the public part, too: memorisation counts as skill"
        progress.say(f"  warning: {what} (--hold-out random:… keeps them together)", "yellow")
    plan, _ = planned_shape(config, dataset, None)
    return dataset, chosen, plan


def _insist_on_same(path: Path, part: Part, kind: Kind, config: Config) -> None:
    """Read what was written, and raise UserError where it is not what was to be written."""
    again = opened(path, (*_reading(config, part.dataset), *kind.reading), kind.task)
    if kind.texts(again, np.arange(len(again))) != kind.texts(part.dataset, part.positions):
        what = f"the public part would be read as {again.kind} with other {kind.learned} than the data have"
        raise UserError(what, config.data.data, "give the data as a table or in folders, with plain names")
    for position in (0, len(again) - 1):
        mine, theirs = part.dataset.images.read(int(part.positions[position])), again.images.read(position)
        if mine.size != theirs.size and part.dataset.form == "sequences":
            continue  # padded to another length
        if not np.array_equal(mine, theirs):
            raise UserError(
                "the public part would be read with other pixels than the data have",
                config.data.data,
                "give image files",
            )


def _reading(config: Config, dataset: Dataset) -> tuple[str, ...]:
    """ "kind=volumes", …: the settings that its files need, where they are copied as they are."""
    if not isinstance(dataset.images, FileImages):
        return ()
    usual = Config().data
    found = {name: getattr(config.data, name) for name in PIXELS if getattr(config.data, name) != getattr(usual, name)}
    if dataset.form == "volumes":
        found["kind"] = "volumes"
    return tuple(f"{name}={value}" for name, value in found.items())


def _data_rules(
    config: Config, dataset: Dataset, chosen: HeldOut, plan: Preprocessing, hold_out: str, kind: Kind
) -> DataRules:
    values = kind.learned == "values"
    return DataRules(
        name=Path(config.data.data).name, form=dataset.form, channels=plan.inputs, size=plan.size, learned=kind.learned,
        classes=() if values else kind.names, values=kind.names if values else (), spread=kind.spread,
        samples=len(chosen.public), held_out=len(chosen.held), hold_out=hold_out, identical=chosen.identical,
        grouped=dataset.groups is not None, reading=_reading(config, dataset),
    )  # fmt: skip


def opened(path: Path, reading: Sequence[str], task: str) -> Dataset:
    """Samples that ``store`` wrote; ``reading``: as the rules say it, "kind=volumes"."""
    read = settings_for(path, {"task": task, **dict(each.split("=", 1) for each in reading)})
    return open_data(read.data, Progress(True))


def sealed_beside(contest: Path) -> Path:
    """Where the sealed part of a competition lies unless one says otherwise: contest.sealed beside contest/."""
    folder = contest.absolute()
    return folder.with_name(f"{folder.name}.sealed")
