"""What an earlier call with other options found: what replaces it, what does not, and that either is said."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import neocog
from neocog.errors import UserError
from neocog.pages.stress import outcomes
from neocog.robustness.clock import Clock
from neocog.run import Run


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


def test_what_other_options_replace_is_said_and_the_card_has_the_flags(
    digits_run: Path, counted: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    neocog.stress(digits_run, samples=50, lengths="reference")
    assert "replaced" not in said(capsys)
    (line,) = [line for line in neocog.load(digits_run).stress.lines if line.verdict.what == "Counts"]
    assert line.flags == "--samples 50 --lengths reference"
    assert line.words == "Three were counted. (With --samples 50 --lengths reference.)"
    page = (digits_run / "report.html").read_text(encoding="utf-8")
    assert "Three were counted. <code>--samples 50 --lengths reference</code>" in page
    assert "Three were counted (counts: passed; --samples 50 --lengths reference)." in page
    (told,) = [
        each for each in json.loads((digits_run / "result.json").read_text())["card"] if each["what"] == "Counts"
    ]
    assert told["flags"] == "--samples 50 --lengths reference" and told["command"] == ""
    neocog.stress(digits_run)
    assert "counted: what was found with --samples 50 --lengths reference is replaced" in said(capsys)
    neocog.stress(digits_run)
    assert "replaced" not in said(capsys)
    neocog.stress(digits_run, samples=7)
    assert "counted: what was found without flags is replaced" in said(capsys)


def test_other_weights_are_said(digits_run: Path, counted: Any, capsys: pytest.CaptureFixture[str]) -> None:
    neocog.stress(digits_run, quiet=True)
    path = digits_run / "stress" / "counted.json"
    path.write_text(re.sub('"weights": "[0-9a-f]+"', '"weights": "0"', path.read_text()))
    neocog.stress(digits_run)
    assert "what was found without flags on other data, or of other weights is replaced" in said(capsys)


def test_the_tables_of_other_options_do_not_stay_beside_those_of_these(digits_run: Path, counted: Any) -> None:
    neocog.stress(digits_run, lengths="reference", quiet=True)
    assert (digits_run / "stress" / "lengths.csv").exists()
    neocog.stress(digits_run, quiet=True)
    assert sorted(path.name for path in (digits_run / "stress").glob("*.csv")) == ["counts.csv"]


def test_a_table_that_was_changed_by_hand_is_kept_beside_it(
    digits_run: Path, counted: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    stress = digits_run / "stress"
    neocog.stress(digits_run, quiet=True)
    whole = (stress / "counts.csv").read_text()
    for name in ("counts.edited.csv", "counts.edited2.csv"):
        (stress / "counts.csv").write_text(f"{whole}my own line\n")
        neocog.stress(digits_run, samples=len(name))
        assert f"counts.csv was changed by hand: it is {name} now" in said(capsys)
        assert (stress / name).read_text() == f"{whole}my own line\n"
        whole = (stress / "counts.csv").read_text()
        assert "my own line" not in whole
    (stress / "counts.csv").write_text("mine")
    neocog.stress(digits_run, samples=len(name), quiet=True)  # the same options: nothing is written
    assert (stress / "counts.csv").read_text() == "mine"


def test_what_cannot_be_tried_now_does_not_replace_what_was_found(
    digits_run: Path, counted: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `stress RUN` after `stress RUN groups --by site`, where the split has no groups."""
    neocog.stress(digits_run, lengths="reference", quiet=True)
    before = (digits_run / "stress" / "counted.json").read_bytes()

    def check(subject: Any) -> None:
        if not subject.options:
            raise UserError("these data have no groups", "here", "name some: --lengths")

    counted.check = check
    neocog.stress(digits_run)
    assert "nothing was measured, and what was found with --lengths reference stays: These data have no groups" in said(
        capsys
    )
    assert (digits_run / "stress" / "counted.json").read_bytes() == before
    assert outcomes(Run(digits_run))["counted"].verdicts[0].grade == "passed"


def test_what_was_found_on_other_data_does_not_stand_for_these_which_cannot_be_tried(
    digits_run: Path, counted: Any
) -> None:
    neocog.stress(digits_run, lengths="reference", quiet=True)
    path = digits_run / "stress" / "counted.json"
    found = json.loads(path.read_text())
    path.write_text(json.dumps({**found, "identity": {**found["identity"], "data": "elsewhere"}}))

    def check(_subject: Any) -> None:
        raise UserError("these data have no groups", "here", "name some: --lengths")

    counted.check = check
    neocog.stress(digits_run, quiet=True)
    assert outcomes(Run(digits_run))["counted"].verdicts[0].grade == "not tried"


def test_what_there_was_no_time_for_does_not_replace_what_was_found_and_goes_on(
    digits_run: Path, counted: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    neocog.stress(digits_run, samples=50, quiet=True)
    with monkeypatch.context() as patch:
        patch.setattr(Clock, "left", property(lambda clock: -1.0))
        neocog.stress(digits_run)
    assert "what was found with --samples 50 stays: 3 of 3 pieces did not fit into --minutes" in said(capsys)
    assert outcomes(Run(digits_run))["counted"].flags == "--samples 50"
    neocog.stress(digits_run)
    assert "with --samples 50 is replaced" in said(capsys) and outcomes(Run(digits_run))["counted"].flags == ""


def test_pieces_that_were_begun_with_other_options_are_not_dropped_without_a_word(
    digits_run: Path, counted: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    counted.fails_at = "20"
    with pytest.raises(counted.Stopped):
        neocog.stress(digits_run, lengths="reference", quiet=True)
    counted.fails_at = ""
    neocog.stress(digits_run)
    assert "counted: what was begun with --lengths reference is replaced" in said(capsys)


def test_killed_between_its_tables_and_its_json_a_part_is_made_anew(
    digits_run: Path, counted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No result of one call stands beside tables of another."""
    from neocog.verbs import earlier

    neocog.stress(digits_run, samples=50, quiet=True)
    whole = {path.name: path.read_bytes() for path in (digits_run / "stress").iterdir()}
    true = earlier.write_atomically

    def killed(path: Path, content: str) -> None:
        if path.suffix == ".json":
            raise KeyboardInterrupt
        true(path, content)

    with monkeypatch.context() as patch, pytest.raises(BaseException):  # noqa: B017 whatever an interrupt becomes
        patch.setattr(earlier, "write_atomically", killed)
        neocog.stress(digits_run, samples=7, quiet=True)
    assert not (digits_run / "stress" / "counted.json").exists()
    neocog.stress(digits_run, samples=50, quiet=True)
    assert {path.name: path.read_bytes() for path in (digits_run / "stress").iterdir()} == whole
