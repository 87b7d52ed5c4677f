"""``--corrections`` as read: what it changes, and every fault of a file at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neocog.data.corrections import corrected
from neocog.data.dataset import ArrayImages, Dataset
from neocog.data.taken import losses
from neocog.errors import Problems, UserError

NAMES = tuple(f"{n}.png" for n in range(6))


def data() -> Dataset:
    images = ArrayImages(np.zeros((6, 4, 4, 1), np.uint8), NAMES)
    return Dataset("class folders", None, NAMES, np.array([0, 0, 0, 1, 1, 1]), ("cat", "dog"), images)


def written(folder: Path, *rows: str, head: str = "sample,action,label,given") -> Path:
    path = folder / "corrections.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def test_samples_are_relabelled_left_out_or_kept(tmp_path: Path) -> None:
    found = corrected(data(), written(tmp_path, "0.png,relabel,dog,cat", "4.png,exclude,,", "5.png,keep,,dog"))
    assert found.labels.tolist() == [1, 0, 0, 1, 1, 1]
    assert [(out.name, out.label) for out in found.left_out] == [("4.png", "dog")]
    assert "1 sample relabelled, 1 left out" in found.notes[-1]
    assert [(loss.label, loss.used, loss.lost) for loss in losses(found)] == [("dog", 3, 1)]


def test_the_order_of_columns_and_further_ones_do_not_matter(tmp_path: Path) -> None:
    path = written(tmp_path, "0.0213,dog,3.png,exclude", "0.4,cat,5.png,relabel", head="score,label,sample,action")
    assert corrected(data(), path).labels.tolist() == [0, 0, 0, 1, 1, 0]


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    rows = (
        "9.png,exclude,,",
        "0.png,relabel,dgo,",
        "1.png,keep,,",
        "1.png,keep,,",
        "2.png,burn,,",
        "3.png,relabel,cat,cat",
    )
    with pytest.raises(Problems) as caught:
        corrected(data(), written(tmp_path, *rows))
    said = "\n".join(map(str, caught.value.errors))
    assert "1 of 6 samples are not in the data: 9.png" in said
    assert "did you mean 'dog'" in said and "known: cat, dog" in said
    assert "1 samples have several rows: 1.png" in said and "'burn'" in said
    assert "3.png (line 7: cat, now dog)" in said


def test_what_a_spreadsheet_saves_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "corrections.csv"
    path.write_bytes(b"\xef\xbb\xbfsample;action;label;given\r\n0.png;relabel;dog;cat\r\n")
    assert corrected(data(), path).labels.tolist() == [1, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("head", "row", "told"),
    [
        ("sample,label", "0.png,dog", "no column action"),
        ("sample,action,label", "0.png,relabel", "1 row without the 3 fields of the header"),
    ],
)
def test_a_file_of_another_kind_is_refused(head: str, row: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=told):
        corrected(data(), written(tmp_path, row, head=head))


def test_masks_and_values_cannot_be_relabelled_but_left_out(tmp_path: Path) -> None:
    values = Dataset(
        "table", None, NAMES, np.zeros(6, np.int64), (), data().images, values=np.zeros((6, 1), np.float32)
    )
    with pytest.raises(UserError, match="no single label"):
        corrected(values, written(tmp_path, "0.png,relabel,dog,"))
    assert [out.name for out in corrected(values, written(tmp_path, "0.png,exclude,,")).left_out] == ["0.png"]


def test_a_file_without_a_row_is_an_error_and_not_a_training_as_before(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing is corrected"):
        corrected(data(), written(tmp_path))
