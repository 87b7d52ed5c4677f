"""A run in a cell, in a real browser: narrow and wide, and as light or dark as the notebook says."""

from __future__ import annotations

from pathlib import Path

import pytest

from neocog.results import Results

pytestmark = pytest.mark.browser
COLOURS = {"true": "rgb(252, 252, 250)", "false": "rgb(20, 24, 27)"}  # --paper of the style sheet


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("light", ["true", "false"])
def test_it_fits_the_cell_follows_the_theme_and_leaves_the_page_alone(
    browser: object, run: Results, tmp_path: Path, width: int, light: str
) -> None:
    page = tmp_path / "notebook.html"
    cell = f'<h2 id="mine">mine</h2><div>{run._repr_html_()}</div>'
    page.write_text(f'<!doctype html><meta charset=utf-8><body data-jp-theme-light="{light}">{cell}</body>')
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())
    ask = browser.execute_script
    assert ask("return document.documentElement.scrollWidth") <= width
    assert ask("return getComputedStyle(document.querySelector('.neocog')).backgroundColor") == COLOURS[light]
    assert ask("return getComputedStyle(document.getElementById('mine')).fontSize") == "24px"  # the browser's own
    assert ask("return getComputedStyle(document.body).backgroundColor") == "rgba(0, 0, 0, 0)"
    drawings = ask("return [...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect().height)")
    assert len(drawings) > 5 and min(drawings) > 10
