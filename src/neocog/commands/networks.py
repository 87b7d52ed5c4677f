"""models, export: networks by name, and taken elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from neocog.commands.app import Json, Out, Quiet, app, console, show


@app.command
def models(
    name: str | None = None, /, *, channels: int = 3, size: int = 32, outputs: int = 10, json: Json = False
) -> None:
    """List the networks with their parameters and size, or the options of one.

    Examples:

        neocog models

        neocog models cnn
    """
    from neocog.verbs import models as verb

    if name is not None:
        verb.show_options(name, console())
        return
    rows = verb.models(channels, (size, size), outputs)
    show({"models": rows}, json, lambda: verb.show(rows, console()))


@app.command
def export(
    run: Path,
    /,
    *,
    to: Annotated[Literal["keras", "onnx", "numpy"], Parameter(help="The library that will run it.")],
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """Take a trained network elsewhere: files that take pixels as stored and give calibrated probabilities.

    What is written is reloaded and compared with the run before it is handed out.

    Examples:

        neocog export runs/classification/digits-cnn --to onnx
    """
    from neocog.verbs.export import export as write

    print(write(run, to, out, quiet))
