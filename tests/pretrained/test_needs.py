"""The preprocessing of weights: taken from the libraries' own records, and the same images as theirs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from neocog.data.normalise import normalise
from neocog.data.preprocessing import Preprocessing
from neocog.data.resize import fit
from neocog.pretrained.needs import Needs, of_run, of_timm, of_torchvision

PLAN = Preprocessing(3, (48, 48), "uint8", (0.0,) * 3, (1.0,) * 3, fit="crop")


def picture(height: int = 128, width: int = 160) -> np.ndarray:
    """A smooth picture with noise (H, W, 3)."""
    rng, grid = np.random.default_rng(0), np.mgrid[:height, :width].sum(0)[..., None]
    return ((np.sin(grid / (9, 14, 20)) + 1) * 100 + rng.integers(0, 50, (height, width, 3))).astype(np.uint8)


def seen(needs: Needs, pixels: np.ndarray, plan: Preprocessing = PLAN) -> torch.Tensor:
    preprocessing = needs.normalised(needs.shaped(plan, "auto"))
    return normalise(torch.from_numpy(fit(pixels, preprocessing))[None], preprocessing)[0]


def test_images_are_what_timm_makes_of_them() -> None:
    timm = pytest.importorskip("timm", reason="needs neocog[timm]")
    record = {**timm.get_pretrained_cfg("tf_efficientnet_lite0").to_dict(), "input_size": (3, 56, 56)}
    transform = timm.data.create_transform(**timm.data.resolve_data_config(record), is_training=False)
    needs, plan, theirs = of_timm(record, "lite0"), replace(PLAN, size=(56, 56)), transform(Image.fromarray(picture()))
    assert needs.mean == needs.std == (0.5,) * 3
    torch.testing.assert_close(seen(needs, picture(), plan), theirs, rtol=0, atol=0.02)  # a grey level is 0.008
    for other in ({"crop_share": 1.0}, {"interpolation": "bilinear"}, {"fit": "resize"}):
        changed = replace(needs, **other)
        assert (seen(changed, picture(), replace(plan, fit=changed.fit)) - theirs).abs().max() > 0.02, other


def test_images_are_what_torchvision_makes_of_them() -> None:
    import torchvision

    transform = torchvision.models.get_model_weights("resnet18").DEFAULT.transforms()
    theirs = transform(Image.fromarray(picture(512, 640)))
    ours = seen(of_torchvision(transform, "resnet18"), picture(512, 640), replace(PLAN, size=(224, 224)))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0.03)


def test_googlenet_gets_what_it_scales_itself_elsewhere() -> None:
    import torchvision

    weight = torchvision.models.get_model_weights("googlenet").DEFAULT
    model = torchvision.models.get_model("googlenet", weights=None, init_weights=False, transform_input=True)
    x, record = torch.rand(1, 3, 8, 8), weight.transforms()
    mean, std = torch.tensor(record.mean)[:, None, None], torch.tensor(record.std)[:, None, None]
    theirs = model._transform_input((x - mean) / std)
    needs = of_torchvision(weight.transforms(), "googlenet")
    torch.testing.assert_close((x - needs.mean[0]) / needs.std[0], theirs)


@pytest.mark.parametrize(
    ("dtype", "low", "high"), [("uint8", 0.0, 255.0), ("uint16", 300.0, 41_000.0), ("float32", -1.5, 2.5)]
)
def test_black_and_white_of_any_depth_become_the_same(dtype: str, low: float, high: float) -> None:
    needs = Needs(mean=(0.4, 0.5, 0.6), std=(0.2, 0.2, 0.25), scaling="weights")
    preprocessing = needs.normalised(replace(needs.shaped(PLAN, "auto"), dtype=dtype, low=low, high=high))
    ends = torch.tensor([low, high]).expand(1, 3, 2)[..., None]
    found = normalise(ends, preprocessing)[0, :, :, 0]
    torch.testing.assert_close(found, torch.tensor([[-2.0, 3.0], [-2.5, 2.5], [-2.4, 1.6]]), rtol=1e-5, atol=1e-5)


def test_an_edge_is_no_darker_than_black_however_deep_the_image_is() -> None:
    needs = Needs((20, 20), (0.5,), (0.5,), "bicubic", 1.0, "resize", "weights")
    edge = np.zeros((50, 50, 1), np.uint8)
    edge[:, 20:33] = 255
    plan = needs.shaped(replace(PLAN, channels=1, mean=(0.0,), std=(1.0,)), "auto")
    wanted = fit(edge, replace(plan, dtype="uint8")).astype(np.float64) / 255
    for dtype, white in (("float32", 1.0), ("uint16", 4000)):
        found = fit((edge / 255 * white).astype(dtype), replace(plan, dtype=dtype))
        assert found.min() == 0 and found.max() == white
        np.testing.assert_allclose(found / white, wanted, atol=0.01)


def test_means_follow_the_channels_as_the_first_layer_does() -> None:
    needs = Needs(mean=(0.1, 0.2, 0.6), std=(0.5, 0.5, 0.8), scaling="weights")
    for channels, mean in ((1, (0.3,)), (2, (0.1, 0.2)), (5, (0.1, 0.2, 0.6, 0.1, 0.2))):
        plan = replace(PLAN, channels=channels, mean=(0.0,) * channels, std=(1.0,) * channels)
        found = needs.normalised(needs.shaped(plan, "auto"))
        assert found.mean == pytest.approx([255 * m for m in mean]) and len(found.std) == channels


def test_what_the_user_says_goes_before_the_weights() -> None:
    needs = Needs((48, 48), (0.5,) * 3, (0.5,) * 3, "bicubic", 0.8, "crop", "weights")
    kept = needs.shaped(PLAN, "data")
    assert needs.normalised(kept).mean == PLAN.mean
    assert needs.shaped(replace(PLAN, fit="pad"), "auto").crop_share == 1.0  # nothing is to be cut off


def test_a_network_that_answers_for_each_pixel_sees_whole_images_of_any_size() -> None:
    whole = Needs((48, 48), (0.5,) * 3, (0.5,) * 3, "bicubic", 0.8, "crop", "weights").whole()
    assert (whole.size, whole.crop_share, whole.fit, whole.mean) == ((), 1.0, "resize", (0.5,) * 3)


def test_the_preprocessing_of_a_run_comes_back() -> None:
    run = replace(PLAN, dtype="uint16", mean=(300.0,) * 3, std=(100.0,) * 3, low=100.0, high=1100.0, crop_share=0.9)
    needs = of_run(run, "run")
    assert needs.mean == pytest.approx((0.2,) * 3) and needs.std == pytest.approx((0.1,) * 3)
    again = needs.normalised(replace(needs.shaped(PLAN, "auto"), low=100.0, high=1100.0))
    assert again.mean == pytest.approx(run.mean) and again.std == pytest.approx(run.std) and again.crop_share == 0.9
    assert of_run(replace(run, scaling="image"), "run").shaped(PLAN, "auto").scaling == "image"
