"""Copies of one picture through ``train``, ``audit``, ``resume``, ``evaluate`` and ``report``: never on two sides of a split."""

from __future__ import annotations

import csv
import json
import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.cli.main import main
from neocog.config import from_run
from neocog.data.split import Manifest, read_splits
from neocog.errors import UserError
from neocog.run import Run

QUICK = {"model": "mlp", "epochs": 1, "augment": ("off",), "threads": 1}
SIDE = 24


def picture(seed: int) -> Image.Image:
    """Smooth and random, as unlike any other as two photographs are."""
    coarse = np.random.default_rng(seed).integers(0, 226, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def copied(folder: Path, count: int = 15) -> Path:
    """Two classes of ``count`` pictures, each also as BMP, as JPEG, mirrored and turned."""
    for label in range(2):
        place = folder / f"class {label}"
        place.mkdir(parents=True)
        for i in range(count):
            one = picture(1000 * label + i)
            one.save(place / f"{i:02} a.png")
            one.save(place / f"{i:02} b.bmp")
            one.save(place / f"{i:02} c.jpg", quality=80)
            one.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(place / f"{i:02} d.png")
            one.transpose(Image.Transpose.ROTATE_90).save(place / f"{i:02} e.png")
    return folder


def sides(manifest: Manifest) -> dict[str, set[str]]:
    """The parts in which the copies of each picture stand."""
    found: dict[str, set[str]] = {}
    for name, part in zip(manifest.names, manifest.parts, strict=True):
        found.setdefault(name.split()[0] + name.split()[1][:4], set()).add(part)
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("copies") / "pictures")


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return neocog.train(data, out=tmp_path_factory.mktemp("out") / "run", quiet=True, **QUICK)


def test_train_tears_no_family_and_says_how_many_there_are(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = neocog.train(data, out=tmp_path / "run", **QUICK)
    said = " ".join(capsys.readouterr().err.split())
    assert "identical images and near copies stay together (30 families of 150 images" in said
    manifest = read_splits(run.splits_csv)
    assert len(sides(manifest)) == 30 and all(len(parts) == 1 for parts in sides(manifest).values())
    assert len(set(manifest.families)) == 30 and len(set(manifest.pixels)) == 120 and len(set(manifest.digests)) == 150
    told = next(s for s in json.loads(run.sections.read_text()) if s["name"] == "data")
    assert "30 families of 150 images with their copies" in json.dumps(told)


def test_folds_tear_no_family(data: Path, tmp_path: Path) -> None:
    run = neocog.train(data, out=tmp_path / "run", folds=3, quiet=True, **QUICK)
    for k in (1, 2, 3):
        found = sides(read_splits(run.folder / f"fold-{k}" / "splits.csv"))
        assert len(found) == 30 and all(len(parts) == 1 for parts in found.values())


@pytest.mark.parametrize(("together", "whole"), [("pixels", "a b"), ("files", "a")])
def test_less_is_kept_together_on_demand_and_what_is_torn_is_told(
    data: Path, tmp_path: Path, together: str, whole: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = neocog.train(data, out=tmp_path / "run", together=together, **QUICK)
    assert "warning: the split separates" in capsys.readouterr().err
    told = next(s for s in json.loads(run.sections.read_text()) if s["name"] == "data")
    assert "the split separates" in json.dumps(told)
    manifest = read_splits(run.splits_csv)
    assert any(len(parts) > 1 for parts in sides(manifest).values()) and set(manifest.families) == {""}
    rows = [i for i, name in enumerate(manifest.names) if Path(name).stem[-1] in whole]
    kept = Manifest(
        *([getattr(manifest, n)[i] for i in rows] for n in ("names", "labels", "parts", "groups", "digests"))
    )
    assert all(len(parts) == 1 for parts in sides(kept).values())


def test_a_given_split_that_tears_copies_is_told_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("train", "test"):
        copied(tmp_path / "given" / part, count=12)
    for path in (tmp_path / "given").rglob("*.*"):
        if path.stem[-1] not in {"train": "a", "test": "d"}[path.parts[-3]]:
            path.unlink()  # pictures in train, mirrored in test
    run = neocog.train(tmp_path / "given", out=tmp_path / "run", **QUICK)
    said = " ".join(capsys.readouterr().err.split())
    assert "the given split may leak: 24 pairs of nearly identical images in train and test" in said
    manifest = read_splits(run.splits_csv)
    assert all(
        name.startswith("test") == (part == "test") for name, part in zip(manifest.names, manifest.parts, strict=True)
    )
    told = [f for f in neocog.audit(tmp_path / "given", quiet=True).findings if "may leak" in f.what]
    assert len(told) == 1 and len(told[0].samples) == 48


def test_pixels_that_are_the_same_in_other_files_are_told_by_the_audit(data: Path) -> None:
    found = neocog.audit(data, quiet=True).findings
    assert any(
        "30 images stored more than once, with the same pixels (30 of them in files that differ)" in f.what
        for f in found
    )


def test_a_seed_leaves_the_split_alone_and_a_split_seed_moves_it(run: Run, data: Path, tmp_path: Path) -> None:
    other = neocog.train(data, out=tmp_path / "other", seed=1, quiet=True, **QUICK)
    moved = neocog.train(data, out=tmp_path / "moved", split_seed=1, quiet=True, **QUICK)
    assert other.splits_csv.read_bytes() == run.splits_csv.read_bytes() != moved.splits_csv.read_bytes()
    assert other.weights.read_bytes() != run.weights.read_bytes()
    page = neocog.report([run.folder, other.folder], out=tmp_path / "both.html")
    text = Path(page).read_text(encoding="utf-8")
    assert "on the same" in text and "no paired test is possible" not in text


def test_folds_are_drawn_by_the_split_seed(data: Path, tmp_path: Path) -> None:
    settings = QUICK | {"folds": 3, "quiet": True}
    runs = [neocog.train(data, out=tmp_path / str(k), seed=k % 2, split_seed=k // 2, **settings) for k in range(3)]
    first = [(run.folder / "fold-1" / "splits.csv").read_bytes() for run in runs]
    assert first[0] == first[1] != first[2]


def made_old(run: Run, folder: Path) -> Run:
    """The run as the first version would have left it, stopped before its end."""
    old = Run(Path(shutil.copytree(run.folder, folder)))
    lines = old.config.read_text(encoding="utf-8").splitlines()
    old.config.write_text("\n".join(n for n in lines if n.split(" = ")[0] not in ("split_seed", "together")) + "\n")
    rows = [row.rsplit(",", 2)[0] for row in old.splits_csv.read_text(encoding="utf-8").splitlines()]
    old.splits_csv.write_text("\n".join(rows) + "\n")
    old.report.unlink()
    return old


def test_an_old_run_is_resumed_and_evaluated_on_the_split_that_its_seed_drew(data: Path, tmp_path: Path) -> None:
    new = neocog.train(data, out=tmp_path / "new", seed=3, split_seed=3, together="files", quiet=True, **QUICK)
    old = made_old(new, tmp_path / "old")
    assert (from_run(old.config).data.split_seed, from_run(old.config).data.together) == (3, "files")
    assert from_run(new.config) == from_run(old.config)
    neocog.resume(old.folder, quiet=True)
    assert old.report.is_file()
    assert json.loads(old.result.read_text())["measures"] == json.loads(new.result.read_text())["measures"]
    assert neocog.evaluate(old, quiet=True)["measures"] == neocog.evaluate(new, quiet=True)["measures"]


def test_old_folds_go_on_with_the_same_folds(data: Path, tmp_path: Path) -> None:
    settings = QUICK | {"folds": 3, "quiet": True}
    new = neocog.train(data, out=tmp_path / "new", seed=3, split_seed=3, together="files", **settings)
    old = Run(tmp_path / "old")
    old.folder.mkdir()
    made_old(Run(new.folder / "fold-1"), old.folder / "fold-1")
    for name in ("config.toml", "environment.json"):
        shutil.copy(new.folder / name, old.folder / name)
    lines = old.config.read_text(encoding="utf-8").splitlines()
    old.config.write_text("\n".join(n for n in lines if n.split(" = ")[0] not in ("split_seed", "together")) + "\n")
    neocog.resume(old.folder, quiet=True)
    for k in (2, 3):
        parts = [read_splits(each.folder / f"fold-{k}" / "splits.csv").parts for each in (new, old)]
        assert parts[0] == parts[1]


def test_images_that_were_learned_from_are_refused_when_they_come_saved_again(
    run: Run, data: Path, tmp_path: Path
) -> None:
    manifest = read_splits(run.splits_csv)
    part = dict(zip(manifest.names, manifest.parts, strict=True))
    for label in ("class 0", "class 1"):
        (tmp_path / "other" / label).mkdir(parents=True)
        for i in range(15):
            wanted = tmp_path / "other" / label / f"{i}.tif"
            if part[f"{label}/{i:02} a.png"] == "test" or (label, i) == ("class 0", next_learned(part)):
                Image.open(data / label / f"{i:02} a.png").save(wanted, compression="tiff_lzw")
    with pytest.raises(UserError, match=r"1 of these .* images were used to train") as error:
        neocog.evaluate(run, tmp_path / "other", quiet=True)
    assert error.value.where == f"class 0/{next_learned(part)}.tif"


def next_learned(part: dict[str, str]) -> int:
    """The number of the first picture of class 0 that trains."""
    return next(i for i in range(15) if part[f"class 0/{i:02} a.png"] == "train")


def test_runs_of_other_seeds_are_judged_by_the_same_turns(data: Path, tmp_path: Path) -> None:
    truths = []
    for seed in (0, 1):
        run = neocog.train(
            data, out=tmp_path / str(seed), task="orientation", epochs=1, seed=seed, threads=1, quiet=True
        )
        with run.predictions_csv.open(encoding="utf-8") as file:
            truths.append([{key: row[key] for key in ("path", "angle")} for row in csv.DictReader(file)])
    assert truths[0] == truths[1] and len({row["angle"] for row in truths[0]}) > 5


def test_the_table_tells_groups_that_a_given_split_tears(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(20):
        picture(i).save(tmp_path / f"{i}.png")

    def said(split: list[str]) -> str:
        rows = [f"{i}.png,{'ab'[i % 2]},p{i // 4},{part}" for i, part in enumerate(split)]
        (tmp_path / "table.csv").write_text("\n".join(["image,label,patient,split", *rows]) + "\n")
        neocog.audit(tmp_path / "table.csv")
        return capsys.readouterr().err

    assert "each on one side of the split" in said(["train"] * 12 + ["test"] * 8)
    torn = said(["train"] * 10 + ["test"] * 10)
    assert "1 on two sides of the given split" in torn and "each on one side" not in torn


def test_predictions_of_nothing_but_broken_files_end_with_an_error(run: Run, data: Path, tmp_path: Path) -> None:
    broken, good = tmp_path / "broken.png", next(data.rglob("*.png"))
    broken.write_bytes(b"no picture")
    for files, code in (([broken], 2), ([broken, good], None)):
        with pytest.raises(SystemExit) if code else nullcontext() as left:
            main(["predict", str(run.folder), *map(str, files), "--quiet"])
        assert left is None or left.value.code == code
