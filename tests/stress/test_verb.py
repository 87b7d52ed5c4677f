"""The verb: what it writes and shows, that a part goes on where it was stopped, and what it refuses before any work."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

import neocog
from neocog.cli.main import main
from neocog.errors import UserError
from neocog.pages.stress import outcomes
from neocog.progress import Progress
from neocog.robustness.clock import Clock
from neocog.robustness.names import PARTS, Part
from neocog.robustness.subject import Subject
from neocog.run import Run


def folder_of(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (run / "stress").iterdir() if path.name != "lock"}


def test_a_part_that_was_stopped_goes_on_where_it_was_and_ends_in_the_same_bytes(
    digits_run: Path, counted: Any, tmp_path: Path, trained_digits: Path
) -> None:
    counted.fails_at = "20"
    with pytest.raises(counted.Stopped):
        neocog.stress(digits_run, quiet=True)
    assert counted.computed == ["5", "10"] and not (digits_run / "stress" / "counted.json").exists()
    counted.fails_at = ""
    neocog.stress(digits_run, quiet=True)
    assert counted.computed == ["5", "10", "20"]
    stopped = folder_of(digits_run)
    for path in (digits_run / "stress").iterdir():
        path.unlink()
    neocog.stress(digits_run, quiet=True)
    assert folder_of(digits_run) == stopped and "counted.partial.json" not in stopped


def test_what_is_finished_is_not_computed_again_unless_data_or_options_are_others(
    digits_run: Path, counted: Any
) -> None:
    neocog.stress(digits_run, quiet=True)
    neocog.stress(digits_run, quiet=True)
    assert len(counted.computed) == 3
    neocog.stress(digits_run, samples=7, quiet=True)
    assert len(counted.computed) == 6


def test_killed_after_the_last_line_the_pieces_do_not_stay(digits_run: Path, counted: Any) -> None:
    neocog.stress(digits_run, quiet=True)
    whole = folder_of(digits_run)
    (digits_run / "stress" / "counted.partial.json").write_text("{}")
    neocog.stress(digits_run, quiet=True)
    assert folder_of(digits_run) == whole and counted.computed == ["5", "10", "20"]


def test_what_the_time_is_over_for_is_not_tried_and_the_next_call_goes_on(
    digits_run: Path, counted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("neocog.robustness.clock.time.monotonic", lambda: now[0])
    compute, slow = Subject.main, 50.0

    def main_of(self: Subject, samples: Any, change: Any = None) -> Any:
        now[0] += slow
        return compute(self, samples, change)

    monkeypatch.setattr(Subject, "main", main_of)
    found = neocog.stress(digits_run, minutes=1.2, quiet=True)
    verdicts = outcomes(found.run)["counted"].verdicts
    assert [v.grade for v in verdicts] == ["passed", "not tried"] and "2 of 3 pieces" in verdicts[1].sentence
    assert "counts: 10, counts: 20" in verdicts[1].sentence and counted.computed == ["5"]
    now[0] = 0.0
    neocog.stress(digits_run, minutes=10, quiet=True)
    assert counted.computed == ["5", "10", "20"] and len(outcomes(found.run)["counted"].verdicts) == 1


def test_the_command_of_the_card_goes_on_with_the_options_of_the_call(
    digits_run: Path, counted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = digits_run.rename(digits_run.with_name("a run"))
    with monkeypatch.context() as patch:
        patch.setattr(Clock, "left", property(lambda clock: 1.0 if not clock.kept else -1.0))
        found = neocog.stress(run, samples=50, lengths="reference", quiet=True)
    command = next(
        line.command for line in found.lines if line.verdict.grade == "not tried" and "counted" in line.command
    )
    assert command == f"neocog stress '{run}' counted --samples 50 --lengths reference"
    main([*shlex.split(command)[1:], "--quiet"])
    assert counted.computed == ["5", "10", "20"]


def test_pieces_come_back_from_the_file_as_they_were_computed(tmp_path: Path) -> None:
    def clock(identity: str) -> Clock:
        return Clock(float("inf"), tmp_path / "kept.json", {"of": identity, "more": ("a",)}, Progress(quiet=True))

    value = {"x": 0.1 + 0.2, "n": 3, "nan": float("nan"), "tuple": (1, 2)}
    first = clock("this").pieces("things", ["one"], lambda name: value)
    assert first == {"one": {"x": 0.1 + 0.2, "n": 3, "nan": None, "tuple": [1, 2]}}
    again = clock("this").pieces("things", ["one"], lambda name: pytest.fail("computed again"))
    assert again == first
    assert clock("other").pieces("things", ["one"], lambda name: 1) == {"one": 1}
    (tmp_path / "kept.json").write_text("{")
    assert clock("other").pieces("things", ["one"], lambda name: 2) == {"one": 2}


def test_tables_are_files_frames_and_json_and_sections_of_the_report(
    digits_run: Path, counted: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    found = neocog.stress(digits_run, quiet=True)
    csv = (digits_run / "stress" / "counts.csv").read_text().splitlines()
    assert csv[0] == "n,accuracy,'=none" and csv[1].startswith("5,") and csv[1].endswith(",")
    frame = found["counts"]
    rows = frame.to_dict("records") if hasattr(frame, "to_dict") else frame
    assert [row["n"] for row in rows] == ["5", "10", "20"] and csv[3] == f"20,{rows[2]['accuracy']!r},"
    main(["stress", str(digits_run), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["verdicts"]["counted"][0]["grade"] == "passed" and told["tables"]["counts"][0]["n"] == "5"
    page = (digits_run / "report.html").read_text(encoding="utf-8")
    assert "what was counted" in page and "Three were counted." in page
    assert '<a href="#stress-counts">Counts</a>' in page and "3, passes at 2" in page
    with pytest.raises(UserError, match="no table of stress 'cuonts'"):
        found["cuonts"]


def test_a_damaged_file_is_told_by_name(digits_run: Path, counted: Any) -> None:
    neocog.stress(digits_run, quiet=True)
    path = digits_run / "stress" / "counted.json"
    path.write_text(path.read_text().replace('"passed"', '"splendid"'))
    with pytest.raises(UserError, match="splendid") as told:
        outcomes(Run(digits_run))
    assert told.value.fix == f"`neocog stress {digits_run} counted` makes it anew"
    neocog.stress(digits_run, ["counted"], quiet=True)
    assert outcomes(Run(digits_run))["counted"].verdicts[0].grade == "passed"


def test_all_faults_are_told_at_once_before_the_data_are_opened(digits_run: Path, counted: Any) -> None:
    with pytest.raises(UserError) as told:
        neocog.stress(digits_run, ["countd"], minutes=0, samples=-1, quiet=True)
    for part in ("no part 'countd'", "did you mean 'counted'", "--minutes 0", "--samples -1"):
        assert part in str(told.value)
    assert not (digits_run / "stress").exists()


def test_an_option_of_a_part_that_is_not_tried_is_refused(
    digits_run: Path, counted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PARTS, "counted", Part("Counts", "counts", "counted"))
    monkeypatch.setitem(PARTS, "corruption", Part("Corruptions", "", "corruption", ("lengths",)))
    with pytest.raises(
        UserError, match=r"--lengths has no effect on counted\s+fix:   leave it out, or try corruption too"
    ):
        neocog.stress(digits_run, ["counted"], lengths="reference", quiet=True)


def test_a_part_gets_its_own_options_and_what_was_found_with_others_is_not_taken_for_it(
    digits_run: Path, counted: Any
) -> None:
    seen: list[Any] = []
    counted.check = lambda subject: seen.append(dict(subject.options))
    neocog.stress(digits_run, ["counted"], lengths="reference", quiet=True)
    neocog.stress(digits_run, quiet=True)
    assert seen == [{"lengths": "reference"}, {}] and len(counted.computed) == 6


def test_what_a_part_cannot_do_is_an_error_where_it_was_asked_for_and_else_not_tried(
    digits_run: Path, counted: Any
) -> None:
    def refuse(subject: Subject) -> None:
        raise UserError("there is nothing to count", "here", "count something else")

    counted.check = refuse
    with pytest.raises(UserError, match="nothing to count"):
        neocog.stress(digits_run, ["counted"], quiet=True)
    found = outcomes(neocog.stress(digits_run, quiet=True).run)["counted"].verdicts
    assert [(v.grade, v.sentence) for v in found] == [("not tried", "There is nothing to count.")]
    page = (digits_run / "report.html").read_text(encoding="utf-8")
    assert "There is nothing to count." in page and "There is nothing to count. <code>neocog stress" not in page


def test_a_part_that_lacks_an_option_says_which(digits_run: Path, counted: Any) -> None:
    def refuse(subject: Subject) -> None:
        raise UserError("there is nothing to count", "here", "say what: --by COLUMN")

    counted.check = refuse
    (found,) = outcomes(neocog.stress(digits_run, quiet=True).run)["counted"].verdicts
    assert found.sentence == "There is nothing to count; say what: --by COLUMN."
    assert "count; say what: --by COLUMN. <code>neocog stress" in (digits_run / "report.html").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("part", ["corruption", "unknown"])
def test_the_worst_of_some_pieces_does_not_pass_for_the_worst_of_all(
    part: str, digits_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Clock, "left", property(lambda clock: 1.0 if len(clock.kept) < 4 else -1.0))
    neocog.stress(digits_run, [part], samples=20, quiet=True)
    first, last = outcomes(Run(digits_run))[part].verdicts
    assert first.best == "doubtful" and first.grade != "passed" and last.grade == "not tried"
