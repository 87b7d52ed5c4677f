"""Do maps of what an answer rests on say anything of this network? Two questions to each method.

Sanity (Adebayo et al. 2018): a map must change where the network's weights are dealt out anew. Deletion and insertion (Petsiuk, Das
and Saenko 2018): where the pixels that it names get the picture's mean colour first, the probability of the answer must fall sooner
than in random order, and rise sooner where they come back first. Letters: n samples, H × W pixels, S steps.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neocog.attribution.attribution import class_activation, saliency
from neocog.metrics.intervals import FEWEST, Groups, mean_measures
from neocog.records import Measure
from neocog.robustness.shortcuts.looked import Looked
from neocog.robustness.subject import Subject

SAMPLES, STEPS = 16, 8
SAME = 1e-9  # correlations, and areas, that differ by less are one
RANDOM = "random order"


def explained(subject: Subject, looked: Looked) -> dict[str, dict[str, Any]]:
    """{method: {"random weights": rank correlation of its maps with those of random weights, "deletion", "insertion": area under
    the curve of an answer less that of the random order (each a measure over samples; not of the random order itself),
    "deleted", "inserted": (S + 1,) mean probabilities, "n"}} of samples drawn by lot."""
    chance = np.random.default_rng(subject.seed % 2**32)
    positions = np.sort(chance.permutation(np.asarray(looked.positions))[:SAMPLES])
    pixels = torch.from_numpy(np.stack([looked.fitted(looked.stored(int(i))) for i in positions])).float()
    chosen = torch.from_numpy(subject.predictor.of_pixels(pixels).argmax(axis=1))
    network, draws = subject.predictor.network, torch.Generator().manual_seed(subject.seed % 2**63)
    found, other = (maps(subject, each, pixels, chosen) for each in (network, dealt_anew(network, draws)))
    orders = {**found, RANDOM: torch.rand(pixels[:, 0].shape, generator=draws)}
    curves = {
        name: {
            "deleted": removed(subject, pixels, order, chosen),
            "inserted": removed(subject, pixels, -order, chosen).flip(0),
        }
        for name, order in orders.items()
    }
    groups = subject.dataset.groups
    units = None if groups is None else groups[positions]
    return {
        name: {
            **(
                _measured(rank_correlation(found[name], other[name]), own, curves[RANDOM], units)
                if name in other
                else {}
            ),
            **{which: curve.mean(1).tolist() for which, curve in own.items()},
            "n": len(pixels),
        }
        for name, own in curves.items()
    }


def _measured(
    alike: Tensor, own: Mapping[str, Tensor], random: Mapping[str, Tensor], units: Groups
) -> dict[str, dict[str, Any]]:
    """Of a method's correlations (n,) and curves (S + 1, n), beside those of the random order."""
    beyond = [area(own[which]) - area(random[which]) for which in ("deleted", "inserted")]
    columns = torch.stack([alike, *beyond], 1).numpy()
    found = map(_settled, mean_measures(columns, ["correlation"] * 3, units), columns.T)
    return {name: asdict(m) for name, m in zip(("random weights", "deletion", "insertion"), found, strict=True)}


def _settled(m: Measure, each: NDArray[np.float64]) -> Measure:
    """What is the same for each sample, as the maps of a linear network are, is no surer with more of them."""
    many = (m.n if m.units is None else m.units) > FEWEST
    return replace(m, low=m.value, high=m.value) if many and np.ptp(each) < SAME else m


def area(curve: Tensor) -> Tensor:
    """Under curves (S + 1, …) of equal steps from 0 to 1."""
    return torch.trapezoid(curve, dim=0) / (len(curve) - 1)


def maps(subject: Subject, network: nn.Module, pixels: Tensor, chosen: Tensor) -> dict[str, Tensor]:
    """{method: (n, H, W) what the logits of the ``chosen`` classes (n,) rest on}."""
    inputs = subject.task.inputs(subject.predictor, pixels)

    def score(outputs: Tensor) -> Tensor:
        return outputs.gather(1, chosen[:, None])[:, 0]

    activation, layer = class_activation(network, inputs, score)
    gradient = saliency(network, inputs, score)
    return {"Grad-CAM": activation, "saliency": gradient} if layer else {"saliency": gradient}


def dealt_anew(network: nn.Module, draws: torch.Generator) -> nn.Module:
    """The same network, each of whose tensors has its own numbers in an order drawn by lot."""
    found = copy.deepcopy(network)
    with torch.no_grad():
        for each in found.parameters():
            each.copy_(each.flatten()[torch.randperm(each.numel(), generator=draws)].reshape(each.shape))
    return found


def rank_correlation(one: Tensor, other: Tensor) -> Tensor:
    """(n,) Spearman's of maps (n, H, W); 0 for a map that is plain."""
    ranks = [each.flatten(1).argsort(1).argsort(1).double() for each in (one, other)]
    ranks = [each - each.mean(1, keepdim=True) for each in ranks]
    length = ranks[0].norm(dim=1) * ranks[1].norm(dim=1)
    plain = (one.flatten(1).std(1) == 0) | (other.flatten(1).std(1) == 0)
    return torch.where(plain, 0.0, (ranks[0] * ranks[1]).sum(1) / length.clamp(min=1e-12))


@torch.no_grad()
def removed(subject: Subject, pixels: Tensor, order: Tensor, chosen: Tensor) -> Tensor:
    """(S + 1, n) probability of the ``chosen`` classes where the pixels with the largest ``order`` (n, H, W) get the mean colour:
    none of them, … , all."""
    plain = pixels.mean((2, 3), keepdim=True)
    places = (-order).flatten(1).argsort(1).argsort(1).reshape(order.shape)[:, None] / order[0].numel()
    found = []
    for step in range(STEPS + 1):
        seen = torch.where(places < step / STEPS, plain, pixels)
        shares = subject.predictor.probabilities(subject.predictor.of_pixels(seen))
        found.append(shares[np.arange(len(chosen)), chosen.numpy()])
    return torch.from_numpy(np.stack(found)).double()
