"""The page in a real browser, at the width of a desktop and of a phone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from neocog.pages import compare, sections_to_json, write_report
from neocog.records import Section, Table
from neocog.run import Run

pytestmark = pytest.mark.browser


def opened(browser: object, page: Path, width: int) -> object:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get_log("browser")
    browser.get(page.as_uri())
    return browser


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_whole_and_asks_for_nothing(browser: object, run: Run, width: int) -> None:
    page = opened(browser, write_report(run), width)
    assert page.get_log("browser") == []
    outside = "return performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith('data:'))"
    assert page.execute_script(outside) == []
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    widest = "return Math.max(...[...document.querySelectorAll('main > *')].map(e => e.getBoundingClientRect().right))"
    assert page.execute_script(widest) <= width
    pictures = page.execute_script("return [...document.images].map(i => i.complete && i.naturalWidth > 0)")
    assert len(pictures) > 30 and all(pictures)
    accuracy = json.loads(run.result.read_text())["measures"]["test"]["accuracy"]["value"]
    assert page.find_element("id", "headline").text == f"{accuracy * 100:.1f} %"
    drawings = page.execute_script(
        "return [...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect().height)"
    )
    assert len(drawings) > 20 and min(drawings) > 10


@pytest.mark.parametrize("width", [1280, 390])
def test_hostile_names_are_shown_and_not_run(browser: object, hostile: Run, width: int) -> None:
    page = opened(browser, write_report(hostile), width)
    assert page.get_log("browser") == []
    assert page.execute_script("return document.scripts.length") == 1
    assert page.execute_script("return document.querySelectorAll('img[src=x]').length") == 0
    text = page.find_element("tag name", "main").text
    for name in ("<script>alert(1)</script>", "=cmd()", '"><img src=x onerror=alert(2)>', "{{ 7 * 7 }}", "a&amp;b"):
        assert name in text
    assert page.execute_script("return document.documentElement.scrollWidth") <= width


def test_the_pages_policy_stops_a_script_that_got_in(browser: object, run: Run, tmp_path: Path) -> None:
    text = write_report(run).read_text().replace("</main>", "<script>document.title = 'owned'</script></main>")
    (tmp_path / "x.html").write_text(text)
    page = opened(browser, tmp_path / "x.html", 1280)
    assert page.title != "owned" and any(
        "Content Security Policy" in entry["message"] for entry in page.get_log("browser")
    )


def test_a_tables_head_sorts_it(browser: object, run: Run) -> None:
    page = opened(browser, write_report(run), 1280)
    table = "[...document.querySelectorAll('#measures table')].at(-1)"
    column = f"return [...{table}.tBodies[0].rows].map(r => r.cells[3].textContent)"
    click = f"{table}.tHead.rows[0].cells[3].firstChild.click();"
    before = page.execute_script(column)
    page.execute_script(click)
    assert page.execute_script(column) == sorted(before) != before
    page.execute_script(click)
    assert page.execute_script(column) == sorted(before, reverse=True)


def test_a_table_of_many_columns_fits_a_desktop_and_on_a_phone_scrolls_beside_its_names(
    browser: object, run: Run, tmp_path: Path
) -> None:
    heads = ("class", "AP50 (IoU 0.5)", "precision", "recall", "F1", "count error [objects per image]",
             "relative count error", "count bias [objects per image]", "95 % interval of AP50")  # fmt: skip
    table = Table(heads, (("Platelets", *(0.1234,) * 7, "0.0015 – 0.0097"),))
    other = Run(Path(shutil.copytree(run.folder, tmp_path / "run")))
    other.sections.write_text(sections_to_json([Section("Performance", (table,), "many")]))
    page = opened(browser, write_report(other), 1280)
    frame = "const f = document.querySelector('#many .scroll'), t = f.firstElementChild;"
    hidden = f"{frame} return f.scrollWidth - f.clientWidth"
    assert page.execute_script(hidden) == 0
    page = opened(browser, other.report, 400)
    assert page.execute_script(hidden) > 100
    assert "gradient" in page.execute_script(f"{frame} return getComputedStyle(f).backgroundImage")  # there is more
    places = page.execute_script(
        f"{frame} f.scrollLeft = 9999; const [a, ...b] = t.tBodies[0].rows[0].cells, box = f.getBoundingClientRect();"
        "return [a.getBoundingClientRect().left - box.left, box.right - b.at(-1).getBoundingClientRect().right]"
    )
    assert max(map(abs, places)) < 2  # the row's name stays, the last column is in view


@pytest.mark.parametrize("width", [1280, 390])
def test_the_comparison_fits_too(browser: object, run: Run, worse: Run, tmp_path: Path, width: int) -> None:
    other = shutil.copytree(worse.folder, tmp_path / "another with quite a long name for a run")
    page = opened(browser, compare([run, worse, Run(Path(other))], tmp_path / "compare.html"), width)
    assert page.get_log("browser") == []
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
