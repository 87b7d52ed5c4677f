"""AutoAttack (Croce and Hein 2020): four attacks without a setting, each on what withstood those before it.

Auto-PGD by cross-entropy, Auto-PGD and FAB towards each of up to nine other classes, and Square: the "standard" version, with
its order and budgets. With fewer than four classes its loss is not defined: ``goal.py`` says what is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from neocog.attacks.apgd import apgd
from neocog.attacks.ball import Ball
from neocog.attacks.boundary import fab
from neocog.attacks.goal import any_other, any_towards, likeliest
from neocog.attacks.gradient import Network
from neocog.attacks.square import square

ATTACKS = ("apgd-ce", "apgd-t", "fab-t", "square")
TARGETS = 9  # classes at most


def autoattack(
    network: Network, images: Tensor, labels: Tensor, ball: Ball, samples: Sequence[int],
    seed: int = 0, attacks: Sequence[str] = ATTACKS, steps: int = 100, queries: int = 5000, targets: int = TARGETS,
) -> Iterator[tuple[str, Tensor, Tensor]]:  # fmt: skip
    """(attack, images (B, …) as they are changed by then, (B,) whether they withstand), after each attack.

    Samples that are answered wrongly as they are count as turned. Square is for images and the largest change alone.
    """
    changed = images.clone()
    with torch.no_grad():
        answers = network(images)
    withstands = answers.argmax(1) == labels
    for attack in attacks:
        if attack == "square" and (ball.norm != "linf" or images.ndim != 4):
            continue
        for rank in range(min(targets, answers.shape[1] - 1) if attack in ("apgd-t", "fab-t") else 1):
            left = withstands.nonzero()[:, 0]
            if not len(left):
                break
            clean, label, numbers = images[left], labels[left], [samples[place] for place in left.tolist()]
            goal, here = any_towards(label, likeliest(answers[left], label, rank)), ball.of(left)
            if attack == "fab-t":
                tried = fab(network, clean, goal, here, steps)
            elif attack == "square":
                tried = square(network, clean, label, here, numbers, queries, seed)
            else:
                goal = goal if attack == "apgd-t" else any_other(label)
                tried = apgd(network, clean, goal, here, numbers, steps, seed + rank)
            with torch.no_grad():
                turned = network(tried).argmax(1) != label
            turned &= here.holds(tried - clean)
            changed[left[turned]] = tried[turned]
            withstands[left[turned]] = False
        yield attack, changed.clone(), withstands.clone()
