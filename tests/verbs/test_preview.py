"""``preview``: the sheet shows the samples before and after augmentation, and overwrites nothing of the user's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neocog.data.augment import Augmentation
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError
from neocog.verbs import preview as module
from neocog.verbs.preview import picture, preview, shortened


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Three classes of four plain images: red, green, blue, with a white left edge that a flip moves."""
    for name, colour in [("red", (255, 0, 0)), ("green", (0, 255, 0)), ("blue", (0, 0, 255))]:
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(4):
            pixels = np.full((40, 40, 3), colour, dtype=np.uint8)
            pixels[:, :6] = 255
            pixels[number, 39] = 0  # no two files alike
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


def test_the_sheet_has_a_tile_for_each_sample_and_epoch(folders: Path, tmp_path: Path) -> None:
    path = preview(folders, tmp_path / "sheet.png", n=6, draws=3, augmentation=Augmentation(flip=1))
    assert path == tmp_path / "sheet.png"
    with Image.open(path) as image:
        assert image.format == "PNG" and image.mode == "RGB"
        page = np.asarray(image).astype(int)
    red = (page[:, :, 0] > 200) & (page[:, :, 1] < 60) & (page[:, :, 2] < 60)
    side = 40 * 3  # enlarged to at least 96 pixels, in whole squares
    assert red.sum() == pytest.approx(2 * 4 * side * side * 34 / 40, rel=0.03)  # 2 red samples, 1 + 3 tiles each


def test_each_epoch_is_what_training_would_draw(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[module.Row] = []
    real = module.sheet

    def spy(given: list[module.Row], *rest: object) -> Image.Image:
        rows.extend(given)
        return real(given, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "sheet", spy)
    preview(folders, tmp_path / "a.png", n=4, draws=4, epoch=2, seed=7, augmentation=Augmentation(flip=0.5, crop=3))
    import torch

    from neocog.data.augment import apply, draw
    from neocog.data.detect import open_dataset

    dataset = open_dataset(folders)
    plan = Preprocessing(3, (40, 40), "uint8", (0.0,) * 3, (1.0,) * 3)
    for row in rows:
        sample = list(dataset.names).index(row.name)
        stored = dataset.images.read(sample).transpose(2, 0, 1)
        assert np.array_equal(row.pictures[0][0], stored)
        assert row.label == dataset.classes[dataset.labels[sample]]
        for number, drawn in enumerate((pixels for pixels, _ in row.pictures[1:]), start=2):
            one = draw(Augmentation(flip=0.5, crop=3), 7, number, torch.tensor([sample]), plan)
            assert np.array_equal(drawn, apply(one, torch.from_numpy(stored.copy())[None])[0].numpy())


def test_every_class_is_shown_before_one_comes_again(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels: list[str] = []
    monkeypatch.setattr(
        module, "sheet", lambda rows, *_: labels.extend(row.label for row in rows) or Image.new("RGB", (1, 1))
    )
    preview(folders, tmp_path / "a.png", n=3)
    preview(folders, tmp_path / "b.png", n=3, seed=5)
    assert sorted(labels[:3]) == sorted(labels[3:]) == ["blue", "green", "red"]


def test_a_broken_image_is_left_out(folders: Path, tmp_path: Path) -> None:
    (folders / "red" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    assert preview(folders, tmp_path / "sheet.png", n=12).is_file()


def test_only_broken_images_are_told(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(UserError, match=r"no image can be read|can be shown"):
        preview(tmp_path / "photos", tmp_path / "sheet.png")


def test_a_sheet_may_be_replaced_and_nothing_else(folders: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    preview(folders, out, n=1)
    preview(folders, out, n=2)
    photo = folders / "red" / "1.png"
    before = photo.read_bytes()
    with pytest.raises(UserError, match="no contact sheet"):
        preview(folders, photo)
    assert photo.read_bytes() == before
    with pytest.raises(UserError, match=r"no \.png"):
        preview(folders, tmp_path / "sheet.jpg")
    with pytest.raises(UserError, match="no such folder"):
        preview(folders, tmp_path / "none" / "sheet.png")
    with pytest.raises(UserError, match="at least 1"):
        preview(folders, out, n=0)


def test_the_default_name_says_the_source(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert preview(folders, n=1) == Path("preview-photos.png")
    assert preview(folders, tmp_path, n=1) == tmp_path / "preview-photos.png"


def test_edits_of_the_augmentation_are_taken(folders: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'turn'"):
        preview(folders, tmp_path / "sheet.png", augment=("trun=3",))
    assert preview(folders, tmp_path / "sheet.png", augment=("off",)).is_file()


def test_low_and_high_are_black_and_white_whatever_the_type() -> None:
    grey = Preprocessing(1, (1, 3), "uint16", (0.0,), (1.0,), low=1000, high=3000)
    shown = picture(np.array([[[1000, 2000, 3000]]], dtype=np.uint16), grey)
    assert np.asarray(shown)[0].tolist() == [[0] * 3, [128] * 3, [255] * 3]
    two = Preprocessing(2, (1, 1), "float32", (0.0,) * 2, (1.0,) * 2, low=-1, high=1)
    assert np.asarray(picture(np.array([[[1.0]], [[-1.0]]], dtype=np.float32), two))[0, 0].tolist() == [255, 0, 0]


def test_long_and_strange_names_fit(folders: Path, tmp_path: Path) -> None:
    from PIL import ImageDraw

    pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    kind = module.font(12)
    for text in ("x" * 400, "путь/к/очень/длинному/имени/файла/которое/не/помещается.png", "a\nb\x1b[31m", ""):
        for keep_end in (True, False):
            assert pen.textlength(shortened(pen, text, kind, keep_end), kind) <= module.LABEL
    assert shortened(pen, "folder/" * 40 + "last.png", kind, True).endswith("last.png")


def test_volumes_of_bits_and_odd_shapes_are_shown(tmp_path: Path) -> None:
    import tifffile

    for name in ("a", "b"):
        (tmp_path / "cells" / name).mkdir(parents=True)
        for number in range(2):
            pixels = np.random.default_rng(number).integers(300, 900, (300, 120), dtype=np.uint16)
            tifffile.imwrite(tmp_path / "cells" / name / f"{number}.tif", pixels)
    with Image.open(preview(tmp_path / "cells", tmp_path / "sheet.png", n=4)) as image:
        page = np.asarray(image)
    assert page.std() > 30  # 300 … 900 of 65535 would be black


def test_real_digits_are_shown(tmp_path: Path) -> None:
    with Image.open(preview("digits", tmp_path / "sheet.png")) as image:
        assert image.size[0] > 700 and image.size[1] > 1000


def test_masks_lie_over_their_images_and_move_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    for number in range(4):
        mask = np.zeros((40, 40), np.uint8)
        row, column = rng.integers(2, 25, 2)
        mask[row : row + 12, column : column + 12] = 255
        for kind, pixels in (("images", mask // 255 * 150 + 20), ("masks", mask)):
            (tmp_path / "cells" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "cells" / kind / f"{number}.png")
    rows: list[module.Row] = []
    real = module.sheet
    monkeypatch.setattr(module, "sheet", lambda given, *rest: (rows.extend(given), real(given, *rest))[1])
    augmentation = Augmentation(flip=0.5, turn=30, translate=0.1)
    with Image.open(preview(tmp_path / "cells", tmp_path / "sheet.png", n=4, augmentation=augmentation)) as image:
        shown = np.asarray(image.convert("RGB")).astype(int)
    for row in rows:
        for pixels, mask in row.pictures:
            inside = mask == 1
            assert pixels[0][inside].mean() > 140
            assert pixels[0][mask == 0].mean() < 40
    assert (shown[..., 0] - shown[..., 2]).max() > 60, "the mask's colour is seen"
