"""``preview``: the sheet shows what training learns from, bit for bit, and overwrites nothing of the user's."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

import neocog
from neocog.data.loader import Batch
from neocog.data.normalise import in_stored_units, normalise
from neocog.data.preprocessing import Preprocessing
from neocog.engine.loop import Loop
from neocog.errors import UserError
from neocog.verbs import preview as module
from neocog.verbs.preview import in_turn, picture, preview, shortened

PLAIN: Any = {"together": "files"}  # plain images are near copies of each other


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Three classes of eight plain images: red, green, blue, with a white left edge that a flip moves."""
    for name, colour in [("red", (255, 0, 0)), ("green", (0, 255, 0)), ("blue", (0, 0, 255))]:
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(8):
            pixels = np.full((40, 40, 3), colour, dtype=np.uint8)
            pixels[:, :6] = 255
            pixels[4 * number, 39] = 0  # no two files alike
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[module.Row]:
    """The rows of the sheets that are drawn."""
    seen: list[module.Row] = []
    real = module.sheet
    monkeypatch.setattr(module, "sheet", lambda given, *rest: (seen.extend(given), real(given, *rest))[1])
    return seen


class Enough(Exception):
    """The first step has been seen."""


@pytest.fixture
def first_step(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``first_step(data, **settings)``: {name of a sample: (inputs, target)} of the first step that train takes."""

    def of(data: Path, **settings: Any) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        seen: list[tuple[Loop, list[Batch]]] = []

        def step(loop: Loop, _learner: Any, _step: int, pieces: list[Batch]) -> float:
            seen.append((loop, pieces))
            raise Enough

        monkeypatch.setattr(Loop, "step", step)
        with pytest.raises(Enough):
            neocog.train(data, data.parent / "run", quiet=True, epochs=1, threads=1, **settings)
        ((loop, pieces),) = seen
        return {
            str(loop.dataset.names[sample]): (batch.inputs[k], batch.targets[k])
            for batch in pieces
            for k, sample in enumerate(batch.samples)
        }

    return of


def pictures(folder: Path, count: int = 24, deep: bool = False) -> Iterator[str]:
    """Noise images of two sizes below ``folder``; yields their names."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for number in range(count):
        side = (20, 24)[number % 2]
        pixels = rng.integers(0, 3000 if deep else 256, (side, 20), np.uint16 if deep else np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        yield f"{number}.png"


def table(folder: Path, heads: list[str], rows: list[list[object]]) -> Path:
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([heads, *rows])
    return folder / "table.csv"


def of_classes(folder: Path) -> Path:
    names = list(pictures(folder, deep=True))
    return table(folder, ["image", "label"], [[name, "ab"[i % 3 == 0]] for i, name in enumerate(names)])


def of_values(folder: Path) -> Path:
    names = list(pictures(folder))
    return table(folder, ["image", "angle [°]"], [[name, 7.25 * i] for i, name in enumerate(names)])


def of_masks(folder: Path) -> Path:
    rng = np.random.default_rng(1)
    (folder / "masks").mkdir(parents=True)
    for name in pictures(folder / "images"):
        with Image.open(folder / "images" / name) as image:
            objects = rng.random((image.height, image.width)) > 0.7
        Image.fromarray(objects.astype(np.uint8) * 255).save(folder / "masks" / name)
    return folder


def of_letters(folder: Path) -> Path:
    rng = np.random.default_rng(2)
    folder.mkdir()
    lines = (f">s{i}|{'ab'[i % 2]}\n{''.join(rng.choice(list('ACGT'), 60))}\n" for i in range(24))
    (folder / "strands.fasta").write_text("".join(lines), encoding="ascii")
    return folder / "strands.fasta"


def of_volumes(folder: Path) -> Path:
    folder.mkdir()
    volumes = np.random.default_rng(3).integers(0, 200, (24, 10, 10, 10), np.uint8)
    np.savez(folder / "blocks.npz", X=volumes, y=np.arange(24) % 2)
    return folder / "blocks.npz"


def upright(folder: Path) -> Path:
    assert list(pictures(folder))
    return folder


KINDS: list[tuple[Any, dict[str, Any]]] = [
    (of_classes, {}),
    (of_classes, {"scaling": "image", "size": (16, 16), "fit": "pad", "augment": ("flip=0.5", "crop=2", "turn=30")}),
    (of_values, {"seed": 5, "model": "cnn"}),
    (of_masks, {"patch": (16,), "batch": 4}),
    (of_masks, {"augment": ("turn=20",), "size": (16, 16), "batch": 4}),
    (of_letters, {}),
    (of_volumes, {"model": "cnn3d"}),
    (upright, {"task": "orientation"}),
]


@pytest.mark.parametrize(("make", "settings"), KINDS, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_shown_is_the_first_batch_of_training(
    make: Any, settings: dict[str, Any], tmp_path: Path, rows: list[module.Row], first_step: Any
) -> None:
    data = make(tmp_path / "data")
    preview(data, tmp_path / "sheet.png", n=4, draws=2, **settings)
    learned = first_step(data, **settings)
    assert len(rows) == 4
    for row in rows:
        inputs, target = learned[row.name]
        assert torch.equal(row.pictures[1][0], inputs)
        assert torch.equal(row.pictures[1][1], target)


def test_a_sample_is_changed_by_its_epoch_whatever_batch_it_comes_in(folders: Path, first_step: Any) -> None:
    """What the columns of later epochs rest on."""
    from neocog.config import Config, configured
    from neocog.engine.ranks import Ranks
    from neocog.progress import Progress
    from neocog.verbs.prepare import arrange, read

    config, progress = (
        configured(Config(), {"data": str(folders), "batch": 5, "together": "files"}),
        Progress(quiet=True),
    )
    loader = arrange(config, read(config, progress), Ranks(), progress).loader
    per_epoch = loader.batches.per_epoch
    for _, pieces in loader.training(per_epoch, 2 * per_epoch):
        for batch in pieces:
            again = loader.seen(batch.samples[::-1].copy(), 1)
            assert torch.equal(again.inputs.flip(0), batch.inputs)
    assert not torch.equal(again.inputs, loader.seen(batch.samples[::-1].copy(), None).inputs)


def test_the_sheet_has_a_tile_for_each_sample_and_epoch(folders: Path, tmp_path: Path) -> None:
    path = preview(folders, tmp_path / "sheet.png", n=6, draws=3, augment=("off", "flip=1"), **PLAIN)
    assert path == tmp_path / "sheet.png"
    with Image.open(path) as image:
        assert image.format == "PNG" and image.mode == "RGB"
        page = np.asarray(image).astype(int)
    red = (page[:, :, 0] > 200) & (page[:, :, 1] < 60) & (page[:, :, 2] < 60)
    side = 40 * 3  # enlarged to at least 96 pixels, in whole squares
    assert red.sum() == pytest.approx(2 * 4 * side * side * 34 / 40, rel=0.03)  # 2 red samples, 1 + 3 tiles each


def test_every_class_is_shown_before_one_comes_again(folders: Path, tmp_path: Path, rows: list[module.Row]) -> None:
    preview(folders, tmp_path / "a.png", n=3, draws=1, **PLAIN)
    assert [row.label for row in rows] == ["blue", "green", "red"]
    assert in_turn(np.array([1, 1, 0, 1, 0, 2])).tolist() == [0, 2, 5, 1, 4, 3]


def test_a_broken_image_stops_it_as_it_stops_training(folders: Path, tmp_path: Path) -> None:
    (folders / "red" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(UserError, match="--on-bad skip"):
        preview(folders, tmp_path / "sheet.png", n=12)
    assert preview(folders, tmp_path / "sheet.png", n=12, on_bad="skip", max_bad=0.1, **PLAIN).is_file()


def test_a_sheet_may_be_replaced_and_nothing_else(folders: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    preview(folders, out, n=1, draws=1, **PLAIN)
    preview(folders, out, n=2, draws=1, **PLAIN)
    photo = folders / "red" / "1.png"
    before = photo.read_bytes()
    with pytest.raises(UserError, match="no contact sheet"):
        preview(folders, photo)
    assert photo.read_bytes() == before
    with pytest.raises(UserError, match=r"is not a \.png file"):
        preview(folders, tmp_path / "sheet.jpg")
    with pytest.raises(UserError, match="no such folder"):
        preview(folders, tmp_path / "none" / "sheet.png")
    with pytest.raises(UserError, match="at least 1"):
        preview(folders, out, n=0)


def test_the_default_name_says_the_source(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert preview(folders, n=1, draws=1, **PLAIN) == Path("preview-photos.png")
    assert preview(folders, tmp_path, n=1, draws=1, **PLAIN) == tmp_path / "preview-photos.png"


def test_edits_of_the_augmentation_are_taken(folders: Path, tmp_path: Path, rows: list[module.Row]) -> None:
    with pytest.raises(UserError, match="did you mean 'turn'"):
        preview(folders, tmp_path / "sheet.png", augment=("trun=3",), **PLAIN)
    preview(folders, tmp_path / "sheet.png", n=3, draws=2, augment=("off",), **PLAIN)
    for row in rows:
        unchanged = row.pictures[0][0]
        assert all(torch.equal(pixels, unchanged) for pixels, _ in row.pictures[1:])


def test_targets_that_a_change_moves_stand_on_the_picture() -> None:
    assert module.moved(torch.tensor([31.25]), torch.tensor([30.0])) == "31.25"
    assert (
        module.moved(torch.tensor([30.0]), torch.tensor([30.0])) == module.moved(torch.tensor(3), torch.tensor(3)) == ""
    )
    assert module.moved(torch.tensor(-45.5), torch.tensor(2)) == "-45.5"
    assert module.moved(torch.zeros(4, 4), torch.ones(4, 4)) == ""


def test_low_and_high_are_black_and_white_whatever_the_type() -> None:
    def drawn(pixels: np.ndarray, plan: Preprocessing) -> np.ndarray:
        return np.asarray(picture(normalise(torch.from_numpy(pixels)[None].float(), plan)[0], plan))

    grey = Preprocessing(1, (1, 3), "uint16", (1800.0,), (700.0,), low=1000, high=3000)
    assert drawn(np.array([[[1000, 2000, 3000]]], dtype=np.int32), grey)[0].tolist() == [[0] * 3, [128] * 3, [255] * 3]
    two = Preprocessing(2, (1, 1), "float32", (0.5, -0.5), (0.2, 3.0), low=-1, high=1)
    assert drawn(np.array([[[1.0]], [[-1.0]]], dtype=np.float32), two)[0, 0].tolist() == [255, 0, 0]


def test_an_image_scaled_by_itself_is_shown_about_its_own_mean() -> None:
    plan = Preprocessing(1, (1, 3), "uint8", (0.0,), (1.0,), low=0, high=255, scaling="image")
    assert in_stored_units(torch.tensor([[[[-2.5, 0.0, 2.5]]]]), plan).flatten().tolist() == [0, 127.5, 255]


def test_long_and_strange_names_fit() -> None:
    pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    kind = module.font(12)
    for text in ("x" * 400, "путь/к/очень/длинному/имени/файла/которое/не/помещается.png", "a\nb\x1b[31m", ""):
        for keep_end in (True, False):
            assert pen.textlength(shortened(pen, text, kind, keep_end), kind) <= module.LABEL
    assert shortened(pen, "folder/" * 40 + "last.png", kind, True).endswith("last.png")


def test_deep_images_are_not_shown_black(tmp_path: Path) -> None:
    data = of_classes(tmp_path / "data")
    with Image.open(preview(data, tmp_path / "sheet.png", n=4, draws=1)) as image:
        page = np.asarray(image)
    assert page.std() > 30  # 0 … 3000 of 65535 would be black


def test_masks_lie_over_their_images_and_move_with_them(tmp_path: Path, rows: list[module.Row]) -> None:
    rng = np.random.default_rng(0)
    for number in range(12):
        mask = np.zeros((40, 40), np.uint8)
        row, column = rng.integers(2, 25, 2)
        mask[row : row + 12, column : column + 12] = 255
        for kind, pixels in (("images", mask // 255 * 150 + 20), ("masks", mask)):
            (tmp_path / "cells" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "cells" / kind / f"{number}.png")
    edits = ("flip=0.5", "turn=30", "translate=0.1", "brightness=off", "contrast=off")
    with Image.open(preview(tmp_path / "cells", tmp_path / "sheet.png", n=4, augment=edits)) as image:
        shown = np.asarray(image.convert("RGB")).astype(int)
    for each in rows:
        for pixels, mask in each.pictures:
            assert pixels[0][mask == 1].mean() > pixels[0][mask == 0].mean() + 1.5  # deviations
    assert (shown[..., 0] - shown[..., 2]).max() > 60, "the mask's colour is seen"
