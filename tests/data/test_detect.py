"""What a path or a name is taken for, and what is said where nothing fits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neocog.data.readers.detect import open_dataset
from neocog.data.readers.named import digits_table
from neocog.errors import UserError


def image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (2, 2)).save(path)


def fault(source: str | Path) -> str:
    with pytest.raises(UserError) as error:
        open_dataset(source)
    return str(error.value)


def test_a_name_wins_over_a_folder_unless_written_as_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a/1.png", "b/1.png"):
        image(tmp_path / "digits" / name)
    monkeypatch.chdir(tmp_path)
    named = open_dataset("digits")
    assert named.kind == "scikit-learn's digits"
    assert "the 'digits' in this folder was not looked at: write ./digits to mean that" in named.notes
    for source in ("./digits", Path("digits"), str(tmp_path / "digits"), "../" + tmp_path.name + "/digits"):
        assert open_dataset(source).kind == "class folders"


def test_an_unknown_layout_says_what_was_seen_and_what_is_known(tmp_path: Path) -> None:
    assert "no known layout: the folder is empty" in fault(tmp_path)
    for name in ("1.png", "2.JPG", "notes.txt"):
        image(tmp_path / name) if not name.endswith("txt") else (tmp_path / name).touch()
    text = fault(tmp_path)
    assert "no known layout: 2 image files, 1 .txt; 2 images lie in no class folder" in text
    for known in ("class folders", "CSV", "MNIST IDX", "CIFAR-10/100", "NPZ", "digits, mnist, fashion-mnist, cifar10"):
        assert known in text


def test_several_tables_or_archives_must_be_named(tmp_path: Path) -> None:
    for name in ("test.csv", "train.csv", "x.npz"):
        (tmp_path / name).touch()
    assert "2 CSV and 1 NPZ files" in fault(tmp_path) and "test.csv, train.csv, x.npz" in fault(tmp_path)


def test_a_folder_with_one_npz_is_that_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "cells.npz", X=np.zeros((4, 5, 6), np.uint8), y=np.arange(4))
    assert open_dataset(tmp_path).kind == "NPZ arrays"


def test_other_files_are_told_apart(tmp_path: Path) -> None:
    image(tmp_path / "1.png")
    (tmp_path / "data.zip").touch()
    (tmp_path / "data.tar.gz").touch()
    (tmp_path / "data.h5").touch()
    assert "one image is not a data set" in fault(tmp_path / "1.png")
    assert "an archive: these are not unpacked" in fault(tmp_path / "data.zip")
    assert "an archive: these are not unpacked" in fault(tmp_path / "data.tar.gz")
    assert "HDF5" in fault(str(tmp_path / "data.h5")) and "h5py" in fault(tmp_path / "data.h5")
    (tmp_path / "data.xyz").touch()
    assert "a file of no known layout (.xyz)" in fault(tmp_path / "data.xyz")


def test_what_is_not_there_is_told_with_the_nearest_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "did you mean 'cifar10'? names: digits" in fault("cifar-10")
    assert "no such file, folder or name" in fault("nowhere/data")
    assert "File name too long" in fault("x" * 300)
    assert "an address is not a data set" in fault("https://example.org/data.zip")


def test_pipes_and_broken_links_are_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("pipe", "link", "loop"):
        assert "not a regular file or folder, or a broken link" in fault(tmp_path / name)


def test_readers_import_no_torch() -> None:
    code = "import sys, neocog.data.readers.detect; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pictures_of_digits_and_letters_are_not_mirrored_and_others_are(tmp_path: Path) -> None:
    for place, names in (("letters", ("a", "b")), ("animals", ("ant", "bee"))):
        for name in names:
            folder = tmp_path / place / name
            folder.mkdir(parents=True)
            for index in range(2):
                Image.new("L", (4, 4), index).save(folder / f"{index}.png")
    letters, animals = open_dataset(tmp_path / "letters"), open_dataset(tmp_path / "animals")
    assert not letters.mirror
    assert animals.mirror and not any("mirror" in note for note in animals.notes)


def test_the_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    table, bunch = digits_table(), load_digits()
    assert (table[:, :-1] == bunch.data).all() and (table[:, -1] == bunch.target).all() and len(table) == 1797
