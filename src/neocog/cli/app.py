"""The command line's parser, and what every group of verbs shares: common flags, and the two ways to print a result."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Group, Parameter

from neocog import __version__
from neocog.cli.words import typed
from neocog.config import RECIPES, Config, ReadConfig, from_file

app = App(
    name="neocog",
    version=__version__,
    help="From labelled images to a convolutional network whose numbers you can trust.",
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
app["--help"].group = app["--version"].group = Group("Options", sort_key=99)

Json = Annotated[bool, Parameter(negative=(), help="Print one JSON object to standard output.")]
Settings = Annotated[
    str | None,
    Parameter(name=("--config", "--recipe"), help=f"TOML file or recipe ({', '.join(RECIPES)}); flags win."),
]
Quiet = Annotated[bool, Parameter(negative=(), help="Print no progress and no messages.")]
Out = Annotated[Path | None, Parameter(help="Where to write the output; nothing is overwritten.")]


def flat(group: str) -> Parameter:
    """The fields of a section are flags of their own, under one heading of ``--help``."""
    return Parameter(name="*", group=group)


Reading = Annotated[ReadConfig | None, flat("Data")]  # of every verb that reads labelled data


def flags() -> set[str]:
    """Names of the flags on the command line."""
    return {token[2:].split("=")[0].replace("-", "_") for token in typed if token.startswith("--")}


def given(*sections: Any) -> dict[str, Any]:
    """The settings that were typed, from all sections: only these replace what a file or a run says."""
    names, chosen = flags(), [section for section in sections if section is not None]
    return {f.name: getattr(section, f.name) for section in chosen for f in fields(section) if f.name in names}


def settings_file(name: str | None) -> Config:
    """The settings of ``--config``, or the defaults."""
    return Config() if name is None else from_file(name)


def show(value: Any, json: bool, print_text: Any) -> None:
    """``value`` as one JSON object, or whatever ``print_text`` prints for people."""
    from neocog.run import to_json

    if json:
        print(to_json(value), end="")
    else:
        print_text()


def console() -> Any:
    """Where tables go."""
    from rich.console import Console

    return Console(highlight=False)
