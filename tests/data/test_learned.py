"""What of other data a run has learned from: the same, near copies, the same groups."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.data.copies import near_copies
from neocog.data.dataset import ArrayImages, Dataset
from neocog.data.learned import THUMBNAILS, shared
from neocog.data.readers.sequences import SequenceImages
from neocog.data.scan import scan_images
from neocog.data.signatures import strand
from neocog.data.split import Manifest, read_splits
from neocog.errors import UserError

QUICK = {"model": "cnn", "widths": "4,4", "epochs": 1, "augment": ("off",), "threads": 1, "quiet": True}
SEQUENCES = {"epochs": 1, "augment": ("off",), "threads": 1, "width": 8}


def test_what_was_learned_from_is_known_by_its_bytes_or_its_pixels() -> None:
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (4, 6, 6, 1), np.uint8)
    images = ArrayImages(grey, list("abcd"))
    digests = [images.digest(i) for i in range(4)]
    recorded = Manifest(
        tuple("wxyz"), ("",) * 4, ("train", "validation", "test", ""), ("",) * 4, tuple("0123"), tuple(digests)
    )
    colour = ArrayImages(np.repeat(grey, 3, axis=3), list("abcd"))  # other bytes, the same picture

    def identical(record: Manifest, images: ArrayImages, chosen: list[int]) -> list[int]:
        dataset = Dataset("test", None, images.names, np.zeros(4, np.int64), ("a",), images)
        return list(shared(record, None, dataset, np.array(chosen)).identical)

    assert identical(recorded, colour, [0, 1, 2, 3]) == [0, 1]
    assert identical(recorded, colour, [3, 1]) == [1]
    old = replace(recorded, digests=tuple(digests), pixels=())  # of a run that knew of files only
    assert identical(old, colour, [0, 1, 2, 3]) == [] and identical(old, images, [0, 1, 2, 3]) == [0, 1]


def patients(folder: Path, table: str, first: int, near: Path | None = None) -> Path:
    """Forty pictures of ten patients; ``near``: some as smaller JPEGs of those in another folder."""
    lines, folder = ["image,label,patient"], folder / table
    folder.mkdir(parents=True)
    for i in range(40):
        coarse = np.random.default_rng(first + i).integers(0, 226, (6, 6, 3), dtype=np.uint8)
        one = Image.fromarray(coarse).resize((32, 32), Image.Resampling.BICUBIC)
        one.save(folder / f"{i}.png")
        if near is not None and i < 30:
            one = Image.open(near / f"{i}.png").resize((28, 28), Image.Resampling.BICUBIC)
            one.save(folder / f"{i}.png", "JPEG", quality=85)
        lines.append(f"{i}.png,{'ab'[i % 2]}x,p{first + i % 10}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return folder / "table.csv"


def test_evaluate_tells_near_copies_of_training_pictures_and_known_patients(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = patients(tmp_path, "data", 0)
    run = neocog.train(data, tmp_path / "run", **QUICK)
    learned = sum(part != "test" for part in read_splits(run.splits_csv).parts[:30])

    copies = neocog.evaluate(run, patients(tmp_path, "copies", 100, data.parent))
    assert [(each["severity"], len(each["samples"])) for each in copies["findings"]] == [("warning", learned)]
    assert f"{learned} of these 40 images are near copies" in " ".join(capsys.readouterr().err.split())

    others = patients(tmp_path, "others", 200)
    others.write_text(others.read_text().replace(",p20", ",p"))
    same = neocog.evaluate(run, others)["findings"]
    known = len({g for g, part in zip(*columns(run.splits_csv), strict=True) if part != "test"})
    assert len(same) == 1 and f"{known} of 10 groups were used to train this run" in same[0]["what"]
    assert f"{known} of 10 groups were used to train" in " ".join(capsys.readouterr().err.split())

    assert neocog.evaluate(run, patients(tmp_path, "new", 300), quiet=True)["findings"] == []
    (run.folder / THUMBNAILS).write_bytes(b"PK")
    with pytest.raises(UserError, match="damaged"):
        neocog.evaluate(run, others, quiet=True)
    (run.folder / THUMBNAILS).unlink()
    assert "not searched for" in neocog.evaluate(run, others, quiet=True)["findings"][-1]["what"]


def columns(splits: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    recorded = read_splits(splits)
    return recorded.groups, recorded.parts


def other_strand(letters: str) -> str:
    return letters.translate(str.maketrans("ACGT", "TGCA"))[::-1]


def molecules(path: Path) -> Path:
    """Sixty sequences, twenty of them also as their other strand, one of these under another class."""
    rng, lines = np.random.default_rng(0), []
    for i in range(60):
        letters = "".join(rng.choice(list("ACGT"), 50, p=[[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]][i % 2]))
        lines += [f">a{i}|g{i % 2}", letters]
        if i < 20:
            lines += [f">r{i}|g{1 if i == 0 else i % 2}", other_strand(letters)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_two_strands_of_one_molecule_are_copies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = molecules(tmp_path / "a.fasta")
    told = [each.what for each in neocog.audit(data, quiet=True).findings]
    assert "1 pair of reverse-complementary sequences with different labels" in told
    run = neocog.train(data, tmp_path / "run", **SEQUENCES)
    said = " ".join(capsys.readouterr().err.split())
    assert "identical sequences and reverse complements stay together (20 families of 40 sequences" in said
    recorded = read_splits(run.splits_csv)
    part = dict(zip(recorded.names, recorded.parts, strict=True))
    assert all(part[f"a{i}"] == part[f"r{i}"] for i in range(20))
    turned = tmp_path / "b.fasta"
    turned.write_text(
        "".join(x if x[0] == ">" else f"{other_strand(x[:-1])}\n" for x in data.read_text().splitlines(keepends=True))
    )
    with pytest.raises(UserError, match="were used to train"):  # of those with both strands, both were learned
        neocog.evaluate(run, turned, quiet=True)
    lines = turned.read_text().splitlines()
    lone = [(a, b) for a, b in zip(lines[::2], lines[1::2], strict=True) if int(a[2:].split("|")[0]) > 19]
    turned.write_text("".join(f"{a}\n{b}\n" for a, b in lone))
    found = neocog.evaluate(run, turned, quiet=True)["findings"]
    learned = sum(part[a[1:].split("|")[0]] != "test" for a, _ in lone)
    assert len(found) == 1 and f"{learned} of these 40 sequences are reverse complements" in found[0]["what"]


def test_a_run_that_knew_of_no_strands_goes_on_with_its_own_split(tmp_path: Path) -> None:
    old = neocog.train(molecules(tmp_path / "a.fasta"), tmp_path / "run", together="pixels", quiet=True, **SEQUENCES)
    assert len({*read_splits(old.splits_csv).families}) == 1
    old.config.write_text(old.config.read_text().replace('together = "pixels"', 'together = "near"'))
    before = old.splits_csv.read_bytes()
    old.plan.unlink()  # older than plans, too, which hold a run to its settings and its checkpoints to the run
    old.report.unlink()
    neocog.resume(old.folder, quiet=True)
    assert old.report.is_file() and old.splits_csv.read_bytes() == before


def test_the_strand_does_not_depend_on_padding() -> None:
    codes = np.array([[1, 2, 4, 4, 0, 0], [2, 2, 4, 8, 0, 0], [1, 2, 4, 1, 0, 0]], np.uint8)  # ACGG, CCGT, ACGA
    first, second, third = map(strand, codes)
    assert first == second == strand(codes[0, :4]) != third
    images = SequenceImages(codes[:, None, :, None], list("abc"))
    copies = near_copies(scan_images(images).records, "sequences")
    assert copies.pairs.tolist() in ([[0, 1]], [[1, 0]]) and copies.families[0] == copies.families[1] != ""
    assert copies.families[2] == ""
