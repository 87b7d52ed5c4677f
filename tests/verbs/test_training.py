"""The whole job on images on disk: what training sees predict sees, bad files, folds, weights, and what the run says."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.data.split import read_splits
from neocog.errors import UserError
from neocog.run import Run


def draw_images(folder: Path, count: int = 24, side: int = 16) -> Path:
    """Two classes that any network tells apart: bright discs on the left or on the right, as PNG in class folders."""
    generator = np.random.default_rng(5)
    rows, columns = np.mgrid[:side, :side]
    for label, centre in (("left", side // 4), ("right", 3 * side // 4)):
        (folder / label).mkdir(parents=True)
        for index in range(count):
            disc = (rows - side / 2) ** 2 + (columns - centre) ** 2 < (side / 5) ** 2
            pixels = generator.integers(0, 60, (side, side)) + 180 * disc
            Image.fromarray(pixels.astype(np.uint8)).save(folder / label / f"picture {index:02}.png")
    return folder


QUICK = {"quiet": True, "model": "mlp", "epochs": 12, "augment": ("off",), "threads": 1}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_images(tmp_path_factory.mktemp("data") / "left or right")


@pytest.fixture(scope="module")
def run(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return neocog.train(images, out=tmp_path_factory.mktemp("out") / "run", **QUICK)


def result(run: Run) -> dict[str, object]:
    return json.loads(run.result.read_text())


def test_the_network_learns_what_is_plain_to_see(run: Run) -> None:
    assert result(run)["measures"]["test"]["accuracy"]["value"] >= 0.8


def test_predict_says_of_the_test_images_what_training_said(run, images: Path) -> None:
    written = list(csv.DictReader(io.StringIO(run.predictions_csv.read_text())))
    predicted = neocog.predict(run, [images / row["path"] for row in written], quiet=True)
    for row, again in zip(written, predicted.rows, strict=True):
        assert row["prediction"] == again["label"]
        assert float(row["probability"]) == pytest.approx(again["probability"], abs=2e-6)


def test_predict_skips_what_it_cannot_read_and_says_why(run, images: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "page.jpg").write_text("<!doctype html><html></html>")
    whole = (images / "left" / "picture 00.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "good.png").write_bytes(whole)
    out = tmp_path / "found.csv"
    predicted = neocog.predict(run, [tmp_path], out=out, quiet=True)
    rows = {Path(row["path"]).name: row for row in csv.DictReader(io.StringIO(out.read_text()))}
    assert len(rows) == 4
    assert rows["good.png"]["label"] in ("left", "right") and not rows["good.png"]["skipped"]
    assert all(rows[name]["skipped"] and not rows[name]["label"] for name in ("empty.png", "page.jpg", "cut.png"))
    assert {Path(row["path"]).name for row in predicted.to_json()["skipped"]} == {"empty.png", "page.jpg", "cut.png"}


def test_predict_reads_colour_and_turned_files_as_training_would(run, images: Path, tmp_path: Path) -> None:
    original = Image.open(images / "left" / "picture 00.png")
    original.convert("RGBA").save(tmp_path / "colour.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned by a quarter; shown upright
    original.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.tif", exif=exif)
    original.save(tmp_path / "plain.png")
    rows = {Path(row["path"]).name: row for row in neocog.predict(run, [tmp_path], quiet=True).rows}
    assert rows["colour.png"]["probability"] == pytest.approx(rows["plain.png"]["probability"], abs=0.02)
    assert rows["turned.tif"]["probability"] == pytest.approx(rows["plain.png"]["probability"], abs=1e-6)


def test_a_bad_file_stops_the_training_before_it_begins_and_skipping_leaves_out_just_that(tmp_path: Path) -> None:
    folder = draw_images(tmp_path / "images")
    (folder / "left" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    before = sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))
    with pytest.raises(UserError, match=r"broken\.png"):
        neocog.train(folder, out=tmp_path / "stopped", **QUICK)
    assert not (tmp_path / "stopped").exists()
    with pytest.raises(UserError, match="max-bad"):
        neocog.train(folder, out=tmp_path / "stopped", on_bad="skip", **QUICK)
    run = neocog.train(folder, out=tmp_path / "run", on_bad="skip", max_bad=0.05, **QUICK)
    manifest = read_splits(run.splits_csv)
    left_out = [name for name, part in zip(manifest.names, manifest.parts, strict=True) if part == ""]
    assert left_out == ["left/broken.png"]
    assert sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*")) == before, (
        "the data are never written to"
    )


def test_the_split_and_weights_are_a_function_of_content_and_seed(images: Path, tmp_path: Path, run) -> None:
    again = neocog.train(images, out=tmp_path / "again", **QUICK)
    assert again.weights.read_bytes() == run.weights.read_bytes()
    assert again.metrics_csv.read_bytes() == run.metrics_csv.read_bytes()
    assert again.splits_csv.read_bytes() == run.splits_csv.read_bytes()
    other = neocog.train(images, out=tmp_path / "other", seed=1, **QUICK)
    assert other.weights.read_bytes() != run.weights.read_bytes()


def test_folds_test_every_image_once_and_give_mean_and_sd(images: Path, tmp_path: Path) -> None:
    run = neocog.train(images, out=tmp_path / "run", folds=3, **QUICK)
    found = result(run)
    tested = [path for fold in (1, 2, 3) for path in _tested(run.folder / f"fold-{fold}")]
    assert sorted(tested) == sorted(str(p.relative_to(images)) for p in images.rglob("*.png"))
    accuracies = [json.loads((run.folder / f"fold-{k}" / "result.json").read_text()) for k in (1, 2, 3)]
    values = [one["measures"]["test"]["accuracy"]["value"] for one in accuracies]
    measure = found["measures"]["test"]["accuracy"]
    assert measure["value"] == pytest.approx(np.mean(values))
    assert measure["sd"] == pytest.approx(np.std(values, ddof=1))
    assert run.report.is_file()


def test_without_a_validation_share_folds_learn_from_all_the_others_and_keep_the_last_epoch(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = QUICK | {"epochs": 12, "quiet": False}
    run = neocog.train(images, out=tmp_path / "run", folds=3, split=(0.8, 0.0, 0.2), **settings)
    for fold in (1, 2, 3):
        part = Run(run.folder / f"fold-{fold}")
        parts = read_splits(part.splits_csv).parts
        assert (parts.count("train"), parts.count("validation"), parts.count("test")) == (32, 0, 16)
        assert result(part)["best_epoch"] == 12
    assert "the last of 12 epochs is kept" in capsys.readouterr().err


def labelled(folder: Path, labels: list[str]) -> Path:
    """A CSV of pictures with these labels."""
    rng = np.random.default_rng(0)
    for i in range(len(labels)):
        Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    table = folder / "table.csv"
    table.write_text(
        "image,label\n" + "".join(f"{i}.png,{label}\n" for i, label in enumerate(labels)), encoding="utf-8"
    )
    return table


def test_a_class_that_a_fold_tests_without_having_learned_it_is_told_before_any_training(tmp_path: Path) -> None:
    table = labelled(tmp_path, ["rare"] * 2 + ["even", "odd"] * 15)
    with pytest.raises(
        UserError, match=r"fold \d tests 1 class that it has not learned[\s\S]*rare \(1\)[\s\S]*--split 0.8 0 0.2"
    ):
        neocog.train(table, out=tmp_path / "run", folds=5, **QUICK)
    assert not (tmp_path / "run").exists()


def test_measures_that_a_fold_cannot_have_are_those_of_the_others(tmp_path: Path) -> None:
    """The AUROC of one class alone is undefined: the summary died of it after all folds were trained."""
    table = labelled(tmp_path, ["rare"] * 2 + ["usual"] * 14)
    run = neocog.train(table, out=tmp_path / "run", folds=4, split=(0.8, 0.0, 0.2), **QUICK)
    found = result(run)["measures"]["test"]
    assert found["accuracy"]["folds"] == 4 and found["accuracy"]["sd"] is not None
    each = [
        json.loads((run.folder / f"fold-{k}" / "result.json").read_text())["measures"]["test"] for k in (1, 2, 3, 4)
    ]
    undefined = [name for name in found if any(one[name]["value"] is None for one in each)]
    assert undefined, "no fold lacks a measure: the test has lost its object"
    for name in undefined:
        values = [one[name]["value"] for one in each if one[name]["value"] is not None]
        assert found[name]["folds"] == len(values)
        assert found[name]["value"] == (pytest.approx(np.mean(values)) if values else None)
    assert run.report.is_file()


def test_a_given_part_with_a_class_that_train_lacks_stops(tmp_path: Path) -> None:
    for part, names in (("train", "ab"), ("val", "ab"), ("test", "abc")):
        for name in names:
            (tmp_path / "data" / part / name).mkdir(parents=True)
            labelled(tmp_path / "data" / part / name, [name] * 8).unlink()
    with pytest.raises(UserError, match=r"1 class of the test part without a training sample"):
        neocog.train(tmp_path / "data", out=tmp_path / "run", **QUICK)


def test_of_few_validation_samples_it_is_said_that_luck_chose_the_epoch(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for epochs, luck in ((12, True), (9, False)):
        neocog.train(images, out=tmp_path / f"run {epochs}", **QUICK | {"epochs": epochs, "quiet": False})
        said = " ".join(capsys.readouterr().err.split())
        assert f"of {epochs}" in said and ("chosen on 5 validation images only: partly luck" in said) == luck


def test_patience_without_anything_to_wait_for_is_refused(images: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no sample validates"):
        neocog.train(images, out=tmp_path / "run", split=(0.8, 0.0, 0.2), patience=3, **QUICK)
    assert not (tmp_path / "run").exists()


def _tested(fold: Path) -> list[str]:
    return [row["path"] for row in csv.DictReader(io.StringIO((fold / "predictions.csv").read_text()))]


def test_a_changed_image_stops_a_resumed_run_and_is_named(tmp_path: Path) -> None:
    folder = draw_images(tmp_path / "images")
    run = neocog.train(folder, out=tmp_path / "run", **QUICK)
    run.report.unlink()  # as if it had been stopped just before the end
    Image.new("L", (16, 16), 9).save(folder / "left" / "picture 03.png")
    with pytest.raises(UserError, match="changed") as error:
        neocog.resume(run.folder, quiet=True)
    assert "picture 03.png" in str(error.value)
    before = read_splits(run.splits_csv).parts
    neocog.resume(run.folder, quiet=True, allow_changed=True)
    assert run.report.is_file() and read_splits(run.splits_csv).parts == before


def test_damaged_weights_are_refused(run, tmp_path: Path) -> None:
    import shutil

    copied = shutil.copytree(run.folder, tmp_path / "copy")
    content = bytearray((copied / "weights.safetensors").read_bytes())
    content[-7] ^= 1
    (copied / "weights.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="SHA-256"):
        neocog.predict(copied, [tmp_path], quiet=True)


def test_evaluate_on_other_data_matches_classes_by_name(run, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    draw_images(folder, count=9, side=20)
    found = neocog.evaluate(run, folder, quiet=True)
    assert found["n"]["test"] == 18 and found["measures"]["test"]["accuracy"]["value"] > 0.7
    (folder / "left").rename(folder / "wrong")
    with pytest.raises(UserError, match="wrong"):
        neocog.evaluate(run, folder, quiet=True)


def test_minutes_end_in_about_that_time_with_a_whole_schedule(images: Path, tmp_path: Path) -> None:
    settings = {name: value for name, value in QUICK.items() if name != "epochs"}
    run = neocog.train(images, out=tmp_path / "run", minutes=0.02, **settings)
    rows = list(csv.DictReader(io.StringIO(run.metrics_csv.read_text())))
    assert float(rows[-1]["lr"]) < 0.05 * max(float(row["lr"]) for row in rows), "the rate has come down"


def test_small_groups_never_stand_on_two_sides(images: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    folder = tmp_path / "pictures"
    draw_images(folder, count=24)
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "label", "patient_id", "weight"])
        for path in sorted(folder.rglob("*.png")):
            number = int(path.stem[-2:])
            writer.writerow([path.relative_to(tmp_path), path.parent.name, f"P{number // 3}", 1 + number % 2])
    run = neocog.train(table, out=tmp_path / "run", **QUICK)
    manifest = read_splits(run.splits_csv)
    sides: dict[str, set[str]] = {}
    for group, part in zip(manifest.groups, manifest.parts, strict=True):
        sides.setdefault(group, set()).add(part)
    assert len(sides) == 8 and all(len(parts) == 1 for parts in sides.values())


def test_a_baseline_is_a_run_of_its_own_and_a_section_of_the_report(tmp_path: Path) -> None:
    run = neocog.train("digits", tmp_path / "run", quiet=True, epochs=1, baseline=True)
    other = json.loads((run.folder / "baseline" / "result.json").read_text())
    mine = json.loads(run.result.read_text())
    assert other["model"] == "mlp" and other["n"] == mine["n"]
    section = next(s for s in json.loads(run.sections.read_text()) if s["name"] == "baseline")
    table = next(item for item in section["items"] if item["kind"] == "table")
    name, ours, theirs = table["rows"][0]
    assert name == "accuracy"
    assert ours.startswith(f"{mine['measures']['test']['accuracy']['value']:.4f}")
    assert theirs.startswith(f"{other['measures']['test']['accuracy']['value']:.4f}")


def test_a_baseline_of_the_baseline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="baseline itself"):
        neocog.train("digits", tmp_path / "run", quiet=True, epochs=1, model="mlp", baseline=True)
