"""The NumPy engine behind torch's names: the same numbers as torch, in the same loop, saved and resumed exactly."""

from __future__ import annotations

import copy
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import neocog
from neocog.config import TrainConfig
from neocog.engine.interrupt import Interrupted
from neocog.engine.optimizer_state import optimizer_tensors, restore_optimizer
from neocog.errors import UserError
from neocog.interop.engine import on_processor
from neocog.interop.numpy_module import NumpyModule, NumpyOptimizer
from neocog.interop.scratch import to_scratch
from neocog.networks import build
from neocog.networks.layers import Maxout, MinPool2d
from neocog.verbs import fit as fit_verb
from neocog.verbs import train as train_verb

EVERY_LAYER = {
    "convolution": nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2),
    "dilated": nn.Conv2d(4, 6, 3, dilation=2, bias=False),
    "same": nn.Conv2d(4, 6, (5, 3), padding="same"),
    "valid": nn.Conv2d(4, 6, 3, padding="valid"),
    "transposed": nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1),
    "max": nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True),
    "min": MinPool2d(2),
    "mean": nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False),
    "lp": nn.LPPool2d(2, 2),
    "norm": nn.BatchNorm2d(4, eps=1e-3, momentum=0.3),
    "plain norm": nn.BatchNorm2d(4, affine=False),
    "dropout": nn.Dropout(0.0),
    "dropout of maps": nn.Dropout2d(0.0),
    "identity": nn.Identity(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "relu": nn.ReLU(),
    "leaky": nn.LeakyReLU(0.2),
    "elu": nn.ELU(0.7),
    "maxout": Maxout(2),
    "softmax": nn.Softmax(1),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def twins(layer: nn.Module) -> tuple[nn.Module, NumpyModule]:
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), layer, nn.Conv2d(4, 4, 1), nn.Flatten(), nn.LazyLinear(3))
    with torch.no_grad():
        channels = layer(torch.rand(2, 4, 9, 8)).shape[1]
        ours[2] = nn.Conv2d(channels, 4, 1)
        ours(torch.rand(2, 2, 9, 8))
    return ours, NumpyModule(copy.deepcopy(ours))


def learned(net: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> list[torch.Tensor]:
    net.zero_grad()
    F.cross_entropy(net(images), labels).backward()
    return [parameter.grad for parameter in net.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("name", EVERY_LAYER)
def test_output_gradients_and_statistics_are_those_of_torch(name: str) -> None:
    ours, hand = twins(copy.deepcopy(EVERY_LAYER[name]))
    images, labels = torch.randn(5, 2, 9, 8), torch.tensor([0, 1, 2, 0, 1])
    for _ in range(2):
        for expected, found in zip(learned(ours, images, labels), learned(hand, images, labels), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    for (key, expected), (mine, found) in zip(ours.state_dict().items(), hand.state_dict().items(), strict=True):
        assert key == mine
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    ours.eval(), hand.eval()
    images.requires_grad_()
    slopes = [torch.autograd.grad(net(images)[:, 1].sum(), images)[0] for net in (ours, hand)]
    torch.testing.assert_close(slopes[1], slopes[0], rtol=1e-4, atol=1e-6)


def test_numpy_arrays_and_torch_tensors_are_the_same_memory() -> None:
    model = build("cnn", 3, (8, 8), 2, widths=(4,))
    hand = to_scratch(model)
    arrays = dict(hand.named_state())
    assert set(arrays) == set(model.state_dict())
    for name, tensor in model.state_dict().items():
        assert np.shares_memory(arrays[name], tensor.numpy()), name


def test_a_copy_learns_by_itself_and_loaded_weights_are_used() -> None:
    model = NumpyModule(build("lenet5", 1, (12, 12), 3))
    before = copy.deepcopy(model)
    images, labels = torch.randn(4, 1, 12, 12), torch.tensor([0, 1, 2, 0])
    optimizer = NumpyOptimizer.like(torch.optim.SGD(model.parameters(), 0.1))
    learned(model, images, labels)
    optimizer.step()
    assert not torch.equal(model(images), before(images))
    before.load_state_dict(model.state_dict())
    torch.testing.assert_close(before(images), model(images))
    moved = copy.deepcopy(model).to(memory_format=torch.channels_last)
    torch.testing.assert_close(moved(images), model(images))


def test_sparse_connections_stay_away() -> None:
    model = NumpyModule(build("lenet5", 1, (12, 12), 3, sparse=True))
    optimizer = NumpyOptimizer.like(torch.optim.SGD(model.parameters(), 0.1))
    learned(model, torch.randn(4, 1, 12, 12), torch.tensor([0, 1, 2, 0]))
    optimizer.step()
    table = model.c3.table.bool()
    assert not model.c3.weight[~table.expand_as(model.c3.weight)].any()


def test_dropout_follows_torchs_generator() -> None:
    model = NumpyModule(nn.Sequential(nn.Dropout(0.5), nn.Dropout2d(0.5), nn.Flatten(), nn.Linear(36, 2)))
    images = torch.ones(3, 1, 6, 6)

    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return model(images).detach()

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
    model.eval()
    assert torch.equal(drawn(1), drawn(2))


def test_an_older_pass_cannot_be_gone_back() -> None:
    model = NumpyModule(build("mlp", 1, (4, 4), 2, hidden=(3,)))
    older = model(torch.randn(2, 1, 4, 4))
    model(torch.randn(2, 1, 4, 4))
    with pytest.raises(RuntimeError, match="newest way forward"):
        older.sum().backward()


def test_hooks_on_layers_hear_every_layer() -> None:
    model, heard = NumpyModule(build("lenet5", 1, (12, 12), 3)), []
    for name, layer in model.named_children():
        layer.register_forward_hook(lambda *_, name=name: heard.append(name))
    model(torch.randn(2, 1, 12, 12))
    assert heard == [name for name, _ in model.named_children()]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (torch.optim.SGD, {"lr": 0.1}),
        (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
        (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
        (torch.optim.RMSprop, {"lr": 0.01, "alpha": 0.9}),
        (torch.optim.Adam, {"lr": 0.01, "betas": (0.9, 0.99)}),
        (torch.optim.AdamW, {"lr": 0.01, "betas": (0.9, 0.99), "weight_decay": 0.1}),
    ],
)
def test_hand_optimizers_equal_torchs_and_resume_exactly(kind: Any, options: dict[str, Any]) -> None:
    theirs = nn.Linear(7, 5)
    ours, resumed = copy.deepcopy(theirs), copy.deepcopy(theirs)
    expected = kind(theirs.parameters(), **options)
    found, again = (NumpyOptimizer.like(kind(net.parameters(), **options)) for net in (ours, resumed))
    for step in range(8):
        if step == 4:  # through JSON, as a checkpoint goes
            tensors, plain = optimizer_tensors(found)
            again = NumpyOptimizer.like(kind(resumed.parameters(), **options))
            saved = {name: tensor.clone() for name, tensor in tensors.items()}
            restore_optimizer(again, saved, json.loads(json.dumps(plain)))
            resumed.load_state_dict(ours.state_dict())
        for net, optimizer in ((theirs, expected), (ours, found), (resumed, again)):
            optimizer.zero_grad()
            net(torch.arange(14.0).reshape(2, 7).sin() + step).tanh().square().mean().backward()
            optimizer.param_groups[0]["lr"] = options["lr"] / (1 + step)
            optimizer.step()
    for a, b, c in zip(theirs.parameters(), ours.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(b, a, rtol=1e-6, atol=1e-6)
        assert torch.equal(b, c)


def test_settings_that_numpy_cannot_follow_are_told() -> None:
    assert on_processor(TrainConfig()).precision == "fp32"
    for config, processes, what in (
        (TrainConfig(device="cuda"), 1, "--device cuda"),
        (TrainConfig(precision="bf16"), 1, "--precision bf16"),
        (TrainConfig(), 3, "not in 3"),
    ):
        with pytest.raises(UserError, match=what):
            on_processor(config, processes)


@pytest.fixture
def trained(tmp_path: Path) -> Callable[..., Path]:
    """``trained(name, engine=…)``: a run on the small digits."""

    def run(name: str, **settings: Any) -> Path:
        return train_verb.train("digits", out=tmp_path / name, quiet=True, size=(14,), threads=1, **settings).folder

    return run


def test_training_by_hand_ends_as_torch_does(trained: Callable[..., Path]) -> None:
    settings = {"model": "lenet5", "epochs": 2, "l1": 1e-5, "l2": 1e-4, "clip": 1.0, "ema": 0.9, "precision": "fp32"}
    results = [
        json.loads((trained(engine, engine=engine, **settings) / "result.json").read_text())
        for engine in ("torch", "numpy")
    ]
    for part in ("validation", "test"):
        expected, found = (result["measures"][part] for result in results)
        for name in expected:
            assert found[name]["value"] == pytest.approx(expected[name]["value"], abs=1e-4), (part, name)


def test_a_run_by_hand_resumes_exactly(trained: Callable[..., Path], tmp_path: Path) -> None:
    settings = {"model": "cnn", "widths": "4,8", "hidden": "8", "dropout": 0.2, "epochs": 2, "engine": "numpy"}
    whole = trained("whole", **settings)
    original = fit_verb.watcher

    def interrupted(*arguments: Any) -> Callable[..., None]:
        watch = original(*arguments)

        def kill(counters: Any, loss: float) -> None:
            watch(counters, loss)
            if counters.step == 14:
                os.kill(os.getpid(), signal.SIGTERM)

        return kill

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit_verb, "watcher", interrupted)
        with pytest.raises(Interrupted):
            trained("stopped", **settings)
    neocog.resume(tmp_path / "stopped", quiet=True)
    for name in ("weights.safetensors", "metrics.csv", "predictions.csv"):
        assert (tmp_path / "stopped" / name).read_bytes() == (whole / name).read_bytes(), name
