"""What is wrong with a command line, in our words: what, and the fix. The parser's own exceptions end here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cyclopts import App, Argument, CycloptsError
from cyclopts.exceptions import (
    CoercionError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from neocog.checked import read, readable
from neocog.cli.app import app
from neocog.config import HINTS
from neocog.errors import UserError, did_you_mean, listed, nearest, printable

FEW = 3  # of the nearest names


def explained(error: CycloptsError, words: Sequence[str]) -> UserError:
    """The user's mistake that made the parser stop at these words."""
    chain = tuple(error.command_chain or ())
    command = " ".join(("neocog", *chain))
    if isinstance(error, UnknownCommandError):
        return _no_command(chain, words)
    if isinstance(error, UnknownOptionError):
        return _no_option(error, command)
    if isinstance(error, UnusedCliTokensError):
        return _too_much([str(token) for token in error.unused_tokens or ()], words, command)
    name = error.argument.name if error.argument else ""
    if isinstance(error, MissingArgumentError):
        option = str(error.keyword or name)
        if near := _slip(option, chain):
            return UserError(f"{command} has no option {printable(option)}", fix=f"did you mean {near}?")
        what = f"{option} needs a value" if option.startswith("-") else f"{command} needs {option}"
        return UserError(what, fix=f"`{command} --help` shows how")
    if isinstance(error, RepeatArgumentError):
        return UserError(f"{error.token.keyword or name} is given twice", fix="leave one of the two out")
    if isinstance(error, CoercionError) and error.token is not None and readable(error.target_type):
        try:
            read(name.lstrip("-"), error.token.value, error.target_type)
        except UserError as mistake:
            return mistake
    return UserError(str(error), fix=f"`{command} --help` shows how")


def names(of: App) -> list[str]:
    """The commands of an app, in the order of the alphabet."""
    return sorted(name for name in of if not name.startswith("-"))


def _no_command(chain: tuple[str, ...], words: Sequence[str]) -> UserError:
    here = _command(chain)
    word = next((word for word in words[len(chain) :] if word not in chain), "")
    known = names(here)
    if word.startswith("-"):
        return UserError(f"unknown option {printable(word)}", fix=f"neocog COMMAND {word} …, or neocog --help")
    near = did_you_mean(word, known)
    return UserError(f"no command '{printable(word)}'", fix=near + ("" if near else f"known: {', '.join(known)}"))


def _no_option(error: UnknownOptionError, command: str) -> UserError:
    option = str(error.token.keyword or error.token.value)
    known = _flags(error.argument_collection)
    near = nearest(option, known, FEW)
    fix = f"did you mean {' or '.join(near)}?" if near else f"it has {listed(known)}; see `{command} --help`"
    return UserError(f"{command} has no option {printable(option)}", fix=fix)


def _slip(option: str, chain: Sequence[str]) -> str:
    """The flag that was meant by one without a value, of a command that takes a task's own options, too; "" where it is known."""
    known = _flags(_command(chain).assemble_argument_collection())
    return "" if option in known or not option.startswith("--") else next(iter(nearest(option, known, 1)), "")


def _command(chain: Sequence[str]) -> App:
    here = app
    for name in chain:
        here = here[name]
    return here


def _flags(arguments: Iterable[Argument]) -> list[str]:
    """Of a command, in the order of the alphabet."""
    return sorted({name for each in arguments if each.parse for name in each.names if name.startswith("--")})


def _too_much(rest: Sequence[str], words: Sequence[str], command: str) -> UserError:
    place = words.index(rest[0]) if rest and rest[0] in words else 0
    before = next((word for word in reversed(words[:place]) if word.startswith("--")), "")
    fix = f"`{command} --help` shows what it takes"
    if before and before[2:].replace("-", "_") not in HINTS:  # an option of the network
        first = words[words.index(before) + 1]
        fix = f"lists of a network's own options are written with commas: {before} {','.join((first, *rest))}"
    return UserError(f"{listed(rest)} is not expected here", fix=fix)
