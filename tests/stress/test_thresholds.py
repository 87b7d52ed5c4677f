"""Thresholds: one file, checked; other ones grade anew what was measured, and nothing is computed for it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import neocog
from neocog.errors import UserError
from neocog.pages.stress import outcomes
from neocog.robustness.thresholds import Bound, graded, place, read_thresholds, regraded, to_toml, usual
from neocog.run import Run


def test_more_is_better_where_passed_is_above_doubtful_and_the_ends_pass() -> None:
    more, less = Bound(0.9, 0.75), Bound(0.01, 0.05)
    assert [more.grade(x) for x in (0.95, 0.9, 0.8, 0.75, 0.7)] == [
        "passed",
        "passed",
        "doubtful",
        "doubtful",
        "failed",
    ]
    assert [less.grade(x) for x in (0.0, 0.01, 0.05, 0.051)] == ["passed", "passed", "doubtful", "failed"]
    assert more.grade(math.nan) == less.grade(math.nan) == "not tried"


def test_the_evidence_allows_no_better_and_no_worse() -> None:
    assert graded("x", "corruption", 1.0, "", best="doubtful").grade == "doubtful"
    assert graded("x", "corruption", 0.1, "", worst="doubtful").grade == "doubtful"
    assert graded("x", "corruption", math.nan, "", worst="doubtful").grade == "not tried"


def test_what_is_written_reads_back() -> None:
    path_of_text = {name: {"passed": b.passed, "doubtful": b.doubtful} for name, b in usual().items()}
    assert read_thresholds(path_of_text) == usual()


def test_thresholds_that_differ_by_little_stay_as_they_were_given(tmp_path: Path) -> None:
    given = {
        "corruption": {"passed": 1 / 3, "doubtful": 1 / 3 - 1e-9},
        "independent_samples": {"passed": 1e22, "doubtful": -1e-9},
    }
    (tmp_path / "kept.toml").write_text(to_toml(read_thresholds(given)))
    kept = read_thresholds(tmp_path / "kept.toml")
    assert kept["corruption"] == Bound(1 / 3, 1 / 3 - 1e-9) and kept["independent_samples"] == Bound(1e22, -1e-9)


def test_a_file_changes_those_that_it_names(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("[corruption]\npassed = 0.99\ndoubtful = 0.98\n[measure.iou]\npassed = 0.8\ndoubtful = 0.7\n")
    found = read_thresholds(file)
    assert found["corruption"] == Bound(0.99, 0.98) and found["measure.iou"] == Bound(0.8, 0.7)
    assert {name: each for name, each in found.items() if name in usual() and name != "corruption"} == {
        name: each for name, each in usual().items() if name != "corruption"
    }
    again = tmp_path / "again.toml"
    again.write_text(to_toml(found))
    assert read_thresholds(again) == found


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    wrong: dict[str, Any] = {
        "corruptoin": {"passed": 1, "doubtful": 0}, "unknown": {"passed": 0.9}, "new_place": {"passed": 0.9, "doubtful": 0.9},
        "adversarial": {"passed": True, "doubtful": 0.1}, "measure": {"iouu": {"passed": 1, "doubtful": 0}}, "calibration": 3,
    }  # fmt: skip
    with pytest.raises(UserError) as found:
        read_thresholds(wrong)
    text = str(found.value)
    for part in (
        "'corruptoin'",
        "did you mean 'corruption'",
        "'unknown' is not two numbers",
        "alike",
        "'adversarial'",
        "iouu",
        "'calibration'",
    ):
        assert part in text
    with pytest.raises(UserError, match=r"no none\.toml"):
        read_thresholds(tmp_path / "none.toml")


def test_other_thresholds_grade_anew_and_nothing_is_computed_for_it(
    digits_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = neocog.stress(digits_run, ["corruption"], samples=20, quiet=True)
    (verdict,) = [line.verdict for line in first.lines if line.verdict.what == "Corruptions"]
    monkeypatch.setattr("neocog.robustness.corruption.run", lambda *_: pytest.fail("computed again"))
    strict = {"corruption": {"passed": verdict.number + 0.01, "doubtful": verdict.number + 0.005}}
    again = neocog.stress(digits_run, ["corruption"], samples=20, quiet=True, thresholds=strict)
    (other,) = [line.verdict for line in again.lines if line.verdict.what == "Corruptions"]
    assert (
        other.grade == "failed"
        and other.number == verdict.number
        and other.threshold == pytest.approx(verdict.number + 0.01)
    )
    assert other in outcomes(again.run)["corruption"].verdicts  # tables and files say what the card says
    assert again.to_json()["thresholds"]["corruption"] == strict["corruption"]
    assert f"passed = {strict['corruption']['passed']:g}" in (digits_run / "report.html").read_text()
    kept = neocog.stress(digits_run, ["corruption"], samples=20, quiet=True)
    assert [line.verdict for line in kept.lines if line.verdict.what == "Corruptions"] == [other]
    place(Run(digits_run)).unlink()
    assert [line.verdict for line in kept.lines if line.verdict.what == "Corruptions"] == [verdict]


def test_wrong_thresholds_are_refused_before_the_run_is_opened(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no threshold 'corruptoin'"):
        neocog.stress(tmp_path / "no-run", thresholds={"corruptoin": {"passed": 1, "doubtful": 0}})


def test_each_threshold_of_the_file_grades_a_verdict_of_the_source() -> None:
    source = Path(neocog.__file__).parent
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in (*(source / "robustness").rglob("*.py"), *(source / "pages").glob("*.py"))
    )
    assert [name for name in usual() if f'"{name}"' not in text] == []


def test_a_verdict_of_no_threshold_stays_as_its_part_graded_it() -> None:
    verdict = neocog.robustness.outcome.Verdict("x", "failed", "", 1.0, 0.5)
    assert regraded(verdict, usual()) == verdict


@pytest.mark.parametrize(
    ("name", "passed", "doubtful", "says"),
    [
        ("corruption", 0.5, 0.8, "more is better"),
        ("wrong_labels", 0.05, 0.01, "less is better"),
        ("measure.mae", 5, 3, "less is better"),
        ("measure.iou", 0.3, 0.5, "more is better"),
        ("corruption", 95, 80, "0 to 1"),
    ],
)
def test_thresholds_the_wrong_way_round_and_in_percent_are_refused(
    name: str, passed: float, doubtful: float, says: str
) -> None:
    with pytest.raises(UserError, match=says):
        read_thresholds({name: {"passed": passed, "doubtful": doubtful}})


def test_a_file_may_begin_with_a_mark(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_bytes(b"\xef\xbb\xbf[corruption]\npassed = 0.99\ndoubtful = 0.8\n")
    assert read_thresholds(tmp_path / "own.toml")["corruption"] == Bound(0.99, 0.8)
