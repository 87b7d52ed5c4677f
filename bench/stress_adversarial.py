"""Figures of ``neocog stress RUN adversarial``: own AutoAttack-standard beside the reference, and what a step costs.

``python bench/stress.py adversarial`` calls it. The reference is ``pyautoattack``, which is no dependency: it is installed in
an environment of its own that also has neocog's (``pip install --no-deps pyautoattack``).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neocog.attacks.apgd import apgd
from neocog.attacks.autoattack import autoattack
from neocog.attacks.ball import Ball
from neocog.attacks.goal import any_other
from neocog.attacks.gradient import pgd
from neocog.checked import read
from neocog.config import from_run
from neocog.data.normalise import from_unit_range, in_unit_range
from neocog.networks import build
from neocog.predictor import Predictor, load_predictor
from neocog.progress import Progress
from neocog.run import Run
from neocog.tasks.classification.task import matched
from neocog.verbs.evaluate import opened

AT_ONCE = 250


class Attacked(nn.Module):
    """A run's logits as a function of images in [0, 1]."""

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.predictor = predictor

    def forward(self, images: Tensor) -> Tensor:
        return self.predictor.outputs(from_unit_range(images, self.predictor.preprocessing))


def adversarial(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", nargs="*", type=Path, help="trained classifiers")
    parser.add_argument("--samples", type=int, default=500, help="test images, evenly chosen")
    parser.add_argument("--epsilon", default="8/255")
    parser.add_argument("--cost", action="store_true", help="a step of PGD and Auto-PGD beside forward and backward")
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    for run in asked.runs:
        beside_the_reference(run, asked.samples, read("epsilon", asked.epsilon, float))
    if asked.cost:
        cost()


def beside_the_reference(folder: Path, count: int, radius: float) -> None:
    """Right answers under both, of the same images; on how many images the two disagree; CPU seconds."""
    run = Run(folder)
    predictor = load_predictor(run)
    tried = opened(run, None, from_run(run.config), predictor, Progress(quiet=True), "")
    positions = tried.samples.positions[:: max(1, len(tried.samples) // count)][:count]
    pairs = list(tried.samples.batches(predictor.preprocessing, positions))
    images = in_unit_range(torch.cat([pixels for _, pixels in pairs]), predictor.preprocessing)
    labels = torch.from_numpy(matched(tried.samples.dataset, predictor.classes)[positions])
    network = Attacked(predictor).eval()
    own, took = timed(lambda: ours(network, images, labels, Ball("linf", radius)))
    with torch.no_grad():
        clean = network(images).argmax(1) == labels
    line = f"{folder}: {len(labels)} images, clean {clean.float().mean():.4f}; ours {own.float().mean():.4f} ({took:.0f} CPU s)"
    try:
        from pyautoattack import AutoAttack
    except ImportError:
        print(line, "; pyautoattack is not here", sep="")
        return
    reference = AutoAttack(network, norm="Linf", eps=radius, version="standard", seed=0)
    theirs, took = timed(lambda: withstood(network, reference, images, labels))
    apart = int((own != theirs).sum())
    print(f"{line}, theirs {theirs.float().mean():.4f} ({took:.0f} CPU s); {apart} images apart", flush=True)


def ours(network: nn.Module, images: Tensor, labels: Tensor, ball: Ball) -> Tensor:
    """(B,) whether each withstands, in batches as the reference's."""
    found = []
    for start in range(0, len(labels), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        numbers = range(len(labels))[part]
        *_, (_, _, held) = autoattack(network, images[part], labels[part], ball, numbers)
        found.append(held)
    return torch.cat(found)


def withstood(network: nn.Module, reference: Any, images: Tensor, labels: Tensor) -> Tensor:
    """The same by the reference."""
    changed, _ = reference.run_standard_evaluation(images, labels, batch_size=AT_ONCE)
    with torch.no_grad():
        answers: Tensor = network(changed).argmax(1)
    return answers == labels


def timed(compute: Callable[[], Tensor]) -> tuple[Tensor, float]:
    """What it gives, and CPU seconds."""
    began = time.process_time()
    return compute(), time.process_time() - began


def cost() -> None:
    """CPU time of a step over that of forward and backward to weights; see ``ratios``."""
    torch.manual_seed(0)
    for name, shape in (("cifarcnn", (3, 32, 32)), ("resnet", (3, 32, 32)), ("lenet5", (1, 28, 28))):
        base, found = ratios(build(name, shape[0], shape[1:], 10).eval(), torch.rand(32, *shape))
        print(name, f"{1000 * base:.1f} ms", *(f"{way} {each / base:.2f} ×" for way, each in found.items()), flush=True)


def ratios(network: nn.Module, images: Tensor, steps: int = 5, repeats: int = 3) -> tuple[float, dict[str, float]]:
    """CPU seconds of forward and backward to weights, and of a step of each attack, the least of several."""
    with torch.no_grad():
        labels = network(images).argmax(1)
    goal, ball = any_other(labels), Ball("linf", 1e-6)  # nothing turns, so that all steps are taken by all images

    def learn() -> None:
        for _ in range(steps):
            network.zero_grad()
            nn.functional.cross_entropy(network(images), labels).backward()  # type: ignore[no-untyped-call]

    ways: dict[str, Callable[[], object]] = {
        "pgd": lambda: pgd(network, images, goal, ball, range(len(images)), steps),
        "apgd": lambda: apgd(network, images, goal, ball, range(len(images)), steps - 1),  # and one at its start
    }
    base = min(seconds(learn) for _ in range(repeats)) / steps
    return base, {way: min(seconds(call) for _ in range(repeats)) / steps for way, call in ways.items()}


def seconds(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began
