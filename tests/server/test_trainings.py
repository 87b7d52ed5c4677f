"""Trainings from the page: the ordinary command in a process of its own, stopped, gone on with, and outliving the studio."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neocog
from neocog.engine import checkpoint
from neocog.errors import UserError
from neocog.run import Run
from neocog.server.found import found
from neocog.server.frame import pack, unpack
from neocog.server.training_room import TrainingRoom
from neocog.server.trainings import Trainings, Wanted, left, settings_of, status_of

Refused = Callable[[Any, int], dict[str, str]]
EPOCHS = 15  # enough to be stopped within
WANTED = {"data": 0, "model": "mlp", "epochs": EPOCHS, "threads": 1, "seed": 3}


def until(true: Callable[[], Any], seconds: float = 300) -> Any:
    """What is true as soon as it is."""
    end = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
    return value


@pytest.fixture(scope="module")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainings]:
    made = Trainings(tmp_path_factory.mktemp("trainings"))
    yield made
    made.stop_all()


@pytest.fixture(scope="module")
def stopped(trainings: Trainings) -> int:
    """A training that was begun, and stopped after an epoch."""
    place = trainings.start(WANTED)
    run = trainings.at(place).run
    until(run.metrics_csv.is_file)
    assert status_of(trainings.at(place))["state"] in ("training", "ending")
    trainings.stop(place)
    until(lambda: not trainings.at(place).works)
    return place


def test_what_is_stopped_is_saved_and_shown_so(trainings: Trainings, stopped: int) -> None:
    seen, run = status_of(trainings.at(stopped)), trainings.at(stopped).run
    newest = checkpoint.latest(run.checkpoints)
    assert newest is not None and seen["step"] == newest.step and 0 < newest.step < seen["steps"]
    assert (seen["state"], seen["error"], seen["data"], seen["model"]) == ("stopped", None, "digits", "mlp")
    other = Trainings(run.folder.parent)  # another studio on the same folder
    other.find([run])
    assert status_of(other.at(0)) == {**seen, "left": None}


def test_gone_on_with_it_has_the_weights_of_the_same_command_in_a_shell(
    trainings: Trainings, stopped: int, tmp_path: Path
) -> None:
    room = TrainingRoom(trainings, runs := [])
    trainings.resume(stopped)
    with pytest.raises(UserError, match="already"):
        trainings.resume(stopped)
    until(lambda: not trainings.at(stopped).works)
    seen = room.status()["trainings"][stopped]
    assert seen["state"] == "done" and seen["run"] == 0 and runs == [trainings.at(stopped).run]
    assert [row["epoch"] for row in seen["rows"]] == list(range(1, EPOCHS + 1))
    assert seen["command"].split()[:5] == ["neocog", "train", "digits", "--model", "mlp"]
    settings = {name: value for name, value in WANTED.items() if name != "data"}
    shell = neocog.train("digits", **settings, out=tmp_path / "run", quiet=True)
    for name in ("weights.safetensors", "metrics.csv", "confusion.csv"):
        assert (runs[0].folder / name).read_bytes() == (shell.folder / name).read_bytes(), name
    header, arrays = unpack(room.shown(stopped))
    counts = json.loads(runs[0].result.read_text())["n"]["validation"]
    assert header["classes"] == list("0123456789") and arrays["confusion"].sum() == counts
    accuracy = np.trace(arrays["confusion"]) / counts
    assert seen["rows"][-1]["validation_accuracy"] == pytest.approx(accuracy)


def test_the_filters_are_those_of_the_newest_checkpoint(lenet: Run, tmp_path: Path) -> None:
    made = Trainings(tmp_path)
    made.find([lenet])
    _, arrays = unpack(TrainingRoom(made, []).shown(0))
    newest = checkpoint.latest(lenet.checkpoints)
    assert newest is not None
    weight = next(tensor for name, tensor in newest.tensors("model").items() if name == "c1.weight")
    shown = arrays["filters"].astype(float) / 127 * arrays["filters.scale"][0]
    assert shown == pytest.approx(weight.numpy(), abs=float(arrays["filters.scale"][0]) / 250)


def test_what_cannot_be_trained_says_why(tmp_path: Path) -> None:
    made = Trainings(tmp_path / "runs", [str(tmp_path / "gone")])
    place = made.start({"data": 0, "epochs": 1})
    until(lambda: not made.at(place).works)
    seen = status_of(made.at(place))
    assert seen["state"] == "failed" and "gone" in json.dumps(seen["error"]) and set(seen["error"]) >= {"what", "fix"}


def test_what_was_not_offered_is_refused(
    client_of: Callable[..., Any], lenet: Run, refused: Refused, tmp_path: Path
) -> None:
    trainings = Trainings(tmp_path)
    with client_of([lenet], trainings=trainings) as client:
        for wrong in ({"data": 99}, {"data": -1}, {"model": "../net.py:Net"}):
            answer = client.post("/api/trainings/start", content=pack({"data": 0, "epochs": 1, **wrong}, {}))
            assert "no such" in refused(answer, 400)["what"]
        for wrong in ({}, {"epochs": 1, "minutes": 1}, {"epochs": -1}):
            answer = client.post("/api/trainings/start", content=pack({"data": 0, **wrong}, {}))
            assert "epochs or minutes" in refused(answer, 400)["what"]
        assert "no such training" in refused(client.post("/api/trainings/7/stop"), 400)["what"]
        assert client.get("/api/trainings").json()["trainings"] == [] and not list(tmp_path.iterdir())


def test_the_time_that_is_left_goes_by_the_pace_that_was_seen() -> None:
    now = time.monotonic()
    assert left([(now - 10, 0), (now, 100)], 300) == pytest.approx(20, abs=1)
    assert left([(now, 100)], 300) is None and left([(now - 10, 100), (now, 100)], 300) is None


def test_data_a_run_that_is_not_done_and_nothing_are_told_apart(
    tmp_path: Path, lenet: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert found(Path("digits")).data == ["digits"] and found(None).runs == []
    (tmp_path / "photos" / "cats").mkdir(parents=True)
    assert found(tmp_path / "photos").data == [str(tmp_path / "photos")]
    begun = tmp_path / "begun"
    begun.mkdir()
    (begun / "plan.json").write_bytes(lenet.plan.read_bytes())
    assert [run.folder for run in found(begun).unfinished] == [begun] and found(begun).runs == []
    assert [run.folder for run in found(tmp_path).unfinished] == [begun]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_ctrl_c_has_a_training_saved_and_a_kill_lets_it_go_on(tmp_path: Path, by: signal.Signals) -> None:
    command = [sys.executable, "-m", "neocog", "studio", "digits", "--no-browser", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        body = pack({"data": 0, "model": "mlp", "epochs": EPOCHS, "threads": 1}, {})
        with urllib.request.urlopen(f"{address}api/trainings/start", data=body) as answer:
            assert unpack(answer.read())[0] == {"id": 0}
        run = Run(tmp_path / "runs" / "digits-mlp")
        until(run.metrics_csv.is_file)
        process.send_signal(by)
    seen = Trainings(tmp_path / "runs")
    seen.find([run])
    state = until(lambda: (now := status_of(seen.at(0))["state"]) not in ("training", "ending") and now)
    assert state == ("stopped" if by == signal.SIGINT else "done")
    assert (checkpoint.latest(run.checkpoints) is not None) and run.result.is_file() == (by == signal.SIGKILL)


def test_the_flags_are_those_that_were_asked_for() -> None:
    asked = Wanted(0, "lenet5", epochs=3, size=16, threads=2, seed=1)
    assert " ".join(settings_of(asked)) == "--epochs 3 --size 16 --threads 2 --seed 1"
    assert list(settings_of(Wanted(0, minutes=0.5))) == ["--minutes", "0.5"]
    for wrong in (Wanted(0), Wanted(0, epochs=1, minutes=1), Wanted(0, epochs=1, size=-8)):
        with pytest.raises(UserError, match="above 0"):
            list(settings_of(wrong))
