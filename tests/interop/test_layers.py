"""Which networks are chains of layers, and what is told of the others."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from neocog.errors import UserError
from neocog.interop.layers import chain
from neocog.interop.scratch import to_scratch
from neocog.networks import build


def test_nested_sequentials_are_unrolled_under_their_state_dict_names() -> None:
    links = chain(build("cifarcnn", 3, (16, 16), 10), "NumPy")
    assert [link.name for link in links[:4]] == ["stage1.0", "stage1.1", "stage1.2", "stage1.3"]
    assert links[-1].name == "classifier.7" and links[-1].place == links[-1].count == len(links)


def test_shortcuts_are_told_by_name_all_at_once() -> None:
    with pytest.raises(UserError) as told:
        to_scratch(build("resnet", 3, (16, 16), 10, blocks=1, widths=(4, 8)))
    text = str(told.value)
    assert "layer 'stage1.0', a Block (number 4 of 8) has parts that it joins in its own way (residual, " in text
    assert "layer 'stage2.0'" in text and "--to onnx" in text


def test_a_network_with_a_forward_of_its_own_is_no_chain() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x.flatten(1))

    with pytest.raises(UserError, match="Own is not a chain of layers, which is all that the NumPy engine knows"):
        to_scratch(Own())


def test_layers_without_a_counterpart_are_all_told_with_what_is_known() -> None:
    with pytest.raises(UserError) as told:
        to_scratch(nn.Sequential(nn.GELU(), nn.Flatten(), nn.Linear(4, 4), nn.GELU()))
    text = str(told.value)
    assert "layer '0', a GELU (number 1 of 4) has no counterpart in the NumPy engine" in text
    assert "layer '3', a GELU (number 4 of 4)" in text and "known: AvgPool2d, BatchNorm2d, Conv2d" in text


def test_a_subclass_with_a_forward_of_its_own_is_not_taken_for_its_parent() -> None:
    class Doubled(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(x)

    with pytest.raises(UserError, match="a Doubled"):
        to_scratch(nn.Sequential(nn.Flatten(), Doubled(4, 2)))


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), "its border is 'reflect', not zeros"),
        (nn.Conv2d(1, 1, 2, padding="same"), "is wider on one side"),
        (nn.MaxPool2d(2, return_indices=True), "second output"),
        (nn.AvgPool2d(2, divisor_override=3), "divisor_override"),
        (nn.BatchNorm2d(1, momentum=None), "have no momentum"),
        (nn.BatchNorm2d(1, track_running_stats=False), "have no momentum"),
        (nn.Flatten(2), "it joins the axes 2 to -1"),
    ],
)
def test_arguments_without_a_counterpart_are_told(layer: nn.Module, reason: str) -> None:
    with pytest.raises(UserError) as told:
        to_scratch(nn.Sequential(layer))
    assert reason in str(told.value)
