"""The command line in this process, and a data set that is never written to."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from neocog.cli.main import main


@dataclass(frozen=True)
class Answer:
    """What a command left with and printed."""

    code: int
    text: str


@pytest.fixture
def neocog(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """``neocog("audit", folder)``: exit code, and everything that was printed, in one text of single blanks."""

    def run(*words: object) -> Answer:
        code = 0
        try:
            main([str(word) for word in words])
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 1
        printed = capsys.readouterr()
        return Answer(code, " ".join((printed.out + printed.err).split()))

    return run


@pytest.fixture
def fingerprint() -> Callable[[Path], dict[str, str]]:
    """What lies below a folder, to see that nothing of it was touched and nothing added."""
    return contents


def contents(root: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, links and pipes by their kind."""
    found = {}
    for folder, _, files in os.walk(root):
        for name in files:
            path = Path(folder) / name
            plain = path.is_file() and not path.is_symlink()
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest() if plain else "no file"
    return found
