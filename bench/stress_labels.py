"""Figures of ``neocog stress RUN labels`` and ``unknown``.

python bench/stress_labels.py mnist --cleanlab PYTHON   # planted wrong labels; corrections; cleanlab on the same probabilities
python bench/stress_labels.py cifar                     # … of 10,000 pictures, by a frozen encoder
python bench/stress_labels.py unknown                   # outliers to MNIST, made and real; what --refuse does

CIFAR-10 lies unpacked in $NEOCOG_CIFAR, or where ``unpack`` of the data puts it.
"""

from __future__ import annotations

import argparse
import gzip
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import neocog
from neocog.metrics.outlier_scores import SCORES, Familiar
from neocog.metrics.unseen import known_from_unseen
from neocog.predictor import load_predictor
from neocog.run import Run
from neocog.verbs.out_of_fold import out_of_fold

Array = NDArray[Any]
DATA = Path(os.environ.get("NEOCOG_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
CIFAR = Path(os.environ.get("NEOCOG_CIFAR", DATA / "cifar-10" / "cifar-10-batches-bin"))


def labels(name: str, cleanlab: str, count: int) -> None:
    """Planted wrong labels of MNIST (``mnist``) or CIFAR-10 (``cifar``): how many come first, beside cleanlab's rankings."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        images, truth = digits("train") if name == "mnist" else small_pictures()
        images, truth = images[:count], truth[:count]
        given, wrong = planted(truth, 0.05)
        data, run = (images, given.astype(str).tolist()), Path(folder) / "run"
        if name == "mnist":
            neocog.train(data, run, quiet=True, threads=1, model="lenet5", epochs=3, folds=4, split=(0.8, 0.0, 0.2))
        else:
            weights = str(DATA / "pretrained" / "tf_efficientnet_lite0.safetensors")
            neocog.train(data, run, quiet=True, threads=1, pretrained=weights, tune="head", size=(96, 96))
        trained = time.process_time() - began
        found = neocog.stress(run, ["labels"], on=data, minutes=600, quiet=True)
        tried = time.process_time() - began - trained
        print(f"{len(truth):,} samples, {wrong.sum():,} labels wrong; {trained:.0f} + {tried:.0f} CPU s")
        order = found["labels"]["sample"].str.extract(r"(\d+)\]?$")[0].astype(int).to_numpy()
        recalls(order, wrong)
        print(found["label_noise"].to_string(index=False))
        if name == "mnist":
            if cleanlab:
                beside_cleanlab(cleanlab, run, given, wrong, Path(folder))
            mended(data, run, Path(folder))


def digits(part: str) -> tuple[Array, Array]:
    """((n, 28, 28) images, (n,) labels) of MNIST's "train" or "t10k"."""
    packed = [
        gzip.decompress((DATA / "mnist" / f"{part}-{kind}-ubyte.gz").read_bytes())
        for kind in ("images-idx3", "labels-idx1")
    ]
    pixels, labels = np.frombuffer(packed[0][16:], np.uint8), np.frombuffer(packed[1][8:], np.uint8)
    return pixels.reshape(-1, 28, 28), labels.astype(np.int64)


def small_pictures(count: int = 10_000) -> tuple[Array, Array]:
    """((n, 32, 32, 3) images, (n,) labels): the first of CIFAR-10's training pictures, unpacked as shared/data/unpack does."""
    records = np.frombuffer((CIFAR / "data_batch_1.bin").read_bytes(), np.uint8)
    rows = records.reshape(-1, 3073)[:count]
    return rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), rows[:, 0].astype(np.int64)


def planted(truth: Array, share: float) -> tuple[Array, Array]:
    """Labels of which a share is another class, by lot, and which these are."""
    draw, labels = np.random.default_rng(0), truth.copy()
    wrong = draw.random(len(labels)) < share
    labels[wrong] = (labels[wrong] + draw.integers(1, 10, wrong.sum())) % 10
    return labels, wrong


def recalls(order: Array, wrong: Array, name: str = "neocog") -> None:
    shares = [f"{wrong[order[: round(share * len(wrong))]].sum() / wrong.sum():.4f}" for share in (0.05, 0.06, 0.08)]
    print(f"{name:32} of the wrong labels among the first 5, 6, 8 %:", *shares)


def mended(data: tuple[Array, list[str]], run: Path, folder: Path) -> None:
    """Accuracy on the 10,000 test digits, whose labels are right, before and after ``--corrections``."""
    images, truth = digits("t10k")
    for name, path in (("before", ""), ("after", str(run / "stress" / "corrections.csv"))):
        own = folder / name
        neocog.train(data, own, quiet=True, threads=1, model="lenet5", epochs=3, corrections=path)
        found = neocog.evaluate(own, (images, truth.astype(str).tolist()), quiet=True)["measures"]["test"]["accuracy"]
        print(f"{name} corrections: accuracy {found['value']:.4f} ({found['low']:.4f} to {found['high']:.4f})")


def beside_cleanlab(python: str, run: Path, given: Array, wrong: Array, folder: Path) -> None:
    """Its rankings, and its estimate, of the same probabilities."""
    names, shares = out_of_fold([Run(run / f"fold-{k}") for k in range(1, 5)]).of_samples()  # type: ignore[union-attr]
    place = np.array([int(name.rstrip("]").split("[")[-1]) for name in names])
    np.savez(folder / "given.npz", shares=shares, labels=given[place])
    script = (
        "import sys, numpy as np; from cleanlab.rank import get_label_quality_scores as scores; from cleanlab import count\n"
        "found = np.load(sys.argv[1], allow_pickle=False); labels, shares = found['labels'], found['shares']\n"
        "print('cleanlab estimates', count.num_label_issues(labels, shares) / len(labels), file=sys.stderr)\n"
        "names = [(n, a) for n in ('self_confidence', 'normalized_margin') for a in (False, True)]\n"
        "np.save(sys.argv[2], [scores(labels, shares, method=n, adjust_pred_probs=a) for n, a in names])"
    )
    subprocess.run([python, "-c", script, folder / "given.npz", folder / "scores.npy"], check=True)
    for name, each in zip(
        ("self-confidence", "adjusted", "margin", "margin, adjusted"),
        np.load(folder / "scores.npy", allow_pickle=False),
        strict=True,
    ):
        recalls(place[np.argsort(each, kind="stable")], wrong, f"cleanlab, {name}")


def unknown() -> None:
    """AUROC of made outliers and of CIFAR-10's pictures in grey, on MNIST."""
    with tempfile.TemporaryDirectory() as folder:
        run, began = Path(folder) / "run", time.process_time()
        neocog.train(DATA / "mnist", run, quiet=True, threads=1, model="lenet5", epochs=3)
        trained = time.process_time()
        found = neocog.stress(run, ["unknown"], samples=2000, minutes=60, quiet=True)
        print(f"trained in {trained - began:.0f} CPU s, tried in {time.process_time() - trained:.0f}")
        table = found["unknown"]
        print(table.pivot(index="outliers", columns="score", values="auroc").round(4).to_string())
        print(table.pivot(index="outliers", columns="score", values="refused").round(4).to_string())
        print(found["selective"].to_string(index=False))
        print(found.verdicts["sentence"][0])
        foreign(run)


def foreign(run: Path) -> None:
    """How well each score tells grey pictures of CIFAR-10, cut to 28 × 28, from test digits; and what ``--refuse 0.05`` does."""
    predictor, (known, _), (pictures, _) = load_predictor(Run(run)), digits("t10k"), small_pictures(2000)
    strange = pictures[:, 2:30, 2:30].mean(3).round().astype(np.uint8)
    train, labels = digits("train")
    looked = {}
    for name, images in (("train", train[:10_000]), ("known", known[:2000]), ("strange", strange)):
        pieces = [
            predictor.with_features(torch.from_numpy(images[i : i + 256, None].copy()))
            for i in range(0, len(images), 256)
        ]
        looked[name] = [np.concatenate(each) for each in zip(*pieces, strict=True)]
    familiar = Familiar.of(looked["train"][1], labels[:10_000])
    refusal = predictor.refusing(0.05).refuses
    assert refusal is not None
    for score in SCORES:
        ours, theirs = (familiar.score(score, *looked[name]) for name in ("known", "strange"))
        print(
            f"grey CIFAR-10, {score:20} AUROC {known_from_unseen(ours, theirs, np.arange(4000).astype(str)).value:.4f}"
        )
    refused = [float((refusal.scores(*looked[name]) < refusal.cut).mean()) for name in ("known", "strange")]
    print(f"--refuse 0.05 by {refusal.score}: {refused[0]:.4f} of the test digits, {refused[1]:.4f} of the pictures")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("mnist", "cifar", "unknown"))
    parser.add_argument("--cleanlab", default="", help="a Python that has cleanlab")
    parser.add_argument("--count", type=int, default=60_000, help="samples at most")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.what == "unknown":
        unknown()
    else:
        labels(asked.what, asked.cleanlab, asked.count)
