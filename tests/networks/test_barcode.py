"""Networks for sequences: the lecture's exact numbers, motifs wherever they stand, and what is no sequence refused."""

from __future__ import annotations

import pytest
import torch

from neocog.errors import UserError
from neocog.networks import build


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_lectures_network_has_its_parameters() -> None:
    net = build("barcode", 4, (1, 1259), 12)
    assert count(net) == 2_533_608 and count(net.conv) == 408  # type: ignore[arg-type]
    assert net(torch.rand(2, 4, 1, 1259)).shape == (2, 12)


def test_the_first_layer_sees_four_bases_of_four_letters() -> None:
    net = build("barcode", 4, (1, 40), 3)
    x = torch.rand(1, 4, 1, 40)
    y = net.conv(x.transpose(1, 2))  # type: ignore[operator]
    by_hand = (net.conv.weight[5, 0] * x[0, :, 0, 7:11]).sum() + net.conv.bias[5]  # type: ignore[index, union-attr]
    assert y.shape == (1, 24, 1, 37)
    torch.testing.assert_close(y[0, 5, 0, 7], by_hand)


@pytest.mark.parametrize("length", [16, 100, 661])
def test_the_dilated_network_takes_any_length_and_learns(length: int) -> None:
    torch.manual_seed(0)
    net = build("barcode-resnet", 4, (1, length), 5, width=8, dilations="1,2")
    loss = torch.nn.functional.cross_entropy(net(torch.rand(3, 4, 1, length)), torch.tensor([0, 1, 4]))
    loss.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())


@pytest.mark.parametrize("name", ["barcode", "barcode-resnet"])
def test_what_is_no_sequence_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="is for sequences"):
        build(name, 3, (32, 32), 10)
    with pytest.raises(UserError, match="at least"):
        build(name, 4, (1, 3), 10)
