"""Data that were moved since the training: what is said, and that each verb takes the new place by the flag that it names."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import neocog
from neocog.cli.main import main
from neocog.errors import UserError
from neocog.run import Run


@pytest.fixture
def moved(dark_and_light: Callable[..., Path], tmp_path: Path) -> tuple[Run, Path, Path]:
    """(a run with corrections, where its data were, where they are)."""
    (tmp_path / "data").mkdir()
    data = dark_and_light(tmp_path / "data", (60, 180), 12, 30.0)
    names = sorted(str(path.relative_to(data)) for path in data.rglob("*.png"))
    (tmp_path / "corrections.csv").write_text(f"sample,action,label\n{names[0]},exclude,\n")
    settings: dict[str, Any] = {"model": "mlp", "hidden": "4", "epochs": 1, "threads": 1, "quiet": True}
    run = neocog.train(data, tmp_path / "run", corrections=str(tmp_path / "corrections.csv"), **settings)
    return run, data, data.rename(tmp_path / "new place")


@pytest.mark.parametrize("verb", ["evaluate", "stress"])
def test_it_says_where_they_were_and_the_command_that_names_the_new_place_works(
    moved: tuple[Run, Path, Path], verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run, was, now = moved
    with pytest.raises(UserError) as caught:
        getattr(neocog, verb)(run, quiet=True)
    assert "no longer where they were" in caught.value.what and caught.value.where == str(was)
    command = shlex.split(caught.value.fix.rpartition(": ")[2].replace("NEW_PLACE", shlex.quote(str(now))))
    parts = ["labels"] if verb == "stress" else []
    assert command[:2] == ["neocog", verb]
    assert not main([*command[1:3], *parts, *command[3:], "--quiet"])
    capsys.readouterr()


def test_the_own_test_part_is_measured_again_with_the_same_numbers(moved: tuple[Run, Path, Path]) -> None:
    run, was, now = moved
    found = neocog.evaluate(run, now, quiet=True)
    now.rename(was)
    before = neocog.evaluate(run, quiet=True)
    assert found["measures"] == before["measures"] and found["n"] == before["n"]
    assert found["left_out"] == before["left_out"]


def test_data_that_changed_on_the_way_are_others(moved: tuple[Run, Path, Path]) -> None:
    run, _, now = moved
    first = min(now.rglob("*.png"))
    shutil.copy(max(now.rglob("*.png")), first)
    with pytest.raises(UserError, match="were used to train this run"):
        neocog.evaluate(run, now, quiet=True)


def test_where_they_are_still_there_a_copy_is_refused(moved: tuple[Run, Path, Path]) -> None:
    run, was, now = moved
    shutil.copytree(now, was)
    with pytest.raises(UserError, match="were used to train this run"):
        neocog.evaluate(run, now, quiet=True)


def test_a_run_that_goes_on_wants_them_back(moved: tuple[Run, Path, Path]) -> None:
    run, was, _ = moved
    run.result.unlink()
    with pytest.raises(UserError) as caught:
        neocog.resume(run.folder, quiet=True)
    assert caught.value.where == str(was) and "put them back there" in caught.value.fix
