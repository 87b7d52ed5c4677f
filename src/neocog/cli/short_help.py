"""``--help`` of the verbs that take settings, on one progress: what most runs need, and what belongs to the chosen task."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import get_args, get_origin

from cyclopts import App, Argument, Group

from neocog.checked import choices, describe, flag, read
from neocog.cli.app import app
from neocog.config import HINTS, SECTIONS, documented
from neocog.traits import TASKS, losses, own_settings, traits

WIDTH, EXAMPLES = 80, 2
USUAL = (
    "task", "kind", "size", "split", "split_seed", "folds", "seed", "model", "pretrained", "tune", "augment", "epochs",
    "minutes", "batch", "lr", "optimizer", "schedule", "patience", "precision", "device", "threads", "baseline",
)  # fmt: skip
RARE = ("go_on", "fold", "find_lr", "set")  # of train's own flags; the last line names them
SETTINGS = tuple(section.capitalize() for section in SECTIONS)  # headings
LAST = {
    "train": "--task TASK --help adds its flags; --help-all shows every flag, also --go-on and --fold. "
    "Any setting: --set section.key=value, or a TOML file (--config).",
}  # fmt: skip


def short_help(words: Sequence[str]) -> str:
    """The page that these words ask for; "" where they ask for none, or for that of a verb without settings."""
    rest = [word for word in words if word not in ("--help", "-h")]
    if not rest:
        return overview()
    chain, apps, _ = app.parse_commands(rest)
    if len(rest) == len(words) or not chain or apps[-1].default_command is None:
        return ""
    arguments = [a for a in apps[-1].assemble_argument_collection(parse_docstring=True) if a.parse and a.show]
    return page(chain, apps[-1], arguments, chosen_task(words)) if any(map(section_of, arguments)) else ""


def overview() -> str:
    """The page of ``neocog --help``: every command with the first sentence of what it does."""
    names = sorted(name for name in app if not name.startswith("-"))
    width = 4 + max(map(len, names))
    lines = ["Usage: neocog COMMAND …", *wrapped(str(app.help)), ""]
    for name in names:
        doc = " ".join((inspect.getdoc(app[name].default_command) or str(app[name].help)).split("\n\n")[0].split())
        lines += wrapped(sentence(doc), f"  {name}".ljust(width), " " * width)
    lines += ["", *wrapped("`neocog COMMAND --help` has its flags and examples; `neocog --version` the version.")]
    for paragraph in str(app.help_epilogue).split("\n\n"):
        lines += ["", *wrapped(paragraph)]
    return "\n".join(lines)


def chosen_task(words: Sequence[str]) -> str:
    """The value of ``--task``; "" without one. Raises UserError for a task that there is none of."""
    given = [after if word == "--task" else word[7:] for word, after in zip(words, [*words[1:], ""], strict=True)
             if word == "--task" or word.startswith("--task=")]  # fmt: skip
    return str(read("task", given[-1], HINTS["task"])) if given else ""


def section_of(argument: Argument) -> str:
    """The heading of a setting; "" of flags that are the verb's own."""
    groups = argument.parameter.group
    named = [group.name for group in groups if isinstance(group, Group)] if isinstance(groups, tuple) else []
    return next((name for name in named if name in SETTINGS), "")


def name_of(argument: Argument) -> str:
    return str(argument.field_info.name)


def own(task: str) -> set[str]:
    """The settings that belong to a task and not to all, but for the usual ones."""
    return {"loss", *traits(task).settings}.difference(USUAL) if TASKS.knows(task) else set()


def page(chain: Sequence[str], command: App, arguments: Sequence[Argument], task: str) -> str:
    """The whole page: usage, examples, flags by heading, and where the others are."""
    doc = inspect.getdoc(command.default_command) or ""
    examples = [line[3:] for line in doc.splitlines() if line.startswith("    neocog ")][:EXAMPLES]
    verb, places = " ".join(chain), [a for a in arguments if a.index is not None]
    usage = " ".join(a.name if a.required else f"[{a.name}]" for a in places)
    headings: dict[str, list[Argument]] = {"": [a for a in places if a.parameter.help]}
    for argument in arguments:
        if heading := heading_of(argument, task):
            headings.setdefault(heading, []).append(argument)
    width = 4 + max(len(left(a)) for several in headings.values() for a in several)
    lines = [f"Usage: neocog {verb} {usage} [FLAGS]", *wrapped(doc.split("\n\n")[0]), *examples, ""]
    for heading in ("", *SETTINGS, f"For --task {task}", "Run"):
        lines += [f"{heading}:"] if heading and heading in headings else []
        for argument in headings.get(heading, []):
            text = right(argument, task)
            lines += wrapped(text, f"  {left(argument)}".ljust(width), " " * width) if text else [f"  {left(argument)}"]
        if heading.startswith("For --task"):
            lines += [own_line(setting, width) for setting in own_settings(task).values()]
    last = LAST.get(verb, "--task TASK --help adds that task's flags; --help-all shows every flag.")
    return "\n".join([*lines, *wrapped(last)])


def own_line(setting: inspect.Parameter, width: int) -> str:
    """The flag of a setting that a package's task brings, with its type and default."""
    usual = "" if setting.default is inspect.Parameter.empty else f" [{setting.default}]"
    return f"  {flag(setting.name)}".ljust(width) + describe(setting.annotation) + usual


def heading_of(argument: Argument, task: str) -> str:
    """Where a flag stands on the page; "" where it does not."""
    name = name_of(argument)
    if argument.index is not None or argument.field_info.kind is inspect.Parameter.VAR_KEYWORD:
        return ""
    section = section_of(argument)
    if not section:
        return "" if name in RARE else "Run"
    return section if name in USUAL else f"For --task {task}" if name in own(task) else ""


def left(argument: Argument) -> str:
    """The flag, and what stands for its value."""
    if argument.index is not None:
        return argument.name
    kind = next((k for k in get_args(argument.hint) if k is not type(None)), argument.hint)
    several = get_origin(argument.hint) is tuple
    if argument.hint is bool:
        return argument.name
    word = {int: "N", float: "X", Path: "PATH"}.get(kind, "TEXT") if not words_of(argument) else "WORD"
    return f"{argument.name} {word}{'…' * several}"


def words_of(argument: Argument, task: str = "auto") -> tuple[str, ...]:
    """The words that a flag takes, () where it takes others too; the losses are those of the chosen task."""
    if name_of(argument) == "loss":
        return tuple(losses(task or "auto"))
    if name_of(argument) == "task" and task not in ("", "auto"):  # that is chosen, and the screen is full
        return ()
    return choices(HINTS[name_of(argument)] if section_of(argument) else argument.hint)


def right(argument: Argument, task: str) -> str:
    """The first sentence of what the flag does, with its words, of which the first is the default, or its default."""
    text = documented()[name_of(argument)] if section_of(argument) else argument.parameter.help or ""
    first = sentence(text.replace("`", ""))
    words, usual = ", ".join(words_of(argument, task)), argument.field_info.default
    if words and len(words) < WIDTH:
        return f"{first.rstrip('.')}: {words}"
    shown = " ".join(map(str, usual)) if isinstance(usual, tuple) else str(usual)
    return f"{first} [{shown}]" if usual and isinstance(usual, int | float | tuple) and usual is not True else first


def sentence(text: str) -> str:
    """The first one."""
    return re.split(r"(?<=\.)\s", text)[0]


def wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
