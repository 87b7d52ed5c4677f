"""Runs that several parts are tried on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.errors import UserError
from neocog.records import Section, Table, Text
from neocog.robustness import adversarial
from neocog.robustness.clock import Clock
from neocog.robustness.names import PARTS, Part
from neocog.robustness.outcome import Outcome, Verdict
from neocog.robustness.subject import Subject
from neocog.run import Run


@pytest.fixture(scope="session")
def trained_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of digits; not to be written to: see ``digits_run``."""
    out = tmp_path_factory.mktemp("stress") / "digits"
    neocog.train("digits", model="mlp", hidden=(32,), epochs=2, threads=1, out=out, quiet=True)
    return out


@pytest.fixture
def digits_run(trained_digits: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(trained_digits, tmp_path / "digits-run"))


@pytest.fixture
def subject_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Subject]:
    """``subject_of(run, **settings)``: the subject that the verb hands to the part ``adversarial``."""

    def caught(run: Path | Run, **settings: Any) -> Subject:
        kept: list[Subject] = []

        def looked(subject: Subject) -> None:
            kept.append(subject)
            raise UserError("enough")

        with monkeypatch.context() as patch, pytest.raises(UserError, match="enough"):
            patch.setattr(adversarial, "check", looked)
            neocog.stress(run, ["adversarial"], quiet=True, **settings)
        return kept[0]

    return caught


class Stopped(Exception):
    pass


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A part of three pieces, the only one that there is: the accuracy on so many samples. It counts its pieces. With an option
    it has a table more."""
    module: Any = ModuleType("counted")
    module.computed, module.fails_at, module.Stopped = [], "", Stopped

    def compute(subject: Subject, name: str) -> dict[str, Any]:
        if name == module.fails_at:
            raise Stopped
        module.computed.append(name)
        return {"accuracy": subject.main(subject.few(int(name)))[1].value, "none": float("nan")}

    def run(subject: Subject, clock: Clock) -> Outcome:
        found = clock.pieces("counts", ["5", "10", "20"], lambda name: compute(subject, name))
        if not found:
            return Outcome()
        rows = tuple((name, each["accuracy"], each["none"]) for name, each in found.items())
        table = Table(("n", "accuracy", "=none"), rows)
        sections = (Section("Stress: counts", (Text("what was counted"),), "stress-counts"),)
        tables = {"counts": table, **({"lengths": table} if subject.options else {})}
        return Outcome(tables, sections, (Verdict("Counts", "passed", "Three were counted.", 3, 2),))

    module.run, module.check = run, lambda subject: None
    monkeypatch.setattr(Part, "module", lambda self: module)
    for name in list(PARTS):
        monkeypatch.delitem(PARTS, name)
    monkeypatch.setitem(PARTS, "counted", Part("Counts", "counts", "counted", ("lengths",)))
    return module  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def pictures() -> Callable[..., Path]:
    """``pictures(folder, count, side, apart)``: class folders of noisy colour pictures, so much redder or bluer than grey."""

    def make(folder: Path, count: int = 24, side: int = 16, apart: int = 55) -> Path:
        rng = np.random.default_rng(0)
        for name, colour in (("red", (115 + apart, 115, 115)), ("blue", (115, 115, 115 + apart))):
            (folder / name).mkdir(parents=True)
            for number in range(count):
                pixels = np.clip(colour + rng.normal(0, 25, (side, side, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / name / f"{number}.png")
        return folder

    return make
