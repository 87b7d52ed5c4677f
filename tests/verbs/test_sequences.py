"""Sequences through the verbs: trained, seen letter by letter in the report, predicted from FASTA."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from neocog.config import Config, changed
from neocog.data.nucleotides import CODES
from neocog.networks import build
from neocog.predictor import load_predictor
from neocog.run import Run
from neocog.tasks.classification.predictions import rejection_threshold
from neocog.tasks.classification.reading import motifs, saliency
from neocog.tasks.files import chunks
from neocog.verbs.predict import predict
from neocog.verbs.train import start

MOTIFS = {"Aedes": "ACGTTGCAACGT", "Culex": "GGATCCGGATCC"}


def fasta(path: Path, n: int, motif: bool = True) -> Path:
    """Random letters with the class's motif in them, somewhere."""
    rng = np.random.default_rng(n)
    lines = []
    for index in range(n):
        label = sorted(MOTIFS)[index % 2]
        letters = rng.choice(list("ACGT"), 80)
        at = int(rng.integers(0, 60))
        if motif:
            letters[at : at + 12] = list(MOTIFS[label])
        lines.append(f">s{index}|{label}\n{''.join(letters)}\n")
    path.write_text("".join(lines), encoding="ascii")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strands")
    settings = {
        "data": str(fasta(folder / "known.fasta", 800)), "options": {"width": 16}, "epochs": 12, "batch": 16, "threads": 1,
        "augment": ("off",),
    }  # fmt: skip
    start(changed(Config(), settings), folder / "run", True, "test")
    return folder


def test_motifs_anywhere_are_learned_by_the_default_network(run: Path) -> None:
    result = json.loads((run / "run" / "result.json").read_text(encoding="utf-8"))
    assert result["measures"]["test"]["accuracy"]["value"] > 0.9
    facts = json.loads((run / "run" / "model.json").read_text(encoding="utf-8"))
    assert facts["model"] == "barcode-resnet" and facts["preprocessing"]["encoding"] == "nucleotides"
    assert facts["rejection_threshold"] == result["rejection_threshold"]


def test_the_report_shows_letters_saliency_and_motifs(run: Path) -> None:
    sections = {one["name"]: one for one in json.loads((run / "run" / "sections.json").read_text(encoding="utf-8"))}
    letters, saliency_, logos = sections["sequences"]["items"]
    assert [one["kind"] for one in (letters, saliency_, logos)] == ["pictures"] * 3
    assert len(letters["pictures"]) == len(saliency_["pictures"]) == 6 and 0 < len(logos["pictures"]) <= 16
    assert "filters" not in sections


def test_records_are_predicted_by_name_and_strangers_are_refused(run: Path, tmp_path: Path) -> None:
    known, strangers = fasta(tmp_path / "known.fasta", 200), fasta(tmp_path / "none.fasta", 201, motif=False)
    rows, others = (predict(run / "run", [path], quiet=True) for path in (known, strangers))
    assert [row["path"] for row in rows.rows[:2]] == ["s0", "s1"] and rows.rows[0]["label"] == "Aedes"
    assert rows.columns[-2:] == ("none", "skipped")
    predictor = load_predictor(Run(run / "run"))
    codes = [one.pixels for chunk in chunks([known], predictor, lambda _: None) for one in chunk]
    logits = predictor.of_pixels(torch.from_numpy(np.stack([pixels for pixels in codes if pixels is not None])))
    below = logits.max(axis=1) < predictor.facts["rejection_threshold"]
    assert [row["none"] == "yes" for row in rows.rows] == below.tolist()
    assert below.mean() < 0.15 < np.mean([row["none"] == "yes" for row in others.rows])


def test_a_file_with_faults_is_one_row_that_says_so(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.fasta"
    path.write_text("@read\nACGT\n+\nIIII\n", encoding="ascii")
    (row,) = predict(run / "run", [path], quiet=True).rows
    assert "FASTQ" in row["skipped"] and "none" not in row


def test_the_threshold_leaves_one_in_twenty_below() -> None:
    logits = np.stack([np.arange(1000.0), np.full(1000, -5.0)], axis=1).astype(np.float32)
    assert (logits.max(axis=1) < rejection_threshold(logits)["rejection_threshold"]).mean() == 0.05
    assert rejection_threshold(logits[:0]) == {}


def test_saliency_is_around_the_letter_that_counts() -> None:
    class One(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.stack([2 * x[:, 1, 0, 9], x[:, 0, 0, 0]], 1)

    inputs = torch.zeros(1, 4, 1, 20)
    inputs[0, 1] = 1.0  # CCCC…
    found = saliency(One(), inputs, torch.tensor([0]))
    assert found[0, 7:12].tolist() == [1.0] * 5 and not found[0, :7].any() and not found[0, 12:].any()


@pytest.mark.parametrize("name", ["barcode", "barcode-resnet"])
def test_a_planted_filter_has_its_own_motif(name: str) -> None:
    net = build(name, 4, (1, 64), 3).eval()
    first = next(layer for layer in net.modules() if isinstance(layer, torch.nn.Conv2d))
    width = first.kernel_size[1]
    word = CODES[list(b"ACGGTCATG"[:width])]
    table = torch.tensor([[1, 2, 4, 8].index(code) for code in word.tolist()])
    rng = np.random.default_rng(0)
    inputs = torch.nn.functional.one_hot(torch.from_numpy(rng.integers(0, 4, (8, 64))), 4).float().movedim(2, 1)
    inputs[:, :, 20 : 20 + width] = torch.nn.functional.one_hot(table, 4).T.float()
    with torch.no_grad():
        for layer_bias in [first.bias] if first.bias is not None else []:
            layer_bias.zero_()
        weights = -torch.ones(4, width)
        weights[table, torch.arange(width)] = 1.0
        first.weight[0] = weights.reshape(first.weight[0].shape)
    found = {index: frequencies for index, frequencies, _ in motifs(net, inputs[:, :, None])}
    assert found[0].argmax(0).tolist() == table.tolist() and found[0].max(0).min() > 0.8
