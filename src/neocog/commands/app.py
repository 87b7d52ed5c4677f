"""The command line's parser, and what every group of verbs shares: common flags, and the two ways to print a result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Group, Parameter

from neocog import __version__

app = App(
    name="neocog",
    version=__version__,
    help="From labelled images to a convolutional network whose numbers you can trust.",
    help_epilogue="Start with `neocog train digits`, then `neocog audit MY-IMAGES` and `neocog train MY-IMAGES`.",
    result_action="return_value",
)
app["--help"].group = app["--version"].group = Group("Options", sort_key=99)

Json = Annotated[bool, Parameter(negative=(), help="Print one JSON object on standard output.")]
Quiet = Annotated[bool, Parameter(negative=(), help="No progress, no remarks.")]
Out = Annotated[Path | None, Parameter(help="Where the output goes; never written over.")]
Kind = Annotated[Literal["auto", "images", "sequences", "volumes"], Parameter(help="What the samples are.")]
Frames = Annotated[Literal["error", "first", "stack"], Parameter(help="Animated or multi-page files.")]

typed: list[str] = []  # the words of this call, as main got them


def show(value: Any, json: bool, told: Any) -> None:
    """``value`` as one JSON object, or whatever ``told`` prints for people."""
    from neocog.run import to_json

    if json:
        print(to_json(value), end="")
    else:
        told()


def console() -> Any:
    """Where tables go."""
    from rich.console import Console

    return Console(highlight=False)
