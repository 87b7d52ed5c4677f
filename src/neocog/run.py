"""The run folder: the paths of its files, and how they are written. Imports no torch.

A run folder holds plain files only (no pickle):

    plan.json            written first: settings as asked and as resolved, stages, command, identity, and what was changed since
    config.toml          the resolved settings, for people
    environment.json     versions, threads, device, fingerprint of the data, the command
    splits.csv           sample, label, split, group, sha256; pixels (SHA-256 of what is shown), family; thumbnails.npz beside it
    metrics.csv          one row an epoch; confusion.csv, of at most 100 classes, how its last one took them for each other
    checkpoints/         the newest two, each with the best weights so far; --keep-checkpoints keeps more
    weights.safetensors  + model.json: what ``predict`` needs (architecture, preprocessing, classes, calibration)
    predictions.csv      the test part: path, label, prediction, probabilities
    result.json          every measure: value, low, high, n; what passed, is doubtful, failed, or was not tried; the methods
    sections.json        what the report draws: tables, curves, grids, pictures
    stress/              what ``neocog stress`` found: PART.json, NAME.csv of its tables; thresholds.toml where others were given
    report.html          one file that works offline
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from neocog.atomic import write_atomically as write_atomically


@dataclass(frozen=True)
class Run:
    """Paths inside a run folder."""

    folder: Path

    def __fspath__(self) -> str:
        """A run is given where a folder is: ``neocog.train(…, pretrained=run)``."""
        return str(self.folder)

    @property
    def plan(self) -> Path:
        return self.folder / "plan.json"

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def environment(self) -> Path:
        return self.folder / "environment.json"

    @property
    def splits_csv(self) -> Path:
        return self.folder / "splits.csv"

    @property
    def metrics_csv(self) -> Path:
        return self.folder / "metrics.csv"

    @property
    def confusion_csv(self) -> Path:
        return self.folder / "confusion.csv"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def weights(self) -> Path:
        return self.folder / "weights.safetensors"

    @property
    def model_json(self) -> Path:
        return self.folder / "model.json"

    @property
    def predictions_csv(self) -> Path:
        return self.folder / "predictions.csv"

    @property
    def result(self) -> Path:
        return self.folder / "result.json"

    @property
    def sections(self) -> Path:
        return self.folder / "sections.json"

    @property
    def report(self) -> Path:
        return self.folder / "report.html"


def to_json(value: Any) -> str:
    """JSON that reads back to the same value: no NaN or infinity (they become null); names that are no UTF-8 escaped."""
    text = json.dumps(_finite(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not (-float("inf") < value < float("inf")):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return _finite(asdict(value))
    return value
