"""Weights that a training starts from, known by their digest, and pretrained.json, which says so in a run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from neocog.config import Config
from neocog.documents import RESTORE, expected, read_json
from neocog.errors import UserError
from neocog.pretrained.needs import Needs
from neocog.pretrained.taken import Taken
from neocog.run import Run, to_json, write_atomically
from neocog.typed import typed

RECORD = "pretrained.json"


@dataclass(frozen=True)
class Source:
    """``name``: as ``--from`` has it; ``model`` and ``options``: of the network to train; ``digest``: the file's SHA-256."""

    name: str
    model: str
    file: Path
    digest: str
    needs: Needs
    options: Mapping[str, Any] = field(default_factory=dict)
    published: bool = False  # by a library: its own pickle of tensors may be read
    note: str = ""  # what was taken for what, where that could be read two ways
    taken: Taken | None = None  # once it is known for which network

    def configured(self, config: Config) -> Config:
        """``config`` with the network that these weights are of, unless another is named; options that are given go first."""
        if config.model.model not in ("auto", self.model):
            return config
        options = {**self.options, **config.model.options}
        return replace(config, model=replace(config.model, model=self.model, options=options))


def write_record(run: Run, source: Source) -> None:
    """pretrained.json: what the run started from, whole."""
    known = {"name": source.name, "model": source.model, "file": str(source.file), "sha256": source.digest}
    taken = asdict(source.taken) if source.taken else {}
    write_atomically(run.folder / RECORD, to_json({**known, "needs": asdict(source.needs), "taken": taken}))


def recorded_source(run: Run) -> Source | None:
    """What a run that goes on started from, without looking for its weights; None where it started from none."""
    path = run.folder / RECORD
    if not path.is_file():
        return None
    found = read_json(path)
    try:
        needs, taken = (typed(kind, found[name], name) for kind, name in ((Needs, "needs"), (Taken, "taken")))
    except UserError as error:
        raise UserError(f"damaged: {error.where}: {error.what}", str(path), RESTORE) from None
    with expected(path):
        file = Path(found["file"])
        return Source(
            found["name"], found["model"], file, found["sha256"], needs, published=file.suffix == ".pth", taken=taken
        )
