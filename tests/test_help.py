"""``--help`` on one screen, and ``--set`` for everything that is not on it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from neocog.checked import flag
from neocog.cli.main import main
from neocog.cli.short_help import USUAL
from neocog.config import SECTIONS, TABLES, Config, parameters
from neocog.traits import TASKS as OURS
from neocog.traits import own_settings, traits
from neocog.verbs import train

TASKS = ("auto", *OURS)
LINES, FLAGS, COLUMNS = 50, 26, 80


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    main(list(words))
    told = capsys.readouterr()
    assert told.err == ""
    return told.out


def flags_of(page: str) -> list[str]:
    return re.findall(r"^  (--[\w-]+)", page, re.MULTILINE)


def lines_of(page: str) -> list[str]:
    return page.rstrip("\n").split("\n")


@pytest.mark.parametrize("task", ["", *TASKS])
def test_help_of_train_fits_a_screen_with_26_flags_and_the_tasks_own(
    task: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = shown(capsys, "train", "--help", *(["--task", task] if task else []))
    lines, flags = lines_of(page), flags_of(page)
    assert len(lines) <= LINES and max(map(len, lines)) <= COLUMNS, page
    settings = (*traits(task).settings, *own_settings(task)) if task in OURS else ()
    own = {flag(name) for name in settings if name not in USUAL}
    general = {flag(name) for name in USUAL} | {"--config", "--out", "--json", "--quiet"}
    assert len(flags) == len(set(flags)) and len(general) <= FLAGS
    assert set(flags) - {"--loss"} == general | own
    assert ("--loss" in flags) == bool(own)
    last = " ".join(page.split()[-45:])
    assert "--help-all" in last and "--set section.key=value" in last and "(--config)" in last


@pytest.mark.parametrize("verb", ["audit", "preview", "evaluate", "convert augment"])
def test_help_of_the_other_verbs_that_read_data_is_as_short(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    for task in TASKS:
        page = shown(capsys, *verb.split(), "--help", f"--task={task}")
        assert len(lines_of(page)) <= LINES and len(flags_of(page)) <= FLAGS
        assert ("--ignore" in flags_of(page)) == (task == "segmentation"), page
        assert "--label-smoothing" not in page


def test_help_all_has_every_flag_under_its_heading(capsys: pytest.CaptureFixture[str]) -> None:
    page = shown(capsys, "train", "--help-all")
    every = [p.name for kind in SECTIONS.values() for p in parameters(kind) if p.name not in ("data", *TABLES)]
    places = [page.index(heading) for heading in ("─ Data ─", "─ Model ─", "─ Training ─", "─ Transfer ─")]
    for name in [*every, "go_on", "fold", "set", "config", "out", "json", "quiet"]:
        assert f" {flag(name)} " in page, name
    assert places == sorted(places) and page.index("│ --tune ") > places[3]
    assert places[1] < page.index("│ --model ") < places[2] < page.index("│ --lr ")


def test_short_descriptions_are_whole_sentences_and_say_choices_and_defaults(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = shown(capsys, "train", "--help", "--task", "vae")
    assert "--lr X            Peak learning rate. [0.002]\n" in page
    assert "--optimizer WORD  Update rule: adamw, adam, rmsprop, sgd, muon, gd\n" in page
    assert "--binarise WORD   Binarise the pixels (vae): none, threshold, sampled\n" in page


def test_a_task_that_there_is_none_of_is_told_in_help_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["train", "--help", "--task", "vea"])
    assert left.value.code == 2 and "did you mean 'vae'" in capsys.readouterr().err


class Read(Exception):
    """The settings were found good, and the data would be opened now."""


def understood(words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Config:
    """The settings with which a training would begin."""
    found: list[Config] = []

    def start(config: Config, *_: Any) -> Any:
        found.append(config)
        raise Read

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "start", start)
    with pytest.raises(Read):
        main(["train", "digits", *shlex.split(words)])
    return found[0]


@pytest.mark.parametrize(
    ("sets", "flags"),
    [
        ("--set training.lr=0.01", "--lr 0.01"),
        ("--set training.momentum=0.8 training.optimizer=sgd", "--momentum 0.8 --optimizer sgd"),
        ("--set data.split=0.7,0.1,0.2 --set data.split-seed=3", "--split 0.7 0.1 0.2 --split-seed 3"),
        ("--split 0.7,0.1,0.2 --betas 0.8,0.9", "--split 0.7 0.1 0.2 --betas 0.8 0.9"),
        ("--size 16,24", "--size 16 24"),
        ("--set training.augment=turn=15 --set training.augment=flip=off", "--augment turn=15 flip=off"),
        ("--set model.model=cnn --set model.widths=32,64", "--model cnn --widths 32,64"),
        ("--set model.options.batch-norm=no --model cnn", "--batch-norm no --model cnn"),
        ("--set training.nesterov=true --optimizer sgd", "--nesterov --optimizer sgd"),
        ("--set data.task=gan", "--task gan"),
        ("--set transfer.pretrained=imagenet", "--from imagenet"),
        ("--set transfer.tune=last:2 --from imagenet", "--pretrained imagenet --tune last:2"),
    ],
)
def test_set_is_the_flag(sets: str, flags: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert understood(sets, monkeypatch, tmp_path) == understood(flags, monkeypatch, tmp_path) != Config()


def test_set_goes_before_a_file_of_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("[training]\nlr = 0.5\nepochs = 3\n")
    found = understood("--config my.toml --set training.lr=0.01", monkeypatch, tmp_path)
    assert (found.training.lr, found.training.epochs) == (0.01, 3)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--set training.lrr=0.01", "no setting 'lrr' in [training] where: --set fix: did you mean 'lr'"),
        ("--set trainig.lr=0.01", "did you mean 'training'"),
        ("--set data.lr=0.01", "it belongs into [training]"),
        ("--set model.lr=0.01", "it belongs into [training]"),
        ("--set lr=0.01", "write --set training.lr=0.01"),
        ("--set training.lr", "is not section.key=value"),
        ("--set training.lr=much", "--lr much is not a finite number"),
        ("--set training.lr=-1", "--lr -1"),
        ("--set training.lr=0.1 --lr 0.2", "--lr and --set training.lr=0.1 give one setting twice"),
        ("--set training.lr=0.1 training.lr=0.2", "give one setting twice"),
        ("--model cnn --set model.widths=3 --widths 4", "--widths and --set model.widths=3 give one setting twice"),
        ("--model cnn --set model.widhts=3", "unknown option --widhts"),
        ("--set data.data=mnist", "give one setting twice"),
    ],
)
def test_what_is_wrong_with_set_is_told(
    words: str, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(["train", "digits", *words.split()])
    told = " ".join(capsys.readouterr().err.split())
    assert left.value.code == 2 and says in told, told
    assert not (tmp_path / "runs").exists()


def test_faults_of_set_are_told_with_all_others(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "digits", "--set", "training.lrr=1", "training.lr=no", "--epochs", "many", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert len(told["errors"]) == 3
