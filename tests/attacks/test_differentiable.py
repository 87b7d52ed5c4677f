"""What an attack follows: a run's outputs as a function of its stored pixels, with the run's own preprocessing inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neocog.data.normalise import as_saved, from_unit_range, in_unit_range
from neocog.data.preprocessing import Preprocessing, Scaling
from neocog.predictor import Predictor

RANGES = {"uint8": (0.0, 255.0), "uint16": (120.0, 4000.0), "float32": (-1.5, 2.0)}


def predictor(dtype: str = "uint8", scaling: Scaling = "data", facts: dict[str, Any] | None = None) -> Predictor:
    """A small network on two channels, in double precision."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(3 * 4 * 3, 3)).double().eval()
    low, high = RANGES[dtype]
    middle, spread = (low + high) / 2, (high - low) / 4
    preprocessing = Preprocessing(
        2, (6, 5), dtype, (middle, middle * 0.9), (spread, spread * 1.1), low=low, high=high, scaling=scaling
    )
    return Predictor(network, preprocessing, ("a", "b", "c"), facts=facts or {})


@pytest.mark.parametrize("dtype", RANGES)
@pytest.mark.parametrize("scaling", ["data", "image", "weights"])
def test_outputs_have_the_derivative_of_what_they_compute(dtype: str, scaling: Scaling) -> None:
    run = predictor(dtype, scaling)
    images = torch.rand(2, 2, 6, 5, dtype=torch.float64, requires_grad=True)

    def outputs(images: Tensor) -> Tensor:
        return run.outputs(from_unit_range(images, run.preprocessing))

    assert torch.autograd.gradcheck(outputs, (images,), fast_mode=False)


def test_views_have_it_too() -> None:
    run = predictor(facts={"views": {"count": 4, "mirror": True}})
    pixels = 255 * torch.rand(1, 2, 6, 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(run.outputs, (pixels.requires_grad_(),))


def test_a_plain_image_that_is_scaled_by_itself_has_a_finite_derivative() -> None:
    run = predictor(scaling="image")
    pixels = torch.full((1, 2, 6, 5), 128.0, requires_grad=True)
    run = Predictor(run.network.float(), run.preprocessing, run.classes)
    (gradient,) = torch.autograd.grad(run.outputs(pixels).sum(), pixels)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("scaling", ["data", "image", "weights"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_what_is_attacked_is_what_predicts(dtype: str, scaling: Scaling) -> None:
    run = predictor(dtype, scaling)
    run = Predictor(run.network.float(), run.preprocessing, run.classes)
    low, high = RANGES[dtype]
    stored = torch.from_numpy(np.random.default_rng(0).integers(int(low), int(high) + 1, (3, 2, 6, 5)).astype(dtype))
    images = in_unit_range(stored, run.preprocessing)
    found = run.outputs(from_unit_range(images, run.preprocessing)).detach().numpy()
    np.testing.assert_allclose(found, run.of_pixels(stored), atol=1e-5)
    assert torch.equal(
        from_unit_range(as_saved(images, run.preprocessing), run.preprocessing).round().to(stored.dtype), stored
    )


def test_saved_images_are_rounded_to_whole_stored_numbers() -> None:
    images = torch.tensor([[[[0.0, 0.4 / 255, 0.6 / 255, 1.0]]]])
    assert (as_saved(images, predictor().preprocessing) * 255).round().flatten().tolist() == [0, 0, 1, 255]
    assert torch.equal(as_saved(images, predictor("float32").preprocessing), images)
