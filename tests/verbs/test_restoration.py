"""Restoration from the first step to the last page: made worse or in pairs, trained, judged, predicted, previewed, resumed."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from onnxruntime import InferenceSession
from PIL import Image

import neocog
from neocog.cli.main import main
from neocog.data.degrade import Degradation, own_generator
from neocog.data.imresize import resized
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.engine.loop import Loop
from neocog.errors import UserError
from neocog.metrics.restoration import luma, psnr
from neocog.run import Run, to_json
from neocog.tasks.restoration.explained import sharpest

SETTINGS: dict[str, Any] = {
    "task": "restoration", "epochs": 24, "threads": 1, "batch": 4, "width": 8, "blocks": 1, "windows": 4, "patch": (12,),
    "quiet": True, "split": (0.5, 0.2, 0.3), "lr": 0.005,
}  # fmt: skip


def picture(seed: int, size: tuple[int, int] = (32, 40), channels: int = 3) -> np.ndarray:
    """Edges at all angles in flat colours."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]]
    found = np.empty((*size, channels))
    found[:] = rng.integers(30, 220, channels)
    for _ in range(6):
        angle, at = rng.uniform(0, np.pi), rng.integers(5, 30)
        side = np.cos(angle) * rows + np.sin(angle) * columns > at
        found[side] = rng.integers(30, 220, channels)
    return found.round().astype(np.uint8)


def pictures(folder: Path, count: int = 20, channels: int = 3) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        image = picture(index, (32 + index % 3, 40 + index % 2), channels)
        Image.fromarray(image[..., 0] if channels == 1 else image).save(folder / f"{index}.png")
    return folder


def paired(folder: Path, count: int = 20, scale: int = 1) -> Path:
    """noisy/ with clean/, or low/ with high/."""
    names = ("noisy", "clean") if scale == 1 else ("low", "high")
    for name in names:
        (folder / name).mkdir(parents=True)
    for index in range(count):
        clean = picture(index, (36, 36), 1)
        how = Degradation.of(f"bicubic:{scale}" if scale > 1 else "gauss:25")
        for name, image in zip(names, (how(clean, own_generator(clean), 255.0), clean), strict=True):
            Image.fromarray(image[..., 0]).save(folder / name / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("pictures")
    return neocog.train(pictures(folder / "data"), folder / "run", degrade="bicubic:2", **SETTINGS)


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("pairs")
    return neocog.train(paired(folder / "data"), folder / "run", **SETTINGS)


def result_of(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.result.read_text(encoding="utf-8"))
    return found


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_small_network_is_better_than_bicubic_and_says_by_how_much(run: Run) -> None:
    result = result_of(run)
    measures, other = result["measures"]["test"], result["baselines"]["bicubic"]
    assert list(measures)[:3] == ["psnr", "gain", "ssim"] and measures["gain"]["value"] > 0.1
    assert measures["psnr"]["value"] - other["measures"]["psnr"]["value"] == pytest.approx(measures["gain"]["value"])
    assert other["gain"]["difference"] == pytest.approx(measures["gain"]["value"]) and other["gain"]["p"] < 0.05
    facts = json.loads(run.model_json.read_text())
    assert facts["options"]["scale"] == facts["scale"] == 2 and facts["options"]["luma"] is True
    page = run.report.read_text(encoding="utf-8")
    for words in (
        "Restored pixels are guesses",
        "Comparison with baselines",
        "bicubic enlargement",
        "Smallest gain",
    ):
        assert words in page


def test_noise_is_taken_away_and_compared_with_four_other_ways(denoiser: Run) -> None:
    result = result_of(denoiser)
    assert list(result["baselines"]) == ["identity", "median", "gaussian", "non_local_means"]
    assert result["measures"]["test"]["gain"]["value"] > 2
    assert result["baselines"]["identity"]["gain"]["difference"] == pytest.approx(
        result["measures"]["test"]["gain"]["value"]
    )
    assert "residual" not in result and "Pixel errors" in denoiser.report.read_text(encoding="utf-8")
    assert set(json.loads(denoiser.model_json.read_text())["baselines"]) == {"gaussian", "non_local_means"}


@pytest.mark.parametrize("which", ["run", "denoiser"])
def test_evaluate_gives_the_very_numbers_of_the_training(which: str, request: pytest.FixtureRequest) -> None:
    trained = request.getfixturevalue(which)
    again = json.loads(to_json(neocog.evaluate(trained, quiet=True)))
    assert again["measures"]["test"] == result_of(trained)["measures"]["test"]
    assert again["baselines"] == result_of(trained)["baselines"]
    assert again["error_coverage"] == result_of(trained)["error_coverage"]


def test_the_files_that_predict_writes_have_the_measures(run: Run, denoiser: Run, tmp_path: Path) -> None:
    rows, data = rows_of(run.predictions_csv), run.folder.parent / "data"
    (tmp_path / "low").mkdir()
    for row in rows:
        clean = np.asarray(Image.open(data / row["path"]))
        clean = clean[: clean.shape[0] // 2 * 2, : clean.shape[1] // 2 * 2]
        Image.fromarray(resized(clean, (clean.shape[0] // 2, clean.shape[1] // 2))).save(tmp_path / "low" / row["path"])
    neocog.predict(run, [tmp_path / "low"], tmp_path / "out", quiet=True)
    for row in rows:
        found = np.asarray(Image.open(tmp_path / "out" / "restored" / row["path"]))
        clean = np.asarray(Image.open(data / row["path"]))[: found.shape[0], : found.shape[1]]
        assert psnr(clean, found, 255) == pytest.approx(float(row["psnr_all"]), abs=1e-9)
        inner = slice(2, -2)
        assert psnr(luma(clean)[inner, inner], luma(found)[inner, inner], 255) == pytest.approx(
            float(row["psnr"]), abs=1e-9
        )
    held = []
    for row in rows:
        found, limit = (
            np.asarray(Image.open(tmp_path / "out" / part / row["path"])) for part in ("restored", "errors")
        )
        clean = np.asarray(Image.open(data / row["path"]))[: found.shape[0], : found.shape[1]]
        held.append((np.abs(clean.astype(int) - found) <= limit).mean())  # limits are rounded
    coverage = result_of(run)["error_coverage"]["value"]
    assert coverage == pytest.approx(np.mean(held), abs=0.04) and 0.85 < coverage < 1
    mean = np.mean([float(row["psnr"]) for row in rows])
    assert result_of(run)["measures"]["test"]["psnr"]["value"] == pytest.approx(mean)
    folder = denoiser.folder.parent / "data"
    (memory,) = neocog.load(denoiser).predict([np.asarray(Image.open(folder / "noisy" / "3.png"))])
    neocog.predict(denoiser, [folder / "noisy" / "3.png"], tmp_path / "clean", quiet=True)
    np.testing.assert_array_equal(memory[..., 0], np.asarray(Image.open(tmp_path / "clean" / "restored" / "3.png")))


@pytest.mark.filterwarnings("ignore:differs from the training")
@pytest.mark.parametrize("which", ["run", "denoiser"])
def test_the_exported_network_restores_images_of_any_size_as_predict_does(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    trained = request.getfixturevalue(which)
    folder = neocog.export(trained, "onnx", tmp_path / "onnx", quiet=True)
    facts = json.loads((folder / "network.json").read_text())
    session = InferenceSession(folder / "network.onnx", providers=["CPUExecutionProvider"])
    for size in ((33, 50), (20, 41)):
        image = picture(70, size, facts["preprocessing"]["channels"])
        (found,) = session.run(None, {"pixels": image.transpose(2, 0, 1)[None]})
        assert found.shape[2:] == (size[0] * facts["scale"], size[1] * facts["scale"])
        (expected,) = neocog.load(trained).predict([image])
        apart = np.abs(found[0].transpose(1, 2, 0).clip(0, 255) - expected)
        assert apart.max() < 0.51  # predict rounds
    with pytest.raises(UserError, match="--to numpy is for networks that classify"):
        neocog.export(trained, "numpy", tmp_path / "numpy", quiet=True)
    assert not (tmp_path / "numpy").exists()


def test_the_sharpest_place_is_explained_by_what_the_network_sees_around_it(denoiser: Run, tmp_path: Path) -> None:
    data = denoiser.folder.parent / "data" / "noisy"
    found = neocog.explain(denoiser, [data / "2.png"], tmp_path / "explained", quiet=True)
    assert "sharpest region" in found.samples[0].prediction and len(found.samples[0].written) >= 2
    with pytest.raises(UserError, match="has no classes"):
        neocog.explain(denoiser, [data / "2.png"], tmp_path / "about", about="edge", quiet=True)
    image = torch.full((1, 1, 48, 64), 0.5)
    image[..., 20:24, 30:34] += torch.eye(4)
    image.requires_grad_()
    scores, (text,) = sharpest(image)
    scores.sum().backward()
    top, left = (int(part.split()[1]) for part in text.partition(": ")[2].split(","))
    assert 8 <= top <= 20 and 18 <= left <= 30 and image.grad is not None
    assert image.grad[..., :7, :].abs().sum() == 0 < image.grad[..., 19:25, 29:35].abs().sum()


def test_other_clean_images_are_judged_as_they_were_made_worse_in_training(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    Image.fromarray(picture(99, (50, 61))).save(other / "a.png")
    found = neocog.evaluate(run, other, quiet=True)
    assert found["n"]["test"] == 1 and "bicubic" in found["baselines"]


def test_a_tiff_keeps_its_type_and_its_pixels_become_smaller(tmp_path: Path) -> None:
    for name, scale in (("low", 1), ("high", 2)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for index in range(10):
            image = resized(picture(index, (48, 48), 1).astype(np.uint16) * 16, (24 * scale, 24 * scale))[..., 0]
            tifffile.imwrite(tmp_path / "data" / name / f"{index}.tif", image)
    run = neocog.train(tmp_path / "data", tmp_path / "run", **{**SETTINGS, "epochs": 1})
    given = tmp_path / "new.tif"
    stored = (picture(50, (30, 26), 1).astype(np.uint16) * 16)[..., 0]
    tifffile.imwrite(given, stored, imagej=True, resolution=(4.0, 5.0), metadata={"unit": "um"})
    neocog.predict(run, [given], tmp_path / "out", quiet=True)
    with tifffile.TiffFile(tmp_path / "out" / "restored" / "new.tif") as tiff:
        found, tags = tiff.asarray(), tiff.pages[0].tags
        assert found.shape == (60, 52) and found.dtype == np.uint16 and found.max() > 255
        above, below = tags["XResolution"].value
        assert above / below == pytest.approx(8) and tags["YResolution"].value[0] / tags["YResolution"].value[1] == 10
        assert "unit=um" in tags["ImageDescription"].value


def test_pairs_of_low_and_high_are_read_from_folders_tables_and_memory(tmp_path: Path) -> None:
    data = paired(tmp_path / "data", 6, 3)
    found = open_dataset(data, reading=Reading(task="restoration"))
    assert found.scale == 3 and found.learned == "pairs" and len(found) == 6 and found.pairs is not None
    assert found.images.read(2).shape == (12, 12, 1) and found.pairs.read(2).shape == (36, 36, 1)
    lines = [f"low/{index}.png,high/{index}.png,g{index // 2}" for index in range(6)]
    (data / "pairs.csv").write_text("input,target,group\n" + "\n".join(lines) + "\n")
    table = open_dataset(data / "pairs.csv", reading=Reading(task="restoration"))
    assert table.scale == 3 and table.groups is not None and len(set(table.groups.tolist())) == 3
    low = [np.asarray(Image.open(data / "low" / f"{index}.png")) for index in range(6)]
    high = [np.asarray(Image.open(data / "high" / f"{index}.png")) for index in range(6)]
    settings = {**SETTINGS, "epochs": 1, "patch": (8,), "batch": 2}
    assert neocog.train((low, high), tmp_path / "run", **settings).report.is_file()
    made = neocog.train(np.stack(high), tmp_path / "made", degrade="blur:1", **settings)
    assert "identity" in result_of(made)["baselines"]


def test_parts_of_a_split_are_read_from_folders(tmp_path: Path) -> None:
    for part, seed in (("train", 0), ("val", 50), ("test", 80)):
        for index in range(4):
            clean = picture(seed + index, (32, 36), 1)[..., 0]
            for name, image in (("input", clean // 2), ("target", clean)):
                (tmp_path / part / name).mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(tmp_path / part / name / f"{index}.png")
    found = open_dataset(tmp_path, reading=Reading(task="restoration"))
    assert found.splits is not None and sorted(set(found.splits.tolist())) == ["test", "train", "validation"]


def test_the_preview_shows_inputs_beside_what_is_wanted(run: Run, tmp_path: Path) -> None:
    settings = {"task": "restoration", "degrade": "bicubic:2", "windows": 2, "patch": (12,), "batch": 4}
    sheet = neocog.preview(run.folder.parent / "data", tmp_path / "sheet.png", n=3, draws=2, **settings)
    assert np.asarray(Image.open(sheet)).shape[0] > 200


SAME = ("weights.safetensors", "metrics.csv", "predictions.csv", "splits.csv")


@pytest.mark.parametrize("how", ["bicubic:2", "gauss:25"])
def test_a_run_that_broke_off_and_goes_on_ends_in_the_same_bytes(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, settings = pictures(tmp_path / "data", 16), {**SETTINGS, "epochs": 4, "save_every": 0.0, "degrade": how}
    whole = neocog.train(data, tmp_path / "whole", **settings)
    step, seen = Loop.step, list[int]()

    def broken(self: Loop, learner: Any, number: int, batches: Any) -> float:
        seen.append(number)
        if len(seen) == 6:
            raise RuntimeError("the power went")
        return step(self, learner, number, batches)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="the power went"):
        patch.setattr(Loop, "step", broken)
        neocog.train(data, tmp_path / "half", **settings)
    neocog.resume(tmp_path / "half", quiet=True)
    for name in SAME:
        digests = [hashlib.sha256((tmp_path / run / name).read_bytes()).digest() for run in (whole.folder, "half")]
        assert digests[0] == digests[1], name


def test_streamed_images_give_the_run_of_those_in_memory(tmp_path: Path) -> None:
    data = pictures(tmp_path / "data", 12)
    settings = {**SETTINGS, "epochs": 2, "degrade": "salt:0.05"}
    runs = [neocog.train(data, tmp_path / f"{share}", memory=share, **settings) for share in (0.5, 0.0)]
    assert runs[0].weights.read_bytes() == runs[1].weights.read_bytes()


def test_folds_keep_groups_together(tmp_path: Path) -> None:
    data = paired(tmp_path / "data", 12)
    lines = [f"noisy/{index}.png,clean/{index}.png,g{index // 3}" for index in range(12)]
    (data / "pairs.csv").write_text("input,target,group\n" + "\n".join(lines) + "\n")
    run = neocog.train(
        data / "pairs.csv", tmp_path / "run", folds=2, **{**SETTINGS, "epochs": 1, "split": (0.8, 0.0, 0.2)}
    )
    assert result_of(run)["measures"]["test"]["psnr"]["n"] == 12
    for fold in (1, 2):
        rows = rows_of(run.folder / f"fold-{fold}" / "splits.csv")
        sides = {(int(Path(row["sample"]).stem) // 3, row["split"]) for row in rows}
        assert len({group for group, _ in sides}) == len(sides)


def takes_of_fields(folder: Path, parts: tuple[str, ...] = ("",), takes: int = 4) -> Path:
    """Six fields, several noisy takes of each, and beside each take the one clean image of its field."""
    for field in range(6):
        clean = picture(field, (36, 36), 1)
        for take in range(takes):
            part = folder / parts[take % len(parts)]
            how = Degradation.of("gauss:40")(clean, np.random.default_rng((field, take)), 255.0)
            for name, image in (("noisy", how), ("clean", clean)):
                (part / name).mkdir(parents=True, exist_ok=True)
                Image.fromarray(image[..., 0]).save(part / name / f"{'abcdef'[take]}{field}x.png")
    return folder


def test_takes_of_one_field_are_never_learned_and_tested(tmp_path: Path) -> None:
    data = takes_of_fields(tmp_path / "data")
    run = neocog.train(data, tmp_path / "run", **{**SETTINGS, "epochs": 1})
    sides = {(Path(row["sample"]).stem[1], row["split"]) for row in rows_of(run.splits_csv)}
    assert len(sides) == 6 and len({side for _, side in sides}) == 3
    found = open_dataset(data, reading=Reading(task="restoration"))
    assert any("24 inputs share 6 target images" in each.evidence for each in found.taken)
    assert open_dataset(data, reading=Reading(task="restoration", groups="none")).groups is None


def test_a_field_in_two_given_parts_is_told(tmp_path: Path) -> None:
    data = takes_of_fields(tmp_path / "data", ("train", "test"), 2)
    found = [
        f for f in neocog.audit(data, task="restoration", quiet=True).findings if "the given split leaks" in f.what
    ]
    assert len(found) == 1 and found[0].severity == "warning" and len(found[0].samples) == 12


def test_an_image_of_one_value_is_learned_from_and_judged_without_a_traceback(tmp_path: Path) -> None:
    data = paired(tmp_path / "data", 12)
    for index in range(0, 12, 2):
        Image.new("L", (36, 36), 90).save(data / "clean" / f"{index}.png")
    assert any(
        "of one constant value" in f.what for f in neocog.audit(data / "clean", task="orientation", quiet=True).findings
    )
    run = neocog.train(data, tmp_path / "run", **{**SETTINGS, "epochs": 1})
    assert np.isfinite(result_of(run)["measures"]["test"]["psnr"]["value"])


def test_a_wanted_image_that_changed_is_noticed(denoiser: Run, tmp_path: Path) -> None:
    data = paired(tmp_path / "data")
    settings = {"quiet": True, "task": "restoration"}
    assert not [f for f in neocog.audit(data, verify=denoiser.folder, **settings).findings if "another label" in f.what]
    image = np.array(Image.open(data / "clean" / "4.png"))
    image[3, 3] ^= 1
    Image.fromarray(image).save(data / "clean" / "4.png")
    found = [f for f in neocog.audit(data, verify=denoiser.folder, **settings).findings if "another label" in f.what]
    assert len(found) == 1 and len(found[0].samples) == 1


def test_audit_says_what_is_doubtful_about_pairs(tmp_path: Path) -> None:
    data = paired(tmp_path / "data", 6)
    (data / "noisy" / "2.png").write_bytes((data / "clean" / "2.png").read_bytes())
    found = [f for f in neocog.audit(data, task="restoration", quiet=True).findings if "the input itself" in f.what]
    assert len(found) == 1 and found[0].severity == "warning" and [Path(s).name for s in found[0].samples] == ["2.png"]


def test_audit_and_preview_take_the_options_of_the_task_that_their_help_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clean = paired(tmp_path / "data", 6) / "clean"
    own = ["--task", "restoration", "--degrade", "gauss:25"]

    main(["audit", str(clean), *own])
    assert "clean images and gauss:25: 6 images" in capsys.readouterr().out
    main(["preview", str(clean), *own, "--out", str(tmp_path / "x.png")])
    assert (tmp_path / "x.png").is_file()
    for verb in ("audit", "preview"):
        with pytest.raises(SystemExit) as left:
            main([verb, str(clean), *own, "--degrad", "gauss:25"])
        assert left.value.code == 2
        assert f"neocog {verb} has no option --degrad" in capsys.readouterr().err


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no pairs": ({}, "no pairs of images"),
    "unknown": ({"degrade": "gaus:25"}, "--degrade gaus:25"),
    "size": ({"degrade": "gauss:25", "size": (32, 32)}, "--size has no effect"),
    "kind": ({"degrade": "gauss:25", "kind": "volumes"}, "--kind volumes has no effect"),
    "scaling": ({"degrade": "gauss:25", "scaling": "image"}, "--scaling has no effect"),
    "augment": ({"degrade": "gauss:25", "augment": ("turn=15",)}, "--augment turn=15"),
    "windows": ({"degrade": "gauss:25", "windows": 0}, "--windows 0"),
    "scale": ({"degrade": "bicubic:2", "scale": 3}, "--scale 3"),
    "keeps": ({"degrade": "bicubic:2", "model": "dncnn"}, "scale of 1"),
    "masks": ({"degrade": "gauss:25", "model": "segnet"}, "gives a class for each pixel"),
    "patch": ({"degrade": "gauss:25", "patch": (500,)}, "--patch 500 500"),
    "loss": ({"degrade": "gauss:25", "loss": "dice"}, "--loss dice"),
    "other task": ({"task": "segmentation", "degrade": "gauss:25"}, "degrade"),
    "fit": ({"task": "classification", "fit": "corner"}, "--fit corner"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_meant_is_one_clear_error(name: str, tmp_path: Path) -> None:
    given, words = BAD[name]
    settings = {
        k: v
        for k, v in SETTINGS.items()
        if k not in (given.keys() | {"width", "blocks"} if "model" in given else given)
    }
    if given.get("task", "restoration") != "restoration":
        settings = {"quiet": True, "epochs": 1}
    with pytest.raises(UserError) as error:
        neocog.train(pictures(tmp_path / "data", 8), tmp_path / "run", **{**settings, **given})
    assert words in str(error.value) and not (tmp_path / "run").exists()


def spoilt(folder: Path, kind: str) -> Path:
    data = paired(folder, 8, 2)
    first = data / "low" / "3.png"
    image = np.asarray(Image.open(first))
    if kind == "size":
        Image.fromarray(image[:-1]).save(first)
    elif kind == "type":
        Image.fromarray(image.astype(np.uint16)).save(first)
    elif kind == "channels":
        Image.fromarray(np.stack([image] * 3, -1)).save(first)
    elif kind == "alone":
        first.unlink()
    elif kind == "damaged":
        (data / "high" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return data


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("size", "not 1, 2, 3 or 4 times as large"), ("type", "save both in one type"),
        ("channels", "3 channels, the target image 1"),
        ("alone", "1 image has no input"), ("damaged", "high/3.png"),
    ],
)  # fmt: skip
def test_pairs_that_do_not_belong_together_are_named(kind: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        neocog.train(spoilt(tmp_path / "data", kind), tmp_path / "run", **SETTINGS)
    assert words in str(error.value) and "3" in str(error.value) and not (tmp_path / "run").exists()


def test_corruptions_are_refused_as_they_would_change_nothing(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="corruptions are not for --task restoration"):
        neocog.stress(run, ("corruption",), quiet=True)
