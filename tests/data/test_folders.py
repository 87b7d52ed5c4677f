"""Class folders: what is a class, what is a part of a split, and what is left out."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neocog.data.dataset import Dataset
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.errors import UserError


def put(root: Path, *names: str) -> Path:
    """Small PNGs, each of its own grey."""
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4), i, np.uint8)).save(root / name, "PNG")
    return root


def by_name(data: Dataset) -> dict[str, str]:
    return {name: data.classes[label] for name, label in zip(data.names, data.labels, strict=True)}


def test_each_folder_is_a_class(tmp_path: Path) -> None:
    data = open_dataset(put(tmp_path, "dog/1.png", "cat/1.png", "cat/deep/2.JPG"))
    assert data.kind == "class folders"
    assert data.classes == ("cat", "dog")
    assert by_name(data) == {"cat/1.png": "cat", "cat/deep/2.JPG": "cat", "dog/1.png": "dog"}
    assert data.splits is None and data.groups is None
    assert data.images.read(2)[0, 0, 0] == 0  # dog/1.png was made first


def test_classes_are_in_natural_order(tmp_path: Path) -> None:
    assert open_dataset(put(tmp_path, "10/a.png", "2/a.png", "1/a.png")).classes == ("1", "2", "10")


@pytest.mark.parametrize("validation", ["val", "valid", "validation", "Val"])
def test_given_parts_are_found(tmp_path: Path, validation: str) -> None:
    put(tmp_path, "train/cat/1.png", "train/dog/1.png", f"{validation}/cat/1.png", "test/dog/1.png")
    data = open_dataset(tmp_path)
    assert data.kind == f"class folders with train/ and {validation}/ and test/"
    assert data.splits is not None
    assert data.splits.tolist() == ["train", "train", "validation", "test"]


def test_class_ids_are_stable_when_a_class_is_missing_from_one_part(tmp_path: Path) -> None:
    put(tmp_path, "train/a/1.png", "train/b/1.png", "train/c/1.png", "test/c/1.png", "test/b/1.png")
    data = open_dataset(tmp_path)
    assert data.classes == ("a", "b", "c")
    assert dict(zip(data.names, data.labels.tolist(), strict=True))["test/c/1.png"] == 2


def test_extra_folders_beside_train_are_ignored_with_a_note(tmp_path: Path) -> None:
    data = open_dataset(put(tmp_path, "train/a/1.png", "train/b/1.png", "predictions/1.png", "raw/x/1.png"))
    assert len(data) == 2
    assert any("ignored beside train/: predictions/, raw/" in note for note in data.notes)


def test_a_class_may_be_called_train_or_test(tmp_path: Path) -> None:
    assert open_dataset(put(tmp_path / "1", "bus/1.png", "train/1.png")).classes == ("bus", "train")
    assert open_dataset(put(tmp_path / "2", "control/run1/1.png", "test/run1/1.png")).classes == ("control", "test")


def test_parts_without_class_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="test/ and train/ hold images, not class folders"):
        open_dataset(put(tmp_path, "train/1.png", "test/1.png"))


def test_two_folders_for_one_part_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "train/a/1.png", "train/b/1.png", "val/a/1.png", "valid/a/1.png")
    with pytest.raises(UserError, match="several folders for one part: val/, valid/"):
        open_dataset(tmp_path)


def test_all_empty_class_folders_are_listed(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / "c").mkdir()
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "notes.txt").touch()
    with pytest.raises(UserError, match="2 class folders without images: c/, d/"):
        open_dataset(tmp_path)


def test_an_empty_class_folder_in_one_part_is_listed(tmp_path: Path) -> None:
    put(tmp_path, "train/a/1.png", "train/b/1.png")
    (tmp_path / "test" / "a").mkdir(parents=True)
    with pytest.raises(UserError, match="1 class folder without images: test/a/"):
        open_dataset(tmp_path)


def test_one_class_only_is_an_error_unless_allowed(tmp_path: Path) -> None:
    put(tmp_path, "faces/1.png", "faces/2.png")
    with pytest.raises(UserError, match=r"1 class \(faces\) in 2 samples, 2 needed"):
        open_dataset(tmp_path)
    assert open_dataset(tmp_path, reading=Reading(least_classes=1)).classes == ("faces",)


def test_junk_is_ignored_and_counted(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "a/._1.png", "a/.ipynb_checkpoints/1.png", "b/1.png", ".ipynb_checkpoints/2.png")
    for name in ("a/Thumbs.db", "b/.DS_Store", ".DS_Store", "a/readme.txt", "b/more.txt"):
        (tmp_path / name).touch()
    data = open_dataset(tmp_path)
    assert data.names == ("a/1.png", "b/1.png")
    assert data.classes == ("a", "b")
    assert data.notes[:2] == (
        "6 hidden or system files and folders ignored",
        "2 files of other kinds ignored: 2 .txt",
    )


def test_images_in_no_class_folder_are_told(tmp_path: Path) -> None:
    data = open_dataset(put(tmp_path, "a/1.png", "b/1.png", "cover.png"))
    assert data.notes[:1] == ("1 image in no class folder ignored: cover.png",)


STRANGE = ["new\nline.png", "🐈.png", "-rf.png", "é.png", "e\u0301.png", "A.png", "a.png", "x" * 251 + ".png", " .png"]


def test_strange_names_are_accepted_and_survive_json(tmp_path: Path) -> None:
    raw = os.fsdecode(b"\xff\xfe.png")
    data = open_dataset(put(tmp_path, *(f"-1/{name}" for name in [*STRANGE, raw]), "b/1.png"))
    names = {f"-1/{name}" for name in [*STRANGE, raw]} | {"b/1.png"}
    assert set(data.names) == names and len(data.names) == len(names)
    assert set(json.loads(json.dumps(list(data.names)))) == names
    for i in range(len(data)):
        assert data.images.read(i).shape == (4, 4, 1)


def test_classes_that_look_alike_stay_apart_with_a_note(tmp_path: Path) -> None:
    data = open_dataset(put(tmp_path, "train/Cat/1.png", "test/cat/1.png", "train/1/1.png", "train/01/1.png"))
    assert data.classes == ("01", "1", "Cat", "cat")
    assert "class names that look alike, kept apart: 'Cat', 'cat'" in data.notes
    assert "class names that look alike, kept apart: '01', '1'" in data.notes


def test_links_to_folders_are_listed_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "data", "a/1.png", "b/1.png")
    put(tmp_path / "elsewhere", "1.png")
    (tmp_path / "data" / "c").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "a" / "loop").symlink_to(tmp_path / "data")
    with pytest.raises(UserError, match="2 links to folders: a/loop, c"):
        open_dataset(tmp_path / "data")


def test_a_pipe_or_folder_named_like_an_image_stays_a_sample_that_reading_refuses(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/1.png")
    os.mkfifo(tmp_path / "a" / "pipe.png")
    (tmp_path / "b" / "folder.png").mkdir()
    (tmp_path / "b" / "loop.png").symlink_to("loop.png")
    data = open_dataset(tmp_path)
    bad = [i for i, name in enumerate(data.names) if not name.endswith("1.png")]
    assert len(bad) == 3
    for i in bad:
        with pytest.raises(UserError):
            data.images.read(i)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_folder_is_named(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/1.png", "a/locked/2.png")
    (tmp_path / "a" / "locked").chmod(0)
    with pytest.raises(UserError, match="Permission denied"):
        open_dataset(tmp_path)


def test_deep_folders_do_not_exhaust_the_stack(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/1.png")
    here = os.open(tmp_path / "a", os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    try:
        assert len(open_dataset(tmp_path)) == 2
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "a"], check=True)  # too deep for pytest to remove
