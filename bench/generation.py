"""How likely are test digits under a VAE, does it notice a digit that it never saw, and how fast does it learn?

    python bench/generation.py --part vae [--minutes 18] [--images 2000] [--rounds 6]

Prints three JSON lines. (1) MNIST, each pixel drawn black or white with its grey value as probability (Salakhutdinov & Murray
2008), anew in each step of the training and once and for all for the test digits: not Larochelle's fixed file, whose digits are
drawn in the same way, and harder than a threshold at one half. After ``--minutes`` of training, −log p(x) in nats of
``--images`` random test digits, 1,000 importance samples each (Burda et al. 2016); at most 92 are asked.
(2) The same network learns nine of the digits for a quarter of the time: AUROC of −ELBO and of the reconstruction error, the tenth
against the nine, over all test digits. (3) Images a second of the training step against the same layers in a plain fp32 loop
with a DataLoader of 2 workers, in processes of their own, in turn; the first round is thrown away. The data are found under
NEOCOG_DATA.

``--part gan``, ``--part gan-step`` and ``--part vae-distance``: see generation_gan.py.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import generation_gan

VAE: dict[str, Any] = {
    "task": "vae",
    "latent": 24,
    "widths": "16,32",
    "hidden": 256,
    "binarise": "sampled",
    "batch": 128,
    "lr": 0.002,
}
BATCH = 128


def likelihood(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Part 1."""
    import neocog
    from neocog.metrics.likelihood import mean_measures

    run = neocog.train("mnist", folder / "mnist", minutes=options.minutes, threads=options.threads, **VAE)
    result = json.loads(run.result.read_text())
    task, nets, inputs, _ = loaded(run, "mnist")
    chosen = np.sort(np.random.default_rng(0).permutation(len(inputs))[: options.images])
    from neocog.tasks.vae.codes import log_marginals

    started = time.monotonic()
    nats = mean_measures({"nll": -log_marginals(task, nets, inputs[chosen])})["nll"]
    found = {
        "question": "nats of test digits",
        "binarise": "sampled",
        "nll": nats.value,
        "low": nats.low,
        "high": nats.high,
    }
    found |= {"n": nats.n, "samples": 1000, "target": 92.0, "elbo": result["measures"]["test"]["elbo"]}
    found |= {"training_seconds": result["seconds"], "epochs": result["epochs"], "alive": result["alive"]}
    return found | {"parameters": result["parameters"], "judging_seconds": round(time.monotonic() - started, 1)}


def anomaly(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Part 2."""
    import torch

    import neocog
    from neocog.metrics import auroc

    images, labels, parts = digits()
    known, train = labels != options.held, parts != "test"
    arrays = {"x_train": images[known & train], "y_train": labels[known & train]}
    arrays |= {"x_test": images[known & ~train], "y_test": labels[known & ~train]}
    np.savez(folder / "nine.npz", **arrays)
    run = neocog.train(
        folder / "nine.npz", folder / "nine", minutes=options.minutes / 4, threads=options.threads, **VAE
    )
    task, nets, inputs, truth = loaded(run, "mnist")
    elbo, error = [], []
    with torch.no_grad():
        for start in range(0, len(inputs), 500):
            piece = inputs[start : start + 500]
            fit, divergences, _ = task.bound(nets, piece)
            elbo.append((fit - divergences.sum(1)).numpy())
            error.append((piece - task.predict(nets, piece)).square().mean((1, 2, 3)).numpy())
    strange = truth == options.held
    found = {
        "question": "a digit that was never seen",
        "held_out": options.held,
        "n": [int(strange.sum()), int((~strange).sum())],
    }
    return found | {
        "auroc_elbo": auroc(-np.concatenate(elbo), strange),
        "auroc_reconstruction": auroc(np.concatenate(error), strange),
    }


def loaded(run: Any, data: str) -> tuple[Any, dict[str, Any], Any, np.ndarray]:
    """Task, networks, and MNIST's test digits as the network takes them, with their labels."""
    import torch

    from neocog.data.normalise import normalise
    from neocog.predictor import load_predictor
    from neocog.tasks.vae.task import objective_of

    predictor = load_predictor(run)
    images, labels, parts = digits()
    pixels = torch.from_numpy(images[parts == "test"][:, None])
    return (
        objective_of(predictor),
        {"model": predictor.network},
        normalise(pixels, predictor.preprocessing),
        labels[parts == "test"],
    )


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """MNIST: images (70000, 28, 28) uint8, labels, parts."""
    from neocog.data.readers.detect import open_dataset

    data = open_dataset("mnist")
    images = np.stack([data.images.read(index)[..., 0] for index in range(len(data))])
    assert data.splits is not None
    return images, data.labels, data.splits


def ours(steps: int, threads: int) -> float:
    """Images a second of neocog's training step, its data included."""
    import torch

    from own_loop import images_per_second

    torch.set_num_threads(threads)
    return images_per_second({"data": "mnist", "epochs": 1, "threads": threads, **VAE}, steps)


def plain(steps: int, threads: int) -> float:
    """Images a second of the same layers in a loop as one writes it by hand."""
    import torch
    from PIL import Image
    from torch.nn import functional as F
    from torch.utils.data import DataLoader, Dataset
    from torchvision.transforms import ToTensor

    from neocog.networks import build

    torch.set_num_threads(threads)
    images, labels, parts = digits()
    train, change = images[parts == "train"], ToTensor()

    class Digits(Dataset):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return len(train)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            return change(Image.fromarray(train[index])), int(labels[index])

    net: Any = build("vae", 1, (28, 28), 1, **{name: VAE[name] for name in ("latent", "widths", "hidden")})
    net.to(memory_format=torch.contiguous_format)
    encoder = net.encoder
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    seen = 0
    for step, (batch, _) in enumerate(DataLoader(Digits(), BATCH, shuffle=True, num_workers=2, drop_last=True)):
        if step == 5:
            started, seen = time.perf_counter(), 0
        drawn = torch.bernoulli(batch)
        features = encoder(drawn)
        mean, log_variance = net.mean(features), net.log_variance(features)
        decoded = net.decoder(mean + (0.5 * log_variance).exp() * torch.randn_like(mean))
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
        loss = (F.binary_cross_entropy_with_logits(decoded, drawn, reduction="sum") + divergence) / BATCH
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += BATCH
        if step == steps + 4:
            break
    return seen / (time.perf_counter() - started)


def speed(options: argparse.Namespace) -> dict[str, Any]:
    """Part 3."""
    rates: dict[str, list[float]] = {"ours": [], "plain": []}
    for number in range(options.rounds):
        for name in rates:
            command = [
                sys.executable,
                __file__,
                "--part",
                name,
                "--steps",
                str(options.steps),
                "--threads",
                str(options.threads),
            ]
            rate = float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
            if number:
                rates[name].append(rate)
    ratios = [a / b for a, b in zip(rates["ours"], rates["plain"], strict=True)]
    found: dict[str, Any] = {
        "question": "images/s of the VAE's training step",
        "threads": options.threads,
        "n": len(ratios),
    }
    for name, values in (*rates.items(), ("ratio", ratios)):
        found[name] = {"median": round(median(values), 2), "low": round(min(values), 2), "high": round(max(values), 2)}
    return found | {"target": 2.0}


def vae(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(likelihood(options, Path(folder))), flush=True)
        print(json.dumps(anomaly(options, Path(folder))), flush=True)
    print(json.dumps(speed(options)), flush=True)


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "vae": vae,
    "ours": lambda options: print(ours(options.steps, options.threads)),
    "plain": lambda options: print(plain(options.steps, options.threads)),
    "speed": lambda options: print(json.dumps(speed(options))),
    **generation_gan.PARTS,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, required=True)
    parser.add_argument("--minutes", type=float, default=18.0)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--held", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--vae", type=Path, help="gan: a run of --task vae on MNIST, to compare with")
    parser.add_argument("--extractor", type=Path, help="vae-distance: a run that tells MNIST's digits apart")
    parser.add_argument("--ranks", type=int, default=1, help="gan: processes that train together")
    parser.add_argument("--unconditional", action="store_true", help="gan: without learning what each class looks like")
    parser.add_argument("--more", nargs=argparse.REMAINDER, default=[], help="gan: further settings of neocog train")
    options = parser.parse_args()
    PARTS[options.part](options)


if __name__ == "__main__":
    main()
