"""The cards of six real runs, two of which should fail, as docs/cards.md has them.

    python bench/cards.py [NAME …] [--out FOLDER]

Each run is small, and is tried by ``neocog stress``. CamVid's own split has frames of the same video on both sides; PACS is learned
without one of its environments at a time. Runs that stand in FOLDER are not trained again, and what was tried of them is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("NEOCOG_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
WEIGHTS = "pretrained/tf_efficientnet_lite0.safetensors"


@dataclass(frozen=True)
class Tried:
    """A run: what its page says of it, the data and the flags of ``train``, and those of ``stress``."""

    title: str
    data: str  # under NEOCOG_DATA
    train: str
    stress: str

    def commands(self, data: str, weights: str, run: str) -> tuple[list[str], list[str]]:
        flags = [weights if word == WEIGHTS else word for word in self.train.split()]
        return ["train", data, *flags, "--threads", "1", "--out", run], ["stress", run, *self.stress.split()]


RUNS = {
    "mnist": Tried("Digits", "mnist", "--model lenet5 --epochs 2", "--minutes 5 --samples 100"),
    "barcodes": Tried(
        "Genera by a gene", "coi5p/coi5p_genus24.fasta.gz", "--epochs 2", "--minutes 3 --samples 200"
    ),
    "pacs": Tried(
        "Everyday pictures, each environment left out in turn",
        "pacs",
        "--levels group,class --folds 4 --leave-one-group-out --split 0.8 0.1 0.1 "
        f"--from {WEIGHTS} --tune head --size 96",
        "--minutes 4 --samples 50",
    ),
    "camvid": Tried(
        "Streets, with frames of one video on both sides",
        "camvid",
        "--width 8 --epochs 6 --size 90 120 --augment off",
        "--minutes 3 --samples 50",
    ),
    "mri": Tried(
        "Tumours in MRI, patients apart",
        "lgg-mri-segmentation",
        "--width 8 --epochs 6 --size 128 --split 0.5 0.1 0.4",
        "--minutes 3 --samples 50",
    ),
    "nuclei": Tried(
        "Nuclei at 16 bits",
        "bbbc039",
        "--width 8 --epochs 30 --size 256 --split 0.5 0.1 0.4",
        "--minutes 3 --samples 100",
    ),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(RUNS)}; all by default")
    parser.add_argument("--out", type=Path, help="keep the runs here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in given.names or RUNS:
            print(page(name, (given.out or Path(folder)) / name), flush=True)


def page(name: str, folder: Path) -> str:
    """Markdown: the commands, the card, and the sentences for the paper."""
    run, spent = RUNS[name], []
    for words in run.commands(str(DATA / run.data), str(DATA / WEIGHTS), str(folder)):
        if words[0] == "stress" or not (folder / "result.json").is_file():
            before = seconds()
            subprocess.run([sys.executable, "-m", "neocog", *words, "--quiet"], check=True, stdout=subprocess.DEVNULL)
            spent.append(f"{words[0]} {seconds() - before:.0f} CPU s")
    print(f"{name}: {', '.join(spent)}", file=sys.stderr, flush=True)
    found = json.loads((folder / "result.json").read_text())
    said = "\n".join(f"neocog {' '.join(words)}" for words in run.commands(run.data, WEIGHTS, name))
    return (
        f"## {run.title}\n\n```\n{said}\n```\n\n{table(found['card'])}\n\n> {quoted(found['methods'], folder, name)}\n"
    )


def seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(card: list[dict[str, Any]]) -> str:
    """A row a line of the card; long lists in a sentence are cut."""
    rows = ["| line | verdict | measured | passes at | in words |", "|---|---|---|---|---|"]
    for line in card:
        numbers = ("" if line[name] is None else f"{float(f'{line[name]:.3g}'):g}" for name in ("number", "threshold"))
        grade = line["grade"] if line["grade"] != "failed" else "**failed**"
        rows.append(f"| {line['what']} | {grade} | {' | '.join(numbers)} | {short(line['sentence'])} |")
    return "\n".join(rows)


def short(sentence: str) -> str:
    """Without the names of the pieces that did not fit."""
    head, found, _ = sentence.partition(" did not fit into --minutes:")
    return (f"{head} did not fit into --minutes." if found else sentence).replace("|", "\\|")


def quoted(methods: str, folder: Path, name: str) -> str:
    return methods.replace(str(folder), name).replace("\n", " ")


if __name__ == "__main__":
    main()
