"""The table of known classifiers: our parameters are the published ones, or the reason says exactly what is missing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from neocog.errors import UserError
from neocog.networks import build
from neocog.networks.lecture import TABLE, Known, depth, parameters, reason, sketch

BY_NAME = {known.name: known for known in TABLE}
# Counts that the networks' authors and libraries publish, to the last parameter.
EXACT = {
    "squeezenet": 1_235_496,
    "darknet19": 20_842_376,
    "darknet53": 41_609_928,
    "nasnetmobile": 5_289_978,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
}


@pytest.fixture(scope="module")
def sketches() -> dict[str, nn.Module]:
    return {known.name: sketch(known) for known in TABLE}


def test_eighteen_networks_stand_in_the_table_once() -> None:
    assert len(TABLE) == len(BY_NAME) == 18


@pytest.mark.parametrize("known", TABLE, ids=lambda known: known.name)
def test_parameters_are_the_tables_or_the_reason_is_told(known: Known, sketches: dict[str, nn.Module]) -> None:
    model = sketches[known.name]
    assert all(parameter.is_meta for parameter in model.parameters())  # nothing is drawn or downloaded
    why = reason(known, model)
    assert known.agrees(parameters(model)) == (why == "")
    if known.counted:  # the reason is not a guess: with what is counted there, the numbers agree
        assert known.agrees(parameters(model, known.counted)) and f"{known.parameters:.1f} M" in why
    if not why:
        assert not known.why and not known.counted, "a reason without a difference"
    assert parameters(model) == EXACT.get(known.name, parameters(model))


def test_googlenets_difference_is_that_of_its_branches(sketches: dict[str, nn.Module]) -> None:
    """With 5 × 5 in place of torchvision's 3 × 3 the published 7.0 M come out."""
    branches = [module.branch3[1].conv for module in sketches["googlenet"].modules() if hasattr(module, "branch3")]
    more = sum(layer.weight.numel() // 9 * (25 - 9) for layer in branches)
    assert len(branches) == 9 and BY_NAME["googlenet"].agrees(parameters(sketches["googlenet"]) + more)


@pytest.mark.parametrize("known", TABLE, ids=lambda known: known.name)
def test_the_depth_is_the_published_one_or_the_reason_is_told(known: Known, sketches: dict[str, nn.Module]) -> None:
    found = depth(sketches[known.name], 3, known.side)
    assert (found == known.depth) == (known.depth is not None and not known.why_depth)
    assert found > 7


def test_depth_counts_the_longest_path_and_layers_with_weights_alone() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.short, self.long = nn.Conv2d(3, 4, 1), nn.Sequential(*(nn.Conv2d(3, 3, 1) for _ in range(3)))
            self.wide, self.output = nn.Conv2d(3, 4, 1), nn.Linear(4, 2)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            both: torch.Tensor = self.short(images) + self.wide(self.long(images)).relu()
            logits: torch.Tensor = self.output(both.mean((2, 3)))
            return logits

    assert depth(Two(), 3, 8) == 5
    assert depth(nn.Sequential(nn.Flatten(), nn.Linear(192, 5), nn.Tanh(), nn.Linear(5, 2)), 3, 8) == 2


def test_nasnet_with_the_large_ones_options_has_its_parameters() -> None:
    with torch.device("meta"):
        large = build("nasnetmobile", 3, (331, 331), 1000, cells=6, width=168, stem=96, skip=True)
    assert parameters(large) == 88_753_150


def test_shufflenet_with_the_papers_widths_has_the_counts_of_others() -> None:
    """Counts of an independent implementation (imgclsmob) for 1, 4 and 8 groups."""
    for groups, widths, count in (
        (1, (144, 288, 576), 1_531_936),
        (4, (272, 544, 1088), 1_968_344),
        (8, (384, 768, 1536), 2_434_768),
    ):
        with torch.device("meta"):
            model = build("shufflenet", 3, (224, 224), 1000, groups=groups, widths=widths, narrow=4)
        assert parameters(model) == count
    with pytest.raises(UserError, match="three multiples of narrow × groups = 3"):
        build("shufflenet", 3, (224, 224), 10, groups=3)


@pytest.mark.parametrize("name", ["darknet19", "shufflenet", "nasnetmobile"])
@pytest.mark.parametrize(("channels", "size"), [(1, (64, 64)), (5, (67, 97))], ids=str)
def test_our_own_ones_train_with_any_channels_and_size(name: str, channels: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    model = build(name, channels, size, 4)
    logits = model(torch.randn(2, channels, *size))
    assert logits.shape == (2, 4) and torch.isfinite(logits).all()
    nn.functional.cross_entropy(logits, torch.tensor([0, 3])).backward()
    for inner, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), inner
        assert parameter.grad.abs().sum() > 0, f"{inner} learns nothing"


@pytest.mark.parametrize("name", ["darknet19", "shufflenet", "nasnetmobile"])
def test_too_small_a_size_is_told(name: str) -> None:
    with pytest.raises(UserError, match="at least 64 × 64 pixels, not 64 × 63"):
        build(name, 3, (64, 63), 10)
