"""The report says what the run folder says, and refuses what it cannot read."""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from neocog.errors import UserError
from neocog.pages import axis, compare, sections_from_json, sections_to_json, write_report
from neocog.pages.plots import bars, curves, whiskers
from neocog.records import (
    Bars,
    Curves,
    Finding,
    Findings,
    Matrix,
    Measure,
    Picture,
    Pictures,
    Section,
    Series,
    Table,
    Text,
    Whiskers,
)
from neocog.run import Run
from neocog.verbs.report import report

from .conftest import table

EVERY_KIND = Section("t", (
    Table(("a",), (("x",), (1,), (2.5,), (None,))), Curves("x", "y", (Series("s", (1.0,), (2.0,), (1.0,), (3.0,)),), True),
    Bars(("a",), (1.0,)), Matrix(("a",), ("b",), ((1.0,),)), Pictures((Picture("AA==", "c", "bad"),)),
    Findings((Finding("note", "w", ("s",), "a"),)), Whiskers(("l",), (Measure(0.5, 0.4, 0.6, 9),)), Text("t", code=True),
), "n")  # fmt: skip


@pytest.fixture
def copy(run: Run, tmp_path: Path) -> Run:
    """A run folder that a test may damage."""
    return Run(Path(shutil.copytree(run.folder, tmp_path / "copy")))


def test_sections_read_back_equal() -> None:
    assert sections_from_json(sections_to_json([EVERY_KIND])) == [EVERY_KIND]
    [section] = sections_from_json(sections_to_json([Section("t", (Bars(("a",), (math.nan,)),))]))
    assert math.isnan(section.items[0].values[0])  # type: ignore[union-attr]


@pytest.mark.parametrize("text, words", [
    ("{", "not valid JSON"), ("{}", "expected a list"), ("[3]", "expected a Section"), ("[" * 100_000, "not valid JSON"),
    ('[{"title": "t", "items": [{"kind": "tabel"}]}]', "no kind of item 'tabel'"),
    ('[{"title": "t", "items": [{"text": "no kind"}]}]', "without a kind"),
    ('[{"title": "t", "items": [{"kind": "text", "text": 3}]}]', "'3' is no str"),
    ('[{"title": "t", "items": [{"kind": "text"}]}]', "a Text needs 'text'"),
    ('[{"title": "t", "script": "x"}]', "a Section has no field 'script'"),
    ('[{"title": "t", "items": [{"kind": "bars", "labels": ["a"], "values": [true]}]}]', "is no float"),
    ('[{"title": "t", "items": [{"kind": "pictures", "pictures": [{"png": "\\">"}]}]}]', "not base64"),
    ('[{"title": "t", "items": [{"kind": "pictures", "pictures": [{"png": "", "tone": "evil"}]}]}]', "is none of"),
    ('[{"title": "t", "items": [{"kind": "table", "columns": ["a"], "rows": [[[1]]]}]}]', "no table cell"),
])  # fmt: skip
def test_sections_that_are_not_ours_are_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)) as caught:
        sections_from_json(text)
    assert "sections.json" in caught.value.where


def test_the_page_shows_the_numbers_of_the_result(run: Run) -> None:
    text = write_report(run).read_text()
    result = json.loads(run.result.read_text())
    accuracy = result["measures"]["test"]["accuracy"]
    assert f'id="headline">{accuracy["value"] * 100:.1f} %<' in text
    assert f"95 % interval {accuracy['low'] * 100:.1f} – {accuracy['high'] * 100:.1f} %" in text
    for m in result["measures"]["test"].values():
        assert f">{m['value']:.4f}<" in text
    assert "<dd>12,346</dd>" in text and "<dd>806</dd>" in text
    assert "stand in train and in test" in text and "neocog train digits --model linear" in text


def test_the_page_needs_nothing_from_outside(run: Run) -> None:
    text = write_report(run).read_text()
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    assert " style=" not in text and not re.search(r"\son\w+=", text.split("<script>")[0])


def test_hostile_names_stay_text(hostile: Run) -> None:
    text = write_report(hostile).read_text()
    assert text.count("<script>") == 1 and "<img src=x" not in text and ">49<" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text and "a&amp;amp;b" in text


@pytest.mark.parametrize("name, damage, words", [
    ("result.json", None, "no result.json"), ("sections.json", None, "no sections.json"),
    ("result.json", "[]", "expected an object"), ("result.json", "{}", "no measures"),
    ("result.json", '{"measures": {"test": {"a": 3}}}', "no measures that can be read"),
    ("result.json", '{"measures": {"validation": {}}}', "no measures of the test part"),
    ("config.toml", "a = = 1", "not valid TOML"), ("environment.json", "{", "not valid JSON"),
    ("metrics.csv", "a,b\n1\n", "line 2 has 1 cell, the head has 2"),
])  # fmt: skip
def test_a_damaged_run_folder_is_named(copy: Run, name: str, damage: str | None, words: str) -> None:
    path = copy.folder / name
    path.unlink() if damage is None else path.write_text(damage)
    with pytest.raises(UserError, match=re.escape(words)) as caught:
        report([copy.folder])
    assert str(copy.folder) in caught.value.where


def test_files_that_only_add_may_be_missing(copy: Run) -> None:
    for path in (copy.config, copy.environment, copy.metrics_csv):
        path.unlink()
    assert report([copy.folder]).exists()


def test_no_run_is_an_error_and_all_missing_ones_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run given"):
        report([])
    with pytest.raises(UserError) as caught:
        report([tmp_path / "a", tmp_path / "b"])
    assert str(tmp_path / "a") in str(caught.value) and str(tmp_path / "b") in str(caught.value)


def test_a_better_run_is_told_from_chance_and_an_equal_one_is_not(
    run: Run, worse: Run, copy: Run, tmp_path: Path
) -> None:
    text = compare([run, worse, copy], tmp_path / "c.html").read_text()
    rows = re.findall(r"<tr><td>(\w+)</td><td>([\w ]+)</td>.*?<td[^>]*>(yes|no)</td></tr>", text)
    assert {row[2] for row in rows if row[0] == "worse"} == {"yes"}
    assert {row[2] for row in rows if row[0] == "copy"} == {"no"}
    assert [row[1] for row in rows[:4]] == ["accuracy", "balanced accuracy", "macro F1", "log loss"]
    differ = text.split('id="settings-that-differ"')[1].split("</table>")[0]
    assert "training.strength" in differ and "data.data" not in differ


def test_groups_take_the_place_of_mcnemars_test(run: Run, worse: Run, tmp_path: Path) -> None:
    pair = [Run(Path(shutil.copytree(one.folder, tmp_path / one.folder.name))) for one in (run, worse)]
    for one in pair:
        head, *lines = one.splits_csv.read_text().splitlines()
        rows = [line.split(",") for line in lines]
        table(one.splits_csv, head.split(","), [[*row[:3], f"g{i % 9}", row[4]] for i, row in enumerate(rows)])
    text = compare(pair, tmp_path / "c.html").read_text()
    assert "the sign-flip test over groups" in text and "test samples of 9 groups" in text


def test_too_few_groups_are_not_tested(run: Run, worse: Run, tmp_path: Path) -> None:
    pair = [Run(Path(shutil.copytree(one.folder, tmp_path / one.folder.name))) for one in (run, worse)]
    for one in pair:
        head, *lines = one.splits_csv.read_text().splitlines()
        rows = [line.split(",") for line in lines]
        table(one.splits_csv, head.split(","), [[*row[:3], f"g{i % 4}", row[4]] for i, row in enumerate(rows)])
    text = compare(pair, tmp_path / "c.html").read_text()
    assert "too few groups" in text and "Too few groups for a test: 4, and 6 are needed" in text


def test_no_test_is_made_on_different_samples(run: Run, hostile: Run, tmp_path: Path) -> None:
    text = compare([run, hostile], tmp_path / "c.html").read_text()
    assert "The test samples differ (360 and 217" in text and "significant</th>" not in text


def test_runs_of_other_labels_or_missing_predictions_are_told(run: Run, copy: Run, tmp_path: Path) -> None:
    copy.predictions_csv.write_text(re.sub(r"(?m)^(images\[\d+\]),\d,", r"\1,9,", copy.predictions_csv.read_text()))
    assert "carry different labels" in compare([run, copy], tmp_path / "c.html").read_text()
    lines = copy.predictions_csv.read_text().splitlines()
    copy.predictions_csv.write_text("\n".join(lines[:-3]) + "\n")
    with pytest.raises(UserError, match="3 of 360 test samples have no prediction"):
        compare([run, copy], tmp_path / "c.html")


def test_reporting_changes_nothing_but_the_page(copy: Run) -> None:
    before = {path.name: path.read_bytes() for path in copy.folder.iterdir()}
    report([copy.folder], copy.folder.parent / "elsewhere.html")
    assert {path.name: path.read_bytes() for path in copy.folder.iterdir()} == before


def test_the_page_says_how_many_groups_its_measure_rests_on(copy: Run) -> None:
    result = json.loads(copy.result.read_text())
    result["measures"]["test"]["accuracy"]["units"] = 7
    copy.result.write_text(json.dumps(result))
    n = result["measures"]["test"]["accuracy"]["n"]
    assert f"measured on {n:,} test samples of 7 groups" in write_report(copy).read_text()


@pytest.mark.parametrize("low, high, whole, expected", [
    (0.0, 1.0, False, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]), (1, 20, True, ["0", "5", "10", "15", "20"]),
    (1, 3, True, ["1", "2", "3"]), (0.92, 0.998, False, ["0.92", "0.94", "0.96", "0.98", "1.00"]),
    (0, 1e-5, False, ["0", "2e-6", "4e-6", "6e-6", "8e-6", "1e-5"]), (5, 5, False, ["4.5", "4.75", "5", "5.25", "5.5"]),
])  # fmt: skip
def test_ticks_are_round_and_hold_the_data(low: float, high: float, whole: bool, expected: list[str]) -> None:
    marks = axis.ticks(low, high, whole=whole)
    assert marks[0] <= low + 1e-12 and marks[-1] >= high - 1e-12
    shown = [axis.label(mark, marks) for mark in marks]
    assert len(set(shown)) == len(shown)
    assert [float(a) for a in shown] == pytest.approx([float(a) for a in expected]) or low == high


def test_drawings_survive_what_has_no_values() -> None:
    empty = Curves("x", "y", (Series("s", (), ()), Series("t", (1.0,), (math.nan,))))
    assert "no values" in curves(empty)
    assert "nan" not in curves(Curves("epoch", "y", (Series("s", (3.0,), (0.5,)),)))
    assert "nan" not in whiskers(
        Whiskers(("a", "b"), (Measure(*[math.nan] * 3, 0), Measure(0.5, math.nan, math.nan, 3)))
    )
    for count in (0, 3, 30, 300):
        drawn = bars(Bars(tuple(f"class {i}" for i in range(count)), (0.0,) * count, "n"))
        assert "nan" not in drawn and "inf" not in drawn


def test_a_matrix_of_a_hundred_classes_shows_every_count() -> None:
    from neocog.pages.confusion import matrix

    for k in (2, 12, 13, 25, 100):
        counts = np.arange(1, k * k + 1).reshape(k, k)
        names = tuple(f"species number {i}" for i in range(k))
        drawn = matrix(Matrix(names, names, tuple(tuple(map(float, row)) for row in counts)))
        assert drawn.count("of the row)") == k * k and drawn.count('class="heat right"') == k
