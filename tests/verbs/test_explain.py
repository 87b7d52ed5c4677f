"""``explain`` on every kind of data, and for every task: pictures and a page, from the network that predicts."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import neocog
from neocog.cli.main import main
from neocog.config import Config, changed
from neocog.errors import UserError
from neocog.verbs.train import start


def trained(folder: Path, **settings: object) -> Path:
    usual = {"data": str(folder / "data"), "epochs": 2, "batch": 8, "threads": 1, "augment": ("off",)}
    return start(changed(Config(), usual | settings), folder / "run", True, "test").folder


def corner(folder: Path, names: tuple[str, str]) -> None:
    """A bright square in the upper left of the one class and the lower right of the other."""
    rng = np.random.default_rng(0)
    for number in range(40):
        pixels = rng.integers(0, 40, (16, 16), np.uint8)
        place = slice(1, 6) if number % 2 else slice(10, 15)
        pixels[place, place] = 220
        path = folder / "data" / names[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corners")
    corner(folder, ("low", "high"))
    return trained(folder, model="cnn", options={"widths": "8,8", "hidden": 16}, epochs=12)


def test_the_map_lies_on_what_tells_the_classes_apart(run: Path, tmp_path: Path) -> None:
    """Class high has its square above, class low below: Grad-CAM must be redder on the square than away from it."""
    files = [run.parent / "data" / "high" / "1.png", run.parent / "data" / "low" / "0.png"]
    found = neocog.explain(run, files, tmp_path / "out", quiet=True)
    assert [sample.prediction.split()[0] for sample in found.samples] == ["high", "low"]
    for sample, near, far in (
        (found.samples[0], slice(0, 96), slice(96, 192)),
        (found.samples[1], slice(96, 192), slice(0, 96)),
    ):
        cam = next(path for path in sample.written if path.name == "grad-cam.png")
        colours = np.asarray(Image.open(cam)).astype(int)
        red = colours[..., 0] - colours[..., 2]
        assert red[near, near].mean() > 2 * red[far, far].mean()
    page = (tmp_path / "out" / "explanation.html").read_text()
    assert "Prediction: high" in page
    with (tmp_path / "out" / "explanations.csv").open() as file:
        assert [row["prediction"].split()[0] for row in csv.DictReader(file)] == ["high", "low"]


def test_another_class_can_be_asked_about(run: Path, tmp_path: Path) -> None:
    file = run.parent / "data" / "high" / "1.png"
    found = neocog.explain(run, [file], tmp_path / "out", about="low", quiet=True)
    assert found.samples[0].prediction.startswith("low")
    with pytest.raises(UserError, match="did you mean 'low'"):
        neocog.explain(run, [file], tmp_path / "other", about="lowe", quiet=True)


def test_layers_are_shown_all_or_by_name(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = str(run.parent / "data" / "high" / "1.png")
    main(["explain", str(run), file, "--layers", "--quiet"])
    folder = Path("explain-run")
    assert capsys.readouterr().out.strip() == str(folder / "explanation.html")
    every = list(folder.rglob("layers/*.png"))
    assert len(every) > 8
    assert list(folder.glob("weights/conv1.weight.png"))
    main(["explain", str(run), file, "--layer", "conv2", "--quiet", "--out", "one"])
    assert [path.name[4:] for path in Path("one").rglob("layers/*.png")] == ["conv2.png"]
    assert [path.name for path in Path("one").glob("weights/*")] == ["conv2.weight.png"]


@pytest.mark.parametrize(
    ("more", "told"),
    [(["--layer", "conf1"], "did you mean 'conv1'"), (["--about", "nothing"], "--about nothing"), ([], "no-such-file")],
)
def test_bad_requests_are_one_error_and_write_nothing(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    file = str(run.parent / "data" / "high" / "1.png") if more else "no-such-file.png"
    with pytest.raises(SystemExit) as left:
        main(["explain", str(run), file, *more, "--quiet"])
    assert left.value.code == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_files_that_cannot_be_read_are_told_and_the_others_explained(run: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    found = neocog.explain(run, [bad, run.parent / "data" / "low" / "0.png"], tmp_path / "out", quiet=True)
    assert [bool(sample.skipped) for sample in found.samples] == [True, False]
    with pytest.raises(UserError, match="none of 1 files can be read"):
        neocog.explain(run, [bad], tmp_path / "other", quiet=True)
    assert not (tmp_path / "other").exists()
    with pytest.raises(UserError, match="exists already"):
        neocog.explain(run, [bad], tmp_path / "out", quiet=True)


def test_volumes_are_shown_as_slices_through_the_strongest_place(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    volumes = rng.integers(0, 30, (24, 12, 10, 8), np.uint8)
    labels = np.arange(24) % 2
    volumes[labels == 1, 2:5, 2:5, 2:5] = 220
    np.savez(tmp_path / "data.npz", X=volumes, y=labels)
    folder = trained(tmp_path, data=str(tmp_path / "data.npz"), model="cnn3d", options={"widths": "4,4"})
    tifffile.imwrite(tmp_path / "one.tif", volumes[1], photometric="minisblack")
    found = neocog.explain(folder, [tmp_path / "one.tif"], tmp_path / "out", layers=True, quiet=True)
    sizes = {path.stem: size_of(path) for path in found.samples[0].written if path.parent.name != "layers"}
    assert set(sizes) == {"input", "grad-cam", "saliency"}
    assert len(set(sizes.values())) == 1
    wide, high = sizes["input"]
    assert abs(wide / high - (8 + 8 + 10 + 2) / 12) < 0.01, "three slices side by side"


def test_sequences_fade_where_letters_matter_less(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = []
    for number in range(40):
        letters = list("".join(rng.choice(list("ACGT"), 60)))
        letters[20:28] = "AAAAAAAA" if number % 2 else "CCCCCCCC"
        lines.append(f">{number}|{'ac'[number % 2]}\n{''.join(letters)}\n")
    (tmp_path / "data.fasta").write_text("".join(lines))
    folder = trained(tmp_path, data=str(tmp_path / "data.fasta"), label_field="2")
    (tmp_path / "two.fasta").write_text("".join(lines[:2]))
    found = neocog.explain(folder, [tmp_path / "two.fasta"], tmp_path / "out", layers=True, quiet=True)
    assert [path.stem for path in found.samples[1].written if path.parent.name != "layers"] == ["input", "saliency"]


def test_segmentation_and_values_are_explained_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(12):
        pixels, mask = rng.integers(0, 60, (32, 32), np.uint8), np.zeros((32, 32), np.uint8)
        row, column = rng.integers(2, 20, 2)
        mask[row : row + 9, column : column + 9] = 255
        for kind, array in (("images", np.where(mask > 0, 200, pixels).astype(np.uint8)), ("masks", mask)):
            (tmp_path / "masks" / "data" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(tmp_path / "masks" / "data" / kind / f"{number}.png")
    folder = trained(tmp_path / "masks", options={"width": "4", "depth": "2"})
    image = tmp_path / "masks" / "data" / "images" / "0.png"
    found = neocog.explain(folder, [image], tmp_path / "out", quiet=True)
    assert found.samples[0].prediction.endswith("of the pixels")
    rows = ["image,size [px]"]
    for number in range(20):
        side = int(rng.integers(2, 14))
        pixels = np.zeros((16, 16), np.uint8)
        pixels[:side, :side] = 255
        (tmp_path / "values" / "data").mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "values" / "data" / f"{number}.png")
        rows.append(f"{number}.png,{side}")
    (tmp_path / "values" / "data" / "table.csv").write_text("\n".join(rows))
    folder = trained(
        tmp_path / "values", data=str(tmp_path / "values" / "data" / "table.csv"), options={"widths": "4,4"}
    )
    found = neocog.explain(folder, [tmp_path / "values" / "data" / "0.png"], tmp_path / "more", quiet=True)
    assert found.samples[0].prediction.startswith("size [px]")
