"""All commands: each module adds its own to the parser when it is imported."""

from __future__ import annotations

from neocog.cli import (
    compete,
    convert,
    data,
    generation,
    machine,
    networks,
    stress,
    training,
)
from neocog.cli.app import app

__all__ = ["app", "compete", "convert", "data", "generation", "machine", "networks", "stress", "training"]
