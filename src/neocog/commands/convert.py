"""convert …: data turned into other data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from cyclopts import App

from neocog.commands.app import Json, Quiet, app, show
from neocog.errors import UserError

convert = App(name="convert", help="Data turned into other data; what is given is only read.")
app.command(convert)


@convert.command
def upright(run: Path, /, *files: Path, out: Path, quiet: Quiet = False) -> None:
    """Turn pictures back upright with a run of --task orientation; write them and angles.csv into a new folder.

    Examples:

        neocog train upright-photos/ --task orientation

        neocog convert upright runs/orientation/upright-photos-cnn scans/ --out straight/

    Parameters
    ----------
    run
        A run of `neocog train … --task orientation`.
    files
        Pictures, folders or globs.
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
    """Draw the shapes of labelme files: index PNGs with a palette, one class map for all, copies of the images, overlays.

    Examples:

        neocog convert labelme annotated/ masks/

    Parameters
    ----------
    data
        A folder with labelme's JSON files.
    out
        A new folder.
    on_bad
        skip leaves out shapes that cannot be drawn.
    """
    from neocog.verbs.convert import labelme as draw

    done = draw(data, out, on_bad=on_bad, quiet=quiet)
    show(done, json, lambda: print(_labelme_told(done)))


def _labelme_told(done: Any) -> str:
    told = f"{done.out}: {done.masks} masks of {len(done.classes)} classes"
    return f"{told}; train with --ignore 255 ({done.ignored:,} pixels of __ignore__)" if done.ignored else told
