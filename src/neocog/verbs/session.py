"""How every verb opens data: one set of settings, one reader, and first of all what was taken for what."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.config import Config, DataConfig, ReadConfig, configured
from neocog.data.corrections import EXCLUDED, corrected
from neocog.data.dataset import Array, BadImage, Dataset
from neocog.data.formats.decoding import Decoding
from neocog.data.masks import ScannedMasks, scan_masks
from neocog.data.pairs import wanted_plan
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.memory import MEMORY, is_path
from neocog.data.readers.named import NAMES
from neocog.data.readers.reading import Reading
from neocog.data.records import Headers, Records
from neocog.data.scan import ScannedImages, scan_images
from neocog.data.shared import Zeros
from neocog.data.taken import Loss, loss_line, losses, taken_lines, unusable, with_range, with_taken
from neocog.errors import UserError, count, did_you_mean, listed, raise_all
from neocog.progress import Progress
from neocog.tasks import allowed_by
from neocog.traits import own_settings

FIRST = 3  # reasons that are shown where no image can be read


def open_data(
    settings: ReadConfig, progress: Progress, least_classes: int = 1, preprocessing: Preprocessing | None = None
) -> Dataset:
    """The labelled samples of ``settings.data``; says what was taken for what, and what is left out, by class.

    ``preprocessing``: of the trained run that is to see them, which read the pages of a file as slices, or not. Raises UserError.
    """
    decoding = decoding_of(settings)
    if preprocessing is not None:
        recorded = Decoding.recorded(preprocessing)
        decoding = replace(decoding, background=recorded.background, volumes=recorded.volumes, draft=recorded.draft)
    dataset = open_dataset(settings.data, decoding, Reading.of(settings, least_classes))
    if preprocessing is not None and (dataset.form == "sequences") != (preprocessing.encoding == "nucleotides"):
        learned = "images" if dataset.form == "sequences" else "sequences"
        what = f"these are {dataset.form}, and the run learned from {learned}"
        raise UserError(what, str(settings.data), f"give {learned}, or another run")
    if isinstance(settings, DataConfig) and settings.corrections:
        dataset = corrected(dataset, settings.corrections)
    dataset = replace(dataset, taken=with_taken(dataset))
    task = allowed_by(dataset) if settings.task == "auto" else settings.task
    progress.say(f"{settings.data}: read as {dataset.kind}, {described(dataset)}; task: {task}")
    for line in taken_lines(dataset.taken):
        progress.say(f"  {line}")
    say_losses(losses(dataset), progress)
    return dataset


def is_gone(data: str) -> bool:
    """Whether a run's own data are no longer at the path where they were read."""
    return data != MEMORY and data not in NAMES and not os.path.lexists(data)


def still_there(data: str, fix: str) -> None:
    """Raises UserError, with ``fix``, where a run's own data are gone."""
    if is_gone(data):
        raise UserError("the data that this run was trained on are no longer where they were", data, fix)


def decoding_of(settings: ReadConfig) -> Decoding:
    """What the settings say of image files."""
    return Decoding(frames=settings.frames, axes=settings.axes or None, max_pixels=settings.max_pixels)


@dataclass(frozen=True)
class ScannedDataset:
    """What one pass over N samples found: a record each, fitted pixels where they are kept, and the same of masks."""

    records: Records
    pixels: Array | None
    masks: ScannedMasks | None
    pairs: ScannedImages | None = None  # the target images

    @property
    def errors(self) -> dict[int, BadImage]:
        """Why a sample, its mask or its wanted image cannot be used: {position: error}, in their order."""
        of_masks, of_pairs = self.masks.errors if self.masks else {}, self.pairs.records.errors if self.pairs else {}
        return dict(sorted({**of_masks, **of_pairs, **self.records.errors}.items()))

    @property
    def usable_records(self) -> Records:
        """(N,) records in which a mask's fault is its sample's."""
        return replace(self.records, errors=self.errors)


def scan_dataset(
    dataset: Dataset,
    progress: Progress,
    plan: Preprocessing | None = None,
    keep: bool = False,
    workers: int | None = None,
    zeros: Zeros = np.zeros,
) -> ScannedDataset:
    """Decode every sample once, and its mask, in ``workers`` threads (default: one a core); brought to the shape of ``plan``,
    and kept so, in arrays that ``zeros`` makes, where ``keep`` says so."""
    with progress.bar("reading", len(dataset)) as advance:
        found = scan_images(dataset.images, plan, workers, advance, keep, zeros)
    masks = None
    if dataset.masks is not None:
        size, fit = (plan.size, plan.fit) if plan else ((1, 1), "resize")
        with progress.bar("reading masks", len(dataset)) as advance:
            masks = scan_masks(dataset.masks, size, fit, advance, keep, len(dataset.classes), workers, zeros)
    pairs = None
    if dataset.pairs is not None:
        wanted = None if plan is None else wanted_plan(plan, dataset.scale)
        with progress.bar("reading target images", len(dataset)) as advance:
            pairs = scan_images(dataset.pairs, wanted, workers, advance, keep, zeros)
    return ScannedDataset(found.records, found.pixels, masks, pairs)


def usable(dataset: Dataset, errors: Mapping[int, BadImage], settings: ReadConfig) -> NDArray[np.bool_]:
    """(N,) False for what corrections leave out and, where --on-bad skip allows it, for files that cannot be read; otherwise
    all of these are raised."""
    bad = list(errors.values())
    share = len(bad) / len(dataset)
    more = f" --max-bad {math.ceil(100 * share) / 100:g}" if share > settings.max_bad else ""
    if bad and settings.on_bad == "stop":
        raise_all([*bad[:20], _bad(dataset, bad, f"correct them, or add --on-bad skip{more}")])
    if share > settings.max_bad:
        raise_all([*bad[:20], _bad(dataset, bad, f"correct them, or allow more than --max-bad {settings.max_bad:g}")])
    kept = np.ones(len(dataset), np.bool_)
    kept[list(errors)] = False
    excluded = {out.name for out in dataset.left_out if out.reason == EXCLUDED}
    kept[[index for index, name in enumerate(dataset.names) if name in excluded] if excluded else []] = False
    return kept


def _bad(dataset: Dataset, errors: Sequence[BadImage], fix: str) -> UserError:
    return UserError(
        f"{len(errors)} of {len(dataset):,} {dataset.form} cannot be used", listed(error.where for error in errors), fix
    )


def without_unreadable(dataset: Dataset, errors: Mapping[int, BadImage], progress: Progress) -> Dataset:
    """``dataset`` with the samples that cannot be used, by position, among what is left out; says which classes lose by it."""
    reasons = {dataset.names[index]: error.what for index, error in errors.items()}
    before, more = losses(dataset), unusable(dataset, reasons)
    dataset = replace(dataset, left_out=(*dataset.left_out, *more))
    say_losses([loss for loss in losses(dataset) if loss not in before], progress)
    return dataset


def with_scanned_range(dataset: Dataset, scanned: ScannedDataset, progress: Progress) -> Dataset:
    """``dataset`` with the range of its pixels among what was taken for what, which is said."""
    taken = with_range(dataset, scanned.records)
    for each in taken[len(dataset.taken) :]:
        progress.say(f"  {each.part}: {each.role}, {each.evidence}")
    return replace(dataset, taken=taken)


def say_losses(found: Sequence[Loss], progress: Progress) -> None:
    """A line for each class that something is left out of."""
    for loss in found:
        progress.say(f"  {'warning: ' if loss.is_large else ''}{loss_line(loss)}", "yellow" if loss.is_large else "")


def headers(dataset: Dataset) -> Headers:
    """What the files say of themselves; None where even that cannot be read (the scan tells why). Raises UserError, with the first
    reasons, where none can."""
    found, faults = Headers(len(dataset)), list[BadImage]()
    for index in range(len(dataset)):
        try:
            found[index] = dataset.images.header(index)
        except BadImage as error:
            faults.append(error)
    if len(faults) == len(dataset):
        raise_all([*faults[:FIRST], UserError("no image can be read", f"{len(faults):,} {dataset.form}")])
    return found


def settings_for(
    source: str | Path, settings: Mapping[str, Any], known: type[ReadConfig] = ReadConfig, base: Config | None = None
) -> Config:
    """``base`` with the data ``source`` and these ``settings``, fields of ``known``. Raises UserError for any other."""
    names = [*(f.name for f in fields(known)), *own_settings(settings.get("task"))]
    unknown = [name for name in settings if name not in names]
    fix = "known: " + ", ".join(names)
    raise_all(UserError(f"no setting '{name}'", fix=did_you_mean(name, names) + fix) for name in unknown)
    base = base or Config()
    base = replace(
        base, training=replace(base.training, loss="auto")
    )  # nothing is learned: data of another task may be read
    if data_name(source) != base.data.data:  # they are of the data that they were made for
        settings = {"corrections": "", **settings}
    return configured(base, {**settings, "data": data_name(source)})


def data_name(source: str | Path) -> str:
    """As the settings name it: a ``Path`` is a path, even where a known data set is called so."""
    if not is_path(source):
        raise UserError(f"a {type(source).__name__} names no data", fix="give a path, or one of " + ", ".join(NAMES))
    return f"./{source}" if isinstance(source, Path) and str(source) in NAMES else str(source)


def described(dataset: Dataset) -> str:
    """ "1,797 images in 10 classes": what the user must see, lest data be taken for something else."""
    what = count(dataset, dataset.form[:-1])
    classes = count(dataset.classes, "class")
    if dataset.values is not None:
        return f"{what} with {listed(dataset.target_names)}"
    if dataset.boxes is not None:
        return f"{what} with {count(dataset.boxes.labels, 'box')} of {classes}"
    if dataset.pairs is not None:
        return f"{what} with a target image each" + f", {dataset.scale} × as large" * (dataset.scale > 1)
    if dataset.masks is not None:
        return f"{what} with masks of {classes}"
    return f"{what} in {classes}" if dataset.has_classes else what
