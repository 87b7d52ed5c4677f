"""Ctrl-C before a run has begun: one line and exit code 130, whatever is being imported."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from neocog.cli.ctrl_c import leave

# As torch does where its own names are not there yet: another exception is made of KeyboardInterrupt
CODE = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
    sum(range(1000))
except BaseException:
    raise RecursionError("maximum recursion depth exceeded") from None
"""


@pytest.mark.parametrize("module", ["cyclopts", "numpy", "torch"])
def test_ctrl_c_while_modules_are_imported_is_one_line(module: str, tmp_path: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # of tests in the background it is ignored
    (tmp_path / f"{module}.py").write_text(CODE)
    command = [sys.executable, "-m", "neocog", "train", "no-such-data", "--json"]
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths}
    )
    assert (ended.returncode, ended.stderr) == (130, "\nstopped by Ctrl-C; nothing was written\n")
    assert json.loads(ended.stdout)["error"]["kind"] == "interrupted"


def test_a_stress_that_was_stopped_says_that_the_same_command_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def end(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr("neocog.cli.ctrl_c.os._exit", end)
    with pytest.raises(SystemExit, match="130"):
        leave(["stress", "run", "corruption"])
    assert capsys.readouterr().err == "\nstopped by Ctrl-C; what was finished is kept, and the same command goes on\n"


def test_the_command_begins_where_ctrl_c_is_listened_to() -> None:
    settings = Path(__file__).resolve().parent.parent / "pyproject.toml"
    assert tomllib.loads(settings.read_text(encoding="utf-8"))["project"]["scripts"]["neocog"] == "neocog.__main__:main"
