"""``convert augment``: a data set with changed copies of its images, for programs that do not augment themselves."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch

from neocog.config import Config, configured
from neocog.data.cells import safe_cell
from neocog.data.dataset import Array, BadImage, Dataset
from neocog.data.formats.lossless import encoded
from neocog.data.loader import Transform
from neocog.data.masks import IGNORED, fit_mask
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers.table import LONGEST
from neocog.data.resize import fit, shape_plan
from neocog.errors import UserError, count, faults_of, listed, printable, raise_all
from neocog.progress import Progress
from neocog.tasks import task_for
from neocog.tasks.masks import index_png
from neocog.traits import LABELS
from neocog.verbs.changes import decide, few
from neocog.verbs.outputs import insist_on_new, new_folder
from neocog.verbs.session import headers, open_data, settings_for

MOST_TOLD = 20  # faults of single images
TABLE = "data.csv"


@dataclass(frozen=True)
class Augmented:
    """What was written: the table to train from, how many originals and copies, and whether masks have ignored pixels."""

    table: Path
    originals: int
    copies: int
    ignored: bool


def augment(
    source: str | Path,
    out: Path,
    *,
    copies: int = 5,
    augment: Sequence[str] = (),
    size: tuple[int, ...] = (),
    seed: int = 0,
    quiet: bool = False,
    **settings: Any,
) -> Augmented:
    """Write the new folder ``out``: images/, masks/ where there are any, and data.csv, which ``train`` reads.

    Each original is there, and of those that a given split trains on (of all, where no split is given) ``copies`` changed
    ones, whose changes are those of ``train --augment``: a function of (seed, number of the copy, position of the image).
    data.csv says to which group each belongs; a copy is of its original's group, so that no split can part the two.
    Copies are PNG or TIFF of the original's depth; originals stay as stored unless ``size`` (H, W) makes all alike.
    ``settings``: how the data are read, fields of ``neocog.config.ReadConfig``. Either everything is written or nothing.
    Raises UserError with all faults.
    """
    _check(source, out, copies)
    config = settings_for(source, settings, base=configured(Config(), {"augment": tuple(augment), "size": size}))
    progress = Progress(quiet)
    data = open_data(config.data, progress)
    if data.form != "images":
        raise UserError(f"convert augment is for images, not for {data.form}", fix="neocog train … --augment")
    task = task_for(config.data.task, data, config.data.task_options)
    if task.labels not in LABELS:
        raise UserError(f"--task {task.name} changes its images by itself", fix="leave out --task")
    if data.boxes is not None:
        raise UserError(
            "convert augment writes no boxes yet", fix="neocog train … --augment changes boxes with their images"
        )
    plan = shape_plan(headers(data), size=size or None)
    (changes, _), _ = decide(config, task, few(data, plan, config.data.split_seed), plan, progress)
    if changes is None:
        raise UserError("the augmentation is off: copies would equal their originals", fix="--augment turn=15, or none")
    for note in data.notes:
        progress.say(f"note: {note}")
    if data.splits is None:
        progress.say("note: no split is given, so all images get copies; groups keep them on one side of any split")
    with new_folder(out) as folder, progress.bar("augmenting", len(data)) as advance:
        allowed = config.data.max_bad if config.data.on_bad == "skip" else 0.0
        writer = Writer(data, plan, changes, folder, copies, seed, bool(size), int(allowed * len(data)))
        for index in range(len(data)):
            writer.add(index)
            advance(1)
        writer.finish()
    for fault in writer.faults:
        progress.say(f"left out: {fault.where}: {fault.what}", "yellow")
    originals = len(data) - len(writer.faults)
    return Augmented(out / TABLE, originals, len(writer.rows) - originals, writer.ignored)


def _check(source: str | Path, out: Path, copies: int) -> None:
    problems = []
    problems += faults_of(lambda: insist_on_new(out))
    if copies < 1:
        problems.append(UserError(f"{copies} copies: at least 1 is needed", fix="--copies 5"))
    if Path(source).is_dir() and out.resolve().is_relative_to(Path(source).resolve()):
        problems.append(UserError("the output would be inside the data", printable(str(out)), "give a folder outside"))
    raise_all(problems)


class Writer:
    """Writes one original after the other, with its copies; ``rows`` are those of the table.

    ``allowed``: so many images may be left out because they cannot be read.
    """

    def __init__(
        self,
        data: Dataset,
        plan: Preprocessing,
        changes: Transform,
        folder: Path,
        copies: int,
        seed: int,
        fitted: bool,
        allowed: int = 0,
    ) -> None:
        self.data, self.plan, self.changes, self.folder = data, plan, changes, folder
        self.copies, self.seed, self.fitted, self.allowed = copies, seed, fitted, allowed
        self.stems = distinct_stems(data.names, copies)
        self.rows: list[list[str]] = []
        self.faults: list[UserError] = []
        self.ignored = False

    def add(self, index: int) -> None:
        """The original at this position, and its copies where it is one to train on."""
        data = self.data
        try:
            pixels = data.images.read(index)
            mask = None if data.masks is None else data.masks.read(index)
            plan = self._plan(pixels)
            image = fit(pixels, plan, str(data.names[index]))
        except BadImage as error:
            self.faults.append(UserError(error.what, error.where, error.fix))
            return
        if len(self.faults) > self.allowed:
            return  # nothing of it would stay
        if mask is not None and self.fitted:
            mask = fit_mask(mask, plan.size, plan.fit)
        path = data.images.path(index)
        if path is not None and not self.fitted:
            suffix = path.suffix
            self._store(f"images/{self.stems[index]}{suffix}", path.read_bytes())
        else:
            suffix = self._picture(f"images/{self.stems[index]}", image)
        target = _target(data, index, mask)
        self._row(index, self.stems[index], suffix, target)
        if data.splits is not None and data.splits[index] not in ("train", ""):
            return
        for number in range(1, self.copies + 1):
            stem = f"{self.stems[index]}-copy{number}"
            where = torch.tensor([index])
            given = torch.from_numpy(image[None]), torch.from_numpy(target[None])
            changed, moved = self.changes(*given, where, self.seed, number, plan)
            suffix = self._picture(f"images/{stem}", as_stored(changed[0].numpy(), image.dtype))
            self._row(index, stem, suffix, moved[0].numpy())

    def finish(self) -> None:
        """The table, and the list of classes of masks. Raises UserError with the faults of all images."""
        if len(self.faults) > self.allowed:
            raise_all(self._faults())
        data, text = self.data, io.StringIO()
        columns = ("mask",) if data.masks is not None else data.target_names if data.values is not None else ("label",)
        heads = ["image", *columns, "group", *["split"] * (data.splits is not None)]
        heads += ["weight"] * (data.weights is not None)
        csv.writer(text, lineterminator="\n").writerows([heads, *self.rows])
        self._store(TABLE, text.getvalue().encode(errors="backslashreplace"))
        if data.masks is not None:
            self._store("classes.txt", "".join(f"{name}\n" for name in data.classes).encode())

    def _faults(self) -> list[UserError]:
        if len(self.faults) <= MOST_TOLD:
            return self.faults
        more = UserError(f"{count(self.faults, 'image')} cannot be used", f"the first {MOST_TOLD} are listed above")
        return [*self.faults[:MOST_TOLD], more]

    def _plan(self, pixels: Array) -> Preprocessing:
        """The image's own shape, unless all are made alike; deep pixels range from its lowest to its highest."""
        plan = self.plan
        if not self.fitted:
            plan = replace(plan, size=pixels.shape[:2], channels=pixels.shape[2])
        if plan.dtype == "uint8":
            return plan
        low, high = float(pixels.min()), float(pixels.max())
        return replace(plan, low=low, high=high if high > low else low + 1)

    def _row(self, index: int, stem: str, suffix: str, target: Array) -> None:
        data, label = self.data, self.data.target_text(index)
        cells = [label if label.lstrip("+-").isdecimal() else safe_cell(label)]  # the label -1 is one, and read again
        if data.masks is not None:
            cells = [f"masks/{stem}.png"]
            self.ignored |= bool((target == IGNORED).any())
            self._store(cells[0], index_png(target, len(data.classes)))
        elif data.values is not None:
            cells = [f"{value:.9g}" for value in target.tolist()]
        group = data.names[index] if data.groups is None else data.groups[index]
        row = [f"images/{stem}{suffix}", *cells, safe_cell(str(group))[-LONGEST:]]
        row += [] if data.splits is None else [str(data.splits[index])]
        self.rows.append(row + ([] if data.weights is None else [f"{data.weights[index]:.17g}"]))

    def _picture(self, stem: str, image: Array) -> str:
        suffix, contents = encoded(image)
        self._store(f"{stem}{suffix}", contents)
        return suffix

    def _store(self, name: str, contents: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)


def _target(data: Dataset, index: int, mask: Array | None) -> Array:
    """What changes with the image: its mask (H, W), its values (V,), or its label, which stays."""
    if mask is not None:
        return mask
    return np.asarray(data.labels[index] if data.values is None else data.values[index])


def as_stored(image: Array, dtype: np.dtype[Any]) -> Array:
    """Changed pixels, float32 in stored units, in the original's type: integers rounded and kept in their range."""
    if dtype.kind == "f":
        return image.astype(dtype)
    bounds = np.iinfo(dtype)
    return np.rint(image).clip(bounds.min, bounds.max).astype(dtype)


def distinct_stems(names: Sequence[str], copies: int) -> list[str]:
    """A path without suffix for each image, from its name: all different, also from those of all copies, in any case."""
    stems: list[str] = []
    taken: set[str] = set()
    top = "images/" if all(name.startswith("images/") for name in names) else ""  # written to images/ in any case
    for name in names:
        path = PurePosixPath(re.sub(r"[\x00-\x1f\x7f\ud800-\udfff\\:*?\"<>|]", "_", name.removeprefix(top)))
        plain = path.with_suffix("") if path.suffix else path
        stem, number = plain.as_posix(), 1
        while not taken.isdisjoint(wanted := {key.casefold() for key in _used(stem, copies)}):
            number += 1
            stem = f"{plain.as_posix()}-{number}"
        taken |= wanted
        stems.append(stem)
    return stems


def _used(stem: str, copies: int) -> Iterator[str]:
    yield stem
    yield from (f"{stem}-copy{number}" for number in range(1, copies + 1))


def summary(done: Augmented) -> str:
    """One line on what was written, and what to do with it."""
    more = " --ignore 255" if done.ignored else ""
    made = f"{count(done.originals, 'image')}, {count(done.copies, 'copy')}"
    return f"{listed([str(done.table)])}: {made}; neocog train {done.table}{more}"
