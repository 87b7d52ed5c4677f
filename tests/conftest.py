"""What every test may use: the real data sets, and a torch that does not fight over the cores."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

# No test asserts a time, and a busy machine is slow
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# As many workers as cores: a second thread in each would only take them from one another
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent


def data_folder() -> Path:
    """Where the real data sets lie: ``NEOCOG_DATA``, else beside the checkout."""
    return Path(os.environ.get("NEOCOG_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """``real_data("mnist")``: the folder of that data set; skips with a reason where it is missing, fails where CI=true."""

    def find(name: str) -> Path:
        folder = data_folder() / name
        if not folder.exists():
            reason = f"no real data at {folder} (set NEOCOG_DATA)"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        return folder

    return find


@pytest.fixture(scope="session")
def cifar10(real_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with CIFAR-10's .bin files; made from the lossless strips where the data folder keeps those."""
    folder = real_data("cifar-10") / "cifar-10-batches-bin"
    if folder.exists():
        return folder
    made = tmp_path_factory.mktemp("cifar") / "cifar-10-batches-bin"
    subprocess.run([sys.executable, data_folder() / "unpack", made], check=True, capture_output=True)
    return made


BROWSER_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip


def program(*names: str) -> str:
    """Where one of these programs is; skips where there is none, fails where CI=true."""
    for name in names:
        if found := shutil.which(name):
            return found
    reason = f"no {names[0]} on this machine"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Chromium without a window, whose console and requests are logged."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="no selenium: pip install '.[test]'")
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium", "chromium-browser", "google-chrome")
    for flag in (*BROWSER_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(program("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()
