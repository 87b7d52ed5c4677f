"""labelme's files become masks that train."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.errors import UserError
from neocog.verbs.convert import labelme


def test_the_examples_become_masks_with_one_class_map(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    source = real_data("labelme") / "examples/semantic_segmentation/data_annotated"
    before = sorted(path.name for path in source.iterdir())
    done = labelme(source, tmp_path / "out", quiet=True)
    assert done.masks == 3 and done.ignored > 0 and sorted(path.name for path in source.iterdir()) == before
    numbers = json.loads((tmp_path / "out/classes.json").read_text())
    assert list(numbers) == (tmp_path / "out/classes.txt").read_text().split("\n")[:-1] and numbers["_background_"] == 0
    again = open_dataset(tmp_path / "out", reading=Reading(ignore=255))
    direct = open_dataset(source)
    assert again.classes == direct.classes and again.masks is not None and direct.masks is not None
    for i in range(3):
        np.testing.assert_array_equal(again.masks.read(i), direct.masks.read(i))
        with Image.open(tmp_path / "out/overlays" / f"{Path(direct.names[i]).stem}.png") as shown:
            assert shown.size[::-1] == again.images.header(i).size
    with Image.open(tmp_path / "out/masks/2011_000003.png") as mask:
        assert mask.mode == "P"


def test_an_embedded_image_is_written(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.json").write_bytes((real_data("labelme") / "examples/tutorial/apc2016_obj3.json").read_bytes())
    labelme(tmp_path / "in", tmp_path / "out", quiet=True)
    with Image.open(tmp_path / "out/images/a.png") as image:
        assert image.size == (1210, 907)


def test_nothing_is_written_over_and_faults_come_first(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="exists already"):
        labelme(tmp_path, tmp_path, quiet=True)
    with pytest.raises(UserError, match="no labelme files"):
        labelme(tmp_path, tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()
