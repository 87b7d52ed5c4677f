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
    "no checkpoint": Difference(("no sound checkpoint", "the one of step"),
                                lambda folder: shutil.rmtree(folder / "run/checkpoints"), ["resume", "run"], run=True),
    "older checkpoint": Difference(("rank 0 has the one of step",), without_newest, ["resume", "run"], run=True),
}  # fmt: skip


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


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What both nodes came to, of each difference; the whole is one process a node."""
    tmp = tmp_path_factory.mktemp("nodes")
    both(tmp)
    cases: list[list[dict[str, Any]]] = [[], []]
    for number, difference in enumerate(DIFFERENCES.values()):
        port = free_port()
        for rank in (0, 1):
            folder = tmp / f"{number}" / f"node{rank}"
            shutil.copytree(tmp / "common", folder)
            if difference.run:
                shutil.copytree(tmp / "run", folder / "run")
            if rank == 1:
                difference.change(folder)
            command = difference.second if rank == 1 and difference.second else difference.command
            changed = difference.patch if rank == 1 else {}
            cases[rank].append({"folder": str(folder), "port": port, "command": command, "patch": changed})
    nodes = []
    for rank in (0, 1):
        (tmp / f"cases{rank}").write_text(json.dumps(cases[rank]))
        command = [sys.executable, NODE, str(rank), tmp / f"cases{rank}", tmp / f"outcomes{rank}"]
        nodes.append(subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}))
    try:
        assert [node.wait(200) for node in nodes] == [0, 0]
    finally:
        for node in nodes:
            node.kill()
            node.wait()
    found = [json.loads((tmp / f"outcomes{rank}").read_text()) for rank in (0, 1)]
    for rank in (0, 1):
        for case, outcome in zip(cases[rank], found[rank], strict=True):
            outcome["learned"] = (Path(case["folder"]) / "run" / "weights.safetensors").exists()
    return dict(zip(DIFFERENCES, map(list, zip(*found, strict=True)), strict=True))


@pytest.mark.parametrize("name", DIFFERENCES)
def test_what_differs_between_two_nodes_is_told_on_both(name: str, outcomes: dict[str, list[dict[str, Any]]]) -> None:
    errors = [outcome["said"][outcome["said"].index("error: ") :] for outcome in outcomes[name]]
    assert [outcome["code"] for outcome in outcomes[name]] == [2, 2]
    assert errors[0] == errors[1]
    assert not any("Traceback" in outcome["said"] or outcome["learned"] for outcome in outcomes[name])
    for each in DIFFERENCES[name].names:
        assert each in errors[0]
