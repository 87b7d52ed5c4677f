"""The panels of each kind of run in a real browser: they fit, have no barrier, and follow pointer and keyboard."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.browser
WAIT = 60  # seconds, on a busy machine
NAMES = ("masks", "boxes", "restored", "values", "codes", "drawn", "volumes", "sequences", "style")


@pytest.fixture(scope="module")
def address(kinds: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A studio over a run of each kind, in the order of ``NAMES``."""
    code = (
        "import sys; from pathlib import Path; from neocog.run import Run; import neocog.server.studio as s;"
        "from neocog.server.found import Found; folder, *runs = map(Path, sys.argv[1:]);"
        "s.found = lambda _: Found([Run(p) for p in runs], folder); s.studio(browser=False, quiet=True)"
    )
    folders = [str(kinds(name).run.folder) for name in NAMES]
    command = [sys.executable, "-c", code, str(tmp_path_factory.mktemp("trainings")), *folders]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.kill()
    process.communicate()


def until(page: Any, what: str) -> Any:
    """What a script returns as soon as it is true."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(page, WAIT, 0.05).until(lambda driver: driver.execute_script(f"return {what}"))


def looked(page: Any, script: str) -> None:
    """Do something, and wait for the look that follows."""
    before = page.execute_script("return window.studioTimes.length")
    page.execute_script(script)
    until(page, f"window.studioTimes.length > {before}")


@pytest.fixture
def opened(browser: Any, address: str) -> Callable[..., Any]:
    """``opened("masks", width, scheme)``: the page of that run."""

    def page_of(name: str, width: int = 1280, scheme: str = "light") -> Any:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.get("about:blank")
        browser.get_log("browser")
        browser.get(address)
        until(browser, "window.studioTimes && window.studioTimes.length > 0")
        choose = f"const r = document.querySelector('#run'); r.value = {NAMES.index(name)}; r.dispatchEvent(new Event('change'))"
        if name != NAMES[0]:
            looked(browser, choose)
        return browser

    return page_of


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1280, "light")])
@pytest.mark.parametrize("name", NAMES)
def test_every_panel_fits_says_nothing_in_the_console_and_has_no_barrier(
    opened: Callable[..., Any], axe: Callable[[Any], list[Any]], name: str, width: int, scheme: str
) -> None:
    page = opened(name, width, scheme)
    for room in ["layers"] + (["latent"] if name in ("codes", "drawn") else []):
        page.execute_script(f"document.querySelector('#rooms [data-room={room}]').click()")
        if room == "latent":
            until(page, "document.querySelector('.plane canvas').width === 11 * 8")
        assert axe(page) == [], room
        assert page.execute_script("return document.documentElement.scrollWidth") <= width, room
    assert page.execute_script("return document.querySelector('#error').hidden")
    assert page.get_log("browser") == []


PANEL = "document.querySelector('#panel canvas').toDataURL()"
SLIDE = "const s = document.querySelector('#panel input'); s.value = {}; s.dispatchEvent(new Event('input'))"


def test_a_mask_and_a_restored_picture_follow_their_sliders(opened: Callable[..., Any]) -> None:
    for name in ("masks", "restored"):
        page = opened(name)
        seen = []
        for share in (0, 50, 100):
            page.execute_script(SLIDE.format(share))
            seen.append(page.execute_script(f"return {PANEL}"))
        assert len(set(seen)) == 3, name
    page = opened("masks")
    assert "foreground" in page.find_element("css selector", "#panel .legend").text
    shares = page.execute_script(
        "return [...document.querySelectorAll('.legend .share')].map(s => parseFloat(s.textContent))"
    )
    assert sum(shares) == pytest.approx(100, abs=0.2) and min(shares) > 0


def test_boxes_are_left_out_below_the_score_that_is_asked_for(opened: Callable[..., Any]) -> None:
    page = opened("boxes")
    counts = "[...document.querySelectorAll('.legend .share')].reduce((sum, s) => sum + parseInt(s.textContent), 0)"
    assert "the run's own" in page.find_element("css selector", "#panel output").text
    page.execute_script(SLIDE.format(2))
    many, picture = page.execute_script(f"return [{counts}, {PANEL}]")
    page.execute_script(SLIDE.format(100))
    none, other = page.execute_script(f"return [{counts}, {PANEL}]")
    assert many > none == 0 and picture != other


def test_a_slice_is_chosen_by_keyboard_and_every_map_follows(opened: Callable[..., Any]) -> None:
    from selenium.webdriver import Keys

    page = opened("volumes")
    maps = "document.querySelector('.learns .grid').toDataURL()"
    was, before = page.execute_script(f"return [{maps}, window.studioTimes.length]")
    slider = page.find_element("css selector", "#subject input")
    slider.send_keys(Keys.HOME)
    until(page, f"window.studioTimes.length > {before} && {maps} !== '{was}'")
    assert slider.get_attribute("aria-valuetext") == "1 of 10"
    page.execute_script(
        "document.querySelector('.learns .grid').dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter'}))"
    )
    until(page, "document.querySelector('#explained .good')")
    told = page.find_element("id", "explained").text
    assert "map 0, slice 0, row" in told and "slices" in told


def test_letters_that_are_typed_are_answered_and_a_wrong_one_is_told(opened: Callable[..., Any]) -> None:
    page = opened("sequences")
    letters = page.find_element("id", "letters")
    assert len(letters.get_attribute("value")) == 60
    write = "const l = document.querySelector('#letters'); l.value = '{}'; l.dispatchEvent(new Event('input'))"
    before = page.execute_script("return document.querySelector('#pad').toDataURL()")
    looked(page, write.format("ACGT" * 15))
    assert page.execute_script("return document.querySelector('#pad').toDataURL()") != before
    page.execute_script(write.format("ACGTZ"))
    until(page, "!document.querySelector('#error').hidden")
    assert "'Z' stands for no base" in page.find_element("id", "error").text
    looked(page, write.format("ACGT" * 15))
    assert page.execute_script("return document.querySelector('#error').hidden")


@pytest.mark.parametrize("name", ["codes", "drawn"])
def test_one_walks_on_the_plane_of_a_latent_space_by_keyboard_and_by_sliders(
    opened: Callable[..., Any], name: str
) -> None:
    from selenium.webdriver import Keys

    page = opened(name)
    page.execute_script("document.querySelector('#rooms [data-room=latent]').click()")
    until(page, "document.querySelector('.plane canvas').width === 11 * 8")
    numbers = "[...document.querySelectorAll('.sliders output')].map(o => o.textContent).join()"
    picture = {
        "codes": "document.querySelector('.latent figure:last-child canvas')",
        "drawn": "document.querySelector('#pad')",
    }
    drawn = f"{picture[name]}.toDataURL()"
    was, shown = page.execute_script(f"return [{numbers}, {drawn}]")
    page.find_element("css selector", ".plane canvas").send_keys(*[Keys.ARROW_RIGHT] * 5)
    until(page, f"{numbers} !== '{was}' && {drawn} !== '{shown}'")
    first, _ = page.execute_script(
        "return [...document.querySelectorAll('.sliders input')].slice(0, 2).map(s => +s.value)"
    )
    shown = page.execute_script(f"return {drawn}")
    page.find_element("css selector", ".sliders input").send_keys(Keys.HOME)
    until(page, f"{drawn} !== '{shown}'")
    assert page.execute_script("return +document.querySelector('.sliders input').value") == -3 != first
    assert page.execute_script("return document.querySelector('.point').style.left") == "0%"
    if name == "drawn":
        page.execute_script("document.querySelector('#rooms [data-room=layers]').click()")
        assert page.execute_script(
            "return document.querySelector('#gradients').hidden && document.querySelector('#answer').hidden"
        )
        looked(page, "document.querySelector('#fresh').click()")
        page.execute_script(
            "document.querySelectorAll('.layer:not([hidden]) .grid')[4].dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter'}))"
        )
        until(page, "document.querySelector('#explained .shown')")
        assert page.execute_script("return document.querySelector('#error').hidden")
