"""All settings of a run, by section, and what is known of each by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

import tomli_w

from neocog.config.data import DataConfig
from neocog.config.model import ModelConfig, TransferConfig
from neocog.config.training import TrainConfig


@dataclass(frozen=True)
class Config:
    """All settings of a run, by section."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainConfig = field(default_factory=TrainConfig)
    transfer: TransferConfig = field(default_factory=TransferConfig)

    def to_toml(self) -> str:
        """TOML that ``from_toml`` reads back to an equal value."""
        return tomli_w.dumps(self.tables())

    def tables(self) -> dict[str, Any]:
        """{section: {setting: value}} in plain values, which ``from_tables`` reads back.

        Without options of the task where it has none, as in runs that are older than these.
        """
        tables = {name: _plain(section) for name, section in asdict(self).items()}
        if not self.data.task_options:
            del tables["data"]["task_options"]
        return tables


SECTIONS: dict[str, type] = {
    "data": DataConfig, "model": ModelConfig, "transfer": TransferConfig, "training": TrainConfig,
}  # fmt: skip
HINTS = {name: hint for kind in SECTIONS.values() for name, hint in get_type_hints(kind, include_extras=True).items()}

TABLES = ("options", "task_options")  # of the network's and the task's own settings: no flags themselves


def parameters(section: type) -> list[inspect.Parameter]:
    """The settings of a section as keyword arguments, with their types and defaults."""
    usual = section()
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=getattr(usual, name), annotation=HINTS[name])
        for name in names_of(section)
    ]


def names_of(section: type) -> list[str]:
    """The settings of a section."""
    return [f.name for f in fields(section)]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, str | Path):  # neither TOML nor UTF-8 can have the bytes of a path that is none
        return str(value).encode(errors="backslashreplace").decode()
    return value
