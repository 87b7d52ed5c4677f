"""A run is one thing from its first second: begun, killed anywhere, gone on with, changed, and held to account."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.cli.main import main
from neocog.config import Config, TrainConfig
from neocog.engine.interrupt import Interrupted, Stop
from neocog.errors import UserError
from neocog.facts import sealed
from neocog.run import Run, to_json
from neocog.verbs import crossvalidate, fit, fold_summary, folder, plan, refit, train
from neocog.verbs.prepare import anywhere

QUICK: dict[str, Any] = {"quiet": True, "model": "mlp", "epochs": 3, "augment": ("off",), "threads": 1, "hidden": 8}


class Killed(BaseException):
    """In the place of SIGKILL: nothing of ours handles it."""


def draw_images(place: Path, count: int = 20, classes: tuple[str, ...] = ("left", "right")) -> Path:
    generator = np.random.default_rng(5)
    for name in classes:
        (place / name).mkdir(parents=True)
        for index in range(count):
            pixels = generator.integers(0, 256, (8, 8)).astype(np.uint8)
            Image.fromarray(pixels).save(place / name / f"{index:02}.png")
    return place


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_images(tmp_path_factory.mktemp("data") / "of noise")


@pytest.fixture(scope="module")
def whole(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return neocog.train(images, out=tmp_path_factory.mktemp("out") / "whole", **QUICK)


def content(run: Run) -> dict[str, bytes]:
    """Every file that must not depend on how often the run was stopped."""
    names = ("weights.safetensors", "model.json", "metrics.csv", "predictions.csv", "splits.csv", "config.toml")
    return {str(p.relative_to(run.folder)): p.read_bytes() for p in run.folder.rglob("*") if p.name in names}


def kill_at(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, call: int = 1, after: bool = False) -> None:
    """Kill the process when ``place.name`` is called for the ``call``-th time, before or after its work."""
    original, calls = getattr(place, name), [0]

    def called(*given: Any, **more: Any) -> Any:
        calls[0] += 1
        found = original(*given, **more) if after or calls[0] != call else None
        if calls[0] == call:
            raise Killed
        return found

    monkeypatch.setattr(place, name, called)


@pytest.mark.parametrize(
    ("settings", "place", "name", "call", "after"),
    [
        ({"baseline": True}, fit, "begin", 1, True),
        ({"baseline": True}, fit, "finish_run", 1, False),
        ({"baseline": True}, fit, "finish_run", 2, False),
        ({"baseline": True}, plan, "write_atomically", 1, True),
        ({"baseline": True}, plan, "write_atomically", 2, True),
        ({"baseline": True}, fit, "record_split", 1, False),
        ({"folds": 3}, fit, "finish_run", 2, False),
        ({"folds": 3}, plan, "write_atomically", 1, True),
        ({"folds": 3}, crossvalidate, "summarise", 1, False),
        ({"folds": 3}, fold_summary, "write_card", 1, False),
        ({"curve": True, "epochs": 0}, fit, "finish_run", 1, False),
        ({"curve": True, "epochs": 0}, fit, "record_split", 3, False),
        ({"curve": True, "epochs": 0}, fit, "finish_run", 4, False),
        ({"folds": 3, "refit": True}, fit, "begin", 4, True),
        ({"folds": 3, "refit": True}, refit, "record_split", 1, True),
        ({"folds": 3, "refit": True}, refit, "finish_refit", 1, True),
    ],
)
def test_a_run_that_was_killed_goes_on_whatever_was_at_work(
    settings: dict[str, Any], place: Any, name: str, call: int, after: bool, images: Path, tmp_path: Path
) -> None:
    """The network itself is a cnn where there is a baseline, which is an mlp."""
    model = {"model": "cnn", "widths": (2,), "hidden": 4} if "baseline" in settings else {}
    given = QUICK | {"epochs": 1} | model | settings
    undisturbed = neocog.train(images, out=tmp_path / "undisturbed", **given)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, place, name, call, after)
        neocog.train(images, out=tmp_path / "run", **given)
    run = neocog.resume(tmp_path / "run", quiet=True)
    assert content(run) == content(undisturbed)
    assert len(content(run)) >= 11
    assert json.loads(run.result.read_text())["measures"] == json.loads(undisturbed.result.read_text())["measures"]


def test_what_was_killed_before_it_began_begins_again(images: Path, whole: Run, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "lock").touch()
    (out / ".plan.json.a1b2c3d4").write_text("{")
    with pytest.raises(UserError, match="nothing had begun"):
        neocog.resume(out)
    run = neocog.train(images, out=out, **QUICK)
    assert content(run) == content(whole)
    assert not list(out.rglob(".*"))


def test_a_file_of_the_users_keeps_a_folder_from_being_taken(images: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        neocog.train(images, out=tmp_path / "run", **QUICK)
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["notes.txt"]


def test_a_failure_before_the_beginning_leaves_no_folder(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(plan, "write_atomically", full)
    with pytest.raises(OSError, match="No space left"):
        neocog.train(images, out=tmp_path / "run", **QUICK)
    assert not (tmp_path / "run").exists()


def test_of_two_on_one_folder_the_slower_reader_touches_nothing(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one trains to its end between this one's look at the folder and its lock."""
    out, read = tmp_path / "run", train.read

    def slowly(*given: Any, **more: Any) -> Any:
        monkeypatch.setattr(train, "read", read)
        neocog.train(images, out=out, **QUICK)
        before.update(everything(out))
        return read(*given, **more)

    before: dict[str, tuple[bytes, int]] = {}
    monkeypatch.setattr(train, "read", slowly)
    with pytest.raises(UserError, match="exists already"):
        neocog.train(images, out=out, **QUICK, lr=0.5)
    assert everything(out) == before != {}


def everything(place: Path) -> dict[str, tuple[bytes, int]]:
    files = [path for path in place.rglob("*") if path.is_file() and path.name != "lock"]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def stopped_at(epoch: int) -> Callable[[Any], None]:
    def after_epoch(row: Any) -> None:
        if row["epoch"] == epoch:
            raise Stop("pruned")

    return after_epoch


def half(images: Path, out: Path, **settings: Any) -> Run:
    """A run that its caller has stopped after its first epoch."""
    with pytest.raises(Interrupted) as stop:
        neocog.train(images, out=out, after_epoch=stopped_at(1), **QUICK | settings)
    assert stop.value.code == 4
    assert stop.value.folder == out
    return Run(out)


def test_a_caller_may_stop_a_run_which_is_saved(images: Path, whole: Run, tmp_path: Path) -> None:
    run = half(images, tmp_path / "run")
    assert len(run.metrics_csv.read_text().splitlines()) == 2
    assert not run.result.exists()
    assert content(neocog.resume(run.folder, quiet=True)) == content(whole)


@pytest.mark.parametrize(("setting", "old", "new"), [("lr", "0.002", "0.2"), ("epochs", "3", "5"), ("batch", "8", "4")])
def test_an_edited_setting_is_refused_by_name_unless_it_is_said(
    images: Path, tmp_path: Path, setting: str, old: str, new: str
) -> None:
    run = half(images, tmp_path / "run")
    text = run.config.read_text()
    assert f"\n{setting} = {old}\n" in text
    run.config.write_text(text.replace(f"\n{setting} = {old}\n", f"\n{setting} = {new}\n"))
    before = everything(run.folder)
    with pytest.raises(UserError, match=f"edited after the run began: --{setting} was {old}, is {new}"):
        neocog.resume(run.folder, quiet=True)
    assert everything(run.folder) == before
    neocog.resume(run.folder, quiet=True, change={setting: new})  # as the message says
    history = json.loads(run.result.read_text())["history"]
    assert [each["changed"] for each in history] == [{setting: [json.loads(old), json.loads(new)]}]
    assert (
        f"Not a single training: it was resumed at step {history[0]['step']}, and --{setting} was {old}"
        in run.report.read_text()
    )
    assert f"\n{setting} = {new}\n" in run.config.read_text()


def test_a_change_is_kept_by_later_resumes_and_reaches_the_training(images: Path, whole: Run, tmp_path: Path) -> None:
    run = half(images, tmp_path / "run")
    with pytest.raises(Interrupted):
        neocog.resume(run.folder, quiet=True, change={"lr": 0.05}, after_epoch=stopped_at(2))
    neocog.resume(run.folder, quiet=True)
    for lr in (0.002, 0.05):  # as it was begun, or as it is now
        assert neocog.train(images, out=run.folder, go_on=True, **QUICK, lr=lr).folder == run.folder
    rows = [line.split(",") for line in run.metrics_csv.read_text().splitlines()]
    undisturbed = [line.split(",") for line in whole.metrics_csv.read_text().splitlines()]
    place = rows[0].index("lr")
    assert rows[1][place] == undisturbed[1][place]
    assert float(rows[2][place]) == pytest.approx(25 * float(undisturbed[2][place]))
    assert len(json.loads(run.plan.read_text())["history"]) == 1


@pytest.mark.parametrize("setting", ["seed=3", "model=cnn", "split=0.6", "nonsense=1"])
def test_what_makes_another_run_cannot_be_changed(images: Path, tmp_path: Path, setting: str, capsys: Any) -> None:
    run = half(images, tmp_path / "run")
    with pytest.raises(SystemExit) as left:
        main(["resume", str(run.folder), "--change", setting])
    assert left.value.code == 2
    assert "cannot be changed within a run" in capsys.readouterr().err


def test_the_checkpoints_of_another_run_are_refused(images: Path, tmp_path: Path) -> None:
    one, other = half(images, tmp_path / "one"), half(images, tmp_path / "other", seed=1)
    shutil.rmtree(one.checkpoints)
    shutil.copytree(other.checkpoints, one.checkpoints)
    with pytest.raises(UserError, match="the newest checkpoint is another run's"):
        neocog.resume(one.folder, quiet=True)


def test_go_on_begins_resumes_and_leaves_alone(images: Path, whole: Run, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(Interrupted):
        neocog.train(images, out=out, go_on=True, after_epoch=stopped_at(1), **QUICK)
    with pytest.raises(UserError, match=r"started with other settings: --lr was 0\.002, is 0\.1"):
        neocog.train(images, out=out, go_on=True, **QUICK, lr=0.1)
    run = neocog.train(images, out=out, go_on=True, **QUICK | {"workers": 0})
    assert content(run) == content(whole) | {"config.toml": content(run)["config.toml"]}
    before = everything(out)
    assert neocog.train(images, out=out, go_on=True, **QUICK) == run
    assert neocog.train(images, out=out, go_on=True, **QUICK | {"hidden": "8"}) == run  # as the command line spells it
    with pytest.raises(UserError, match="hidden was 8, is 9"):
        neocog.train(images, out=out, go_on=True, **QUICK | {"hidden": "9"})
    assert everything(out) == before
    with pytest.raises(UserError, match="--go-on needs to know"):
        neocog.train(images, go_on=True, **QUICK)


def test_folds_as_jobs_of_their_own_are_those_of_one_run(images: Path, tmp_path: Path) -> None:
    given = QUICK | {"folds": 3, "epochs": 1}
    together = neocog.train(images, out=tmp_path / "together", **given)
    for fold in (2, 3, 1):
        assert not (tmp_path / "apart" / "result.json").exists()
        run = neocog.train(images, out=tmp_path / "apart", fold=fold, go_on=fold == 3, **given)
    assert content(run) == content(together)
    assert json.loads(run.result.read_text())["measures"] == json.loads(together.result.read_text())["measures"]
    with pytest.raises(UserError, match="exists already"):
        neocog.train(images, out=tmp_path / "apart", fold=2, **given)
    with pytest.raises(UserError, match="--fold 4: there are 3 folds"):
        neocog.train(images, out=tmp_path / "apart", fold=4, **given)


def test_a_job_that_finds_its_folder_taken_says_who_is_at_work_there(images: Path, tmp_path: Path) -> None:
    """The whole in another process, or one that trains the same fold; where nobody is, that it exists."""
    out, given = tmp_path / "run", QUICK | {"folds": 3, "epochs": 1, "fold": 2}
    neocog.train(images, out=out, **given)
    for place, what, fix in (
        (
            out,
            "exists already, and process .* is working on its folds",
            "leave this one to it; or stop it, and add --go-on",
        ),
        (out / "fold-2", "^process .* is working in this run folder", "wait until it ends"),
    ):
        with locked(place), pytest.raises(UserError, match=what) as error:
            neocog.train(images, out=out, **given)
        assert fix in error.value.fix and error.value.where == str(place)
    (out / "lock").write_text("process 1 on a machine that was killed")
    with pytest.raises(UserError, match="fold-2 exists already\n"):
        neocog.train(images, out=out, **given)


@contextmanager
def locked(place: Path) -> Iterator[None]:
    """Another process holds the folder's lock."""
    code = "import sys; from neocog.engine.lock import lock; from pathlib import Path\n"
    code += f"with lock(Path({str(place)!r})): print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin and holder.stdout and holder.stdout.readline()
        yield
        holder.stdin.close()


def test_a_job_of_folds_with_other_settings_is_refused(images: Path, tmp_path: Path) -> None:
    given = QUICK | {"folds": 3, "epochs": 1}
    neocog.train(images, out=tmp_path / "apart", fold=1, **given)
    with pytest.raises(UserError, match=r"started differently: --lr was 0\.002, is 0\.1"):
        neocog.train(images, out=tmp_path / "apart", fold=2, **given, lr=0.1)
    assert not (tmp_path / "apart" / "fold-2").exists()


def test_a_renamed_class_is_refused_even_where_data_may_change(tmp_path: Path) -> None:
    images = draw_images(tmp_path / "images", classes=("a", "b", "c"))
    run = half(images, tmp_path / "run")
    (images / "a").rename(images / "z")
    before = everything(run.folder)
    with pytest.raises(UserError, match="classes have changed since this run began: gone: a; new: z"):
        neocog.resume(run.folder, quiet=True, allow_changed=True)
    assert everything(run.folder) == before


def test_with_fewer_images_there_are_as_many_epochs(tmp_path: Path, capsys: Any) -> None:
    images = draw_images(tmp_path / "images", count=40)
    run = half(images, tmp_path / "run", batch=4)
    for path in sorted(images.rglob("*.png"))[::2]:
        path.unlink()
    neocog.resume(run.folder, allow_changed=True)
    assert "going on from step 9 of 27" in capsys.readouterr().err  # 16 steps an epoch were made, now there are 9
    found = json.loads(run.result.read_text())
    head, *rows = [line.split(",") for line in run.metrics_csv.read_text().splitlines()]
    assert [int(row[head.index("step")]) for row in rows] == [16, 18, 27]
    assert found["epochs"] == 3
    assert found["best_epoch"] <= 3


@pytest.mark.parametrize("name", ["save_predictor", "write_card"])
def test_a_signal_while_judging_saves_and_says_how_to_go_on(
    name: str, images: Path, whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def signalled(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(f"neocog.verbs.finish.{name}", signalled)
        with pytest.raises(Interrupted) as stop:
            neocog.train(images, out=tmp_path / "a run", **QUICK)
    assert stop.value.code == 143
    assert f"; go on with: neocog resume '{tmp_path / 'a run'}'" in str(stop.value)
    assert content(neocog.resume(tmp_path / "a run", quiet=True)) == content(whole)


def test_a_signal_in_the_baseline_names_the_whole_run(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = fit.watcher

    def watcher(*given: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return original(*given)

    monkeypatch.setattr(fit, "watcher", watcher)
    with pytest.raises(Interrupted) as stop:
        neocog.train(images, out=tmp_path / "run", **QUICK | {"model": "cnn", "widths": (2,), "baseline": True})
    assert stop.value.folder == tmp_path / "run"
    assert (tmp_path / "run" / "baseline" / "checkpoints").is_dir()


def test_a_signal_while_reading_says_that_nothing_was_written(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "read", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted, match="nothing was written"):
        neocog.train(images, out=tmp_path / "run", **QUICK)
    assert not (tmp_path / "run").exists()


def test_other_instructions_of_the_processor_are_told_and_recorded(images: Path, tmp_path: Path, capsys: Any) -> None:
    run = half(images, tmp_path / "run")
    facts = json.loads(run.environment.read_text())
    facts["cpu"]["capability"], facts["cpu"]["limits"] = "AVX9", {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    run.environment.write_text(json.dumps(facts))
    neocog.resume(run.folder)
    said = capsys.readouterr().err
    assert "will not be bit-identical to an uninterrupted run: what torch uses of them was AVX9" in said
    assert "a limit on them was ONEDNN_MAX_CPU_ISA=AVX2, is none" in said
    (entry,) = json.loads(run.result.read_text())["history"]
    assert len(entry["surroundings"]) == 2


def test_a_folder_of_the_runs_own_name_is_not_taken_twice(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [neocog.train(images, **QUICK | {"epochs": 1}).folder for _ in range(2)]
    assert [run.name for run in runs] == ["of noise-mlp", "of noise-mlp-2"]
    assert folder.is_complete(Run(runs[1]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("classes", [1, 2]), ("classes", [[], {}]), ("stages", []), ("stages", ["../../x"]), ("stages", "fold-1"),
        ("command", [1, {}]),
        ("version", [1]), ("asked", []), ("identity", ""), ("identity", None), ("fold", 99), ("fold", True), ("settings", {}),
        ("history", [{}]), ("history", [3]), ("history", [{"step": "x"}]), ("history", [{"surroundings": [1, None]}]),
        ("history", [{"changed": {"lr": [1, 2, 3]}}]), ("history", [{"changed": {"seed": [1, 2]}}]),
    ],
)  # fmt: skip
def test_a_plan_that_is_none_of_ours_is_refused(name: str, value: Any, images: Path, tmp_path: Path) -> None:
    run = half(images, tmp_path / "run")
    plan = json.loads(run.plan.read_text())
    if name == "history" and isinstance(value[0], dict) and value[0]:
        value = [{"step": 1, "changed": {}, "surroundings": [], "identity": plan["identity"], **value[0]}]
    run.plan.write_text(to_json(sealed(plan | {name: value})))
    before = everything(run.folder)
    with pytest.raises(UserError) as refused:
        neocog.resume(run.folder, quiet=True)
    assert str(run.plan) in refused.value.where
    assert everything(run.folder) == before


def test_settings_that_were_edited_in_both_files_are_refused(images: Path, tmp_path: Path) -> None:
    """The two files agree with each other, and with nothing that was learned."""
    run = half(images, tmp_path / "run")
    rate = json.loads(run.plan.read_text())["settings"]["training"]["lr"]
    run.plan.write_text(run.plan.read_text().replace(f'"lr": {rate}', '"lr": 0.0123'))
    run.config.write_text(run.config.read_text().replace(f"\nlr = {rate}\n", "\nlr = 0.0123\n"))
    assert "0.0123" in run.plan.read_text() and "0.0123" in run.config.read_text()
    before = everything(run.folder)
    with pytest.raises(UserError, match="edited since it was written") as refused:
        neocog.resume(run.folder, quiet=True)
    assert str(run.plan) in refused.value.where and everything(run.folder) == before


def test_a_run_whose_checkpoints_are_gone_says_that_it_begins_again(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = half(images, tmp_path / "run")
    shutil.rmtree(run.checkpoints)
    neocog.resume(run.folder)
    assert "no checkpoint of this run is left: it starts again" in capsys.readouterr().err


def test_data_are_found_again_from_any_folder(tmp_path: Path, whole: Run, images: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(images.parent)
    half(Path(images.name), tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    assert neocog.train(images, out="run", go_on=True, **QUICK).result.is_file()


OWN = """
import torch
class Small(torch.nn.Sequential):
    def __init__(self, channels, size, outputs):
        super().__init__(torch.nn.Flatten(), torch.nn.Linear(channels * size[0] * size[1], outputs))
"""


def test_a_network_in_a_file_is_found_again_from_any_folder(tmp_path: Path, images: Path, monkeypatch: Any) -> None:
    """By `resume`, by --go-on and by what reads the finished run."""
    (tmp_path / "own.py").write_text(OWN)
    own: dict[str, Any] = {name: value for name, value in QUICK.items() if name != "hidden"} | {"model": "own.py:Small"}
    monkeypatch.chdir(tmp_path)
    for name in ("resumed", "again"):
        with pytest.raises(Interrupted):
            neocog.train(images, out=name, after_epoch=stopped_at(1), **own)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    run = neocog.resume("../resumed", quiet=True)
    neocog.evaluate(run, quiet=True)
    neocog.train(images, out="../again", go_on=True, **own | {"model": "../own.py:Small"})
    assert json.loads((tmp_path / "again" / "model.json").read_text())["model"] == f"{tmp_path}/own.py:Small"


def test_the_judging_classifier_is_found_again_from_any_folder(tmp_path: Path, monkeypatch: Any) -> None:
    asked = Config(training=TrainConfig(extractor="judge"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "judge").mkdir()
    (tmp_path / "inception").mkdir()
    assert anywhere(asked).training.extractor == str(tmp_path / "judge")
    for name in ("", "inception"):
        assert anywhere(Config(training=TrainConfig(extractor=name))).training.extractor == name


def test_a_run_inside_its_data_is_refused(tmp_path: Path) -> None:
    images = draw_images(tmp_path / "images")
    before = everything(images)
    for out in (images / "run", images / "left" / "run"):
        with pytest.raises(UserError, match="inside the folder of its data"):
            neocog.train(images, out=out, **QUICK)
    assert everything(images) == before


@pytest.mark.parametrize("letter", ["\u2028", "\x85", "\x0c", "\n", "\r"])
def test_names_with_any_letter_go_on(letter: str, tmp_path: Path) -> None:
    images = draw_images(tmp_path / "images")
    for path in images.rglob("*.png"):
        path.rename(path.with_name(f"x{letter}{path.name}"))
    run = half(images, tmp_path / "run")
    assert neocog.resume(run.folder, quiet=True).result.is_file()


def test_a_fold_in_the_place_of_another_is_not_counted_twice(images: Path, tmp_path: Path) -> None:
    given = QUICK | {"folds": 3, "epochs": 1}
    run = neocog.train(images, out=tmp_path / "run", **given)
    shutil.rmtree(run.folder / "fold-2")
    shutil.copytree(run.folder / "fold-1", run.folder / "fold-2")
    run.report.unlink()
    with pytest.raises(UserError, match="this is fold 1, not fold 2"):
        neocog.resume(run.folder, quiet=True)


def test_the_summary_says_which_fold_was_changed(images: Path, tmp_path: Path) -> None:
    given = QUICK | {"folds": 3, "epochs": 2}
    with pytest.raises(Interrupted):
        neocog.train(images, out=tmp_path / "run", after_epoch=stopped_at(1), **given)
    neocog.resume(tmp_path / "run" / "fold-1", quiet=True, change={"epochs": 3})
    run = neocog.resume(tmp_path / "run", quiet=True)
    assert json.loads(run.result.read_text())["history"].keys() == {"fold-1"}
    assert "fold-1: Not a single training" in run.report.read_text()


def test_a_run_that_was_begun_before_a_setting_came_goes_on(images: Path, whole: Run, tmp_path: Path) -> None:
    """What its plan does not have is as it is by default, and no change of its settings."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, fit, "finish_run")
        neocog.train(images, out=tmp_path / "run", **QUICK)
    run = Run(tmp_path / "run")
    found = json.loads(run.plan.read_text())
    for tables in (found["settings"], found["asked"]):
        del tables["data"]["repeats"], tables["training"]["refit"], tables["training"]["curve"]
    run.plan.write_text(json.dumps(sealed(found)))
    lines = run.config.read_text().splitlines(keepends=True)
    run.config.write_text("".join(line for line in lines if line.split(" ")[0] not in ("repeats", "refit", "curve")))
    assert content(neocog.resume(run.folder, quiet=True)) == content(whole)
