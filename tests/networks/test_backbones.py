"""Every encoder of the course's list under a U-Net, DeepLabV3+ and SegFormer: built, forward and backward."""

from __future__ import annotations

import pytest
import torch

from neocog.errors import UserError
from neocog.networks import build

pytest.importorskip("segmentation_models_pytorch", reason="needs the extra neocog[segmentation]")

BACKBONES = [
    *(f"vgg{n}" for n in (16, 19)),
    *(f"resnet{n}" for n in (18, 34, 50, 101, 152)),
    *(f"seresnet{n}" for n in (18, 34, 50, 101, 152)),
    *(f"{kind}{n}" for kind in ("resnext", "seresnext") for n in (50, 101)),
    *(f"densenet{n}" for n in (121, 169, 201)),
    *("senet154", "inceptionv3", "inceptionresnetv2", "mobilenet", "mobilenetv2"),
    *(f"efficientnetb{n}" for n in range(8)),
]
OTHERS = ("deeplabv3plus:resnet18", "segformer:mit_b0")


@pytest.mark.parametrize("name", [*(f"unet:{name}" for name in BACKBONES), *OTHERS])
def test_every_named_backbone_goes_forward_and_backward(name: str) -> None:
    torch.manual_seed(0)
    size = (97, 100) if name == "unet:inceptionv3" else (33, 40)  # sides that no halving divides
    model = build(name, 4, size, 3)
    outputs = model(torch.randn(2, 4, *size))
    assert outputs.shape == (2, 3, *size)
    outputs.square().mean().backward()
    first = next(model.parameters())
    assert first.grad is not None and first.grad.isfinite().all() and first.grad.any()


def test_an_unknown_backbone_is_told_with_the_nearest_name() -> None:
    with pytest.raises(UserError, match="no backbone 'resnt34'") as caught:
        build("unet:resnt34", 3, (32, 32), 2)
    assert "resnet34" in str(caught.value)
