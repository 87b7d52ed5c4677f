"""The page in a real browser: it draws, explains, can be used by keyboard, asks nobody else, and shows names as text."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from neocog.run import Run

pytestmark = pytest.mark.browser
WAIT = 60  # seconds, on a busy machine


@pytest.fixture(scope="module")
def address(lenet: Run, hostile: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A studio over both runs, the hostile one second."""
    code = (
        "import sys; from pathlib import Path; from neocog.run import Run; import neocog.server.studio as s;"
        "from neocog.server.found import Found; folder, *runs = map(Path, sys.argv[1:]);"
        "s.found = lambda _: Found([Run(p) for p in runs], folder); s.studio(browser=False, quiet=True)"
    )
    folder = str(tmp_path_factory.mktemp("trainings"))
    command = [sys.executable, "-c", code, folder, str(lenet.folder), str(hostile.folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.kill()
    process.communicate()


def until(page: Any, what: str, seconds: int = WAIT) -> Any:
    """What a script returns as soon as it is true."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(page, seconds, 0.05).until(lambda driver: driver.execute_script(f"return {what}"))


def opened(browser: Any, address: str, width: int = 1280, scheme: str = "light") -> Any:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get("about:blank")
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(address)
    until(browser, "window.studioTimes && window.studioTimes.length > 0")
    return browser


def looked(page: Any, script: str) -> None:
    """Do something, and wait for the look that follows."""
    before = page.execute_script("return window.studioTimes.length")
    page.execute_script(script)
    until(page, f"window.studioTimes.length > {before}")


def hosts(page: Any) -> set[str]:
    """Whom the browser asked, by its own log."""
    found = set()
    for entry in page.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            found.add(urlsplit(message["params"]["request"]["url"]).netloc)
    return found - {""}


C1 = "document.querySelector('.learns .grid')"  # its maps
ENTER = "dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}))"
STATES = {
    "gradients and weights": "document.querySelector('#backward').click(); document.querySelector('.head .more').click()",
    "a convolution explained": f"{C1}.{ENTER}",
    "an earlier time": "const s = document.querySelector('#times input'); s.value = 0; s.dispatchEvent(new Event('input'))",
    "a step by hand": "document.querySelector('#by-hand').open = true; document.querySelector('#step').click()",
    "a probability explained": "document.querySelectorAll('#bars button')[2].click()",
    "a fault": "document.querySelector('#error').hidden = false; document.querySelector('#error').textContent = 'a fault'",
}


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1280, "light"), (2560, "dark")])
def test_it_fits_says_nothing_in_the_console_asks_nobody_else_and_has_no_barrier(
    browser: Any, address: str, axe: Callable[[Any], list[Any]], width: int, scheme: str
) -> None:
    page = opened(browser, address, width, scheme)
    for state, enter in {"at first": "0", **STATES}.items():
        page.execute_script(enter)
        if "explained" in state:
            until(page, "document.querySelector('#explained .good')")
        assert axe(page) == [], state
        assert page.execute_script("return document.documentElement.scrollWidth") <= width, state
    assert page.get_log("browser") == []
    assert hosts(page) == {urlsplit(address).netloc}


def test_what_is_drawn_is_answered_and_every_map_follows(browser: Any, address: str) -> None:
    from selenium.webdriver import ActionChains

    page = opened(browser, address)
    picture = f"{C1}.toDataURL()"
    page.execute_script(f"window.before = {picture}; document.querySelector('#clear').click()")
    until(page, f"{picture} !== window.before")
    blank = page.execute_script("return document.querySelector('#bars').textContent")
    pad = page.find_element("id", "pad")
    ActionChains(page).move_to_element_with_offset(pad, 0, -80).click_and_hold().move_by_offset(
        10, 160
    ).release().perform()
    until(page, f"document.querySelector('#bars').textContent !== {json.dumps(blank)}")
    assert page.execute_script("return document.querySelector('#hint').hidden")
    assert page.get_log("browser") == []


def test_keys_on_maps_that_are_not_shown_yet_do_nothing(browser: Any, address: str) -> None:
    page = opened(browser, address)
    hidden = "document.querySelector('.weights .grid')"
    page.execute_script(f"{hidden}.{ENTER}; {hidden}.{ENTER.replace('Enter', 'ArrowRight')}")
    looked(page, "document.querySelector('#next').click()")
    assert page.execute_script("return document.querySelector('#error').hidden") and page.get_log("browser") == []
    assert not page.execute_script("return document.body.classList.contains('explaining')")


def test_a_number_is_explained_by_keyboard_alone(browser: Any, address: str) -> None:
    from selenium.webdriver import ActionChains, Keys

    page = opened(browser, address)
    for _ in range(60):  # by Tab to the maps of c3
        ActionChains(page).send_keys(Keys.TAB).perform()
        if page.execute_script("return (document.activeElement.getAttribute('aria-label') ?? '').startsWith('c3')"):
            break
    else:
        pytest.fail("Tab does not reach the maps")
    ActionChains(page).send_keys(Keys.PAGE_DOWN, Keys.ARROW_RIGHT, Keys.ENTER).perform()
    told = until(page, "document.querySelector('#explained .good')?.closest('#explained').textContent")
    assert "c3 · map 1" in told and "adds up" in told and "plus the bias" in told
    assert "map 1" in page.execute_script("return document.querySelector('#status').textContent")
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    assert not page.execute_script("return document.body.classList.contains('explaining')")


def test_a_map_is_switched_off_and_a_kernel_written_and_both_undone(browser: Any, address: str) -> None:
    page = opened(browser, address)
    page.execute_script(f"{C1}.{ENTER}")
    until(page, "document.querySelector('.acts button')")
    answer = "document.querySelector('#bars').textContent"
    page.execute_script(f"window.before = {answer}; document.querySelector('.edit').click()")
    page.execute_script("addEventListener('rest', () => (window.rested = true))")
    looked(page, "window.rested = false; document.querySelector('#coarse').click()")
    until(
        page, "window.rested"
    )  # what is explained is asked again once the picture rests, but not what is being edited
    assert page.execute_script("return document.querySelector('.editing input') !== null")
    write = "const i = document.querySelector('.editing input'); i.value = 50; i.dispatchEvent(new Event('input'))"
    looked(page, write)
    assert page.execute_script(f"return {answer} !== window.before && !document.querySelector('#changes').hidden")
    looked(page, "document.querySelector('#undo').click()")
    assert page.execute_script(f"return {answer} === window.before && document.querySelector('#changes').hidden")


def test_earlier_weights_are_looked_through_by_keyboard(browser: Any, address: str) -> None:
    from selenium.webdriver import Keys

    page = opened(browser, address)
    slider, maps = page.find_element("css selector", "#times input"), f"{C1}.toDataURL()"
    now = page.execute_script(f"return {maps}")
    assert "the run itself" in page.find_element("css selector", "#times output").text
    slider.send_keys(Keys.HOME)
    until(page, f"{maps} !== {json.dumps(now)}")
    assert slider.get_attribute("aria-valuetext") == "before the first step"
    until(page, "document.querySelector('#answer-note').textContent.includes('not calibrated')")
    slider.send_keys(Keys.ARROW_RIGHT)
    assert "epoch 1 of 2 · validation" in page.find_element("css selector", "#times output").text
    slider.send_keys(Keys.END)
    until(page, f"{maps} === {json.dumps(now)}")


def test_each_run_is_opened_as_it_is_and_at_no_earlier_time(browser: Any, address: str) -> None:
    page = opened(browser, address)
    for run in (1, 0):  # the second has more checkpoints than the first
        looked(page, f"const r = document.querySelector('#run'); r.value = {run}; r.dispatchEvent(new Event('change'))")
        assert "the run itself" in page.find_element("css selector", "#times output").text


def test_a_run_that_cannot_be_opened_is_told_and_the_next_one_is_opened(browser: Any, address: str) -> None:
    page, choose = opened(browser, address), "r.dispatchEvent(new Event('change'))"
    tell = "const box = document.querySelector('#error')"
    page.execute_script(
        "window.fetch = ((real) => (where, more) => real(where.replace('runs/1', 'runs/99'), more))(window.fetch);"
        f"const r = document.querySelector('#run'); r.value = 1; {choose}"
    )
    until(page, f"(() => {{ {tell}; return !box.hidden && box.textContent.includes('no such run') }})()")
    assert page.execute_script("return document.body.dataset.room") == "train"
    assert not page.find_element("id", "input").is_displayed()
    looked(page, f"const r = document.querySelector('#run'); r.value = 0; {choose}")
    assert page.execute_script("return document.body.dataset.room") == "layers"
    assert page.find_element("id", "input").is_displayed() and page.execute_script(
        "return document.querySelector('#error').hidden"
    )


def test_a_step_by_hand_changes_the_answer_and_undo_brings_it_back(browser: Any, address: str) -> None:
    page = opened(browser, address)
    answer = "document.querySelector('#bars').textContent"
    before = page.execute_script(f"document.querySelector('#by-hand').open = true; return {answer}")
    rate = (
        "const r = document.querySelector('#step-rate'); r.value = 1; document.querySelector('#step-label').value = '9'"
    )
    looked(page, f"{rate}; document.querySelector('#step').click()")
    assert page.execute_script(f"return {answer}") != before
    assert "1 taken; the last one: loss" in page.find_element("css selector", "#by-hand output").text
    looked(page, "document.querySelector('#step-undo').click()")
    assert page.execute_script(f"return {answer}") == before
    assert page.execute_script("return document.querySelector('#step-undo').disabled")


def test_hostile_names_are_text(browser: Any, address: str) -> None:
    page = opened(browser, address)
    page.execute_script("const r = document.querySelector('#run'); r.value = '1'; r.dispatchEvent(new Event('change'))")
    until(page, "document.querySelectorAll('#bars li').length === 3")
    text = page.find_element("id", "bars").text
    assert "<script>document.title='owned" in text and page.title != "owned"
    assert page.execute_script("return document.scripts.length") == 1
    assert page.execute_script("return document.documentElement.scrollWidth") <= 1280
    assert not page.execute_script("return document.querySelectorAll('#bars script, img').length")
    assert not re.search("alert", "".join(entry["message"] for entry in page.get_log("browser")))


def test_a_file_that_is_none_is_told_on_the_page_which_stays_alive(browser: Any, address: str, tmp_path: Path) -> None:
    page = opened(browser, address)
    file = tmp_path / "<b>x.png"
    file.write_bytes(b"no picture")
    page.find_element("id", "file").send_keys(str(file))
    until(page, "!document.querySelector('#error').hidden")
    assert "x.png" in page.find_element("id", "error").text
    looked(page, "document.querySelector('#next').click()")
    assert page.execute_script("return document.querySelector('#error').hidden")


ROOMS = {
    "samples": "document.querySelector('.sheet li:last-child canvas')?.width > 8",
    "stress": "document.querySelector('.stressed canvas')?.width > 8",
    "compare": "document.querySelectorAll('.side')[1]?.querySelector('.bars li')",
}


def entered(page: Any, room: str) -> None:
    """Go to a room, and wait for what it shows."""
    page.execute_script(f"document.querySelector('#rooms [data-room={room}]').click()")
    until(page, ROOMS[room])


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (400, "dark"), (1280, "light"), (1280, "dark")])
def test_each_room_fits_and_has_no_barrier(
    browser: Any, address: str, axe: Callable[[Any], list[Any]], width: int, scheme: str
) -> None:
    page = opened(browser, address, width, scheme)
    for room in ROOMS:
        entered(page, room)
        assert axe(page) == [], room
        assert page.execute_script("return document.documentElement.scrollWidth") <= width, room
    assert page.get_log("browser") == []
    assert hosts(page) == {urlsplit(address).netloc}


def test_a_sample_of_the_sheet_is_looked_at_and_its_label_corrected_by_keyboard(
    browser: Any, address: str, tmp_path: Path
) -> None:
    from selenium.webdriver import Keys

    page = opened(browser, address)
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    entered(page, "samples")
    losses = page.execute_script(
        "return [...document.querySelectorAll('.sheet .facts')].slice(0, 3).map(f => f.textContent)"
    )
    numbers = [float(each.split("loss ")[1]) for each in losses]
    assert numbers == sorted(numbers, reverse=True) and numbers[0] > 0.1
    before = page.execute_script("return window.studioTimes.length")
    page.find_element("css selector", ".sheet .sample").send_keys(Keys.ENTER)
    until(page, f"window.studioTimes.length > {before}")
    select = page.find_element("css selector", ".sheet select")
    select.send_keys(Keys.END)  # the last choice: leave out
    until(page, "!document.querySelector('#corrections').hidden")
    page.find_element("css selector", "#corrections button").send_keys(Keys.ENTER)
    for _ in range(WAIT * 20):
        if (tmp_path / "corrections.csv").is_file():
            break
        time.sleep(0.05)
    lines = (tmp_path / "corrections.csv").read_text().splitlines()
    assert lines[0] == "sample,action,label,given" and re.fullmatch(r"images\[\d+\],exclude,,\d", lines[1])
    assert len(lines) == 2


def test_an_attack_follows_its_slider_and_the_picture(browser: Any, address: str) -> None:
    page = opened(browser, address)
    entered(page, "stress")
    shares = "document.querySelectorAll('.stressed .bars')[1].textContent"
    slider = "const s = document.querySelector('#room-stress .wide input')"
    page.execute_script(f"{slider}; s.value = 0; s.dispatchEvent(new Event('input'))")
    until(page, f"{shares} === document.querySelectorAll('.stressed .bars')[0].textContent")
    page.execute_script(f"{slider}; s.value = 32; s.dispatchEvent(new Event('input'))")
    until(page, f"{shares} !== document.querySelectorAll('.stressed .bars')[0].textContent")
    assert "16/255" in page.find_element("css selector", "#room-stress .wide output").text
    picture = "document.querySelector('.stressed canvas').toDataURL()"
    was = page.execute_script(f"return {picture}")
    page.execute_script("document.querySelector('#clear').click()")
    until(page, f"{picture} !== {json.dumps(was)}")


def test_the_other_run_looks_at_this_runs_picture(browser: Any, address: str) -> None:
    page = opened(browser, address)
    entered(page, "compare")
    side = "document.querySelectorAll('.side')[1]"
    until(page, f"{side}.textContent.includes('12 × 12')")
    until(page, f"{side}.querySelectorAll('.bars li').length === 3")
    was = page.execute_script(f"return {side}.querySelector('.learns .grid').toDataURL()")
    page.execute_script("document.querySelector('#clear').click()")
    until(page, f"{side}.querySelector('.learns .grid').toDataURL() !== {json.dumps(was)}")
    assert page.execute_script("return document.querySelector('#error').hidden")


def test_a_training_is_begun_by_keyboard_shown_in_two_tabs_and_looked_through(
    browser: Any, address: str, axe: Callable[[Any], list[Any]]
) -> None:
    from selenium.webdriver import Keys

    page = opened(browser, address)
    page.execute_script("document.querySelector('#rooms [data-room=train]').click()")
    until(page, "document.querySelectorAll('#room-train select')[1].options.length > 2")
    assert axe(page) == []
    page.find_elements("css selector", "#room-train form select")[1].send_keys("mlp")
    numbers = page.find_elements("css selector", "#room-train form input")
    for field, value in zip(numbers, ("2", "0", "1", "0"), strict=True):
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(value)
    numbers[0].send_keys(Keys.ENTER)
    said = "document.querySelector('#room-train .said').textContent"
    first = page.current_window_handle
    until(page, f"{said} !== ''")
    page.switch_to.new_window("tab")
    opened(page, address)
    page.execute_script("document.querySelector('#rooms [data-room=train]').click()")
    until(page, f"{said} === 'Done'", 10 * WAIT)
    seen = page.find_element("css selector", ".training").text
    page.close()
    page.switch_to.window(first)
    until(page, f"{said} === 'Done'")
    until(page, "document.querySelectorAll('.confusion td').length === 101")
    assert page.find_element("css selector", ".training").text == seen and "--model mlp --epochs 2" in seen
    assert page.execute_script("return document.querySelectorAll('.curves polyline').length") == 3
    for width, scheme in ((400, "dark"), (1280, "light")):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        assert axe(page) == [], scheme
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
    page.find_elements("css selector", ".training .tools button")[2].send_keys(Keys.ENTER)
    until(page, "document.querySelector('#facts').textContent.startsWith('mlp')")
    assert page.execute_script("return document.body.dataset.room") == "layers"
    assert page.get_log("browser") == []
