"""The settings of a run: frozen dataclasses are the schema, TOML is the memory, flags are the edit.

``defaults < --config FILE < flags``. The resolved settings are written to ``config.toml`` in the run folder; ``resume``
reads only that. Field names are unique over all sections, so that each is one flat flag (``--lr``).
"""

from neocog.config.data import DataConfig, ReadConfig
from neocog.config.described import described, documented
from neocog.config.edits import changed, configured, understood, usual
from neocog.config.model import IMAGENET, ModelConfig, TransferConfig
from neocog.config.sections import HINTS, SECTIONS, TABLES, Config, names_of, parameters
from neocog.config.toml import RECIPES, from_file, from_run, from_tables, from_toml, unknown
from neocog.config.training import INCEPTION, Optimizer, Schedule, TrainConfig

__all__ = [
    "HINTS",
    "IMAGENET",
    "INCEPTION",
    "RECIPES",
    "SECTIONS",
    "TABLES",
    "Config",
    "DataConfig",
    "ModelConfig",
    "Optimizer",
    "ReadConfig",
    "Schedule",
    "TrainConfig",
    "TransferConfig",
    "changed",
    "configured",
    "described",
    "documented",
    "from_file",
    "from_run",
    "from_tables",
    "from_toml",
    "names_of",
    "parameters",
    "understood",
    "unknown",
    "usual",
]  # fmt: skip
