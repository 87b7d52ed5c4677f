"""The command line's contract: exit codes, one JSON object on stdout, errors in three facts and no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from neocog.cli.main import main


def neocog(*words: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "neocog", *map(str, words)]
    return subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, **environment},
        check=False,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A short training in a folder with a space in its name, begun from an empty folder."""
    place = tmp_path_factory.mktemp("a folder")
    done = neocog(
        "train", "digits", "--epochs", "3", "--model", "lenet5", "--size", "28", "--out", "my run", "--json", cwd=place
    )
    assert done.returncode == 0, done.stderr
    return place / "my run", done


def test_json_is_exactly_one_object_on_stdout(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, done = run
    printed = json.loads(done.stdout)
    assert printed == json.loads((folder / "result.json").read_text())
    assert {"run", "report", "task", "model", "parameters", "classes", "n", "measures", "seconds", "epochs"} <= set(
        printed
    )
    assert printed["parameters"] == 61706
    assert sum(printed["n"].values()) == 1797
    assert "read as" in done.stderr  # what was taken for what stands in the first line
    assert printed["measures"]["test"]["accuracy"]["value"] > 0.5


def test_a_run_folder_holds_what_it_promises(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    names = {path.name for path in run[0].iterdir()}
    promised = "config.toml environment.json splits.csv metrics.csv checkpoints weights.safetensors model.json"
    assert set(f"{promised} predictions.csv result.json sections.json report.html".split()) <= names
    assert not [path for path in run[0].rglob("*") if path.suffix in (".pt", ".pkl", ".pickle")]


def test_resuming_a_complete_run_changes_nothing(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = run
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    again = neocog("resume", folder.name, cwd=folder.parent)
    assert again.returncode == 0 and "already complete" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before


def test_evaluate_repeats_the_runs_own_numbers(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, done = run
    again = neocog("evaluate", folder.name, "--json", cwd=folder.parent)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["measures"]["test"] == json.loads(done.stdout)["measures"]["test"]


def test_evaluate_refuses_images_that_were_trained_on(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = run
    again = neocog("evaluate", folder.name, "digits", cwd=folder.parent)
    assert again.returncode == 2
    assert "were used to train this run" in again.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "digits", "--lrr", "3"], "did you mean --lr?"),
        (["trian", "digits"], "did you mean 'train'"),
        (["train", "digits", "--lr", "nan"], "--lr nan is not a finite number"),
        (["train", "digits", "--lr", "0"], "--lr 0"),
        (["train", "digits", "--lr", "fast"], "fast"),
        (["train", "digits", "--epochs", "-1"], "--epochs -1 is below 0"),
        (["train", "digits", "--batch", "-1"], "--batch -1 is below 0"),
        (["train", "digits", "--batch", "5000"], "--batch 5000 exceeds the 1,797 samples"),
        (["train", "digits", "--optimizer", "adamm"], "did you mean 'adam'"),
        (["train", "digits", "--model", "lenet6"], "did you mean 'lenet5'"),
        (["train", "digits", "--model", "cnn", "--activation", "rellu"], "relu"),
        (["train", "digits", "--augment", "tern=3"], "did you mean 'turn'"),
        (["train", "digits", "--device", "cuda"], "no GPU"),
        (["train", "no such folder/"], "no such folder"),
        (["train", "digits", "--config", "no.toml"], "no.toml"),
        (["train"], "DATA"),
        (["resume", "nowhere"], "is not a run folder"),
        (["evaluate", "nowhere"], "is not a run folder"),
        (["predict", "nowhere", "x.png"], "has no trained network"),
        (["report", "nowhere"], "nowhere"),
        (["audit", "no such folder/"], "no such folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_users_mistake_is_one_clear_error(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    if "cuda" in words and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(words)
    told = capsys.readouterr()
    assert left.value.code == 2, told.err
    assert says in " ".join(told.err.split())
    assert told.err.count("error:") == 1
    assert told.out == ""
    assert not list(tmp_path.iterdir()), "nothing is written before the settings are checked"


def test_an_existing_output_is_never_written_over(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = run
    again = neocog("train", "digits", "--out", folder.name, cwd=folder.parent)
    assert again.returncode == 2 and "exists already" in again.stderr


def test_a_reader_that_stops_listening_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m neocog models --json | head -c 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "{" and "Traceback" not in done.stderr and done.returncode == 0


def test_a_plain_locale_prints_any_name(tmp_path: Path) -> None:
    done = neocog("audit", "fotos – été/", cwd=tmp_path, LANG="C", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_settings_of_a_run_train_again_and_flags_go_before_them(
    run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = run
    words = ["train", "digits", "--config", folder / "config.toml", "--epochs", "1", "--out", "second"]
    done = neocog(*words, cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    text = (folder.parent / "second" / "config.toml").read_text()
    assert 'model = "lenet5"' in text and "epochs = 1\n" in text


def test_every_verb_explains_itself_with_an_example() -> None:
    import neocog as package

    for verb in (*package.VERBS, "convert labelme", "convert augment", "convert upright", "bench backends"):
        done = neocog(*verb.split(), "--help", cwd=Path.cwd())
        examples = [line for line in done.stdout.splitlines() if line.startswith(" neocog ")]
        assert done.returncode == 0 and any(line.startswith(f" neocog {verb}") for line in examples), verb


def test_the_readmes_first_command_learns_the_digits(tmp_path: Path) -> None:
    """As a new user types it, from an empty folder: the installed command, all defaults."""
    command = [Path(sys.executable).with_name("neocog"), "train", "digits"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "runs" / "classification" / "digits-cnn"
    assert str(run.relative_to(tmp_path) / "report.html") in done.stderr and (run / "report.html").is_file()
    assert json.loads((run / "result.json").read_text())["measures"]["test"]["accuracy"]["value"] >= 0.97
