"""Progressive resizing: which sizes training sees when, that nothing else sees them, and what cannot have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import neocog
from neocog.engine.progressive import shown, sides
from neocog.errors import UserError
from neocog.networks import build
from neocog.networks.airbench import Airbench

QUICK = {
    "epochs": 4,
    "batch": 8,
    "threads": 1,
    "quiet": True,
    "model": "airbench",
    "widths": (4, 4),
    "split": (0.6, 0.2, 0.2),
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 × 20 pictures of 20 × 20, bright or dark."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for label, level in (("dark", 60), ("light", 190)):
        (root / label).mkdir()
        for number in range(20):
            pixels = (level + rng.integers(-60, 61, (20, 20, 3))).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / label / f"{number}.png")
    return root


def test_sizes_grow_in_four_stages_and_the_last_quarter_is_whole() -> None:
    assert [sides((32, 24), 0.5, progress) for progress in (0, 0.249, 0.25, 0.5, 0.749, 0.75, 0.999)] == [
        (16, 12), (16, 12), (21, 16), (27, 20), (27, 20), (32, 24), (32, 24),
    ]  # fmt: skip
    images = torch.randn(2, 3, 32, 24)
    assert shown(images, 0.0, 0.0) is images and shown(images, 0.5, 0.75) is images
    stripes = torch.tensor([0.0, 1.0]).repeat(16).expand(1, 1, 32, 32)
    assert torch.allclose(shown(stripes, 0.5, 0.0)[..., 2:-2], torch.tensor(0.5), atol=0.1), "averaged, not picked"


def test_training_alone_sees_smaller_images(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[bool, list[int]] = {True: [], False: []}
    forward = Airbench.forward

    def watched(self: Airbench, inputs: torch.Tensor) -> torch.Tensor:
        if inputs.device.type == "cpu":
            seen[self.training].append(inputs.shape[-1])
        return forward(self, inputs)

    monkeypatch.setattr(Airbench, "forward", watched)
    neocog.train(pictures, tmp_path / "run", start_size=0.6, **QUICK)
    assert seen[True] == [12] * 3 + [15] * 3 + [17] * 3 + [20] * 3
    assert set(seen[False]) == {20}


def test_a_run_that_is_stopped_goes_on_to_the_same_bytes(pictures: Path, tmp_path: Path) -> None:
    given = {**QUICK, "start_size": 0.6, "lookahead": 5}
    whole = neocog.train(pictures, tmp_path / "whole", **given)
    plain = neocog.train(pictures, tmp_path / "plain", **{**given, "start_size": 0.0})
    assert whole.weights.read_bytes() != plain.weights.read_bytes()

    def stop(_row: Any) -> None:
        raise neocog.Stop

    with pytest.raises(neocog.Interrupted):
        neocog.train(pictures, tmp_path / "run", after_epoch=stop, **given)
    run = neocog.resume(tmp_path / "run", quiet=True)
    for name in ("weights.safetensors", "metrics.csv", "predictions.csv"):
        assert (run.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"model": "mlp"}, "mlp for images of 20 × 20 takes none of 12 × 12"),
        ({"model": "lenet5", "size": 32}, "lenet5 for images of 32 × 32 takes none of 19 × 19"),
        ({"adversarial": 0.03}, "learns from smaller ones"),
        ({"task": "vae"}, "--start-size belongs to --task classification or regression"),
        ({"kind": "volumes"}, "--start-size belongs to --kind images"),
        ({"engine": "numpy"}, "--start-size belongs to --engine torch"),
        ({"pretrained": "imagenet", "tune": "head"}, "--start-size is about the steps of a training"),
        ({"start_size": 1.0}, "--start-size 1"),
    ],
)
def test_where_it_cannot_be_obeyed_it_is_refused(settings: Any, says: str, pictures: Path, tmp_path: Path) -> None:
    given = {"start_size": 0.6, "model": "resnet", "threads": 1, "quiet": True, **settings}
    with pytest.raises(UserError) as error:
        neocog.train(pictures, tmp_path / "run", **given)
    assert says in str(error.value)
    assert not (tmp_path / "run").exists()


def test_the_deeper_airbench_adds_what_enters_its_second_convolution() -> None:
    torch.manual_seed(0)
    net = build("airbench", 3, (18, 18), 2, widths=(4, 4), depth=3).eval()
    stage = net.stage1
    maps = torch.randn(2, 24, 17, 17)
    begun = stage[:4](maps)
    between = begun
    for layer in stage[4]:
        between = layer(between)
    expected = torch.nn.functional.gelu(begun + between)
    torch.testing.assert_close(stage(maps), expected)
    assert len(stage[4]) == 5 and sum(isinstance(layer, torch.nn.Conv2d) for layer in net.modules()) == 7
    with pytest.raises(UserError, match="depth"):
        build("airbench", 3, (18, 18), 2, depth=4)
