"""Is a planted shortcut named first, and nobody accused of honest data? Figures of ``neocog stress RUN shortcuts``.

python bench/shortcuts.py planted [NAME …] [--network]   # 12 sets of ants and bees with one shortcut each; what a network goes by
python bench/shortcuts.py clean [NAME …]                 # 5 sets as they are: is a network accused?
python bench/shortcuts.py leaks [NAME …]                 # CamVid's videos, ModelNet10's volumes in both parts
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import neocog
from neocog.config import Config
from neocog.data.dataset import SPLITS, Dataset
from neocog.data.preprocessing import Preprocessing
from neocog.data.scan import scan_images
from neocog.pages.stress import outcomes
from neocog.progress import Progress
from neocog.robustness.shortcuts.court import suspects
from neocog.robustness.shortcuts.leaks import copies, shared_groups
from neocog.robustness.shortcuts.looked import Looked
from neocog.run import Run
from neocog.verbs.session import open_data

DATA = Path(os.environ.get("NEOCOG_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
CIFAR = Path(
    os.environ.get("NEOCOG_CIFAR", DATA / "cifar-10" / "cifar-10-batches-bin")
)  # where ``unpack`` of the data puts it
WEIGHTS = str(DATA / "pretrained" / "tf_efficientnet_lite0.safetensors")
EACH, SIDE = 100, 224  # pictures of a class, and their sides
Picture = NDArray[np.uint8]


def squares(paths: list[Path], count: int = EACH) -> list[Picture]:
    """The middle of photographs, from where a block of their JPEG begins."""
    found: list[Picture] = []
    for image in (np.asarray(Image.open(path).convert("RGB")) for path in paths):
        if min(image.shape[:2]) < SIDE or len(found) == count:
            continue
        up, left = ((side - SIDE) // 16 * 8 for side in image.shape[:2])
        found.append(image[up : up + SIDE, left : left + SIDE].copy())
    return found


def insects() -> list[tuple[str, Picture]]:
    """(class, picture), ants and bees in turn."""
    ants, bees = (squares(sorted((DATA / "hymenoptera" / "train" / name).glob("*.jpg"))) for name in ("ants", "bees"))
    return [pair for both in zip(ants, bees, strict=True) for pair in zip(("ants", "bees"), both, strict=True)]


def dot(image: Picture) -> Picture:
    image[3:11, -11:-3] = (230, 40, 40)
    return image


def frame(image: Picture) -> Picture:
    for side in (image[:6], image[-6:], image[:, :6], image[:, -6:]):
        side[...] = (70, 75, 80)
    return image


def ruler(image: Picture) -> Picture:
    """Ticks of one pixel, every eighth, along the lower edge."""
    image[-7:, 4::8] = 20
    return image


def levels(image: Picture) -> Picture:
    return (image // 16 * 17).astype(np.uint8)


def tint(image: Picture) -> Picture:
    """As a lamp has it: before the light is counted in whole levels, so without gaps among these."""
    light = image + np.random.default_rng(int(image[0, 0, 0])).uniform(-0.5, 0.5, image.shape)
    tinted: Picture = (light * np.array([1.0, 0.93, 0.85])).clip(0, 255).round().astype(np.uint8)
    return tinted


def slope(image: Picture) -> Picture:
    light = np.linspace(0.75, 1.1, SIDE)[:, None, None]
    return (image * light).clip(0, 255).astype(np.uint8)


def grain(image: Picture) -> Picture:
    noise = np.random.default_rng(int(image[0, 0, 0])).normal(0, 6, image.shape)
    return (image + noise).clip(0, 255).astype(np.uint8)


PIXELS: dict[str, tuple[str, Callable[[Picture], Picture]]] = {
    "corner dot": ("corners", dot),
    "border colour": ("edges", frame),
    "ruler": ("repeated marks", ruler),
    "4-bit levels": ("grey levels", levels),
    "tint": ("colours", tint),
    "uneven light": ("low frequencies", slope),
    "sensor noise": ("noise", grain),
}
FILES = {"JPEG quality": "compression", "image size": "image size", "date": "date of the file"}
LEAKS = {"mirrored copies": "near", "patients": "group"}
NAMES = {**{name: cue for name, (cue, _) in PIXELS.items()}, **FILES, **LEAKS}


def plant(name: str, at: Path) -> Path:
    """A data set in which all bees, or some of the test part, have it."""
    pairs = insects()
    if name in LEAKS:
        return leaking(name, at, pairs)
    for number, (label, image) in enumerate(pairs):
        own = label == "bees"
        if own and name in PIXELS:
            image = PIXELS[name][1](image)
        path = at / label / f"{number:03}.{'jpg' if name == 'JPEG quality' else 'png'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        shown = Image.fromarray(image)
        if name == "image size" and own:
            shown = shown.resize((200, 200), Image.Resampling.BICUBIC)
        if path.suffix == ".jpg":
            shown.save(path, quality=70 if own else 92)
        else:
            shown.save(path)
        if name == "date":
            day = 1_700_000_000 + 86_400 * (number % 30 + 40 * own)
            os.utime(path, (day, day))
    return at


def leaking(name: str, at: Path, pairs: list[tuple[str, Picture]]) -> Path:
    """A table with its split: 40 test pictures, of which 8 are mirrored training pictures, or of patients of the training part."""
    rows = [("image", "label", "patient", "split")]
    for number, (label, image) in enumerate(pairs):
        part = "test" if number >= 160 else "validation" if number >= 140 else "train"
        patient = f"p{number // 4:02}"
        if part == "test" and number % 5 == 0:
            source = number - 160
            label, image = (
                (label, image) if name == "patients" else (pairs[source][0], pairs[source][1][:, ::-1].copy())
            )
            patient = f"p{source // 4:02}" if name == "patients" else patient
        Image.fromarray(image).save(at / f"{number:03}.png")
        rows.append((f"{number:03}.png", label, patient, part))
    with (at / "all.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows if name == "patients" else [(a, b, d) for a, b, _, d in rows])
    return at / "all.csv"


def planted(names: list[str], network: bool) -> None:
    """The first suspect of each set; ``network``: and what one of three convolutions, at 64 × 64, goes by."""
    first = 0
    for name in names or list(NAMES):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "data").mkdir()
            data, began = plant(name, Path(folder) / "data"), time.process_time()
            suspected = leaked(data) if name in LEAKS else asked(data)
            first += NAMES[name] == suspected[0][0]
            cues = ", ".join(f"{cue} {strength:.2f}" for cue, strength in suspected[:3])
            hit = "first" if NAMES[name] == suspected[0][0] else "MISSED"
            print(f"{hit:7} {name}: {cues} ({time.process_time() - began:.0f} CPU s)", flush=True)
            if network:
                split: dict[str, Any] = {} if name in LEAKS else {"split": (0.6, 0.1, 0.3)}
                small: dict[str, Any] = {"model": "lenet5", "size": (64, 64), "epochs": 12, "threads": 1, "quiet": True}
                run = neocog.train(data, Path(folder) / "run", **small, **split)
                said(run.folder, tried(run.folder))
    print(f"{first} of {len(names or NAMES)} planted shortcuts are named first")


def opened(data: Path) -> Dataset:
    return open_data(replace(Config().data, data=str(data)), Progress(quiet=True))


def asked(data: Path) -> list[tuple[str, float]]:
    """(cue, strength), the strongest first."""
    dataset: Any = opened(data)
    preprocessing = Preprocessing(3, (SIDE, SIDE), "uint8", (0.0,) * 3, (1.0,) * 3)
    subject: Any = SimpleNamespace(dataset=dataset, preprocessing=preprocessing, progress=Progress(quiet=True))
    looked = Looked(subject, np.arange(len(dataset)))
    return [
        (each.name, each.evidence.strength) for each in suspects(looked.views(), dataset.labels, len(dataset.classes))
    ]


def leaked(data: Path) -> list[tuple[str, float]]:
    """(kind, share of the test part), the largest first."""
    dataset = opened(data)
    assert dataset.splits is not None
    records = scan_images(dataset.images, workers=1, keep=False).records
    pairs = {"group": shared_groups(dataset.groups, dataset.splits), **copies(dataset, records, dataset.splits)}
    tested = {kind: {i for i, _ in found if dataset.splits[i] == "test"} for kind, found in pairs.items()}
    shares = [(kind, len(found) / (dataset.splits == "test").sum()) for kind, found in tested.items()]
    return sorted(shares, key=lambda pair: -pair[1])


def tried(run: Path, data: Any = None) -> dict[str, Any]:
    """The verdicts."""
    neocog.stress(run, ["shortcuts"], on=data, minutes=60, quiet=True)
    return {each.what: each for each in outcomes(Run(run))["shortcuts"].verdicts}


def said(run: Path, verdicts: dict[str, Any]) -> None:
    for each in verdicts.values():
        print(f"        {each.what}: {each.grade}. {each.sentence}")
    path = run / "stress" / "shortcuts.csv"
    for row in list(csv.DictReader(path.open()))[:5] if path.exists() else []:
        numbers = ", ".join(f"{key} {float(row[key]):.2f}" for key in ("accuracy", "strength", "follows") if row[key])
        print(f"          {row['cue']}: {numbers}: {row['conclusion']}")


def cifar() -> tuple[Any, Any]:
    packed = np.frombuffer((CIFAR / "data_batch_1.bin").read_bytes(), np.uint8).reshape(-1, 3073)[:1000]
    return packed[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), packed[:, 0].astype(np.int64)


CLEAN: dict[str, Callable[[], Any]] = {
    "ants and bees": lambda: DATA / "hymenoptera", "photographs (PACS)": lambda: DATA / "pacs" / "photo", "CIFAR-10": cifar,
    "digits": lambda: "digits", "adrenal glands": lambda: DATA / "adrenalmnist3d",
}  # fmt: skip


def clean(names: list[str], _: bool) -> None:
    """Photographs by a frozen encoder, the others by the default network."""
    accused = 0
    for name in names or CLEAN:
        with tempfile.TemporaryDirectory() as folder:
            began, data = time.process_time(), CLEAN[name]()
            frozen = {"pretrained": WEIGHTS, "tune": "head", "size": (96, 96)}
            settings: dict[str, Any] = {"epochs": 8} if name in ("digits", "adrenal glands") else frozen
            run = neocog.train(data, Path(folder) / "run", quiet=True, threads=1, **settings)
            verdicts = tried(run.folder, data if isinstance(data, tuple) else None)
            accused += verdicts["Shortcuts"].grade == "failed"
            print(f"{name}: {time.process_time() - began:.0f} CPU s", flush=True)
            said(run.folder, verdicts)
    print(f"{accused} of {len(names) or len(CLEAN)} clean sets are accused")


def leaks(names: list[str], _: bool) -> None:
    """What is known of two sets: videos of CamVid, and volumes of ModelNet10, in both parts."""
    for name in names or ("camvid", "modelnet10-voxels"):
        began = time.process_time()
        dataset = opened(DATA / name)
        assert dataset.splits is not None
        records = scan_images(dataset.images, workers=1, keep=False).records
        pairs = {"group": shared_groups(dataset.groups, dataset.splits), **copies(dataset, records, dataset.splits)}
        parts = {part: int((dataset.splits == part).sum()) for part in SPLITS}
        print(f"{name}: {parts}, {time.process_time() - began:.0f} CPU s", flush=True)
        for kind, found in pairs.items():
            sides = Counter((str(dataset.splits[one]), str(dataset.splits[other])) for one, other in found)
            print(f"    {kind}: " + (", ".join(f"{n} of {a} in {b}" for (a, b), n in sides.items()) or "none"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("planted", "clean", "leaks"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--network", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    {"planted": planted, "clean": clean, "leaks": leaks}[given.what](given.names, given.network)
