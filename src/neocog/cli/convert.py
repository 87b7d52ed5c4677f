"""convert …: data made into other data."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from neocog.cli.app import Json, Quiet, Reading, app, given, show
from neocog.errors import UserError, count

convert = App(
    name="convert",
    help="Convert data. Your files are only read.\n\nFor example:\n\n    neocog convert labelme annotated/ masks/",
)
app.command(convert)


@convert.command
def upright(run: Path, /, *files: Path, out: Path, quiet: Quiet = False) -> None:
    """Turn images upright with a run of --task orientation; write them and angles.csv into a new folder.

    For example:

        neocog train upright-photos/ --task orientation
        neocog convert upright runs/orientation/upright-photos-cnn scans/ --out straight/

    Parameters
    ----------
    run
        A run of `neocog train … --task orientation`.
    files
        Images, folders or globs.
    out
        A new folder.
    """
    from neocog.verbs.upright import upright as turn

    if not files:
        raise UserError("no pictures to turn", fix="neocog convert upright RUN FILES… --out FOLDER")
    rows = turn(run, files, out, quiet)
    print(f"{out}: {sum(not row.skipped for row in rows)} of {len(rows)} pictures")


@convert.command
def labelme(
    data: Path, out: Path, /, *, on_bad: Literal["stop", "skip"] = "stop", json: Json = False, quiet: Quiet = False
) -> None:
    """Draw the shapes of labelme files as masks: index PNGs with one palette, copies of the images, overlays.

    For example:

        neocog convert labelme annotated/ masks/

    Parameters
    ----------
    data
        A folder with labelme's JSON files.
    out
        A new folder.
    on_bad
        skip: leave out shapes that cannot be drawn.
    """
    from neocog.verbs.convert import labelme as draw

    done = draw(data, out, on_bad=on_bad, quiet=quiet)
    show(asdict(done) | {"out": str(done.out)}, json, lambda: print(_labelme_summary(done)))


@convert.command
def augment(
    data: str,
    out: Path,
    /,
    *,
    copies: int = 5,
    augment: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    size: Annotated[tuple[int, ...], Parameter(consume_multiple=True, negative=())] = (),
    seed: int = 0,
    reading: Reading = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a data set with augmented copies of its images and masks, for programs that do not augment.

    neocog needs no such copies: it augments every image anew in every epoch. If the data come with a split, only training
    images are copied; a copy is in the group of its original, so that no split can separate the two.

    For example:

        neocog convert augment photos/ more-photos/ --copies 5
        neocog convert augment cells/ more-cells/ --augment turn=180 flip=off --seed 1

    Parameters
    ----------
    data
        Images with classes, values or masks, as for train.
    out
        A new folder, outside the data: images/, masks/ and data.csv.
    copies
        Copies per training image.
    augment
        Changes to the default augmentation: turn=15, flip=off.
    size
        Height and width of the images written. One number: both; default: as each image.
    seed
        Seed of the augmentation.
    """
    from neocog.verbs import convert_augment as verb

    settings = given(reading)
    done = verb.augment(data, out, copies=copies, augment=augment, size=size, seed=seed, quiet=quiet, **settings)
    show(asdict(done) | {"table": str(done.table)}, json, lambda: print(verb.summary(done)))


def _labelme_summary(done: Any) -> str:
    line = f"{done.out}: {count(done.masks, 'mask')} of {count(done.classes, 'class')}"
    return f"{line}; train with --ignore 255 ({done.ignored:,} pixels of __ignore__)" if done.ignored else line
