"""Settings from TOML: a file of the user's, or what a run has recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from neocog.config.edits import as_table, taken, usual
from neocog.config.sections import SECTIONS, Config, names_of
from neocog.documents import RESTORE, parse_toml, read_text
from neocog.errors import UserError, did_you_mean, raise_all
from neocog.facts import absent, without_old_weights
from neocog.run import Run
from neocog.traits import TASKS

HERE = Path(__file__).parent / "recipes"
RECIPES = tuple(sorted(path.stem for path in HERE.glob("*.toml")))


def from_toml(text: str, where: str) -> Config:
    """Read settings; unknown keys and values of another type or out of range are errors, all told at once."""
    return from_tables(parse_toml(text, where), where)


def from_file(name: str | Path) -> Config:
    """Settings from a TOML file, or from a recipe that comes with neocog, by its name. Raises UserError where there is neither."""
    path = Path(name)
    if str(name) in RECIPES and not path.is_file():
        return from_toml((HERE / f"{name}.toml").read_text(encoding="utf-8"), f"recipe {name}")
    fix = f"give a TOML file such as a run's config.toml, or a recipe: {', '.join(RECIPES)}"
    return from_toml(read_text(path, fix), str(path))


def from_tables(tables: Mapping[str, Any], where: str) -> Config:
    """Settings from tables by section, checked as those of TOML are."""
    settings = {
        name: value
        for section, kind in SECTIONS.items()
        for name, value in as_table(tables.get(section)).items()
        if name in names_of(kind)
    }
    settings = {name: _path(value) if isinstance(value, str) else value for name, value in settings.items()}
    config, faults = taken(Config(), {**usual(settings), **settings}, where)
    raise_all([*unknown(tables, where), *(UserError(fault.what, fault.where or where, fault.fix) for fault in faults)])
    return config


def from_run(path: Path) -> Config:
    """The settings that a run has recorded.

    Before there was a ``split_seed``, ``seed`` drew the split too, and only files of the same bytes stayed together. Raises
    UserError where there is no run.
    """
    if not path.exists():
        raise UserError(f"{path.parent} is not a run folder", str(path), "give a folder that `neocog train` made")
    tables = parse_toml(read_text(path), path, RESTORE)
    task = as_table(tables.get("data")).get("task", "auto")
    if isinstance(task, str) and task != "auto" and not TASKS.knows(task):
        raise absent(Run(path.parent), "task", task)
    config = from_tables(tables, str(path))
    options = without_old_weights(config.model.model, config.model.options, path)
    config = replace(config, model=replace(config.model, options=options))
    if not config.data.data or not config.training.batch:
        raise UserError("damaged: it does not say which data, or how large the batches are", str(path), RESTORE)
    if "split_seed" in tables.get("data", {}):
        return config
    return replace(config, data=replace(config.data, split_seed=config.training.seed, together="files"))


def unknown(tables: Mapping[str, Any], where: str) -> Iterator[UserError]:
    """Sections and keys that there are none of."""
    for section, table in tables.items():
        if section not in SECTIONS or not isinstance(table, Mapping):
            fix = did_you_mean(section, SECTIONS) + f"known: {', '.join(SECTIONS)}"
            yield UserError(f"no section [{section}]", where, fix)
            continue
        known = names_of(SECTIONS[section])
        for key in table:
            if key not in known:
                near = did_you_mean(key, known) or f"known: {', '.join(known)}"
                home = next((other for other, kind in SECTIONS.items() if key in names_of(kind)), "")
                yield UserError(
                    f"no setting '{key}' in [{section}]", where, f"it belongs into [{home}]" if home else near
                )


def _path(text: str) -> str:
    """The path, of whose bytes those that are no UTF-8 were written as ``_plain`` does: \\udce9."""
    return re.sub(r"\\udc[89a-f][0-9a-f]", lambda found: chr(int(found[0][2:], 16)), text)
