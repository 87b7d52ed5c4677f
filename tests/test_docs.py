"""What the README, the essays and the help show can be typed as it stands there: every command, every snippet, every example."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from cyclopts import CycloptsError

import neocog
from neocog.cli.commands import app
from neocog.cli.main import main
from neocog.verbs import ahead, prepare

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
HELP = sorted((ROOT / "src/neocog/cli").glob("*.py"))


class Read(Exception):
    """The settings were found good, and the data would be opened now."""


def commands() -> list[str]:
    """Every line that starts with ``neocog``, in blocks of the pages and in the help, without its comment."""
    found = []
    for page in PAGES:
        for block in re.findall(r"^```\w*\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            found += re.findall(r"^(?:.*&& )?(neocog .*)$", block, re.MULTILINE)
    for file in HELP:
        found += re.findall(r"^ {8}(neocog .*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return sorted({command.split(" #")[0].split(" > ")[0].strip() for command in found})


@pytest.mark.parametrize("command", commands())
def test_a_command_that_is_shown_is_understood(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise Read

    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)[1:]
    if words[0] == "train":
        monkeypatch.setattr(ahead, "origin_of", lambda *_: None)  # pretrained weights, which are not here
        monkeypatch.setattr(prepare, "open_data", stop)
        with pytest.raises(Read):
            main(words)
        return
    try:
        app.parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        pytest.fail(f"{command}: {error}")


def test_there_are_commands() -> None:
    assert len(commands()) > 60


def test_the_essay_on_gradients_computes_what_it_says() -> None:
    failed, attempted = doctest.testfile(str(ROOT / "docs/how-the-gradient-flows.md"), module_relative=False)
    assert not failed and attempted > 30


def test_the_snippet_on_pretrained_weights_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = (ROOT / "docs/transfer.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(snippet, {})
    assert "Pretrained weights" in Path("runs/few/report.html").read_text(encoding="utf-8")


def test_the_snippets_of_the_essay_on_lenet_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs/lenet-by-hand.md").read_text(encoding="utf-8")
    penalty, starts = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    scope: dict[str, Any] = {}
    exec(penalty, scope)
    weights = next(iter(scope["model"].parameters()))
    assert scope["added"] > 0 and abs(weights.grad - 2 * 0.003 * weights.data).max() < 1e-7
    monkeypatch.chdir(ROOT)
    short = starts.replace("100, seed", "2, seed").replace("range(5)", "range(1)")
    assert short.count("2, seed") == short.count("range(1)") == 1
    exec(short, {})
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_the_example_of_help_neocog_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    failed, attempted = doctest.testmod(neocog)
    assert not failed and attempted == 4
