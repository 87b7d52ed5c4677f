"""Two nodes that do not have the same before them: one clear error on both, before anything is learned, and no waiting."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch.distributed as dist
from PIL import Image

import neocog
from neocog.run import Run

pytestmark = pytest.mark.distributed
NODE = Path(__file__).with_name("node.py")
QUICK = ["--model", "mlp", "--hidden", "8", "--epochs", "2", "--batch", "10", "--augment", "off", "--threads", "1"]
TRAIN = ["train", "data", "--out", "run", *QUICK]
GO_ON = ["train", "../../common/data", *TRAIN[2:], "--go-on"]
Change = Callable[[Path], object]


@dataclass(frozen=True)
class Difference:
    """What is other on the second node, the command, and what the error must name."""

    names: tuple[str, ...]
    change: Change = lambda folder: None
    command: list[str] = field(default_factory=lambda: TRAIN)
    second: list[str] = field(default_factory=list)  # the second node's command; the same where it is empty
    patch: dict[str, Any] = field(default_factory=dict)
    run: bool = False  # whether both have a run to go on with


def settings(folder: Path, lr: float) -> None:
    (folder / "own.toml").write_text(f"[training]\nlr = {lr}\n")


def other_pixels(folder: Path) -> None:
    path = folder / "data" / "left" / "03.png"
    Image.fromarray(255 - np.asarray(Image.open(path))).save(path)


def other_label(folder: Path) -> None:
    table = folder / "table.csv"
    table.write_text(table.read_text().replace("left/03.png,left", "left/03.png,right"))


def without_newest(folder: Path) -> None:
    shutil.rmtree(max((folder / "run" / "checkpoints").glob("step-*")))


VERSION, CPU = "neocog.verbs.nodes.__version__", "neocog.verbs.nodes.environment"
OTHER = {"versions": {"torch": "1.0"}, "cpu": {"capability": "DEFAULT"}}
DIFFERENCES = {
    "a file fewer": Difference(
        ("the data of rank 1", "left/03.png", "rsync"), lambda folder: (folder / "data/left/03.png").unlink()
    ),
    "other pixels": Difference(("the data of rank 1", "1 altered: left/03.png"), other_pixels),
    "other label": Difference(
        ("the data of rank 1", "left/03.png"), other_label, ["train", "table.csv", "--out", "run", *QUICK]
    ),
    "no data": Difference(("data", "rank 1 on"), lambda folder: shutil.rmtree(folder / "data")),
    "other flags": Difference(("settings of rank 1", "--lr 0.5, not 0.25"), command=[*TRAIN, "--lr", "0.25"],
                              second=[*TRAIN, "--lr", "0.5"]),
    "other settings file": Difference(("settings of rank 1", "--lr 0.5, not 0.25"), lambda folder: settings(folder, 0.5),
                                      [*TRAIN, "--config", "own.toml"]),
    "a flag misspelt": Difference(("--lrr",), second=[*TRAIN, "--lrr", "1"]),
    "other neocog": Difference(("neocog 9.9", "same version"), patch={VERSION: "9.9"}),
    "other torch and instructions": Difference(("torch 1.0", "instructions DEFAULT"), patch={CPU: OTHER}),
    "run folder not shared": Difference(("does not see in the run folder", "NFS")),
    "a run on one node only": Difference(("begins a run, not goes on with a run",),
                                         lambda folder: shutil.rmtree(folder / "run"), GO_ON, run=True),
    "other pixels elsewhere": Difference(("the data of rank 1", "1 altered: left/03.png"), other_pixels, GO_ON,
                                         [*TRAIN, "--go-on"], run=True),
    "no checkpoint": Difference(("no sound checkpoint", "the one of step"),
                                lambda folder: shutil.rmtree(folder / "run/checkpoints"), ["resume", "run"], run=True),
    "older checkpoint": Difference(("rank 0 has the one of step",), without_newest, ["resume", "run"], run=True),
}  # fmt: skip


SRUN = {"train": ["train", "data", *QUICK], "train again": ["train", "data", *QUICK, "--out", "runs/own", "--go-on"],
        "audit": ["audit", "data"]}  # fmt: skip
RESTARTS = ("0", "1")


def stop_after_one(row: Any) -> None:
    if row["epoch"] == 1:
        raise neocog.Stop


def both(tmp: Path) -> None:
    """tmp/common: what each node gets a copy of, and tmp/run, a run that was stopped."""
    common, rng = tmp / "common", np.random.default_rng(0)
    rows = ["image,label"]
    for name in ("left", "right"):
        (common / "data" / name).mkdir(parents=True)
        for number in range(20):
            Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(common / "data" / name / f"{number:02}.png")
            rows.append(f"data/{name}/{number:02}.png,{name}")
    (common / "table.csv").write_text("\n".join(rows) + "\n")
    settings(common, 0.25)
    options: dict[str, Any] = {"model": "mlp", "hidden": "8", "batch": 10, "augment": ("off",), "threads": 1}
    with pytest.raises(neocog.Interrupted):
        neocog.train(common / "data", tmp / "run", quiet=True, epochs=2, after_epoch=stop_after_one, **options)
    record = Run(tmp / "run").environment
    record.write_text(json.dumps({**json.loads(record.read_text()), "processes": 2}))  # as if two had begun it


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def by_torchrun(rank: int) -> dict[str, str]:
    return {
        "RANK": f"{rank}",
        "GROUP_RANK": f"{rank}",
        "WORLD_SIZE": "2",
        "LOCAL_RANK": "0",
        "MASTER_ADDR": "127.0.0.1",
    }


def by_srun(rank: int) -> dict[str, str]:
    step = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NODELIST": "127.0.0.1", "SLURM_STEP_TASKS_PER_NODE": "2"}
    return {"SLURM_PROCID": f"{rank}", "SLURM_LOCALID": f"{rank}", "SLURM_NTASKS": "2", "SLURM_JOB_ID": "7", **step}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nodes")


@pytest.fixture(scope="module")
def outcomes(place: Path, request: pytest.FixtureRequest) -> dict[str, list[dict[str, Any]]]:
    """What both nodes came to, of each difference that is asked for, and of srun; the whole is one process a node."""
    both(place)
    asked = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    differences = {name: difference for name, difference in DIFFERENCES.items() if name in asked}
    cases: list[list[dict[str, Any]]] = [[], []]
    for name, difference in differences.items():
        port = {"MASTER_PORT": str(free_port())}
        for rank in (0, 1):
            folder = place / name / f"node{rank}"
            shutil.copytree(place / "common", folder)
            if difference.run:
                shutil.copytree(place / "run", folder / "run")
            if rank == 1:
                difference.change(folder)
            command = difference.second if rank == 1 and difference.second else difference.command
            case = {"folder": str(folder), "variables": by_torchrun(rank) | port, "command": command}
            cases[rank].append({**case, "patch": difference.patch if rank == 1 else {}})
    for name in ("srun", "restarts", "elsewhere/data"):
        shutil.copytree(place / "common", place / name)
    shutil.copytree(place / "run", place / "run of both")
    port = {"MASTER_PORT": str(free_port())}
    for rank, data in enumerate(("common/data", "elsewhere/data/data")):
        command = ["train", data, "--out", "run of both", *QUICK[:-1], str(rank + 1), "--go-on"]
        cases[rank].append(
            {"folder": str(place), "variables": by_torchrun(rank) | port, "command": command, "patch": {}}
        )
    for command in SRUN.values():
        port = {"MASTER_PORT": str(free_port())}
        for rank in (0, 1):
            case = {"folder": str(place / "srun"), "variables": by_srun(rank) | port, "command": command}
            cases[rank].append({**case, "patch": {}})
    store = dist.TCPStore(
        "127.0.0.1", 0, is_master=True, wait_for_workers=False
    )  # torchrun's, over all of its restarts
    for count in RESTARTS:
        agent = {"TORCHELASTIC_USE_AGENT_STORE": "True", "GROUP_WORLD_SIZE": "1", "MASTER_PORT": str(store.port)}
        for rank in (0, 1):
            variables = {**by_torchrun(rank), **agent, "TORCHELASTIC_RESTART_COUNT": count}
            case = {"folder": str(place / "restarts"), "variables": variables, "command": [*TRAIN, "--go-on"]}
            cases[rank].append({**case, "patch": {}, "late": rank})
    found = run_nodes(place, cases)
    return dict(zip((*differences, "elsewhere", *SRUN, *RESTARTS), map(list, zip(*found, strict=True)), strict=True))


def run_nodes(place: Path, cases: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """What came of each case, by node."""
    nodes = []
    for rank, own in enumerate(cases):
        (place / f"cases{rank}").write_text(json.dumps(own))
        command = [sys.executable, NODE, place / f"cases{rank}", place / f"outcomes{rank}"]
        nodes.append(subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}))
    try:
        assert [node.wait(120) for node in nodes] == [0, 0]
    finally:
        for node in nodes:
            node.kill()
            node.wait()
    return [json.loads((place / f"outcomes{rank}").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize("name", DIFFERENCES)
def test_what_differs_between_two_nodes_is_told_on_both(
    name: str, place: Path, outcomes: dict[str, list[dict[str, Any]]]
) -> None:
    assert [outcome["code"] for outcome in outcomes[name]] == [2, 2]
    errors = [outcome["said"][outcome["said"].index("error: ") :] for outcome in outcomes[name]]
    assert errors[0] == errors[1]
    assert not any("Traceback" in outcome["said"] for outcome in outcomes[name])
    assert not list((place / name).rglob("weights.safetensors"))
    for each in DIFFERENCES[name].names:
        assert each in errors[0]


def test_a_run_goes_on_where_the_data_of_the_second_node_lie_elsewhere(
    place: Path, outcomes: dict[str, list[dict[str, Any]]]
) -> None:
    """As in a folder of its own on each node; cores may be others, too."""
    assert [outcome["code"] for outcome in outcomes["elsewhere"]] == [0, 0], outcomes["elsewhere"]
    assert Run(place / "run of both").result.is_file()


def test_tasks_of_srun_are_one_training_and_other_verbs_are_refused(
    place: Path, outcomes: dict[str, list[dict[str, Any]]]
) -> None:
    """Without torchrun, as ``srun -n 2 neocog train``."""
    assert [outcome["code"] for name in SRUN for outcome in outcomes[name]] == [0, 0, 0, 0, 2, 2], outcomes["train"]
    runs = [path.parent for path in (place / "srun" / "runs").rglob("result.json")]
    assert len(runs) == 2
    assert {json.loads(Run(run).environment.read_text())["processes"] for run in runs} == {2}
    assert all("runs in one process, and 2 were started" in outcome["said"] for outcome in outcomes["audit"])


def test_who_is_started_again_does_not_look_for_the_dead(outcomes: dict[str, list[dict[str, Any]]]) -> None:
    """torchrun keeps the addresses of the processes before; the second rank comes later, when they could be taken for new."""
    assert [outcome["code"] for count in RESTARTS for outcome in outcomes[count]] == [0, 0, 0, 0], outcomes["1"]


def test_two_torchruns_that_differ_end_with_the_error_of_each_rank(tmp_path: Path) -> None:
    """The same by torchrun itself, of which one a node meets the other: c10d's rendezvous."""
    both(tmp_path)
    nodes, where = [], f"--rdzv-endpoint=127.0.0.1:{free_port()}"
    for rank in (0, 1):
        shutil.copytree(tmp_path / "common", tmp_path / f"{rank}")
        if rank:
            other_pixels(tmp_path / f"{rank}")
        torchrun = ["-m", "torch.distributed.run", "--nnodes=2", "--rdzv-backend=c10d", "--rdzv-id=7", where]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, *torchrun, "-m", "neocog", *TRAIN]
        with (tmp_path / f"{rank}.log").open("wb") as log:
            nodes.append(subprocess.Popen(command, cwd=tmp_path / f"{rank}", env=environment, stdout=log, stderr=log))
    codes = [node.wait(200) for node in nodes]
    said = [(tmp_path / f"{rank}.log").read_text() for rank in (0, 1)]
    assert 0 not in codes
    for text in said:
        assert text.count("error: the data of rank 1 differ") == 1 and "exitcode  : 2 " in text, text
    assert not list(tmp_path.rglob("weights.safetensors"))
