"""The last section: on what it ran, and the command that repeats it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neocog.records import Section, Table, Text


def environment_section(environment: Mapping[str, Any], command: str) -> Section:
    """``environment``: versions, threads, device, fingerprint …; nested mappings become dotted names."""
    table = Table(
        ("environment", "value"), tuple((name, value) for name, value in _flat(environment) if name != "command")
    )
    return Section("Reproducibility", (Text(command, code=True), table), "environment")


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            rows.append((prefix + name, ", ".join(map(str, value))))
        else:
            rows.append((prefix + name, "—" if value is None else str(value)))
    return rows
