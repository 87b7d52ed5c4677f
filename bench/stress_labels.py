"""Figures of ``neocog stress RUN labels`` and ``unknown``.

python bench/stress_labels.py mnist --cleanlab PYTHON   # planted wrong labels; corrections; cleanlab on the same probabilities
python bench/stress_labels.py cifar                     # … of 10,000 pictures, by a frozen encoder
python bench/stress_labels.py boxes                     # planted errors of BCCD's boxes: removed, invented, shifted
python bench/stress_labels.py masks                     # … of BBBC039's nuclei
python bench/stress_labels.py unknown                   # outliers to MNIST, made and real; what --refuse does

CIFAR-10 lies unpacked in $NEOCOG_CIFAR, or where ``unpack`` of the data puts it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

import neocog
from neocog.data.dataset import Dataset
from neocog.data.objects import ObjectMasks
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.metrics.detection import overlap
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


PLANTED, MOVED = 0.05, 0.4  # share of the labels of each kind, and of its size that one is shifted by
FIRST = (0.05, 0.1, 0.15, 0.2, 0.3)  # of the ranking, as shares of the number of labels
SEEN_AS = {"removed": "missed", "invented": "invented", "shifted": "badly drawn"}


def boxes(epochs: int) -> None:
    """BCCD's own lists: one network of its training images judges all of them."""
    source = open_dataset(DATA / "bccd", reading=Reading(task="detection", on_bad="skip"))
    with tempfile.TemporaryDirectory() as folder:
        data, planted = Path(folder) / "data", planted_boxes(source, Path(folder) / "data")
        began = time.process_time()
        run = neocog.train(
            data, Path(folder) / "run", task="detection", quiet=True, threads=1, size=(240, 320), epochs=epochs,
            augment=("flip_vertical=0.5",),
        )  # fmt: skip
        stressed(run, planted, began)


def planted_boxes(source: Dataset, folder: Path) -> list[tuple[str, str, Array]]:
    """Writes images and boxes.csv; (kind, image, corners) of what was planted: of a removed box its own corners."""
    rng, rows, planted = np.random.default_rng(0), ["image,label,x0,y0,x1,y1,split"], list[tuple[str, str, Array]]()
    assert source.boxes is not None and source.splits is not None
    folder.mkdir(parents=True)
    every = source.boxes.corners
    for index in range(len(source)):
        path = source.images.path(index)
        assert path is not None
        shutil.copy(path, folder / path.name)
        high, wide = source.boxes.sizes[index].tolist()
        corners, labels, _ = source.boxes.of(index)
        kept = []
        for four, label in zip(corners, labels.tolist(), strict=True):
            kind = rng.choice(["removed", "shifted", "invented", ""], p=[PLANTED] * 3 + [1 - 3 * PLANTED])
            if kind == "removed":
                planted.append((str(kind), path.name, four))
                continue
            if kind == "shifted":
                four = within(four + np.tile(four[2:] - four[:2], 2) * MOVED * direction(rng), (wide, high))
                planted.append((str(kind), path.name, four))
            kept.append((four, label))
            if kind == "invented":
                sides = np.diff(every[rng.integers(len(every))].reshape(2, 2), axis=0)[0]
                for _ in range(100):
                    low = rng.uniform(0, np.maximum(np.array([wide, high]) - sides, 1))
                    new = np.concatenate([low, low + sides])
                    if overlap(new[None], corners).max() < 0.1:
                        kept.append((new, int(rng.integers(len(source.classes)))))
                        planted.append((str(kind), path.name, new))
                        break
        lines = [f"{source.classes[label]},{','.join(f'{v:.3f}' for v in four)}" for four, label in kept]
        rows += [f"{path.name},{line},{source.splits[index]}" for line in lines or [",,,,"]]
    (folder / "boxes.csv").write_text("\n".join(rows) + "\n")
    return planted


def direction(rng: np.random.Generator) -> Array:
    """(4,) a shift of length 1 for x0, y0, x1, y1."""
    angle = rng.uniform(0, 2 * np.pi)
    return np.tile([np.cos(angle), np.sin(angle)], 2)


def within(four: Array, size: tuple[int, int]) -> Array:
    """A box that ends where its image of ``size`` (W, H) does."""
    return np.clip(four, 0, np.tile(size, 2))


def masks(epochs: int) -> None:
    """BBBC039's nuclei, told apart: two folds, each image judged by the network that has not seen it."""
    with tempfile.TemporaryDirectory() as folder:
        data, planted = (
            Path(folder) / "data",
            planted_masks(open_dataset(DATA / "bbbc039", reading=Reading(instances=True)), Path(folder) / "data"),
        )
        began = time.process_time()
        run = neocog.train(
            data, Path(folder) / "run", instances=True, quiet=True, threads=1, width=8, depth=3, batch=2, lr=0.003, patch=(256,),
            epochs=epochs, folds=2, split=(0.8, 0.0, 0.2),
        )  # fmt: skip
        stressed(run, planted, began)


def planted_masks(source: Dataset, folder: Path) -> list[tuple[str, str, Array]]:
    """As ``planted_boxes``, with the corners of boxes around the objects."""
    rng, planted = np.random.default_rng(0), list[tuple[str, str, Array]]()
    assert isinstance(source.masks, ObjectMasks)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for index in range(len(source)):
        path = source.images.path(index)
        assert path is not None
        shutil.copy(path, folder / "images" / path.name)
        objects = source.masks.objects(index)
        places, new = ndimage.find_objects(objects), objects.copy()
        for number, window in enumerate(places, 1):
            kind = rng.choice(["removed", "shifted", "invented", ""], p=[PLANTED] * 3 + [1 - 3 * PLANTED])
            shape, low = objects[window] == number, np.array([each.start for each in window])
            if kind in ("removed", "shifted"):
                new[objects == number] = 0
            where = objects == number
            if kind == "shifted":
                moved = low + MOVED * direction(rng)[:2] * shape.shape
                where = at(shape, moved.round().astype(int), objects.shape) & (new == 0)
            if kind == "invented":
                where = free_place(shape, (objects > 0) | (new > 0), rng)
                number = int(new.max()) + 1
            if kind and where.any():
                planted.append((str(kind), path.name, around_of(where)))
                new[where] = 0 if kind == "removed" else number
        Image.fromarray(new.astype(np.uint16)).save(folder / "masks" / f"{path.stem}.png")
    return planted


def at(shape: Array, low: Array, size: tuple[int, ...]) -> Array:
    """(H, W) the pixels of a shape whose first row and column are ``low``, as far as they are in the image."""
    rows, columns = (each + start for each, start in zip(np.nonzero(shape), low.tolist(), strict=True))
    inside = (rows >= 0) & (rows < size[0]) & (columns >= 0) & (columns < size[1])
    where = np.zeros(size, bool)
    where[rows[inside], columns[inside]] = True
    return where


def free_place(shape: Array, taken: Array, rng: np.random.Generator) -> Array:
    """(H, W) a shape at a random place of the background; nothing where none was found."""
    for _ in range(200):
        low = rng.integers(0, np.array(taken.shape) - shape.shape + 1)
        where = at(shape, low, taken.shape)
        if not (where & taken).any():
            return where
    return np.zeros(taken.shape, bool)


def around_of(where: Array) -> Array:
    rows, columns = ndimage.find_objects(where.astype(np.int32))[0]
    return np.array([columns.start, rows.start, columns.stop, rows.stop], np.float64)


def stressed(run: Run, planted: list[tuple[str, str, Array]], began: float) -> None:
    """Of what was planted of each kind, the share among the first of the ranking, of images learned and not learned."""
    trained = time.process_time() - began
    found = neocog.stress(run, ["labels"], minutes=600, quiet=True)
    ranking, images, took = found["labels"], found["labels_images"], time.process_time() - began - trained
    measured = json.loads(run.result.read_text())["measures"]["test"]
    print("test part:", {name: round(each["value"], 3) for name, each in list(measured.items())[:2]}, end="; ")
    print(
        f"{trained:.0f} + {took:.0f} CPU s; load {os.getloadavg()[0]:.1f}; {found['labels_kinds'].to_string(index=False)}"
    )
    for part in ("learned", "not learned"):
        own, whole = ((each[(each["part"] == "train") == (part == "learned")]) for each in (ranking, images))
        if not len(whole):
            continue
        labels, names = int(whole["labels"].sum()), {Path(name).name for name in whole["sample"]}
        print(f"{part}: {len(whole)} images, {labels} labels, {len(own)} doubts; first {FIRST} of the labels")
        for kind in SEEN_AS:
            theirs = [(image, four) for what, image, four in planted if what == kind and image in names]
            ranks = [rank_of(own, image, four, kind == "removed") for image, four in theirs]
            shares = [np.mean([rank < share * labels for rank in ranks]).round(3) for share in FIRST]
            right = np.mean([own["kind"].iloc[int(r)] == SEEN_AS[kind] for r in ranks if np.isfinite(r)]).round(3)
            print(
                f"  {kind:9} n {len(theirs)}: {shares}; in the ranking {np.isfinite(ranks).mean():.3f}, of its kind {right}"
            )


def rank_of(ranking: pd.DataFrame, image: str, four: Array, removed: bool) -> float:
    """The first doubt, from 0, of this label; of a removed one, that something is seen there and has no label."""
    heads = ["seen_x0", "seen_y0", "seen_x1", "seen_y1"] if removed else ["x0", "y0", "x1", "y1"]
    for rank, row in enumerate(ranking.to_dict("records")):
        if Path(row["sample"]).name != image or (removed and row["kind"] != "missed"):
            continue
        near = overlap(np.array([[row[head] for head in heads]], np.float64), four[None])[0, 0]
        if near > (0.5 if removed else 0.95):
            return rank
    return float("inf")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("mnist", "cifar", "boxes", "masks", "unknown"))
    parser.add_argument("--cleanlab", default="", help="a Python that has cleanlab")
    parser.add_argument("--count", type=int, default=60_000, help="samples at most")
    parser.add_argument("--epochs", type=int, help="of boxes and masks")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.what == "unknown":
        unknown()
    elif asked.what == "boxes":
        boxes(asked.epochs or 10)
    elif asked.what == "masks":
        masks(asked.epochs or 40)
    else:
        labels(asked.what, asked.cleanlab, asked.count)
