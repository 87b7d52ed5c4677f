"""Do maps of what an answer rests on say anything of this network? Two questions to each method.

Sanity (Adebayo et al. 2018): a map must change where the network's weights are dealt out anew. Deletion and insertion (Petsiuk, Das
and Saenko 2018): where the pixels that it names get the picture's mean colour first, the probability of the answer must fall sooner
than in random order, and rise sooner where they come back first. Letters: n samples, H × W pixels, S steps.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neocog.attribution.attribution import class_activation, saliency
from neocog.robustness.shortcuts.looked import Looked
from neocog.robustness.subject import Subject

SAMPLES, STEPS = 16, 8
RANDOM = "random order"


def explained(subject: Subject, looked: Looked) -> dict[str, dict[str, Any]]:
    """{method: {"random weights": rank correlation of its maps with those of random weights (NaN of the order by lot),
    "deleted", "inserted": (S + 1,) mean probabilities, "n"}} of the first samples."""
    pixels = torch.from_numpy(
        np.stack([looked.fitted(looked.stored(int(i))) for i in looked.positions[:SAMPLES]])
    ).float()
    chosen = torch.from_numpy(subject.predictor.of_pixels(pixels).argmax(axis=1))
    network, draws = subject.predictor.network, torch.Generator().manual_seed(subject.seed % 2**63)
    found, other = (maps(subject, each, pixels, chosen) for each in (network, dealt_anew(network, draws)))
    alike = {name: rank_correlation(found[name], other[name]) for name in found if name in other}
    orders = {**found, RANDOM: torch.rand(pixels[:, 0].shape, generator=draws)}
    return {
        name: {
            "random weights": alike.get(name, float("nan")),
            "deleted": removed(subject, pixels, order, chosen).tolist(),
            "inserted": removed(subject, pixels, -order, chosen).flip(0).tolist(),
            "n": len(pixels),
        }
        for name, order in orders.items()
    }


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


def rank_correlation(one: Tensor, other: Tensor) -> float:
    """The mean over samples of Spearman's, of maps (n, H, W); 0 for a map that is plain."""
    ranks = [each.flatten(1).argsort(1).argsort(1).double() for each in (one, other)]
    ranks = [each - each.mean(1, keepdim=True) for each in ranks]
    length = ranks[0].norm(dim=1) * ranks[1].norm(dim=1)
    plain = (one.flatten(1).std(1) == 0) | (other.flatten(1).std(1) == 0)
    return float(torch.where(plain, 0.0, (ranks[0] * ranks[1]).sum(1) / length.clamp(min=1e-12)).mean())


@torch.no_grad()
def removed(subject: Subject, pixels: Tensor, order: Tensor, chosen: Tensor) -> Tensor:
    """(S + 1,) mean probability of the ``chosen`` classes where the pixels with the largest ``order`` (n, H, W) get the mean
    colour: none of them, … , all."""
    plain = pixels.mean((2, 3), keepdim=True)
    places = (-order).flatten(1).argsort(1).argsort(1).reshape(order.shape)[:, None] / order[0].numel()
    found = []
    for step in range(STEPS + 1):
        seen = torch.where(places < step / STEPS, plain, pixels)
        shares = subject.predictor.probabilities(subject.predictor.of_pixels(seen))
        found.append(float(shares[np.arange(len(chosen)), chosen.numpy()].mean()))
    return torch.tensor(found, dtype=torch.float64)
