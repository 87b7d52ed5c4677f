"""Keras behind torch's names: the same numbers as torch from Keras' own start, in the same loop, resumed exactly."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import neocog
from neocog.engine.interrupt import Interrupted
from neocog.errors import UserError
from neocog.interop.engine import computed_by
from neocog.networks import build
from neocog.verbs import fit as fit_verb
from neocog.verbs import train as train_verb

pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(find_spec("keras") is None, reason='pip install "neocog[keras]"'),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword"),  # TensorFlow's own
]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def by_keras(net: nn.Module, channels: int = 1, side: int = 12) -> nn.Module:
    return computed_by("keras", net, channels, (side, side))


def learned(net: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> list[torch.Tensor]:
    net.zero_grad()
    F.cross_entropy(net(images), labels).backward()
    return [parameter.grad for parameter in net.parameters() if parameter.grad is not None]


def test_output_gradients_and_statistics_are_those_of_torch() -> None:
    layers = [
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.0), nn.Flatten(),
        nn.Linear(144, 3),
    ]  # fmt: skip
    net = by_keras(nn.Sequential(*layers), 2)
    ours = nn.Sequential(*copy.deepcopy(list(net.children())))
    images, labels = torch.randn(5, 2, 12, 12), torch.tensor([0, 1, 2, 0, 1])
    for expected, found in zip(learned(ours, images, labels), learned(net, images, labels), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(net.get_submodule("1").running_mean, ours[1].running_mean)
    ours.eval(), net.eval()
    ours[1].running_var.copy_(net.get_submodule("1").running_var)  # Keras' is the biased estimate
    images.requires_grad_()
    slopes = [torch.autograd.grad(one(images)[:, 1].sum(), images)[0] for one in (ours, net)]
    torch.testing.assert_close(slopes[1], slopes[0], rtol=1e-4, atol=1e-6)


def test_it_starts_from_keras_own_weights_drawn_by_torchs_seed() -> None:
    def start(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return by_keras(build("lenet5", 1, (12, 12), 3))

    net = start(0)
    bound = (6 / (25 * 1 + 25 * 6)) ** 0.5  # Glorot's, of the first convolution: torch's would be 0.2
    assert 0.9 * bound < net.c1.weight.abs().max() <= bound
    assert not net.c1.bias.any()
    assert torch.equal(net.c3.weight, start(0).c3.weight) and not torch.equal(net.c3.weight, start(1).c3.weight)


def test_a_copy_learns_by_itself_and_loaded_weights_are_used() -> None:
    net = by_keras(build("lenet5", 1, (12, 12), 3))
    before, images = copy.deepcopy(net), torch.randn(4, 1, 12, 12)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    learned(net, images, torch.tensor([0, 1, 2, 0]))
    optimizer.step()
    assert not torch.equal(net(images), before(images))
    before.load_state_dict(net.state_dict())
    torch.testing.assert_close(before(images), net(images))


def test_dropout_follows_torchs_generator() -> None:
    net = by_keras(nn.Sequential(nn.Dropout(0.5), nn.Flatten(), nn.Linear(36, 2)), side=6)

    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return net(torch.ones(3, 1, 6, 6)).detach()

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
    net.eval()
    assert torch.equal(drawn(1), drawn(2))


def test_hooks_on_layers_hear_every_layer() -> None:
    net, heard = by_keras(build("lenet5", 1, (12, 12), 3)), []
    for name, layer in net.named_children():
        layer.register_forward_hook(lambda *_, name=name: heard.append(name))
    net(torch.randn(2, 1, 12, 12))
    assert heard == [name for name, _ in net.named_children()]


def test_a_run_by_keras_resumes_exactly(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "size": (14,), "threads": 1, "model": "cnn", "widths": "4", "hidden": "8", "dropout": 0.2, "epochs": 1,
        "engine": "keras", "optimizer": "sgd", "lr": 0.01, "seed": 3,
    }  # fmt: skip
    whole = train_verb.train("digits", out=tmp_path / "whole", quiet=True, **settings)
    result = json.loads(whole.result.read_text(encoding="utf-8"))
    assert result["measures"]["test"]["accuracy"]["n"] == 180
    original = fit_verb.watcher

    def interrupted(*arguments: Any) -> Callable[..., None]:
        watch = original(*arguments)

        def kill(counters: Any, loss: float) -> None:
            watch(counters, loss)
            if counters.step == 9:
                os.kill(os.getpid(), signal.SIGTERM)

        return kill

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit_verb, "watcher", interrupted)
        with pytest.raises(Interrupted):
            train_verb.train("digits", out=tmp_path / "stopped", quiet=True, **settings)
    neocog.resume(tmp_path / "stopped", quiet=True)
    for name in ("weights.safetensors", "metrics.csv", "predictions.csv"):
        assert (tmp_path / "stopped" / name).read_bytes() == (whole.folder / name).read_bytes(), name


def test_tasks_and_networks_that_keras_does_not_compute_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="engine belongs to --task classification"):
        train_verb.train("digits", out=tmp_path / "a", quiet=True, task="vae", engine="keras")
    with pytest.raises(UserError, match="Keras"):
        train_verb.train("digits", out=tmp_path / "b", quiet=True, model="resnet", engine="keras")


def test_keras_may_be_imported_first() -> None:
    """The process died: torch's compiler and TensorFlow each bring an LLVM, and do not bear one order."""
    code = (
        "import keras\nfrom neocog.interop.keras import to_keras\nfrom neocog.networks import build\nimport torch\n"
        "net = build('lenet5', channels=1, size=(28, 28), outputs=10)\nprint(to_keras(net, 1, (28, 28)).count_params())\n"
        "torch.optim.SGD(net.parameters(), 0.1).step()\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "61706"), done.stderr[-1000:]
