"""How every verb opens data: one set of settings, one reader, and first of all what was taken for what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from neocog.config import Config, ReadConfig, configured
from neocog.data.dataset import BadImage, Dataset, Header
from neocog.data.decoding import Decoding
from neocog.data.detect import open_dataset
from neocog.data.named import NAMES
from neocog.data.preprocessing import Preprocessing
from neocog.data.reading import Reading
from neocog.data.survey import Record
from neocog.data.taken import loss_line, losses, taken_lines, unusable, with_taken
from neocog.errors import UserError, did_you_mean, listed, raise_all
from neocog.studies import allowed_by
from neocog.verbs.screen import Screen


def open_data(
    settings: ReadConfig, screen: Screen, least_classes: int = 1, recipe: Preprocessing | None = None
) -> Dataset:
    """The labelled samples of ``settings.data``; says what was taken for what, and what is left out, by class.

    ``recipe``: of the trained run that is to see them, which read the pages of a file as slices, or not. Raises UserError.
    """
    decoding = decoding_of(settings)
    if recipe is not None:
        decoding = replace(decoding, background=recipe.background, volumes=len(recipe.size) == 3)
    dataset = open_dataset(settings.data, decoding, Reading.of(settings, least_classes))
    dataset = replace(dataset, taken=with_taken(dataset))
    task = allowed_by(dataset) if settings.task == "auto" else settings.task
    screen.say(f"{settings.data}: taken for {dataset.kind}, {described(dataset)}; task: {task}")
    for line in taken_lines(dataset.taken):
        screen.say(f"  {line}")
    say_losses(dataset, screen)
    return dataset


def decoding_of(settings: ReadConfig) -> Decoding:
    """What the settings say of image files."""
    return Decoding(frames=settings.frames, axes=settings.axes or None, max_pixels=settings.max_pixels)


def without_unreadable(dataset: Dataset, records: Sequence[Record], screen: Screen) -> Dataset:
    """``dataset`` with the samples that cannot be read (N records) among what is left out, which is said anew."""
    reasons = {n: r.error.what for n, r in zip(dataset.names, records, strict=True) if r.error is not None}
    if not reasons:
        return dataset
    dataset = replace(dataset, left_out=(*dataset.left_out, *unusable(dataset, reasons)))
    say_losses(dataset, screen)
    return dataset


def say_losses(dataset: Dataset, screen: Screen) -> None:
    """A line for each class that something is left out of."""
    for loss in losses(dataset):
        screen.say(f"  {loss_line(loss)}")


def headers(dataset: Dataset) -> Iterator[Header | None]:
    """What the files say of themselves; None where even that cannot be read (the survey tells why)."""
    for index in range(len(dataset)):
        try:
            yield dataset.images.header(index)
        except BadImage:
            yield None


def settings_for(
    source: str | Path, settings: Mapping[str, Any], known: type[ReadConfig] = ReadConfig, base: Config | None = None
) -> Config:
    """``base`` with the data ``source`` and these ``settings``, fields of ``known``. Raises UserError for any other."""
    names = [f.name for f in fields(known)]
    unknown = [name for name in settings if name not in names]
    fix = "known: " + ", ".join(names)
    raise_all(UserError(f"no setting '{name}'", fix=did_you_mean(name, names) + fix) for name in unknown)
    return configured(base or Config(), {**settings, "data": data_name(source)})


def data_name(source: str | Path) -> str:
    """As the settings name it: a ``Path`` is a path, even where a known data set is called so."""
    return f"./{source}" if isinstance(source, Path) and str(source) in NAMES else str(source)


def described(dataset: Dataset) -> str:
    """ "1,797 images in 10 classes": what the user must see, lest data be taken for something else."""
    what = f"{len(dataset):,} {dataset.form}"
    if dataset.values is not None:
        return f"{what} with {listed(dataset.quantities)}"
    if dataset.masks is not None:
        return f"{what} with masks of {len(dataset.classes)} classes"
    return f"{what} in {len(dataset.classes)} classes" if dataset.has_classes else what
