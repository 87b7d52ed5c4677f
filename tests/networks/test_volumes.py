"""The networks for volumes: shapes, options, least sizes and exact counts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from neocog.errors import UserError
from neocog.networks import build

NAMES = ("cnn3d", "resnet3d")
MINIMUM = {"cnn3d": 9, "resnet3d": 17}


@pytest.mark.parametrize("size", [(28, 28, 28), (17, 20, 31)], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_any_channels_and_odd_sizes_train(name: str, channels: int, size: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    model = build(name, channels, size, 5)
    logits = model(torch.randn(3, channels, *size))
    assert logits.shape == (3, 5)
    nn.functional.cross_entropy(logits, torch.tensor([0, 1, 4])).backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, f"{key} learns nothing"


@pytest.mark.parametrize("name", NAMES)
def test_the_least_size_works_for_one_volume_and_one_less_is_told(name: str) -> None:
    least = MINIMUM[name]
    build(name, 1, (least,) * 3, 3).train()(torch.randn(1, 1, least, least, least)).sum().backward()
    with pytest.raises(UserError, match=f"at least {least} voxels a side, not {least} × {least} × {least - 1}"):
        build(name, 1, (least, least, least - 1), 3)


@pytest.mark.parametrize("name", NAMES)
def test_images_and_nonsense_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="for volumes, not for images of 32 × 32"):
        build(name, 1, (32, 32), 3)
    with pytest.raises(UserError, match="cnn with 3 blocks is for images, not for volumes of 32 × 32 × 32"):
        build("cnn", 1, (32, 32, 32), 3)
    with pytest.raises(UserError, match="not 0 and 3"):
        build(name, 0, (32, 32, 32), 3)
    with pytest.raises(UserError, match="dropout"):
        build(name, 1, (32, 32, 32), 3, dropout=1.0)


@pytest.mark.parametrize(
    ("name", "options", "parameters"),
    [
        ("resnet3d", {}, 900_218),
        ("resnet3d", {"widths": "8,16", "blocks": "2"}, 32_642),
        ("cnn3d", {}, 1_330_922),
        ("cnn3d", {"widths": (8,), "hidden": 4}, 109_070),
    ],
)
def test_parameter_counts_are_exact(name: str, options: dict[str, Any], parameters: int) -> None:
    assert sum(p.numel() for p in build(name, 1, (30, 30, 30), 10, **options).parameters()) == parameters


@pytest.mark.parametrize("name", NAMES)
def test_it_can_learn_where_something_is(name: str) -> None:
    torch.manual_seed(0)
    volumes = torch.zeros(4, 1, 18, 18, 18)
    volumes[::2, :, 3:6], volumes[1::2, :, 9:15, 2:9] = 1, 1
    labels = torch.tensor([0, 1, 0, 1])
    model = build(name, 1, (18, 18, 18), 2, dropout=0.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for _ in range(20):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(volumes), labels)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
