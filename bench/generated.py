"""Files of the package that a program writes, out of the networks and the settings as they are.

    python bench/generated.py      # writes them again; tests/test_generated.py says when that is due

``networks/table.json``: what ``neocog models`` shows. ``__init__.pyi``: the verbs with every setting as an argument.
``cli/help.json``: the pages of ``neocog --help`` and ``neocog VERB --help`` for verbs that take settings.
"""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import neocog
from neocog.checked import bare
from neocog.cli.commands import app
from neocog.cli.short_help import short_help
from neocog.cli.words import PAGES
from neocog.config import SECTIONS, ReadConfig, parameters
from neocog.networks import MODELS, OTHERS, options
from neocog.verbs.models import TABLE, counted, torchvision_families

STUB = TABLE.parent.parent / "__init__.pyi"
HERE = Path(__file__).parents[1] / "src/neocog/__init__.pyi"  # where this project's own length of lines holds
DOC = '"""Written by bench/generated.py: what editors complete, and type checkers check, of ``import neocog``."""'
IMPORTS = (
    "from collections.abc import Mapping, Sequence",
    "from pathlib import Path",
    "from typing import Any, Literal, TypedDict, Unpack",
    "",
    "from neocog.config import Config",
    "from neocog.results import Results",
    "from neocog.results.stress import Stress",
    "from neocog.run import Run",
    "from neocog.verbs.audit import Audit",
    "from neocog.verbs.find_lr import LearningRates",
    "from neocog.verbs.plan import AfterEpoch",
)
NAMES = (
    "__version__: str",
    "VERBS: dict[str, str]",
    "OPTIONS: dict[str, str]",
    "SETTINGS: dict[str, tuple[str, ...]]",
    "EXCEPTIONS: dict[str, str]",
    "__all__: list[str]",
)


def table() -> str:
    """The counts of every network of our own, and torchvision's names, as JSON."""
    networks = {name: counted(name, None, None, None) for name in (*MODELS, *OTHERS)}
    return (
        json.dumps({"networks": networks, "torchvision": torchvision_families()}, indent=1, ensure_ascii=False) + "\n"
    )


def stub() -> str:
    """Signatures for type checkers: verbs with settings in full, the others from where they are defined."""
    elsewhere = {**neocog.VERBS, **neocog.OPTIONS, **neocog.EXCEPTIONS}
    imports = [f"from {elsewhere[name]} import {name} as {name}" for name in elsewhere if name not in neocog.SETTINGS]
    reading = {p.name: spelled(p.annotation) for p in parameters(ReadConfig) if p.name != "data"}
    every = {p.name: spelled(p.annotation) for section in SECTIONS.values() for p in parameters(section)}
    own = {name: kind for name, kind in (every | network_options()).items() if name not in ("data", *reading)}
    sections = [typed_dict("Reading(TypedDict", reading), typed_dict("Settings(Reading", own)]
    verbs = [function(verb) for verb in neocog.SETTINGS]
    return formatted("\n".join([DOC, "", *IMPORTS, *imports, "", *NAMES, "", *sections, *verbs]))


def typed_dict(name: str, keys: Mapping[str, str]) -> str:
    """A class of keys that may be left out."""
    return "\n".join([f"class {name}, total=False):", *(f"    {key}: {kind}" for key, kind in keys.items()), ""])


def function(verb: str) -> str:
    """A verb whose settings are the keys of one of the two classes."""
    signature = inspect.signature(importlib.import_module({**neocog.VERBS, **neocog.OPTIONS}[verb]).__dict__[verb])
    words = list[str]()
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            kind = "Reading" if neocog.SETTINGS[verb] == ("ReadConfig",) else "Settings"
            words.append(f"**settings: Unpack[{kind}]")
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        words.append(f"{parameter.name}: {parameter.annotation}{' = ...' * (parameter.default is not parameter.empty)}")
    return f"def {verb}({', '.join(words)}) -> {signature.return_annotation}: ..."


def network_options() -> dict[str, str]:
    """{option: its type} of all networks of our own; of several types, any of them."""
    kinds: dict[str, dict[str, None]] = {}
    for name in (*MODELS, *OTHERS, "unet:resnet18"):
        for option, parameter in options(name).items():
            kinds.setdefault(option, {})[spelled(parameter.annotation)] = None
    return {option: " | ".join(dict.fromkeys(" | ".join(several).split(" | "))) for option, several in kinds.items()}


def spelled(hint: Any) -> str:
    """A type as a stub has it: wider where Python takes more, such as one number for a list of them."""
    kind, _ = bare(hint)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " | ".join(dict.fromkeys(spelled(argument) for argument in arguments))
    if origin is tuple:
        return f"{spelled(arguments[0])} | Sequence[{spelled(arguments[0])}]"
    if origin is Literal:
        return f"Literal[{', '.join(map(json.dumps, arguments))}]"
    if origin is Mapping or (inspect.isclass(origin) and issubclass(origin, Mapping)):
        return "Mapping[str, Any]"
    return "None" if kind is type(None) else str(kind.__name__)


def pages() -> str:
    """{"": the page of ``neocog --help``, "train": that of ``neocog train --help``, …} as JSON."""
    verbs = [name for name in app if not name.startswith("-")]
    within = [f"{verb} {name}" for verb in verbs for name in app[verb] if not name.startswith("-")]
    found = {name: short_help([*name.split(), "--help"]) for name in ("", *sorted([*verbs, *within]))}
    return json.dumps({name: page for name, page in found.items() if page}, indent=1, ensure_ascii=False) + "\n"


def formatted(text: str) -> str:
    """As ruff has it, imports in order."""
    for command in (["check", "--select", "I", "--fix"], ["format"]):
        words = [sys.executable, "-m", "ruff", *command, "--quiet", "--stdin-filename", str(HERE), "-"]
        text = subprocess.run(words, input=text, capture_output=True, text=True, check=True).stdout
    return text


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
    STUB.write_text(stub(), encoding="utf-8")
    PAGES.write_text(pages(), encoding="utf-8")
