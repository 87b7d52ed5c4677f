"""``--help`` of the verbs that take settings, on one screen: what most runs need, and what belongs to the chosen task."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from cyclopts import App, Argument, Group

from neocog.checked import bare, choices, describe, flag, purpose, read
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
START = "Start with `neocog train digits`, then `neocog audit MY-IMAGES` and `neocog train MY-IMAGES`."
CODES = (
    "Exit codes: 0 success, 2 a mistake in the command, its files or the data, 3 a loss that is not finite, 4 stopped by the "
    "calling program, 130, 143, 129 or 138 interrupted (progress is saved), 1 a bug in neocog. With --json, errors are one "
    "JSON object, too."
)


def short_help(words: Sequence[str]) -> str:
    """The page that these words ask for; "" if they ask for none, or for that of a verb without settings."""
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
    lines += [
        "",
        *wrapped("`neocog COMMAND --help` lists its flags and examples; `neocog --version` prints the version."),
    ]
    for paragraph in (START, CODES):
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
    declared = own_settings(task).values()
    flags = [*(left(a) for several in headings.values() for a in several), *map(own_flag, declared)]
    width = 4 + max(map(len, flags))
    lines = [f"Usage: neocog {verb} {usage} [FLAGS]", *wrapped(doc.split("\n\n")[0]), *examples, ""]
    for heading in ("", *SETTINGS, f"For --task {task}", "Run"):
        lines += [f"{heading}:"] if heading and heading in headings else []
        for argument in headings.get(heading, []):
            text = right(argument, task)
            lines += wrapped(text, f"  {left(argument)}".ljust(width), " " * width) if text else [f"  {left(argument)}"]
        if heading.startswith("For --task"):
            lines += [line for setting in declared for line in own_lines(setting, width)]
    last = LAST.get(verb, "--task TASK --help adds that task's flags; --help-all shows every flag.")
    return "\n".join([*lines, *wrapped(last)])


def own_flag(setting: inspect.Parameter) -> str:
    return f"{flag(setting.name)} {placeholder(bare(setting.annotation)[0])}"


def own_lines(setting: inspect.Parameter, width: int) -> list[str]:
    """The flag of a setting that the task's class declares: what it is for, or its type; its words, or its default."""
    kind, words = bare(setting.annotation)[0], ", ".join(map(str, choices(setting.annotation)))
    usual = f" [{setting.default}]" if setting.default not in (inspect.Parameter.empty, "") and not words else ""
    text = purpose(setting.annotation)
    text = f"{text.rstrip('.')}: {words}" if text and words else (text or describe(kind)) + usual
    return wrapped(text, f"  {own_flag(setting)}".ljust(width), " " * width)


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
    return f"{argument.name} {'WORD' if words_of(argument) else placeholder(kind)}{'…' * several}"


def placeholder(kind: Any) -> str:
    """What stands for a value of this type."""
    return "WORD" if choices(kind) else {int: "N", float: "X", Path: "PATH"}.get(kind, "TEXT")


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
    if words and len(words) < 2 * WIDTH:
        return f"{first.rstrip('.')}: {words}"
    shown = " ".join(map(str, usual)) if isinstance(usual, tuple) else str(usual)
    return f"{first} [{shown}]" if usual and isinstance(usual, int | float | tuple) and usual is not True else first


def sentence(text: str) -> str:
    """The first one."""
    return re.split(r"(?<=\.)(?<!et al\.)\s", text)[0]


def wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
