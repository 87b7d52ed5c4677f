"""A step by hand is the optimizer's own, on a copy: the run, its network and its files stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from neocog.config import TrainConfig
from neocog.predictor import load_predictor
from neocog.run import Run
from neocog.server.frame import pack

Ask = Callable[..., tuple[dict[str, Any], dict[str, np.ndarray]]]
Refused = Callable[[Any, int], dict[str, str]]


def weights_after(lenet: Run, picture: np.ndarray, optimizer: str, steps: int) -> torch.Tensor:
    """What torch's own optimizer makes of the first layer's weights."""
    predictor = load_predictor(lenet)
    kinds = {
        "sgd": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
        "adam": lambda p: torch.optim.Adam(p, 0.1, betas=TrainConfig().betas),
    }
    rule = kinds[optimizer](predictor.network.parameters())
    inputs = torch.from_numpy(picture[None, :, :, :1].copy()).movedim(-1, 1).float()
    inputs = (inputs - predictor.preprocessing.mean[0]) / predictor.preprocessing.std[0]
    for _ in range(steps):
        rule.zero_grad()
        F.cross_entropy(predictor.network(inputs), torch.tensor([7])).backward()
        rule.step()
    return predictor.network.state_dict()["c1.weight"][2]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_steps_are_those_of_the_optimizer_with_its_momentum(ask: Ask, lenet: Run, optimizer: str) -> None:
    picture, name = ask("look")[1]["picture"], ""
    for taken in (1, 2, 3):
        told, _ = ask("step", target=7, optimizer=optimizer, rate=0.1, weights=name)
        name = told["weights"]
        found = ask("kernels", layer=0, index=[2], weights=name)[1]["weight.exact"]
        np.testing.assert_allclose(found, weights_after(lenet, picture, optimizer, taken), rtol=1e-3, atol=1e-5)


def test_a_small_step_lowers_the_loss_that_the_page_shows(ask: Ask) -> None:
    told, _ = ask("step", target=7, rate=0.01)
    assert told["after"] < told["before"] == pytest.approx(ask("look", target=7, loss=True)[0]["score"], rel=1e-5)
    header = ask("look", target=7, loss=True, weights=told["weights"])[0]
    assert header["score"] == pytest.approx(told["after"], rel=1e-5) and header["answer"]["temperature"] == 1


def test_undone_it_is_the_run_again_whose_files_are_never_written(ask: Ask, lenet: Run) -> None:
    def content() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(lenet.folder.rglob("*")) if path.is_file()}

    files, before = content(), ask("look")
    name = ask("step", target=3, rate=1.0, optimizer="adam")[0]["weights"]
    assert ask("look", weights=name)[0]["answer"]["logits"] != before[0]["answer"]["logits"]
    after = ask("look")
    assert after[0] == before[0] and all((after[1][key] == before[1][key]).all() for key in before[1])
    assert content() == files


@pytest.mark.parametrize(
    "header",
    [{"target": -1}, {"target": 99}, {"rate": 0}, {"rate": -1.0}, {"rate": 1e9}, {"rate": "x"}, {"optimizer": "gd"},
     {"weights": "by-hand-999"}],
)  # fmt: skip
def test_a_step_that_is_none_is_told_so(client: Any, refused: Refused, header: dict[str, Any]) -> None:
    body = pack({"source": "drawn", "target": 1, **header}, {"picture": np.zeros((8, 8, 1), np.uint8)})
    assert refused(client.post("/api/runs/0/step", content=body), 400)["what"]
