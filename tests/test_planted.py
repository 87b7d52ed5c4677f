"""The faults of ``bench/mutants.py`` can still be planted: what the source no longer says proves nothing of a test."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
AREAS = sorted((ROOT / "bench" / "planted").glob("*.toml"))


@pytest.mark.parametrize("area", AREAS, ids=lambda path: path.stem)
def test_every_planted_fault_is_in_todays_source_once_and_names_a_test_that_is_there(area: Path) -> None:
    for fault in tomllib.loads(area.read_text(encoding="utf-8"))["fault"]:
        source = (ROOT / fault["file"]).read_text(encoding="utf-8")
        assert source.count(fault["old"]) == 1, f"{fault['claim']}: not once in {fault['file']}: {fault['old']}"
        assert source.replace(fault["old"], fault["new"]) != source, f"{fault['claim']}: changes nothing"
        path, _, name = fault["test"].partition("::")
        tests = (ROOT / path).read_text(encoding="utf-8")
        assert not name or f"def {name.partition('[')[0]}(" in tests, f"{fault['claim']}: no {name} in {path}"


def test_there_are_planted_faults() -> None:
    assert AREAS
