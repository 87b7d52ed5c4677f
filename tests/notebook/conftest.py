"""One small run that all tests here look at, and one that was stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

import neocog
from neocog.results import Results

SETTINGS = {"model": "lenet5", "size": (12,), "threads": 1, "augment": ("off",), "quiet": True}


@pytest.fixture(scope="package")
def run(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return neocog.train("digits", tmp_path_factory.mktemp("runs") / "digits", epochs=1, **SETTINGS)


@pytest.fixture(scope="package")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """After its first epoch of two."""

    def stop(row: object) -> None:
        raise neocog.Stop

    folder: Path = tmp_path_factory.mktemp("runs") / "stopped"
    with pytest.raises(neocog.Interrupted):
        neocog.train("digits", folder, epochs=2, after_epoch=stop, **SETTINGS)
    return neocog.load(folder)
