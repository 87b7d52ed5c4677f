"""AutoAttack (Croce and Hein 2020): four attacks without a setting, each on what withstood those before it.

Auto-PGD by cross-entropy, Auto-PGD and FAB towards each of up to nine other classes, and Square: the "standard" version, with
its order and budgets. With fewer than four classes its loss is not defined: ``losses.py`` says what is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from neocog.stress.apgd import apgd
from neocog.stress.ball import Ball
from neocog.stress.boundary import fab
from neocog.stress.gradient import Logits
from neocog.stress.square import square

ATTACKS = ("apgd-ce", "apgd-t", "fab-t", "square")
TARGETS = 9  # classes at most


def autoattack(
    logits: Logits, images: Tensor, labels: Tensor, ball: Ball, samples: Sequence[int],
    seed: int = 0, attacks: Sequence[str] = ATTACKS, steps: int = 100, queries: int = 5000,
) -> Iterator[tuple[str, Tensor, Tensor]]:  # fmt: skip
    """(attack, images (B, …) as they are changed by then, (B,) whether they withstand), after each attack.

    Samples that are answered wrongly as they are count as turned. Square is for images and the largest change alone.
    """
    changed = images.clone()
    with torch.no_grad():
        answers = logits(images)
    withstands = answers.argmax(1) == labels
    others = min(TARGETS, answers.shape[1] - 1)
    for attack in attacks:
        if attack == "square" and (ball.norm != "linf" or images.ndim != 4):
            continue
        for rank in range(others if attack in ("apgd-t", "fab-t") else 1):
            left = withstands.nonzero()[:, 0]
            if not len(left):
                break
            clean, label, names = images[left], labels[left], [samples[place] for place in left.tolist()]
            target = likeliest(answers[left], label, rank)
            if attack == "fab-t":
                tried = fab(logits, clean, label, ball, target, steps)
            elif attack == "square":
                tried = square(logits, clean, label, ball, names, queries, seed)
            else:
                tried = apgd(
                    logits, clean, label, ball, names, steps, seed + rank, target=target if attack == "apgd-t" else None
                )
            with torch.no_grad():
                turned = logits(tried).argmax(1) != label
            turned &= ball.size(tried - clean) <= ball.radius * (1 + 1e-5)
            changed[left[turned]] = tried[turned]
            withstands[left[turned]] = False
        yield attack, changed.clone(), withstands.clone()


def likeliest(answers: Tensor, labels: Tensor, rank: int) -> Tensor:
    """(B,) the class other than the label whose logit is largest but ``rank``."""
    return answers.scatter(1, labels[:, None], -torch.inf).argsort(dim=1, descending=True)[:, rank]
