"""Tensors of a file into a network: by name and shape, the head never, the first layer adapted, a stranger refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from neocog.errors import UserError
from neocog.networks import build
from neocog.pretrained import Needs, Source, load_into, matched
from neocog.pretrained.first_layer import adapted
from neocog.pretrained.tensors import sha256


def network(
    name: str = "cnn", channels: int = 3, outputs: int = 2, seed: int = 0, size: int = 32, **options: Any
) -> nn.Module:
    torch.manual_seed(seed)
    return build(name, channels, (size, size), outputs, **options)


def saved(folder: Path, state: dict[str, Tensor], model: str = "cnn") -> Source:
    file = folder / "weights.safetensors"
    save_file({name: value.contiguous() for name, value in state.items()}, file)
    return Source(str(file), model, file, sha256(file), Needs())


def test_all_but_the_head_is_taken_though_the_heads_would_fit(tmp_path: Path) -> None:
    old, new = network(seed=1), network(seed=2)
    head = {name: value.clone() for name, value in new.state_dict().items() if value.shape[:1] == (2,)}
    taken = load_into(new, saved(tmp_path, old.state_dict()))
    assert len(head) == 2 and sorted(head) == sorted(taken.left_out) == sorted(taken.fresh)
    for name, value in new.state_dict().items():
        assert torch.equal(value, head[name] if name in head else old.state_dict()[name]), name
    assert taken.misfit == () and taken.share == 1.0


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_the_first_layer_is_adapted_as_timm_does(channels: int, tmp_path: Path) -> None:
    timm = pytest.importorskip("timm", reason="needs neocog[timm]")
    old, new = network(seed=1), network(channels=channels, seed=2)
    taken = load_into(new, saved(tmp_path, old.state_dict()))
    name = taken.first
    theirs = timm.models._manipulate.adapt_input_conv(channels, old.state_dict()[name].clone())
    torch.testing.assert_close(new.state_dict()[name], theirs)
    assert name in taken.taken and taken.share == 1.0


def test_grey_answers_as_the_same_grey_in_colours() -> None:
    weight, grey = torch.randn(4, 3, 3, 3), torch.randn(2, 1, 9, 9)
    alone = torch.conv2d(grey, adapted(weight, 1))
    torch.testing.assert_close(alone, torch.conv2d(grey.expand(2, 3, 9, 9), weight), rtol=1e-4, atol=1e-4)
    assert adapted(torch.randn(4, 3, 3, 3, 3), 2).shape == (4, 2, 3, 3, 3)


def test_a_file_of_another_network_is_refused_and_says_with_what_each_begins(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"fit 0 % of resnet: they are of another network\n  where: .*begins with"):
        matched(network("resnet"), saved(tmp_path, network("lenet5").state_dict(), "resnet"))


def test_a_few_names_in_common_are_no_other_size_of_the_same_network(tmp_path: Path) -> None:
    state = {name: torch.zeros(3) for name, _ in list(network("resnet").named_parameters())[:2]}
    with pytest.raises(UserError, match=r"fit 0 % of resnet: they are of another network"):
        matched(network("resnet"), saved(tmp_path, state, "resnet"))


def test_less_than_half_is_refused_and_more_is_taken(tmp_path: Path) -> None:
    state = network(seed=1).state_dict()
    sizes = {name: value.numel() for name, value in state.items() if "running" not in name and value.shape[:1] != (2,)}
    largest = max(sizes, key=lambda name: sizes[name])
    rest = {name: value for name, value in state.items() if name != largest}
    wrong = {**rest, largest: torch.zeros(1)}
    if 2 * sizes[largest] > sum(sizes.values()):
        with pytest.raises(UserError, match="some have another shape"):
            matched(network(), saved(tmp_path, wrong))
    small = min(sizes, key=lambda name: sizes[name])
    found = matched(network(), saved(tmp_path, {**state, small: torch.zeros(1)}))
    assert found.misfit == (small,) and small in found.fresh and small in found.line()


def test_an_encoder_is_found_below_any_of_the_usual_prefixes(tmp_path: Path) -> None:
    state = {f"module.{name}": value for name, value in network(seed=1).state_dict().items()}
    assert matched(network(), saved(tmp_path, state)).share == 1.0


@pytest.mark.parametrize("model", ["unet", "segnet", "vae"])
def test_the_encoder_of_a_segmenter_or_autoencoder_becomes_a_classifiers(model: str, tmp_path: Path) -> None:
    old = network(model, channels=1, outputs=1, seed=1)
    new = network(f"encoder:{model}", channels=1, outputs=3, seed=2)
    taken = load_into(new, saved(tmp_path, old.state_dict(), model))
    assert taken.share == 1.0 and {name.rpartition(".")[0] for name in taken.fresh} == {"head"}
    first = taken.taken[0]
    assert torch.equal(new.state_dict()[first], old.state_dict()[taken.theirs(first)])
    assert new(torch.zeros(2, 1, 32, 32)).shape == (2, 3)
    assert not [name for name in new.state_dict() if name.startswith(("base.up", "base.output", "base.decoder"))]


def test_the_encoder_of_a_segmenter_takes_a_classifiers_weights(tmp_path: Path) -> None:
    pytest.importorskip("segmentation_models_pytorch", reason="needs neocog[segmentation]")
    old = network("torchvision:resnet18", seed=1, size=64)
    new = network("unet:resnet18", seed=2, size=64)
    taken = load_into(new, saved(tmp_path, old.state_dict(), "unet:resnet18"))
    assert torch.equal(new.state_dict()["inner.encoder.conv1.weight"], old.state_dict()["conv1.weight"])
    assert 0.5 < taken.share < 1 and any("decoder" in name for name in taken.fresh)
    back = network("encoder:unet:resnet18", seed=3, size=64)
    assert load_into(back, saved(tmp_path, new.state_dict(), "encoder:unet:resnet18")).share == 1.0
