"""The settings on the command line: every one a flag of its own, and ``--set section.key=value`` for each of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar, get_args, get_origin

from cyclopts import Parameter

from neocog.checked import SPELLED, bare, choices, flag, spelled_out
from neocog.config import HINTS, SECTIONS, TABLES, ReadConfig, documented, names_of, parameters, unknown
from neocog.errors import UserError, did_you_mean, printable, raise_all
from neocog.traits import own_settings

F = TypeVar("F", bound=Callable[..., None])
OwnOption = Annotated[str, Parameter(help="An option of the chosen task, such as --degrade gauss:25 for restoration.")]
SET = "give --set section.key=value, such as --set training.lr=0.01"


def as_text(kind: Any, tokens: Sequence[Any]) -> Any:
    """The words as they were typed: what they mean is checked where TOML and Python are checked, too."""
    return tuple(token.value for token in tokens) if get_origin(kind) is tuple else tokens[-1].value


def with_settings(command: F) -> F:
    """Every setting is a flag of its own, under the heading of its section; those that were typed come in ``**settings``."""
    flags = []
    for section, kind in SECTIONS.items():
        for setting in (p for p in parameters(kind) if p.name not in ("data", *TABLES)):
            switch = get_args(setting.annotation)[:1] == (bool,)
            text = bare(setting.annotation)[0] is str  # of other types cyclopts lists the choices itself
            listed = choices(setting.annotation) if text else ()
            shown = Parameter(
                name=None if setting.name not in SPELLED else (flag(setting.name), f"--{setting.name}"),
                help=documented()[setting.name] + (f" [choices: {', '.join(listed)}]" if listed else ""),
                group=section.capitalize(),
                converter=None if switch else as_text,
            )
            flags.append(setting.replace(annotation=Annotated[setting.annotation, shown]))
    signature = spelled_out(inspect.signature(command, eval_str=True), flags)
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    return command


def of_task(verb: str, options: Mapping[str, str], reading: ReadConfig | None) -> dict[str, str]:
    """The options that the chosen task brings. Raises UserError for any other, which the verb does not know."""
    known = [*own_settings(reading.task if reading else "auto")]
    found = {name.replace("-", "_"): value for name, value in options.items()}
    ours = [flag(name) for name in (*known, *names_of(ReadConfig))]
    fix = f"see `neocog {verb} --help`; the options of a task need --task"
    raise_all(
        UserError(f"neocog {verb} has no option {flag(name)}", fix=did_you_mean(flag(name), ours) + fix)
        for name in found if name not in known
    )  # fmt: skip
    return found


def by_section(edits: Sequence[str], flags: Mapping[str, Any]) -> tuple[dict[str, Any], list[UserError]]:
    """The settings of ``--set section.key=value``, as text, and what is wrong with them.

    Keys of [model] that are no settings are options of the network, those of [data.task_options] the task's. A list of words is
    given one by one. What the ``flags`` give already, or what is given twice, is a fault.
    """
    found, faults = dict[str, Any](), list[UserError]()
    typed = {name.replace("-", "_") for name in flags}
    for edit in edits:
        place, equals, value = edit.partition("=")
        section, _, key = place.replace("-", "_").partition(".")
        key = key.removeprefix("options.") if section == "model" else key
        ours = not (section == "data" and key.startswith("task_options."))
        key = key.removeprefix("task_options.") if section == "data" else key
        several = key in HINTS and bare(HINTS[key])[0] == tuple[str, ...]
        if not equals or not key:
            homes = [name for name, kind in SECTIONS.items() if section in names_of(kind)]
            fix = f"write --set {homes[0]}.{place}={value or 'value'}" if homes and not key else SET
            faults.append(UserError(f"--set {printable(edit)} is not section.key=value", fix=fix))
        elif wrong := list(
            unknown({section: {key: value}} if ours and (section != "model" or key in HINTS) else {}, "--set")
        ):
            faults += wrong
        elif key in typed or (key in found and not several):
            other = flag(key) if key in typed else f"--set {place}"
            faults.append(UserError(f"{other} and --set {printable(edit)} give one setting twice", fix="leave one out"))
        else:
            found[key] = (*found.get(key, ()), value) if several else value
    if not {**found, **flags}.get("pretrained", True):  # a variable of the shell that holds nothing: else from scratch
        faults.append(UserError("--from has no value", fix="name the weights, or leave --from out"))
    return found, faults
