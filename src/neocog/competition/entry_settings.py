"""The training settings that an entry may bring, as TOML of ``train``'s sections: what changes how its own network learns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from neocog.config import SECTIONS, Config, from_toml, names_of
from neocog.documents import parse_toml, read_text
from neocog.errors import UserError, raise_all

ALLOWED = {
    "data": ("size", "channels", "fit", "scaling", "split", "split_seed", "together"),
    "model": ("options",),
    "transfer": ("views",),
}
# of [training], where all else is allowed: other data, other networks, other machines, and further trainings
NOT_TRAINING = (
    "extractor",
    "engine",
    "device",
    "workers",
    "memory",
    "baseline",
    "curve",
    "refit",
    "tensorboard",
    "threads",
)
MOST_BYTES = 20_000


def settings_of(path: Path | None) -> tuple[Config, str]:
    """An entry's settings, checked, and their text. Raises UserError with all that is not allowed."""
    if path is None:
        return Config(), ""
    text = read_text(path, "give a TOML file of training settings")
    if len(text) > MOST_BYTES:
        raise UserError(f"{len(text):,} letters of settings, at most {MOST_BYTES:,}", str(path), "give settings alone")
    tables = parse_toml(text, str(path))
    raise_all(_faults(tables, str(path)))
    return from_toml(text, str(path)), text


def _faults(tables: Mapping[str, Any], where: str) -> Iterator[UserError]:
    for section, table in tables.items():
        if section not in SECTIONS or not isinstance(table, Mapping):
            continue  # which ``from_toml`` tells
        for name in table:
            if name in names_of(SECTIONS[section]) and not _is_allowed(section, name):
                yield UserError(f"refused: [{section}] {name} is not an entry's to set", where, f"leave '{name}' out")


def _is_allowed(section: str, name: str) -> bool:
    if section == "training":
        return name not in NOT_TRAINING
    return name in ALLOWED[section]
