"""Signs that gradients are masked, so that attacks that follow them find less than there is (Athalye, Carlini & Wagner 2018;
Carlini et al. 2019, "On evaluating adversarial robustness")."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neocog.attacks.apgd import apgd
from neocog.attacks.ball import Ball, drawn, per_sample
from neocog.attacks.goal import any_other
from neocog.attacks.gradient import Network, fgsm, pgd, uphill
from neocog.attacks.square import square

QUERIES = 500
DRAWS = 20
WHOLE = {"linf": 0.5, "l2": 0.5}  # of the range, for each pixel: every image can become the same grey
SIGNS = {
    "one step": "one step (FGSM) succeeds where forty (PGD) fail",
    "black box": "a black-box attack (Square) succeeds where a hundred gradient steps fail",
    "random": "random noise succeeds where a hundred gradient steps fail",
    "large": "predictions stay correct under perturbations that could turn any image plain grey",
    "flat": "the gradient of the loss is exactly 0",
}


def masked_gradients(
    network: Network, images: Tensor, labels: Tensor, ball: Ball, samples: Sequence[int], seed: int
) -> dict[str, int]:
    """{"n": images that are answered rightly; for each of ``SIGNS`` how many show it}."""
    goal = any_other(labels)

    def right(changed: Tensor) -> Tensor:
        with torch.no_grad():
            return network(changed).argmax(1) == labels

    known = right(images)
    many = right(apgd(network, images, goal, ball, samples, 100, seed))
    chance = known.clone()
    for draw in range(DRAWS):
        noise = drawn(images, seed, samples, epoch=draw, normal=ball.norm == "l2")
        noise = noise.sign() if ball.norm == "linf" else noise / per_sample(ball.size(noise), noise)
        chance &= right((images + ball.reach(images) * noise).clamp(0, 1))
    whole = Ball(ball.norm, WHOLE[ball.norm] * (1 if ball.norm == "linf" else images[0].numel() ** 0.5))
    grey = right(apgd(network, images, goal, whole, samples, 50, seed))
    flat = uphill(network, images, goal)[1].flatten(1).abs().amax(1) == 0
    found = {
        "n": known,
        "one step": known
        & ~right(fgsm(network, images, goal, ball))
        & right(pgd(network, images, goal, ball, samples, 40, seed)),
        "random": many & ~chance,
        "large": known & grey,
        "flat": known & flat,
    }
    if ball.norm == "linf" and images.ndim == 4:
        found["black box"] = many & ~right(square(network, images, labels, ball, samples, QUERIES, seed))
    return {name: int(each.sum()) for name, each in found.items()}
