"""One suite over the whole zoo: adding a name to MODELS adds its tests."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from neocog.errors import Problems, UserError
from neocog.networks import build as build_model
from neocog.networks import options as options_of

MINIMUM = {"mlp": 1, "lenet5": 12, "cifarcnn": 8, "resnet": 8, "cnn": 8}
NAMES = list(MINIMUM)  # those for images


def build(
    name: str, channels: int = 3, size: tuple[int, int] = (32, 32), outputs: int = 10, **options: Any
) -> nn.Module:
    torch.manual_seed(0)
    return build_model(name, channels, size, outputs, **options)


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def check_model(model: nn.Module, channels: int, size: tuple[int, int], outputs: int) -> None:
    """Logits of the right shape, finite, and a gradient in every parameter."""
    logits = model(torch.randn(3, channels, *size))
    assert logits.shape == (3, outputs)
    assert torch.isfinite(logits).all()
    nn.functional.cross_entropy(logits, torch.tensor([0, 1, outputs - 1])).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, f"{name} learns nothing"


@pytest.mark.parametrize("size", [(32, 32), (28, 28), (33, 47), (64, 20)], ids=str)
@pytest.mark.parametrize("channels", [1, 3, 4, 7])
@pytest.mark.parametrize("name", NAMES)
def test_any_channels_and_odd_sizes_train(name: str, channels: int, size: tuple[int, int]) -> None:
    check_model(build(name, channels, size, 5), channels, size, 5)


@pytest.mark.parametrize("name", NAMES)
def test_the_minimum_size_works_and_one_less_is_told(name: str) -> None:
    least = MINIMUM[name]
    check_model(build(name, 1, (least, least), 3), 1, (least, least), 3)
    if least > 1:
        with pytest.raises(UserError, match=rf"at least {least} × {least} pixels, not {least} × {least - 1}"):
            build(name, 1, (least, least - 1))


@pytest.mark.parametrize("name", NAMES)
def test_one_image_can_train(name: str) -> None:
    least = MINIMUM[name]
    build(name, 1, (least, least)).train()(torch.randn(1, 1, least, least)).sum().backward()


@pytest.mark.parametrize("name", NAMES)
def test_no_channel_or_output_is_told(name: str) -> None:
    for channels, outputs in [(0, 10), (3, 0)]:
        with pytest.raises(UserError, match=f"not {channels} and {outputs}"):
            build(name, channels, outputs=outputs)


@pytest.mark.parametrize("name", NAMES)
def test_weights_survive_a_file(name: str, tmp_path: Path) -> None:
    images = torch.randn(2, 3, 32, 32)
    model = build(name).eval()
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    torch.manual_seed(1)
    other = build_model(name, 3, (32, 32), 10).eval()
    assert not torch.equal(other(images), model(images))
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(other(images), model(images))


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides_the_weights(name: str) -> None:
    first, second = build(name).state_dict(), build(name).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", NAMES)
def test_it_can_learn_two_images(name: str) -> None:
    model = build(name, 1, (16, 16), 2)
    images, labels = torch.randn(4, 1, 16, 16), torch.arange(4) % 2
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for _ in range(30):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


@pytest.mark.parametrize(
    ("name", "channels", "size", "options", "parameters"),
    [
        ("lenet5", 1, (28, 28), {}, 61_706),
        ("lenet5", 1, (32, 32), {}, 61_706),
        ("cifarcnn", 3, (32, 32), {}, 5_852_170),
        ("resnet", 3, (32, 32), {}, 272_474),
        ("mlp", 1, (28, 28), {"hidden": (300, 100)}, 266_610),
        ("mlp", 1, (28, 28), {"hidden": ()}, 7_850),
        ("cnn", 3, (32, 32), {"batch_norm": False}, 356_810),
    ],
)
def test_parameter_counts_are_exact(
    name: str, channels: int, size: tuple[int, int], options: dict[str, Any], parameters: int
) -> None:
    assert count(build(name, channels, size, **options)) == parameters


def test_lenet_has_the_layers_of_1998() -> None:
    model = build("lenet5", 1, (28, 28))
    shapes, images = {}, torch.zeros(1, 1, 28, 28)
    for name, layer in model.named_children():
        images = layer(images)
        shapes[name] = tuple(images.shape[1:])
    assert shapes["c1"] == (6, 28, 28) and shapes["s2"] == (6, 14, 14)
    assert shapes["c3"] == (16, 10, 10) and shapes["s4"] == (16, 5, 5)
    assert (shapes["c5"], shapes["f6"], shapes["output"]) == ((120,), (84,), (10,))
    assert sum(isinstance(layer, nn.Tanh) for layer in model) == 4


def test_sparse_lenet_connects_the_60_pairs_of_the_table_for_ever() -> None:
    model = build("lenet5", 1, (28, 28), sparse=True)
    weight = model.get_submodule("c3").weight
    used = weight.detach().abs().sum((2, 3)) > 0  # (16, 6)
    assert used.sum() == 60
    assert used.sum(1).tolist() == [3] * 6 + [4] * 9 + [6]
    assert used.sum(0).tolist() == [10] * 6
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(3):
        model(torch.randn(4, 1, 28, 28)).square().sum().backward()
        optimizer.step()
    assert torch.equal(weight.detach().abs().sum((2, 3)) > 0, used)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "leaky_relu", "maxout", "elu", "gelu"])
@pytest.mark.parametrize("pooling", ["max", "mean", "min", "lp"])
def test_every_block_of_cnn_trains(activation: str, pooling: str) -> None:
    model = build("cnn", 3, (17, 16), 4, widths=(4, 6), activation=activation, pooling=pooling, dropout=0.1, hidden=8)
    logits = model(torch.randn(4, 3, 17, 16))
    logits.square().sum().backward()
    assert logits.shape == (4, 4)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_min_and_lp_pooling_and_maxout_compute_what_they_say() -> None:
    from neocog.networks.layers import POOLINGS, Maxout

    window = torch.tensor([[[[1.0, -2.0], [2.0, 4.0]]]])
    results = {name: make()(window).item() for name, make in POOLINGS.items()}
    assert results == {"max": 4.0, "mean": 1.25, "min": -2.0, "lp": 5.0}
    assert Maxout(2)(torch.tensor([[1.0, 3.0, 5.0, -1.0]])).tolist() == [[3.0, 5.0]]


def test_lp_pooling_of_dead_maps_has_a_finite_gradient() -> None:
    from neocog.networks.layers import POOLINGS

    dead = torch.zeros(1, 1, 2, 2, requires_grad=True)
    POOLINGS["lp"]()(dead).sum().backward()
    assert dead.grad is not None and torch.isfinite(dead.grad).all()


def test_options_are_read_by_inspection() -> None:
    found = options_of("cnn")
    assert list(found) == ["widths", "kernel", "activation", "pooling", "batch_norm", "dropout", "hidden"]
    assert found["widths"].annotation == tuple[int, ...] and found["widths"].default == (32, 64, 128)
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in found.values())


def test_options_may_be_text_or_toml_values() -> None:
    from_text = build("cnn", widths="8,16", kernel="5", batch_norm="false", dropout="0.5", activation="tanh")
    from_toml = build("cnn", widths=[8, 16], kernel=5, batch_norm=False, dropout=0.5, activation="tanh")
    assert str(from_text) == str(from_toml) and "Conv2d(8, 16, kernel_size=(5, 5)" in str(from_text)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lenet", {}, "no model 'lenet'\n.*did you mean 'lenet5'.*known: .*cifarcnn, cnn, .*lenet5, mlp, .*resnet"),
        ("cnn", {"width": (3,)}, "model 'cnn' has no option 'width'\n.*did you mean 'widths'"),
        ("cnn", {"kernel": "three"}, "--kernel three is not a whole number"),
        ("cnn", {"kernel": 2.5}, "--kernel 2.5 is not a whole number"),
        ("cnn", {"kernel": 4}, "option kernel = 4 is not odd"),
        ("cnn", {"activation": "reul"}, "--activation reul is not one of sigmoid.*\n.*did you mean 'relu'"),
        ("cnn", {"widths": "32,x"}, "--widths 32,x is not a list of whole numbers"),
        ("cnn", {"widths": ()}, r"option widths = \(\) needs"),
        ("cnn", {"widths": (8, 0)}, r"option widths = \(8, 0\) needs"),
        ("cnn", {"dropout": 1.0}, "option dropout = 1.0 is outside 0 … 1"),
        ("cnn", {"dropout": "nan"}, "--dropout nan is not a finite number"),
        ("cnn", {"batch_norm": "maybe"}, "--batch-norm maybe is not true or false"),
        ("mlp", {"hidden": (-1,)}, "option hidden"),
        ("resnet", {"blocks": 0}, "option blocks = 0 is outside 1"),
        ("lenet5", {"sparse": 3}, "--sparse 3 is not true or false"),
    ],
)
def test_a_wrong_name_or_option_is_told(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"(?s){message}"):
        build(name, **options)


def test_all_wrong_options_are_told_at_once() -> None:
    with pytest.raises(Problems) as caught:
        build("cnn", kernel="x", dropout="y", colour="z")
    assert len(caught.value.errors) == 3


def test_importing_the_package_leaves_torch_alone() -> None:
    code = "import sys, neocog.networks as m; m.MODELS; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
