"""``convert augment``: copies that stay with their originals, masks that stay on their images, nothing lost in the files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import neocog.verbs.convert_augment as verb
from neocog.cli.main import main
from neocog.data.formats.decoding import DEFAULT
from neocog.data.formats.lossless import encoded
from neocog.data.images import decode_bytes
from neocog.data.readers.detect import open_dataset
from neocog.errors import Problems, UserError
from neocog.verbs.convert_augment import augment, distinct_stems

rng = np.random.default_rng(0)


def table(out: Path) -> list[dict[str, str]]:
    with (out / "data.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def opened(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """Two classes of four grey pictures; one PNG and one JPEG of one stem."""
    for name in ("left", "right"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(rng.integers(0, 255, (20, 24), np.uint8)).save(tmp_path / "data" / name / f"{number}.png")
        Image.fromarray(rng.integers(0, 255, (20, 24), np.uint8)).save(tmp_path / "data" / name / "0.jpg")
    return tmp_path / "data"


def with_masks(folder: Path, splits: tuple[str, ...] = ()) -> Path:
    """A bright disc and a square on dark ground, drawn on image and mask alike; 0, 1 and 2 are the classes."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    down, across = np.mgrid[:64, :80]
    for number in range(4):
        mask = np.zeros((64, 80), np.uint8)
        mask[(down - 24 - number) ** 2 + (across - 30) ** 2 < 150] = 1
        mask[40:52, 50 + number : 66 + number] = 2
        Image.fromarray(mask * 100).convert("RGB").save(folder / "images" / f"{number}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")
    (folder / "classes.txt").write_text("ground\ndisc\nsquare\n")
    if splits:
        rows = [f"images/{n}.png,masks/{n}.png,patient {n // 2},{split}" for n, split in enumerate(splits)]
        (folder / "all.csv").write_text("\n".join(["image,mask,group,split", *rows]))
    return folder


def test_a_shape_on_image_and_mask_stays_one_shape(tmp_path: Path) -> None:
    data, out = with_masks(tmp_path / "data"), tmp_path / "out"
    done = augment(
        data, out, copies=4, augment=("turn=90", "scale=0.3", "translate=0.1", "brightness=off", "contrast=off")
    )
    assert (done.originals, done.copies) == (4, 16)
    for row in table(out):
        image, mask = (opened(out / row[key]) for key in ("image", "mask"))
        assert Path(row["image"]).stem == Path(row["mask"]).stem and image.shape[:2] == mask.shape == (64, 80)
        assert set(np.unique(mask)) <= {0, 1, 2}, "a label that the original does not have"
        for label, level in ((1, 100), (2, 200)):
            shown = np.abs(image[..., 0].astype(int) - level) < 50
            edge = 0.85 if label == 1 else 0.8  # a disc's rim of the square's level is between the two
            assert (shown & (mask == label)).sum() / max(1, (shown | (mask == label)).sum()) > edge, row
    moved = [opened(out / row["mask"]) for row in table(out) if "copy" in row["mask"]]
    assert len({mask.tobytes() for mask in moved}) == 16
    again = open_dataset(out)
    assert again.classes == ("ground", "disc", "square") and len(again) == 20 and again.groups is not None


def test_copies_are_a_function_of_the_seed_alone(classes: Path, tmp_path: Path) -> None:
    for name, copies, seed in (("a", 2, 3), ("b", 2, 3), ("more", 3, 3), ("other", 2, 4)):
        augment(classes, tmp_path / name, copies=copies, seed=seed, quiet=True)
    a, b, more, other = (tree(tmp_path / name) for name in ("a", "b", "more", "other"))
    assert a == b and a.items() - {("data.csv", a["data.csv"])} <= more.items()
    changed = [name for name in a if "copy" in name]
    assert (
        len(changed) == 16 and sum(a[name] != other[name] for name in changed) > 12
    )  # few draws of small pictures coincide


def test_the_originals_are_there_as_stored_and_train_reads_the_same_classes(classes: Path, tmp_path: Path) -> None:
    before = tree(classes)
    augment(classes, tmp_path / "out", copies=1)
    assert tree(classes) == before
    rows = table(tmp_path / "out")
    assert {(tmp_path / "out" / row["image"]).read_bytes() for row in rows if "-copy" not in row["image"]} == set(
        before.values()
    )
    data = open_dataset(tmp_path / "out")
    assert data.classes == ("left", "right") and np.bincount(data.labels).tolist() == [8, 8]


def test_no_copy_of_a_test_image_and_no_copy_beyond_its_group(tmp_path: Path) -> None:
    data = with_masks(tmp_path / "data", ("train", "train", "validation", "test"))
    augment(data, tmp_path / "out", copies=3, task="segmentation")
    rows = table(tmp_path / "out")
    assert [row["split"] for row in rows] == ["train"] * 8 + ["validation", "test"]
    assert {row["group"] for row in rows if row["split"] == "train"} == {"patient 0"}
    assert {row["group"] for row in rows if row["split"] != "train"} == {"patient 1"}


def test_without_groups_each_original_is_the_group_of_its_copies(classes: Path, tmp_path: Path) -> None:
    augment(classes, tmp_path / "out", copies=2)
    rows = table(tmp_path / "out")
    assert len({row["group"] for row in rows}) == 8
    for row in rows:
        stem = row["image"].removeprefix("images/").rpartition(".")[0].partition("-copy")[0]
        first = next(r for r in rows if r["image"].rpartition(".")[0] == f"images/{stem}")
        assert row["group"] == first["group"]


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_files_hold_every_depth_and_channel_count_without_loss(dtype: str, channels: int) -> None:
    image = (rng.random((channels, 9, 11)) * 60_000).astype(dtype)
    suffix, contents = encoded(image)
    pixels, _ = decode_bytes(contents, DEFAULT, f"image{suffix}")
    assert pixels.dtype == image.dtype and np.array_equal(pixels.transpose(2, 0, 1), image)


def test_sixteen_bits_stay_sixteen_bits(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(2):
            tifffile.imwrite(tmp_path / "data" / name / f"{number}.tif", rng.integers(900, 9000, (30, 30), np.uint16))
    augment(tmp_path / "data", tmp_path / "out", copies=2, augment=("off", "contrast=0.3"))
    for path in (tmp_path / "out").rglob("*-copy?.png"):
        pixels = opened(path)
        assert (
            pixels.dtype == np.uint16 and pixels.min() >= 900 and pixels.max() < 9000 and len(np.unique(pixels)) > 500
        )


def test_angles_turn_with_their_images_and_what_would_be_falsified_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    rows = []
    for number in range(4):
        Image.fromarray(rng.integers(0, 255, (20, 20), np.uint8)).save(data / f"{number}.png")
        rows.append(f"{number}.png,{10 * number + 5},{number * 3}")
    (data / "values.csv").write_text("\n".join(["image,angle [°],area", *rows]))
    with pytest.raises(UserError, match="scale makes it larger or smaller"):
        augment(data, tmp_path / "out", augment=("scale=0.2",))
    assert not (tmp_path / "out").exists()
    augment(data, tmp_path / "out", copies=1, augment=("off", "flip=1"), targets=("angle [°]", "area"))
    found = table(tmp_path / "out")
    for first, copy in zip(found[::2], found[1::2], strict=True):
        assert float(copy["angle [°]"]) == 180 - float(first["angle [°]"]) and copy["area"] == first["area"]
        images = [opened(tmp_path / "out" / row["image"]) for row in (first, copy)]
        assert np.array_equal(images[0][:, ::-1], images[1])


def test_size_makes_all_alike_images_and_masks(tmp_path: Path) -> None:
    data = with_masks(tmp_path / "data")
    augment(data, tmp_path / "out", copies=1, size=(32,))
    for row in table(tmp_path / "out"):
        assert opened(tmp_path / "out" / row["image"]).shape == (32, 32, 3)
        assert opened(tmp_path / "out" / row["mask"]).shape == (32, 32)


def test_ctrl_c_and_unreadable_images_leave_nothing(
    classes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(_self: object, index: int) -> None:
        if index == 5:
            raise KeyboardInterrupt

    (classes / "left" / "0.png").write_bytes(b"no picture")
    (classes / "right" / "2.png").write_bytes(b"none either")
    with pytest.raises(Problems) as found:
        augment(classes, tmp_path / "out")
    assert "left/0.png" in str(found.value) and "right/2.png" in str(found.value)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    monkeypatch.setattr(verb.Writer, "add", pressed)
    with pytest.raises(KeyboardInterrupt):
        augment(classes, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["no-such-folder", "out"], "no such file, folder or name"),
        (["data", "data"], "exists already"),
        (["data", "data/inside"], "the output would be inside the data"),
        (["data", "out", "--copies", "0"], "0 copies: at least 1 is needed"),
        (["data", "out", "--augment", "off"], "copies would equal their originals"),
        (["data", "out", "--augment", "trun=3"], "did you mean 'turn'?"),
        (["data", "out", "--size", "0"], "is below 1"),
        (["data", "out", "--task", "segmentation"], "no masks found"),
        (["volumes.npz", "out"], "is for images, not for volumes"),
    ],
)
def test_bad_requests_are_one_error_and_write_nothing(
    classes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("volumes.npz", X=np.zeros((4, 8, 8, 8), np.uint8), y=np.arange(4) % 2)
    before = tree(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(["convert", "augment", *words, "--quiet"])
    error = capsys.readouterr().err
    assert left.value.code == 2 and told in error and error.count("error:") == 1
    assert tree(tmp_path) == before


def test_names_are_distinct_whatever_the_originals_are_called() -> None:
    names = ["a.png", "a.jpg", "A.tif", "a-copy1.png", "train-images[3]", "b:c.png", "b_c.png"]
    stems = distinct_stems(names, 2)
    every = [each.casefold() for stem in stems for each in (stem, f"{stem}-copy1", f"{stem}-copy2")]
    assert stems[0] == "a" and len(set(every)) == len(every) == 21


def test_a_network_trains_on_what_was_written(
    classes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main(
        ["convert", "augment", "data", "more", "--copies", "3", "--augment", "turn=15", "flip=off", "--json", "--quiet"]
    )
    done = json.loads(capsys.readouterr().out)
    assert done["originals"] == 8 and done["copies"] == 24 and done["table"] == "more/data.csv"
    main(["train", "more/data.csv", "--epochs", "1", "--model", "mlp", "--out", "run", "--quiet", "--json"])
    assert sum(json.loads(capsys.readouterr().out)["n"].values()) == 32
    with (tmp_path / "run" / "splits.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    sides: dict[str, set[str]] = {}
    for row in rows:
        sides.setdefault(row["group"], set()).add(row["split"])
    assert len(sides) == 8 and all(len(parts) == 1 for parts in sides.values()), "a copy parted from its original"
