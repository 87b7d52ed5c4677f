"""What a VAE makes of whole parts of the data: the bound of each image, its code, and the statistics that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Module

from neocog.data.dataset import Array, Dataset
from neocog.metrics.likelihood import mean_measures
from neocog.records import Measure
from neocog.tasks.vae.objective import VAE

SAMPLES = 1000  # importance samples of an image
AT_ONCE = 2_000_000  # pixels that are decoded at once
MOST_PIXELS = 200_000  # of all test images whose likelihood is estimated when a training ends
ACTIVE = 0.01  # variance of a dimension's means over the images (Burda et al. 2016)


@dataclass(frozen=True)
class Found:
    """Of each image: its position in the data (n,), reconstruction (n,), divergences and means of the codes (n, L).

    ``likely`` (m,): positions in the data of the images of which −log p is estimated, ``nll`` (m,).
    """

    samples: NDArray[np.int64]
    reconstruction: Array
    divergences: Array
    means: Array
    likely: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    nll: Array = field(default_factory=lambda: np.empty(0))

    @property
    def elbo(self) -> Array:
        bound: Array = -self.reconstruction - self.divergences.sum(axis=1)
        return bound

    @property
    def variance(self) -> Array:
        """(L,) of the means: how much each dimension says of an image."""
        spread: Array = self.means.var(axis=0)
        return spread

    @property
    def active(self) -> list[int]:
        """Dimensions that say something, the one of the largest divergence first."""
        order = np.argsort(-self.divergences.mean(axis=0), kind="stable")
        return [int(index) for index in order if self.variance[index] > ACTIVE]

    def measures(self, dataset: Dataset, seed: int) -> dict[str, Measure]:
        """In nats an image, the bound first."""
        divergence = self.divergences.sum(axis=1)
        columns = {"elbo": self.elbo, "reconstruction": self.reconstruction, "kl": divergence}
        found = mean_measures(columns, groups_of(dataset, self.samples), seed)
        if len(self.likely):
            found |= mean_measures({"iw_nll": self.nll}, groups_of(dataset, self.likely), seed)
        return {name: found[name] for name in ("elbo", "iw_nll", "reconstruction", "kl") if name in found}


def groups_of(dataset: Dataset, samples: Array) -> Array | None:
    return None if dataset.groups is None else dataset.groups[samples]


@torch.no_grad()
def collected(objective: VAE, nets: Mapping[str, Module], batches: Iterable[tuple[Array, Tensor]]) -> Found:
    """``batches``: positions in the data and normalised inputs."""
    samples, fits, divergences, means = [np.empty(0, np.int64)], [np.empty(0)], [], []
    for where, inputs in batches:
        fit, divergence, mean = objective.bound(nets, inputs)
        samples.append(np.asarray(where))
        fits.append(-fit.double().cpu().numpy())
        divergences.append(divergence.double().cpu().numpy())
        means.append(mean.double().cpu().numpy())
    empty = np.empty((0, 1))
    return Found(
        np.concatenate(samples),
        np.concatenate(fits),
        np.concatenate(divergences) if divergences else empty,
        np.concatenate(means) if means else empty,
    )


@torch.no_grad()
def log_marginals(objective: VAE, nets: Mapping[str, Module], inputs: Tensor, samples: int = SAMPLES) -> Array:
    """(B,) log p(x) in nats of normalised inputs, an image at a time, so that a batch changes no digit."""
    chunk = max(25, min(samples, AT_ONCE // max(1, inputs[:1].numel())))
    found = [objective.log_marginal(nets, image[None], samples, chunk).cpu().numpy() for image in inputs]
    values: Array = np.concatenate(found) if found else np.empty(0)
    return values


def sampled_for_nll(chosen: NDArray[np.int64], pixels: int, seed: int) -> NDArray[np.int64]:
    """Those of the ``chosen`` images whose likelihood is estimated: a random draw of ``MOST_PIXELS`` pixels, 50 at least."""
    most = max(50, MOST_PIXELS // pixels)
    if len(chosen) <= most:
        return chosen
    return np.sort(np.random.default_rng(seed).permutation(chosen)[:most])


def code_facts(train: Found, validation: Found, dataset: Dataset) -> dict[str, Any]:
    """What model.json keeps of the codes, so that sampling and editing need no data.

    ``kl`` (L,), ``alive``, the training part's ``mean`` and ``std`` (L,), the mean of each class, and the percentiles
    0 … 100 of the validation part's ELBO, against which an image is strange or not.
    """
    classes = {}
    if dataset.has_classes:
        labels = dataset.labels[train.samples]
        for index, name in enumerate(dataset.classes):
            chosen = train.means[labels == index]
            if len(chosen):
                classes[name] = {"n": len(chosen), "mean": chosen.mean(axis=0).tolist()}
    usual = validation.elbo if len(validation.samples) else train.elbo
    return {
        "kl": train.divergences.mean(axis=0).tolist(),
        "alive": train.active,
        "mean": train.means.mean(axis=0).tolist(),
        "std": train.means.std(axis=0).tolist(),
        "classes": classes,
        "elbo_percentiles": np.percentile(usual, np.arange(101)).tolist(),
    }


def share_likelier(elbo: Array, percentiles: Sequence[float]) -> Array:
    """(n,) the share of the validation images whose ELBO is higher, in steps of 1 %."""
    share: Array = 1 - np.searchsorted(np.asarray(percentiles), elbo, side="left").clip(0, 100) / 100
    return share
