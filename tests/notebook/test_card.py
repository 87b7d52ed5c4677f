"""How a notebook shows a run: what is in it, nothing of it runs, and it changes nothing around it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import neocog
from neocog.pages.card import unfinished
from neocog.records import Curves, Section, Series
from neocog.results import Results


def test_it_has_the_verdict_measures_with_intervals_curves_and_worst_mistakes(run: Results) -> None:
    html = run._repr_html_()
    accuracy = json.loads(run.result.read_text())["measures"]["test"]["accuracy"]["value"]
    assert f"{accuracy * 100:.1f} %" in html and "95 % interval" in html and 'class="verdicts"' in html
    assert 'class="plot"' in html and "validation" in html
    assert 1 <= html.count("data:image/png;base64,") <= 6 and "truth: " in html


def test_it_stands_for_itself_and_runs_nothing(run: Results) -> None:
    html = run._repr_html_()
    assert "<script" not in html and not re.search(r"https?://|url\(|@import", html)
    assert not re.search(r'\bid="', html), "two runs in one notebook would have one id twice"
    assert len(html) < 120_000


def test_its_style_is_all_under_its_own_class(run: Results) -> None:
    style = re.search(r"<style>(.*?)</style>", run._repr_html_(), re.S)[1]
    depth, outside = 0, ""
    for part in re.split(r"([{}])", style):
        depth += {"{": 1, "}": -1}.get(part, 0)
        outside += part if depth == 0 and part not in "{}" else ""
    assert depth == 0 and ":root" not in style and "body {" not in style
    selectors = [one for one in re.split(r"[,\n]", re.sub(r"@media \([^)]*\)", ".neocog", outside)) if one.strip()]
    assert selectors and all(".neocog" in one for one in selectors), selectors


def test_names_are_escaped() -> None:
    curves = Curves("epoch", "<img src=x onerror=alert(1)>", (Series("<script>", (1.0,), (2.0,)),))
    html = unfinished("<b>", "<script>alert(1)</script>", [Section("Training", (curves,), "training")])
    assert "<script" not in html and "<img" not in html and "<b>" not in html


def test_a_stopped_run_says_how_to_go_on_and_shows_its_curves(stopped: Results) -> None:
    html = stopped._repr_html_()
    assert "not finished" in html and "neocog resume" in html and 'class="plot"' in html


def test_a_damaged_run_shows_what_is_wrong_with_it(run: Results, tmp_path: Path) -> None:
    shutil.copytree(run.folder, tmp_path / "run")
    broken = neocog.load(tmp_path / "run")
    broken.result.write_text("{")
    assert "not valid JSON" in broken._repr_html_()
