"""A variational autoencoder learns codes of images, and images of codes, by one bound on the likelihood (the ELBO).

log p(x) ≥ E log p(x | z) − KL(q(z | x) ‖ p(z)), with z ~ q(z | x) = N(μ, σ²) and the prior p(z) = N(0, 1). Everything is
in nats an image. Kingma & Welling 2014; Rezende et al. 2014; β: Higgins et al. 2017; warm-up: Bowman et al. 2016;
free bits: Kingma et al. 2016; the bound of many samples: Burda et al. 2016.

Letters: B images, L latent dimensions, K samples of each code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn import functional as F

from neocog.augment.counter import bits, pixel_normal, pixel_uniform
from neocog.data.loader import Batch
from neocog.records import Section
from neocog.tasks.objective import Objective

Likelihood = Literal["bernoulli", "gaussian"]
Binarise = Literal["none", "threshold", "sampled"]
NARROWEST = -6.0  # log σ of a pixel, about half a grey level of 256: narrower ones would only chase rounding
PIXELS, CODES = 0, 1  # streams of the counter-based generator


@final
@dataclass(frozen=True)
class VAE(Objective):
    """Inputs (B, C, H, W) in 0 … 1. The network has ``encode``, ``decode`` and ``log_scale`` as networks/vae.py has.

    ``warmup``: share of the steps in which β rises from 0. ``free_bits``: nats of each dimension and image that the
    divergence may have for nothing. ``binarise``: whether the pixels become 0 and 1, by the threshold 0.5 or by drawing
    each with its grey value as probability (Salakhutdinov & Murray 2008).

    The noise of training comes from torch's generator, which the loop seeds from (seed, step, rank). That of evaluation
    is a function of (seed, pixels), so that it is the same for any batch size, number of ranks, order and file name.
    """

    network: Callable[[], Any]
    likelihood: Likelihood = "bernoulli"
    beta: float = 1.0
    warmup: float = 0.0
    free_bits: float = 0.0
    binarise: Binarise = "none"
    seed: int = 0

    def networks(self) -> dict[str, Module]:
        net = self.network()
        if self.likelihood == "bernoulli":
            net.log_scale.requires_grad_(False)
        return {"model": net}

    def losses(self, nets: Mapping[str, Module], batch: Batch) -> Iterator[tuple[str, Tensor]]:
        net: Any = nets["model"]
        images = self.images(batch.inputs)
        mean, log_variance = (part.float() for part in net.encode(images))
        codes = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        fit = self.log_likelihood(net, images, net.decode(codes).float())
        weight = self.beta * (min(1.0, batch.progress / self.warmup) if self.warmup else 1.0)
        paid = divergence(mean, log_variance)
        if self.free_bits:
            paid = paid.clamp(min=self.free_bits)
        yield "model", batch.mean(weight * paid.sum(1) - fit)

    def images(self, inputs: Tensor, keys: Tensor | None = None) -> Tensor:
        """Inputs as the task takes them: cut to 0 … 1, and binarised. ``keys``: of ``keys_of``, at evaluation."""
        inputs = inputs.clamp(0, 1)
        if self.binarise == "none":
            return inputs
        if self.binarise == "threshold":
            return (inputs > 0.5).to(inputs.dtype)
        if keys is None:
            return torch.rand_like(inputs).lt_(inputs)  # a quarter of the time of torch.bernoulli
        chances = pixel_uniform(bits(self.seed, 0, PIXELS, keys), inputs[0].numel())
        return (chances.view_as(inputs) < inputs).to(inputs.dtype)

    def log_likelihood(self, net: Any, images: Tensor, decoded: Tensor) -> Tensor:
        """(B,) log p(x | z) in nats of images (B, C, H, W), or (B, 1, C, H, W), under what their codes became."""
        if self.likelihood == "bernoulli":
            images = images.expand_as(decoded)
            pixels = -F.binary_cross_entropy_with_logits(decoded, images, reduction="none")
        else:
            log_scale = net.log_scale.float().clamp(min=NARROWEST)
            error = (images - decoded) * torch.exp(-log_scale)
            pixels = -0.5 * (error.square() + math.log(2 * math.pi)) - log_scale
        return pixels.flatten(-3).sum(-1)

    def noise(self, keys: Tensor, latent: int, samples: int = 1) -> Tensor:
        """(B, K, L) standard normal numbers for evaluation, a function of the seed and the images' ``keys``."""
        return pixel_normal(bits(self.seed, 0, CODES, keys), samples * latent).view(len(keys), samples, latent)

    def bound(self, nets: Mapping[str, Module], inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """log p(x | z) (B,) of one code z an image, the divergences (B, L), and the means of the codes (B, L)."""
        net: Any = nets["model"]
        keys = keys_of(inputs)
        images = self.images(inputs, keys)
        mean, log_variance = (part.float() for part in net.encode(images))
        codes = mean + (0.5 * log_variance).exp() * self.noise(keys, mean.shape[1])[:, 0]
        return self.log_likelihood(net, images, net.decode(codes).float()), divergence(mean, log_variance), mean

    def log_marginal(self, nets: Mapping[str, Module], inputs: Tensor, samples: int = 1000, chunk: int = 250) -> Tensor:
        """(B,) log p(x) in nats, by importance sampling: log 1/K Σ p(x | z) p(z) / q(z | x) (Burda et al. 2016).

        A lower bound on average, which grows with the number of ``samples`` towards the truth; ``chunk`` of them at once.
        """
        net: Any = nets["model"]
        keys = keys_of(inputs)
        images = self.images(inputs, keys)
        mean, log_variance = (part.float() for part in net.encode(images))
        deviation, found = (0.5 * log_variance).exp(), []
        noise = self.noise(keys, mean.shape[1], samples)
        for start in range(0, samples, chunk):
            drawn = noise[:, start : start + chunk]  # (B, k, L)
            codes = mean[:, None] + deviation[:, None] * drawn
            decoded = net.decode(codes.flatten(0, 1)).float().unflatten(0, codes.shape[:2])
            fit = self.log_likelihood(net, images[:, None], decoded)  # (B, k)
            prior = -0.5 * codes.square().sum(2)  # the constants of prior and posterior are the same
            posterior = -0.5 * drawn.square().sum(2) - deviation.log().sum(1)[:, None]
            found.append((fit + prior - posterior).double())
        return torch.cat(found, 1).logsumexp(1) - math.log(samples)

    def predict(self, nets: Mapping[str, Module], inputs: Tensor) -> Tensor:
        """Reconstructions (B, C, H, W) in 0 … 1, from the means of the codes."""
        net: Any = nets["model"]
        mean, _ = net.encode(self.images(inputs, keys_of(inputs)))
        return self.to_pixels(net.decode(mean))

    def to_pixels(self, decoded: Tensor) -> Tensor:
        """What the decoder gives as pixels in 0 … 1."""
        return decoded.float().sigmoid() if self.likelihood == "bernoulli" else decoded.float().clamp(0, 1)

    def tally(self, nets: Mapping[str, Module], batch: Batch) -> dict[str, Tensor]:
        fit, divergences, _ = self.bound(nets, batch.inputs)
        return {
            "reconstruction": -fit.double().sum(),
            "kl": divergences.double().sum(),
            "n": torch.tensor(len(batch), dtype=torch.float64, device=fit.device),
        }

    def measures(self, totals: Mapping[str, Tensor]) -> dict[str, float]:
        """Nats an image. The ELBO, with β = 1 whatever the training weighs, comes first: higher is better."""
        n = float(totals["n"])
        reconstruction, kl = float(totals["reconstruction"]) / n, float(totals["kl"]) / n
        return {"elbo": -reconstruction - kl, "reconstruction": reconstruction, "kl": kl}

    def sections(self, classes: Sequence[str], totals: Mapping[str, Tensor]) -> list[Section]:
        return []


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """(B, L) KL(N(μ, σ²) ‖ N(0, 1)) = ½ (μ² + σ² − 1 − log σ²) of each dimension, in nats."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def keys_of(inputs: Tensor) -> Tensor:
    """(B,) int64, a number for each image made of its pixels in 0 … 1: the same image has the same wherever it comes from."""
    levels = (inputs.flatten(1).clamp(0, 1) * 65535).round().long()
    place = torch.arange(levels.shape[1], device=levels.device)
    return (levels * bits(0, 0, PIXELS, place)).sum(1)
