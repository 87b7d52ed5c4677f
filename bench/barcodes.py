"""How well are insects told by their DNA barcode, and is a network needed at all?

    python bench/barcodes.py 24 121 species unseen kmer lecture reading prediction

The sequences (COI-5P, from BOLD) are looked for in coi5p/ below NEOCOG_DATA. Each distinct sequence is taken once, so that
none stands on two sides of the split; sequences that bear two names are left out. Splits, seeds and settings, but for the
rate and the samples a step, are the defaults of ``neocog train``: the test part is looked at once. Prints one JSON line for
each part.

24, 121, species: the curated 24 genera; all genera with at least 100 distinct sequences; all species with at least 50.
unseen: every sixth genus of the 121 is kept from training; how well are they told from the others by the largest logit?
kmer: the nearest neighbour by shared 6-mers, on the split of each run. lecture: the small network of the lecture.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("NEOCOG_DATA", ROOT.parent / "shared" / "data")) / "coi5p"
PARTS = ("24", "121", "species", "unseen", "kmer", "lecture", "reading", "prediction")
EPOCHS = {"24": "30", "121": "8", "species": "8"}  # about two and a half minutes each on two cores
RATE = ["--lr", "0.006"]  # chosen on the validation part of 121, with as many a step as here
BATCH = ["--batch", "128"]
TARGETS = {"24": 0.994, "121": 0.997, "unseen": 0.90}


def distinct(name: str, word: int, least: int) -> dict[str, str]:
    """{letters: class}: each sequence once, those with two classes left out, classes of at least ``least``."""
    from neocog.data.readers.fasta import read_records

    known: dict[str, str] = {}
    double = set()
    records = read_records(DATA / name)
    for header, letters in zip(records.headers, records.letters, strict=True):
        text, label = letters.decode().upper(), header.split("|")[1].strip()
        label = label.split()[0] if word else label
        if known.setdefault(text, label) != label:
            double.add(text)
    known = {text: label for text, label in known.items() if text not in double}
    counts = Counter(known.values())
    return {text: label for text, label in known.items() if counts[label] >= least}


def collection(part: str) -> dict[str, str]:
    if part == "24":
        return distinct("coi5p_genus24.fasta.gz", 0, 1)
    return distinct("bold_coi5p_all.fasta.gz", part != "species", 50 if part == "species" else 100)


def fasta(folder: Path, found: dict[str, str]) -> Path:
    path = folder / "barcodes.fasta"
    path.write_text(
        "".join(f">{i}|{label}\n{text}\n" for i, (text, label) in enumerate(found.items())), encoding="utf-8"
    )
    return path


def train(source: Path, out: Path, *more: str) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "neocog",
        "train",
        str(source),
        "--label-field",
        "2",
        "--json",
        "--out",
        str(out),
        *BATCH,
        *more,
    ]
    result: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return result


def row(part: str, found: dict[str, str], result: dict[str, Any], **more: Any) -> dict[str, Any]:
    accuracy = result["measures"]["test"]["accuracy"]
    facts = {"part": part, "classes": len(set(found.values())), "distinct": len(found), "accuracy": accuracy}
    facts |= {"target": TARGETS.get(part), "seconds": round(result["seconds"], 1), "epochs": result["epochs"]}
    return facts | {"model": result["model"], "parameters": result["parameters"]} | more


def genera(part: str, *more: str) -> dict[str, Any]:
    found = collection(part)
    with tempfile.TemporaryDirectory() as folder:
        return row(
            part,
            found,
            train(fasta(Path(folder), found), Path(folder) / "run", "--epochs", EPOCHS[part], *(more or RATE)),
        )


def lecture() -> list[dict[str, Any]]:
    return [genera(part, "--model", "barcode") | {"part": f"lecture {part}"} for part in ("24", "121")]


def unseen() -> dict[str, Any]:
    """Every sixth genus of the 121 is set aside: half of these set the threshold, the others judge it with the test part."""
    found = collection("121")
    with tempfile.TemporaryDirectory() as name:
        result = train(fasta(Path(name), found), Path(name) / "run", "--epochs", EPOCHS["121"], *RATE, "--unseen", "6")
    test = result["measures"]["test"]
    facts = {"part": "unseen", "genera_learned": len(result["classes"]), "genera_of_all": len(set(found.values()))}
    facts |= {name: test[name] for name in ("unseen_auroc", "unseen_refused", "known_kept", "accuracy")}
    return facts | {"target": TARGETS["unseen"], "seconds": round(result["seconds"], 1)}


def kmer(k: int = 6) -> list[dict[str, Any]]:
    """The label of the training sequence that shares most k-mers (cosine of their counts), on a split like that of the runs."""
    from neocog.data.readers.detect import open_dataset
    from neocog.data.split import split
    from neocog.metrics.intervals import proportion

    rows = []
    for part in ("24", "121", "species"):
        found = collection(part)
        with tempfile.TemporaryDirectory() as folder:
            data = open_dataset(fasta(Path(folder), found))
        parts = split(data, [data.images.digest(i) for i in range(len(data))], (0.8, 0.1, 0.1), 0)
        started = time.monotonic()
        vectors = kmer_counts(list(found), k)
        train_, test = np.flatnonzero(parts == "train"), np.flatnonzero(parts == "test")
        known = vectors[train_].T
        nearest = [train_[(vectors[test[a : a + 500]] @ known).argmax(axis=1)] for a in range(0, len(test), 500)]
        right = data.labels[np.concatenate(nearest)] == data.labels[test]
        seconds = round(time.monotonic() - started, 1)
        low, high = proportion(int(right.sum()), len(test))
        told = {"value": float(right.mean()), "low": float(low), "high": float(high), "n": len(test)}
        rows.append({"part": f"kmer {part}", "k": k, "accuracy": told, "seconds": seconds})
    return rows


def kmer_counts(sequences: list[str], k: int) -> np.ndarray:
    """(N, 4 ** k) float32: how often each k-mer of A, C, G and T occurs in each sequence, scaled to length 1."""
    digit = np.full(256, -(4**k), np.int64)  # any other letter makes each k-mer that holds it negative
    digit[np.frombuffer(b"ACGT", np.uint8)] = range(4)
    counts = np.zeros((len(sequences), 4**k), np.float32)
    for row, text in zip(counts, sequences, strict=True):
        digits = digit[np.frombuffer(text.encode(), np.uint8)]
        words = sum(digits[i : len(digits) - k + 1 + i] * 4 ** (k - 1 - i) for i in range(k))
        row += np.bincount(words[words >= 0], minlength=4**k)
    lengths: np.ndarray = np.linalg.norm(counts, axis=1, keepdims=True)
    counts /= lengths.clip(1)
    return counts


def reading() -> dict[str, Any]:
    """FASTA on disk → labels and the network's input, sequences a second; median of 5 after one that is thrown away."""
    import torch

    from neocog.data.normalise import normalise
    from neocog.data.readers.reading import Reading
    from neocog.data.readers.sequences import read_sequences, sequence_plan

    speeds = []
    for _ in range(6):
        started = time.monotonic()
        data = read_sequences(DATA / "bold_coi5p_all.fasta.gz", Reading())
        plan = sequence_plan(data.images, ())
        array = data.images.array  # type: ignore[attr-defined]
        for start in range(0, len(data), 512):  # batches as a network takes them
            normalise(torch.from_numpy(array[start : start + 512].transpose(0, 3, 1, 2).copy()), plan)
        speeds.append(len(data) / (time.monotonic() - started))
    return {
        "part": "reading",
        "sequences_per_second": round(statistics.median(speeds[1:])),
        "all": [round(s) for s in speeds],
    }


def prediction() -> dict[str, Any]:
    """``neocog.predict`` of a FASTA file, files and rows included."""
    import neocog
    from neocog.run import Run

    found = collection("24")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = fasta(folder, found)
        train(path, folder / "run", "--epochs", "1")
        speeds = []
        for _ in range(6):
            started = time.monotonic()
            rows = neocog.predict(Run(folder / "run"), [path], quiet=True).rows
            speeds.append(len(rows) / (time.monotonic() - started))
    return {
        "part": "prediction",
        "sequences_per_second": round(statistics.median(speeds[1:])),
        "all": [round(s) for s in speeds],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", choices=(*PARTS, "all"))
    options = parser.parse_args()
    for part in PARTS if "all" in options.parts else options.parts:
        others: dict[str, Any] = {
            "unseen": unseen,
            "lecture": lecture,
            "prediction": prediction,
            "kmer": kmer,
            "reading": reading,
        }
        found = others[part]() if part in others else genera(part)
        for one in found if isinstance(found, list) else [found]:
            print(json.dumps(one), flush=True)


if __name__ == "__main__":
    main()
