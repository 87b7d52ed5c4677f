"""Networks for masks: the lecture's size, any shape in and the same out, learning possible everywhere."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from neocog.errors import UserError
from neocog.networks import SEGMENTERS, build, check_purpose
from neocog.networks.segnet import unpooled


def numbers(model: nn.Module) -> tuple[int, int]:
    """Parameters, and running means and variances."""
    running = sum(b.numel() for name, b in model.named_buffers() if "running" in name)
    return sum(p.numel() for p in model.parameters()), running


def test_the_unet_of_the_lecture_has_its_parameters() -> None:
    with torch.device("meta"):
        trainable, running = numbers(build("unet", 3, (256, 256), 1, width=64, norm="last"))
    assert (trainable + running, trainable, running) == (31_043_521, 31_037_633, 5_888)


def test_segnet_unpools_maxima_to_where_they_were() -> None:
    images = torch.randn(2, 3, 6, 8)
    pooled, places = nn.functional.max_pool2d(images, 2, return_indices=True)
    found = unpooled(pooled, places)
    kept = found != 0
    assert torch.equal(found[kept], images[kept]) and int(kept.sum()) == pooled.numel()
    assert torch.equal(nn.functional.max_pool2d(found.where(kept, -torch.inf), 2), pooled)


@pytest.mark.parametrize("name", SEGMENTERS)
@pytest.mark.parametrize("size", [(32, 32), (37, 51), (5, 90)])
def test_any_size_comes_out_as_it_went_in_and_every_weight_learns(name: str, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    model = build(name, 4, size, 3)
    outputs = model(torch.randn(2, 4, *size))
    assert outputs.shape == (2, 3, *size)
    nn.functional.cross_entropy(outputs, torch.randint(3, (2, *size))).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("norm", ["batch", "last", "instance", "group", "none"])
def test_norms_and_depths_are_options(norm: str) -> None:
    model = build("unet", 1, (20, 20), 2, norm=norm, depth="2", width="6")
    assert model(torch.zeros(1, 1, 20, 20)).shape == (1, 2, 20, 20)
    kinds = {nn.BatchNorm2d: {"batch": 10, "last": 5}.get(norm, 0), nn.GroupNorm: 10 if norm == "group" else 0}
    kinds[nn.InstanceNorm2d] = 10 if norm == "instance" else 0
    for kind, count in kinds.items():
        assert sum(isinstance(m, kind) for m in model.modules()) == count


def test_a_network_for_another_purpose_is_one_clear_error() -> None:
    with pytest.raises(
        UserError, match="model 'resnet' gives one prediction for each sample; this task needs a class for each pixel"
    ):
        check_purpose("resnet", "masks")
    with pytest.raises(UserError, match="gives a class for each pixel"):
        check_purpose("unet:vgg16", "prediction")
    check_purpose("unet", "masks")
    with pytest.raises(UserError, match="2 numbers of convolutions for 4 widths"):
        build("segnet", 3, (32, 32), 2, convolutions="2,2")
    with pytest.raises(UserError, match="no backbone 'resnt34'"):
        build("unet:resnt34", 3, (32, 32), 2)
