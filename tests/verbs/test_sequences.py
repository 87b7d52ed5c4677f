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
from neocog.studies.sequences import motifs, none_below, saliency
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
        "data": str(fasta(folder / "known.fasta", 300)), "options": {"width": 16}, "epochs": 12, "batch": 16, "threads": 1,
        "augment": ("off",),
    }  # fmt: skip
    start(changed(Config(), settings), folder / "run", True, "test")
    return folder


def test_motifs_anywhere_are_learned_by_the_default_network(run: Path) -> None:
    result = json.loads((run / "run" / "result.json").read_text(encoding="utf-8"))
    assert result["measures"]["test"]["accuracy"]["value"] > 0.9
    facts = json.loads((run / "run" / "model.json").read_text(encoding="utf-8"))
    assert facts["model"] == "barcode-resnet" and facts["preprocessing"]["encoding"] == "nucleotides"
    assert facts["none_below"] == result["none_below"]


def test_the_report_shows_letters_saliency_and_motifs(run: Path) -> None:
    sections = {one["name"]: one for one in json.loads((run / "run" / "sections.json").read_text(encoding="utf-8"))}
    strands, logos = sections["sequences"]["items"]
    assert strands["kind"] == logos["kind"] == "pictures" and "gradient × input" in strands["note"]
    assert logos["note"].startswith("16 first-layer filters over 9 letters") and len(logos["pictures"]) == 16
    assert "filters" not in sections


def test_records_are_predicted_by_name_and_strangers_are_refused(run: Path, tmp_path: Path) -> None:
    known = predict(run / "run", [fasta(tmp_path / "more.fasta", 200)], quiet=True)
    strangers = predict(run / "run", [fasta(tmp_path / "none.fasta", 201, motif=False)], quiet=True)
    assert [row["path"] for row in known.rows[:2]] == ["s0", "s1"] and known.rows[0]["label"] == "Aedes"
    assert known.columns[-2:] == ("none", "skipped")
    refused = [np.mean([row["none"] == "yes" for row in found.rows]) for found in (known, strangers)]
    assert refused[0] < 0.3 < refused[1]


def test_a_file_with_faults_is_one_row_that_says_so(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.fasta"
    path.write_text("@read\nACGT\n+\nIIII\n", encoding="ascii")
    (row,) = predict(run / "run", [path], quiet=True).rows
    assert "FASTQ" in row["skipped"] and "none" not in row


def test_the_threshold_leaves_one_in_twenty_below() -> None:
    logits = np.stack([np.arange(1000.0), np.full(1000, -5.0)], axis=1)
    threshold = none_below(logits)
    assert threshold is not None and (logits.max(axis=1) < threshold).mean() == 0.05
    assert none_below(logits[:0]) is None


def test_saliency_is_where_the_letters_count_and_nowhere_else() -> None:
    """A network that weighs one position: only there is anything, and a shift common to all bases changes nothing."""

    class One(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.stack([2 * x[:, 1, 0, 3] + 7 * x[:, :, 0, 5].sum(1), x[:, 0, 0, 0]], 1)

    inputs = torch.zeros(1, 4, 1, 8)
    inputs[0, 1] = 1.0  # CCCCCCCC
    found = saliency(One(), inputs, np.array([0]))
    assert found[0].tolist() == [0, 0, 0, pytest.approx(1.5), 0, 0, 0, 0]


@pytest.mark.parametrize(("name", "shape"), [("barcode", (24, 4, 4)), ("barcode-resnet", (48, 4, 9))])
def test_motifs_are_the_first_filters_by_base(name: str, shape: tuple[int, ...]) -> None:
    net = build(name, 4, (1, 64), 3)
    found = motifs(net)
    assert found is not None and found.shape == shape
    assert motifs(torch.nn.Linear(3, 2)) is None
    codes = CODES[list(b"ACGTACGTA"[: shape[2]])]
    inputs = torch.zeros(1, 4, 1, 64)
    for at, code in enumerate(codes.tolist()):
        inputs[0, [1, 2, 4, 8].index(code), 0, at + 20] = 1  # padded nets: the motif stands in the middle
    first = next(layer for layer in net.modules() if isinstance(layer, torch.nn.Conv2d))
    seen = first(inputs.transpose(1, 2) if name == "barcode" else inputs)
    by_hand = sum(found[0, [1, 2, 4, 8].index(code), at] for at, code in enumerate(codes.tolist()))
    place = 20 if name == "barcode" else 6  # 4 · 6 − 4 = 20
    bias = 0.0 if first.bias is None else float(first.bias[0])
    assert float(seen[0, 0, 0, place]) == pytest.approx(by_hand + bias, abs=1e-5)
