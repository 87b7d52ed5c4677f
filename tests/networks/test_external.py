"""Networks of torchvision, timm and the user's own file: built, adapted, and refused with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from neocog.errors import UserError
from neocog.networks import build as build_model
from neocog.networks import options as options_of


def build(name: str, channels: int = 3, size: tuple[int, int] = (32, 32), outputs: int = 5, **options: Any) -> Any:
    torch.manual_seed(0)
    return build_model(name, channels, size, outputs, **options)


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_0", "mobilenet_v3_small", "shufflenet_v2_x0_5"])
def test_torchvision_takes_any_channels(name: str, channels: int) -> None:
    size = (64, 64)
    model = build(f"torchvision:{name}", channels, size)
    logits = model(torch.randn(2, channels, *size))
    assert logits.shape == (2, 5)
    logits.sum().backward()


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_networks_with_extra_heads_return_logits_in_training(name: str) -> None:
    model = build(f"torchvision:{name}", 1, (96, 96)).train()
    assert model(torch.randn(2, 1, 96, 96)).shape == (2, 5)


def test_the_first_layer_of_a_fresh_network_keeps_its_spread() -> None:
    stds = [build("torchvision:resnet18", channels).conv1.weight.std().item() for channels in (1, 3, 7)]
    assert max(stds) / min(stds) < 1.1


def test_a_size_below_torchvisions_minimum_is_told_with_the_least_that_works() -> None:
    with pytest.raises(UserError, match=r"torchvision:vgg11 needs images of at least 32 × 32 pixels, not 20 × 20"):
        build("torchvision:vgg11", size=(20, 20))
    with pytest.raises(UserError, match="--size 96"):
        build("torchvision:inception_v3", size=(48, 48))


def test_an_unknown_torchvision_name_is_told() -> None:
    with pytest.raises(UserError, match=r"(?s)no classification model 'resnet19'.*did you mean 'resnet1"):
        build("torchvision:resnet19")
    with pytest.raises(UserError, match=r"(?s)--weights of 'torchvision:resnet18' is now --from.*--from imagenet"):
        build("torchvision:resnet18", weights="DEFAULT")
    with pytest.raises(UserError, match="has no option 'wieghts'"):
        build("torchvision:resnet18", wieghts="DEFAULT")


@pytest.mark.parametrize(("name", "size"), [("resnet10t", (32, 32)), ("vit_tiny_patch16_224", (48, 32))])
def test_timm_takes_any_channels_and_its_transformers_any_size(name: str, size: tuple[int, int]) -> None:
    pytest.importorskip("timm", reason="needs neocog[timm]")
    model = build(f"timm:{name}", 4, size)
    assert model(torch.randn(2, 4, *size)).shape == (2, 5)


def test_timm_missing_or_misspelt_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    if "timm" in sys.modules:
        with pytest.raises(UserError, match=r"(?s)timm has no model 'resnett10t'.*did you mean"):
            build("timm:resnett10t")
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match=r"pip install \".+\[timm\]\""):
        build("timm:resnet10t")


OWN = """
from torch import nn

class Full(nn.Module):
    def __init__(self, channels, size, outputs, *, width: int = 4):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.Flatten(),
                                 nn.Linear(width * size[0] * size[1], outputs))
    def forward(self, x):
        return self.net(x)

class Few(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.LazyLinear(outputs))
    def forward(self, x):
        return self.net(x)

def factory(**anything):
    return Full(**anything)

class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(3 * 32 * 32, 1000)
    def forward(self, x):
        return self.net(x.flatten(1))

class Needy(nn.Module):
    def __init__(self, outputs, depth):
        super().__init__()

class Broken(nn.Module):
    def __init__(self):
        super().__init__()
    def forward(self, x):
        return x.no_such_thing()

def number(outputs):
    return outputs
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "my net.py"
    path.write_text(OWN)
    return path


@pytest.mark.parametrize(
    ("inner", "options"), [("Full", {}), ("Full", {"width": "6"}), ("Few", {}), ("factory", {"width": 5})]
)
def test_a_class_or_function_of_the_users_file_is_built(own: Path, inner: str, options: dict[str, Any]) -> None:
    model = build(f"{own}:{inner}", 2, (9, 7), **options)
    assert model(torch.randn(3, 2, 9, 7)).shape == (3, 5)
    if options:
        assert model.net[0].out_channels == int(options["width"])


def test_the_options_of_the_users_class_are_its_own_arguments(own: Path) -> None:
    assert list(options_of(f"{own}:Full")) == ["width"]
    assert list(options_of("torchvision:resnet18")) == []


@pytest.mark.parametrize(
    ("inner", "options", "message"),
    [
        ("Ful", {}, r"no class or function 'Ful'(?s:.*)did you mean 'Full'"),
        ("Fixed", {}, r"returns shape \(2, 1000\) for 2 images, not \(2, 5\)"),
        ("Needy", {}, "Needy needs depth, which neocog cannot give"),
        ("Broken", {}, r"AttributeError(?s:.*)my net.py, line 37"),
        ("number", {}, "number made a int, not a torch.nn.Module"),
        ("Full", {"widht": 3}, r"takes no widht(?s:.*)did you mean 'width'"),
        ("Full", {"width": "six"}, "--width six is not a whole number"),
    ],
)
def test_what_is_wrong_with_the_users_file_is_told(
    own: Path, inner: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        build(f"{own}:{inner}", **options)


@pytest.mark.parametrize(
    ("text", "message"),
    [("class A(:\n  pass", r"SyntaxError(?s:.*)line 1"), ("x = 1\ny = 1 / 0", r"ZeroDivision(?s:.*)line 2")],
)
def test_a_file_that_does_not_run_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "net.py"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        build(f"{path}:A")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        build(f"{tmp_path}/none.py:Net")
    with pytest.raises(UserError, match="torchvision:NAME"):
        build("torchvison:resnet18")


def test_building_leaves_the_random_numbers_where_construction_left_them(own: Path) -> None:
    build(f"{own}:Full")
    after = torch.rand(1)
    torch.manual_seed(0)
    nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4 * 32 * 32, 5)
    assert torch.equal(torch.rand(1), after)


DENSE = """
from torch import nn


class Dense(nn.Module):
    def __init__(self, channels, size, outputs):
        super().__init__()
        kind = nn.Conv3d if len(size) == 3 else nn.Conv2d
        self.conv = kind(channels, outputs, 3, padding=1)

    def forward(self, x):
        return self.conv(x)


class Flat(Dense):
    def forward(self, x):
        return self.conv(x).flatten(2).mean(2)
"""


def test_an_own_network_may_give_masks_and_take_volumes(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(DENSE)
    dense, flat = f"{tmp_path}/mine.py:Dense", f"{tmp_path}/mine.py:Flat"
    assert build(dense, 1, (16, 12), 3, masks=True)(torch.zeros(2, 1, 16, 12)).shape == (2, 3, 16, 12)
    assert build_model(flat, 1, (8, 9, 10), 3)(torch.zeros(2, 1, 8, 9, 10)).shape == (2, 3)
    with pytest.raises(
        UserError, match=r"(?s)returns shape \(2, 3\) for 2 images, not \(2, 3, 16, 12\).*\(B, outputs, H, W\)"
    ):
        build(flat, 1, (16, 12), 3, masks=True)
    with pytest.raises(UserError, match=r"returns shape \(2, 3, 16, 12\) for 2 images, not \(2, 3\)"):
        build(dense, 1, (16, 12), 3)
