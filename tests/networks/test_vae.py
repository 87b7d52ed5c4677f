"""The variational autoencoder's network: any size in and the same out, every weight learns, options are checked."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from neocog.errors import UserError
from neocog.networks import build, check_purpose
from neocog.networks.vae import LOG_VARIANCE
from neocog.verbs.models import multiply_adds, row


@pytest.mark.parametrize(
    ("channels", "size"), [(1, (28, 28)), (3, (32, 32)), (1, (33, 45)), (3, (128, 96)), (1, (8, 8))]
)
def test_any_size_comes_out_as_it_went_in_and_every_weight_learns(channels: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    net = build("vae", channels, size, 1, latent=5, widths="6,8", hidden=12, norm="batch")
    images = torch.rand(3, channels, *size)
    mean, log_variance = net.encode(images)
    assert mean.shape == log_variance.shape == (3, 5)
    decoded = net.decode(mean + log_variance.exp())
    assert decoded.shape == images.shape == net(images).shape
    (decoded.square().sum() * net.log_scale.exp()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_the_spread_of_a_code_stays_within_what_floats_can_hold() -> None:
    net = build("vae", 1, (8, 8), 1, widths="4", hidden=4)
    nn.init.constant_(net.log_variance.bias, 1e6)
    assert net.encode(torch.zeros(1, 1, 8, 8))[1].max() == LOG_VARIANCE[1]


def test_a_given_scale_is_not_learned() -> None:
    given, learned = (build("vae", 1, (8, 8), 1, widths="4", scale=scale).log_scale for scale in (0.1, 0))
    assert not given.requires_grad and float(given) == pytest.approx(math.log(0.1))
    assert learned.requires_grad


def test_transposed_convolutions_are_counted_once_a_product() -> None:
    layer = nn.Sequential(nn.ConvTranspose2d(3, 5, 4, 2, 1))
    assert multiply_adds(layer, 3, (6, 7)) == 6 * 7 * 3 * 5 * 16  # each input value meets every weight of its channel


def test_bad_options_and_other_purposes_are_one_clear_error() -> None:
    with pytest.raises(UserError, match=r"option latent = .* needs one or more widths of at least 1"):
        build("vae", 1, (28, 28), 1, latent=0)
    with pytest.raises(UserError, match="vae with 3 halvings needs images of at least 8 × 8 pixels, not 7 × 9"):
        build("vae", 1, (7, 9), 1, widths="4,4,4")
    with pytest.raises(
        UserError, match="model 'resnet' gives one prediction for each sample; this task needs new images"
    ):
        check_purpose("resnet", "generation")
    with pytest.raises(UserError, match="model 'vae' gives new images"):
        check_purpose("vae", "prediction")
    assert row("vae", 1, (28, 28), 10)["paper"] == "Kingma & Welling 2014"
