"""The card at the head: every line graded by what was measured, none green without, one place for thresholds, the paper's words."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from neocog.pages import write_card, write_report
from neocog.pages.paper import CHECKLISTS, answered, methods
from neocog.pages.record import Record, read
from neocog.pages.verdict import INSIDE, Line, calibration, card, data, known_place, new_place, sample_size, tried
from neocog.records import Finding, Findings, Matrix, Measure, Section
from neocog.robustness.names import PARTS
from neocog.robustness.outcome import Outcome, Verdict
from neocog.robustness.thresholds import Bound, regraded, usual
from neocog.run import Run
from neocog.traits import TASKS, needs


@pytest.fixture
def copy(run: Run, tmp_path: Path) -> Run:
    """A run that may be written to."""
    return Run(Path(shutil.copytree(run.folder, tmp_path / "run")))


# The parts of stress that each task can be put to
ADVISED = {
    "classification": set(PARTS),
    "regression": {"groups", "shortcuts", "corruption", "adversarial"},
    "segmentation": set(PARTS),
    "detection": {"groups", "shortcuts", "corruption", "adversarial", "labels"},
    "restoration": {"groups", "shortcuts"},
    "style": {"shortcuts"},
    "orientation": {"shortcuts"},
    "vae": {"shortcuts"},
    "gan": {"shortcuts"},
}
GUESS = Section("c", (Matrix(("a", "b"), ("a", "b"), ((90.0, 0.0), (10.0, 0.0))),), "confusion")


def graded(line: Line) -> Verdict:
    return regraded(line.verdict, usual())


def test_the_data_pass_only_where_they_were_audited_and_nothing_was_found() -> None:
    leak, odd, note = Finding("error", "a leak"), Finding("warning", "odd"), Finding("note", "good to know")

    def line(*findings: Finding) -> Line:
        return data([Section("d", (Findings(findings),), "data")], "photos")

    assert line(note).verdict.grade == "passed"
    assert line(odd).verdict.grade == "doubtful" and "odd" in line(odd).verdict.sentence
    both = line(odd, leak).verdict
    assert both.grade == "failed" and both.sentence == "The audit found: a leak; odd." and both.number == 2
    none = data([], "photos")
    assert none.verdict.grade == "not tried" and none.command == "neocog audit photos"


def test_the_sample_size_is_that_of_what_is_independent() -> None:
    def verdict(m: Measure) -> Verdict:
        return graded(sample_size("accuracy", m, usual()))

    many = verdict(Measure(0.8, 0.79, 0.81, 4000, 150))
    assert many.grade == "passed" and many.sentence.startswith("4,000 test samples of 150 groups determine accuracy to")
    few = verdict(Measure(0.8, 0.6, 0.92, 120, 3))
    assert few.grade == "failed" and few.number == 3 and "groups would be enough" in few.sentence
    assert verdict(Measure(0.9, 0.82, 0.96, 50)).grade == "doubtful"
    wide = verdict(Measure(0.9, 0.85, 0.95, 200))
    assert wide.grade == "doubtful" and wide.number == pytest.approx(0.05) and "800 samples" in wide.sentence
    assert verdict(Measure(0.9, math.nan, math.nan, 4000)).grade == "doubtful"
    assert graded(sample_size("mae", Measure(3.0, 2.9, 3.1, 500), usual())).grade == "passed"
    nothing = graded(sample_size("image_dice", Measure(0.0, 0.0, 0.1, 5), usual()))  # no share of 0 can be asked for
    assert nothing.grade != "passed" and "would be enough" not in nothing.sentence


def test_the_measure_is_held_against_guessing_or_against_what_is_asked_of_it() -> None:
    def verdict(low: float, value: float) -> Verdict:
        return graded(known_place("accuracy", Measure(value, low, 0.99, 500), [GUESS]))

    assert verdict(0.91, 0.95).grade == "passed" and verdict(0.91, 0.95).threshold == pytest.approx(0.9)
    assert verdict(0.85, 0.95).grade == "doubtful" and verdict(0.8, 0.85).grade == "failed"
    unknown = known_place("iou", Measure(0.7, 0.6, 0.8, 50), [])
    assert graded(unknown).grade == "not tried"
    asked = {**usual(), "measure.iou": Bound(0.6, 0.5)}
    assert regraded(unknown.verdict, asked).grade == "passed"


def test_a_new_place_is_the_worst_of_those_left_out_beside_what_is_known() -> None:
    def measure(value: float) -> dict[str, Any]:
        return {"accuracy": {"value": value, "low": value - 0.05, "high": value + 0.05, "n": 100, "units": None}}

    groups = {
        name: {"outside": measure(outside), "inside": measure(0.9)}
        for name, outside in (("photo", 0.88), ("sketch", 0.5))
    }
    line = new_place("accuracy", groups, True)
    assert graded(line).grade == "failed" and line.verdict.number == pytest.approx(0.5 / 0.9)
    assert "Worst of 2 groups left out: sketch" in line.verdict.sentence and line.section == "places"
    del groups["sketch"]
    assert graded(new_place("accuracy", groups, True)).grade == "passed"
    none = new_place("accuracy", {}, False)
    assert none.verdict.grade == "not tried" and "--leave-one-group-out" in none.command


def test_calibration_is_of_stated_probabilities_or_of_intervals() -> None:
    def grade(**measures: float) -> str:
        return graded(calibration({name: Measure(value, 0, 1, 100) for name, value in measures.items()})).grade

    assert grade(ece=0.2, ece_calibrated=0.02) == "passed" and grade(ece=0.2) == "failed"
    assert grade(coverage_90=0.88) == "passed" and grade(coverage_90=0.96) == "doubtful"
    assert grade(accuracy=0.9) == "not tried" == grade(ece=math.nan)


def test_every_part_has_a_line_and_what_was_not_run_says_how(run: Run) -> None:
    lines = list(tried({}, "RUN", "classes"))
    assert [line.verdict.what for line in lines] == [part.title for part in PARTS.values()]
    assert all(line.verdict.grade == "not tried" and line.tone == "open" for line in lines)
    assert [line.command for line in lines] == [f"neocog stress RUN {name}" for name in PARTS]
    first, *others = PARTS
    found = Outcome({}, (Section("S", (), "stress-s"),), (Verdict("One", "failed", "."), Verdict("Two", "passed", ".")))
    lines = list(tried({first: found}, "RUN", "classes"))
    assert [(line.verdict.what, line.tone, line.section) for line in lines[:2]] == [
        ("One", "bad", "stress-s"), ("Two", "good", "stress-s"),
    ]  # fmt: skip
    assert len(lines) == 2 + len(others)


def test_nothing_is_green_in_a_run_that_was_not_stressed_but_what_it_measured(run: Run) -> None:
    green = [line for line in card(read(run)) if line.verdict.grade == "passed"]
    assert {line.verdict.what for line in green} <= {
        "Sample size",
        "Inside: accuracy",
        "Calibration",
    }  # data: planted faults
    assert all(math.isfinite(line.verdict.number) and math.isfinite(line.verdict.threshold) for line in green)


def test_every_link_of_the_card_leads_to_a_section(copy: Run) -> None:
    page = write_report(copy).read_text(encoding="utf-8")
    links = [line.section for line in card(read(copy)) if line.section]
    assert links and all(f'<section id="{name}"' in page and f'href="#{name}"' in page for name in links)


def test_result_json_has_the_card_and_the_methods_and_keeps_the_rest(copy: Run) -> None:
    before = json.loads(copy.result.read_text())
    write_card(copy)
    after = json.loads(copy.result.read_text())
    assert {name: after[name] for name in before} == before
    assert [line["what"] for line in after["card"]] == [line.verdict.what for line in card(read(copy))]
    assert after["methods"] in copy.report.read_text(encoding="utf-8").replace("&#39;", "'").replace("&#34;", '"')


def stressed(record: Record, *verdicts: Verdict) -> Record:
    return replace(record, stress={"groups": Outcome({}, (Section("G", (), "stress-groups"),), verdicts)})


@pytest.mark.parametrize("task", TASKS)
def test_what_a_part_refuses_of_a_task_is_not_advised(task: str) -> None:
    assert {line.command.split()[-1] for line in tried({}, "RUN", needs(task))} == ADVISED[task]


def test_the_methods_say_what_was_measured_and_what_was_not_tried(run: Run) -> None:
    record = stressed(read(run), Verdict("Worst group", "failed", "Worst of 3 groups: b."))
    text = methods(record, card(record))
    m = record.measures["test"]["accuracy"]
    assert f"{100 * m.value:.4g} %" in text and f"On {m.n:,} test samples, which were not used for any choice" in text
    assert "Worst of 3 groups: b (worst group: failed)." in text
    assert text.endswith(f"Not tried: New groups, {', '.join(p.title for n, p in PARTS.items() if n != 'groups')}.")


def test_what_was_tried_in_part_is_not_said_to_be_untried_nor_is_what_was_measured(run: Run) -> None:
    verdicts = (
        Verdict("Worst group", "doubtful", "Worst of 3 groups: b."),
        Verdict("Worst group", "not tried", "2 are left"),
    )
    record = stressed(read(run), *verdicts)
    inside = Line(Verdict(f"{INSIDE}IoU", "not tried", "0.9", 0.9))
    text = methods(record, (*card(record), inside))
    assert "Tried in part: Worst group. Not tried: New groups" in text and "IoU" not in text
    assert text.count("Worst group") == 1


def test_a_checklist_item_is_answered_only_where_its_section_stands(run: Run) -> None:
    record = read(run)
    items = {(checklist, item) for checklist, item, _, _ in answered(record)}
    assert ("CLAIM 2024", "20") in items and ("REFORMS", "2c") in items
    assert "duplicates and dependencies across parts" in {what for _, _, what, _ in answered(record)}
    for key in (("CLAIM 2024", "30"), ("TRIPOD+AI", "23b"), ("CLAIM 2024", "33"), ("REFORMS", "8a")):
        assert key not in items
    tried_in_vain = stressed(record, Verdict("Worst group", "not tried", "."))
    assert ("CLAIM 2024", "30") not in {(a, b) for a, b, _, _ in answered(tried_in_vain)}
    more = {(a, b) for a, b, _, _ in answered(stressed(record, Verdict("Worst group", "passed", ".")))}
    assert more - items == {("CLAIM 2024", "30"), ("TRIPOD+AI", "12d"), ("TRIPOD+AI", "23a"), ("TRIPOD+AI", "23b")}
    bare = replace(record, sections=(), settings={})
    assert {item for _, item, _, _ in answered(bare)} <= {"22", "29", "37", "7b"}
    assert len({(each.checklist, each.item or each.what) for each in CHECKLISTS}) == len(CHECKLISTS)


def test_the_thresholds_are_printed_with_the_card(copy: Run) -> None:
    assert "[corruption]\npassed = 0.9\ndoubtful = 0.75\n" in write_report(copy).read_text(encoding="utf-8")
    (copy.folder / "stress").mkdir()
    (copy.folder / "stress" / "thresholds.toml").write_text("[half_width]\npassed = 0.5\ndoubtful = 0.6\n")
    record = read(copy)
    assert next(line for line in card(record) if line.verdict.what == "Sample size").verdict.grade == "passed"
    page = write_report(copy).read_text(encoding="utf-8")
    assert "[half_width]\npassed = 0.5\n" in page
