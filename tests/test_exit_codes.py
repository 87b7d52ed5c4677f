"""What a driver learns of a failure: one exit code a cause and, with --json, one JSON object on standard output."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from neocog.cli import main as cli
from neocog.errors import UserError

TINY = ["train", "digits", "--model", "mlp", "--epochs", "2", "--threads", "1", "--json"]


def left(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any], str]:
    """(exit code, the JSON on standard output, standard error) of a command in this process."""
    with pytest.raises(SystemExit) as leaving:
        cli.main(words)
    told = capsys.readouterr()
    assert isinstance(leaving.value.code, int)
    return leaving.value.code, json.loads(told.out), told.err


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["train", "digits", "--lr", "0"], "--lr 0 is not above 0"),
        (["train", "digits", "--lrr", "0"], "unknown option --lrr"),  # the parser's own
        (["evaluate", "nowhere"], "nowhere is not a run folder"),
        (["evaluate", "a" * 300], "the system refused: File name too long"),
        (["audit", "nothing/"], "no such file, folder or name"),
    ],
)
def test_a_mistake_is_code_2_and_one_object(words: list[str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, found, said = left([*words, "--json"], capsys)
    assert code == 2
    assert found.keys() == {"error"} and found["error"].keys() == {"what", "where", "fix", "kind"}
    assert found["error"]["what"] == what and found["error"]["kind"] == "mistake" and found["error"]["fix"]
    assert f"error: {what}" in said and "Traceback" not in said


def test_of_several_mistakes_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, found, _ = left(["train", "digits", "--lr", "0", "--epochs", "-1", "--json"], capsys)
    assert code == 2 and found["error"] == found["errors"][0]
    assert {each["what"] for each in found["errors"]} == {"--epochs -1 is below 0", "--lr 0 is not above 0"}


def test_a_loss_that_is_not_finite_is_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    code, found, said = left([*TINY, "--lr", "1000", "--optimizer", "sgd", "--schedule", "constant"], capsys)
    assert code == 3 and found["error"]["kind"] == "not-finite"
    assert "training stopped before the weights were touched" in found["error"]["what"] and "error: " in said


def test_a_defect_is_code_1_with_its_traceback_and_still_one_object(tmp_path: Path) -> None:
    code = (
        "import sys; from neocog.cli import main as cli\n"
        "def broken(*_, **__): raise RuntimeError('of ours')\n"
        "cli._parse = broken; cli.main(['device', '--json'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Traceback" in done.stderr
    assert json.loads(done.stdout)["error"]["kind"] == "defect"


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_is_128_and_its_number(sent: signal.Signals, code: int, tmp_path: Path) -> None:
    """The signal comes from within, at the first epoch's end."""
    program = (
        "import os, sys; from neocog.cli import main as cli; from neocog.verbs import watch\n"
        "whole = watch.write_metrics\n"
        f"watch.write_metrics = lambda *given: (whole(*given), os.kill(os.getpid(), {int(sent)}))\n"
        f"cli.main({[*TINY, '--out', 'run']!r})"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "interrupted" and error["where"] == "run" and error["fix"] == "neocog resume run"


def test_one_process_of_several_speaks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit):
        cli.main(["evaluate", "nowhere", "--json"])
    assert capsys.readouterr().out == ""


def test_a_caller_that_stops_a_training_gets_code_4() -> None:
    from neocog.engine.interrupt import CALLER, Interrupted

    stop = Interrupted(CALLER, Path("run"))
    assert stop.code == 4 and stop.facts[0]["kind"] == "stopped" and stop.facts[0]["fix"] == "neocog resume run"


def test_what_the_system_refuses_names_the_file() -> None:
    error = cli.refused(OSError(28, "No space left on device", "/a/b\udce9"))
    assert isinstance(error, UserError) and error.where == "/a/b\\udce9" and "free some space" in error.fix
