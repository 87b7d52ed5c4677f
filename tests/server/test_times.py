"""A run is looked through as it was at each of its checkpoints, and is itself only read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from neocog.predictor import load_predictor
from neocog.run import Run
from neocog.server.frame import pack, unpack

Ask = Callable[..., tuple[dict[str, Any], dict[str, np.ndarray]]]
Refused = Callable[[Any, int], dict[str, str]]


def test_the_page_is_told_of_every_checkpoint(client: Any) -> None:
    times = client.get("/api/runs/0").json()["times"]
    assert [point["epoch"] for point in times["points"]] == [0, 1, 2] and times["best"] in (1, 2)
    assert times["points"][0]["row"] == {} and times["points"][2]["row"]["validation_accuracy"] > 0.2


def test_a_look_at_a_checkpoint_is_through_its_weights(client: Any, ask: Ask, lenet: Run) -> None:
    points, own = client.get("/api/runs/0").json()["times"]["points"], ask("look")
    predictor = load_predictor(lenet)
    inputs = torch.from_numpy(own[1]["picture"][None, :, :, :1].copy()).movedim(-1, 1).float()
    inputs = (inputs - predictor.preprocessing.mean[0]) / predictor.preprocessing.std[0]
    for point in points:
        header, _ = ask("look", weights=point["name"])
        predictor.network.load_state_dict(
            safetensors.torch.load_file(lenet.checkpoints / point["name"] / "model.safetensors")
        )
        with torch.no_grad():
            logits = predictor.network(inputs)[0]
        np.testing.assert_allclose(header["answer"]["logits"], logits, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(
            header["answer"]["probabilities"], logits.softmax(0), atol=1e-5
        )  # nobody calibrated them
        weight = ask("kernels", layer=0, index=[1], weights=point["name"])[1]["weight.exact"]
        np.testing.assert_array_equal(weight, predictor.network.c1.weight[1].detach())
        told, _ = ask("number", layer=3, index=[0, 1, 1], weights=point["name"])
        assert abs(told["shown"] - sum(part["value"] for part in told["parts"])) < 1e-5
    assert ask("look")[0] == own[0]


def test_of_a_running_mean_the_mean_is_shown_which_was_evaluated(client: Any, ask: Ask) -> None:
    last = client.get("/api/runs/1").json()["times"]["points"][-1]["name"]
    picture = np.random.default_rng(0).integers(0, 255, (12, 12, 3), dtype=np.uint8)
    now, then = (ask("look", run=1, picture=picture, weights=name)[0]["answer"]["logits"] for name in ("", last))
    np.testing.assert_allclose(now, then, rtol=1e-6)


@pytest.mark.parametrize("name", ["step-000000999", "../weights", "step-000000000.replaced", "/etc/passwd"])
def test_a_name_that_was_not_handed_out_is_refused(client: Any, refused: Refused, name: str) -> None:
    body = pack({"source": "drawn", "weights": name}, {"picture": np.zeros((8, 8, 1), np.uint8)})
    assert "no such checkpoint" in refused(client.post("/api/runs/0/look", content=body), 400)["what"]


def test_a_damaged_checkpoint_is_told_and_the_run_itself_goes_on(
    client_of: Callable[..., Any], refused: Refused, lenet: Run, tmp_path: Path
) -> None:
    run = Run(Path(shutil.copytree(lenet.folder, tmp_path / "run")))
    file = run.checkpoints / "step-000000000" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with client_of([run]) as client:
        first = client.get("/api/runs/0").json()["times"]["points"][0]["name"]
        picture = {"picture": np.zeros((8, 8, 1), np.uint8)}
        damaged = client.post("/api/runs/0/look", content=pack({"source": "drawn", "weights": first}, picture))
        assert "damaged checkpoint" in refused(damaged, 400)["what"]
        assert unpack(client.post("/api/runs/0/look", content=pack({"source": "drawn"}, picture)).content)[0]["answer"]


def test_a_run_without_checkpoints_has_no_earlier_times(
    client_of: Callable[..., Any], lenet: Run, tmp_path: Path
) -> None:
    run = Run(Path(shutil.copytree(lenet.folder, tmp_path / "run")))
    shutil.rmtree(run.checkpoints)
    with client_of([run]) as client:
        assert client.get("/api/runs/0").json()["times"] == {"points": [], "best": None}


def test_nothing_of_the_run_is_written(client: Any, ask: Ask, lenet: Run) -> None:
    def content() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(lenet.folder.rglob("*")) if path.is_file()}

    before = content()
    for point in client.get("/api/runs/0").json()["times"]["points"]:
        ask("look", gradients=True, weights=point["name"])
    assert content() == before
