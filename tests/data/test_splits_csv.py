"""splits.csv: every name comes back as it was, no cell is a formula, and every change of the data is told."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocog.data.cells import plain_cell, safe_cell
from neocog.data.dataset import ArrayImages, Dataset
from neocog.data.masks import target_texts
from neocog.data.split import changes, fingerprint, read_splits, write_splits
from neocog.errors import UserError

# fmt: off
NAMES = ["a.png", "-rf.png", "=cmd()", "+1", "@x", "\tx", "\rx", "'=x", "''+y",
         "a,\"b\"\nc\r\nd", "😀.png", "caf\udce9.png", "\\udce9", "C:\\x\\ud800", " "]
# fmt: on


def made(names=NAMES) -> tuple[Dataset, np.ndarray, list[str]]:
    n = len(names)
    images = ArrayImages(np.zeros((n, 1, 1, 1), np.uint8), names)
    groups = np.array([f"@{i // 2}" for i in range(n)])
    dataset = Dataset("made", None, list(names), np.arange(n) % 2, ("=cat", "dog"), images, groups=groups)
    return dataset, np.array((["train", "test", "validation", ""] * n)[:n]), [f"{i:064x}" for i in range(n)]


@given(st.text(st.characters(codec=None)))
def test_any_text_comes_back_and_is_no_formula(text):
    cell = safe_cell(text)
    assert plain_cell(cell) == text
    assert not cell or cell[0] not in "=+-@\t\r"
    assert not set(cell) & set("\r\n\0")
    cell.encode()


def test_a_split_comes_back_as_it_was_written(tmp_path):
    dataset, parts, digests = made()
    pixels, families = [digest[::-1] for digest in digests], [str(i // 3) for i in range(len(digests))]
    write_splits(tmp_path / "splits.csv", dataset, parts, digests, target_texts(dataset), pixels, families)
    manifest = read_splits(tmp_path / "splits.csv")
    assert manifest.names == tuple(NAMES)
    assert manifest.pixels == tuple(pixels) and manifest.families == tuple(families)
    assert manifest.labels[:2] == ("=cat", "dog") and manifest.groups[:3] == ("@0", "@0", "@1")
    assert manifest.digests == tuple(digests)
    assert (manifest.parts_of(dataset) == parts).all()
    assert changes(manifest, dataset, parts, digests, target_texts(dataset)) == ""
    for row in csv.reader((tmp_path / "splits.csv").read_text(encoding="utf-8").splitlines()):
        assert len(row) == 7 and not any(cell[:1] in tuple("=+-@\t\r") for cell in row)


def test_every_change_is_told_at_once(tmp_path):
    dataset, parts, digests = made(["a", "b", "c", "d", "e"])
    write_splits(tmp_path / "splits.csv", dataset, parts, digests, target_texts(dataset))
    names = ["a", "b", "c", "e", "new"]  # d is gone, e moves up
    now = replace(dataset, names=names, labels=np.array([0, 1, 1, 0, 0]))
    new = [digests[0], "f" * 64, digests[2], digests[4], "0" * 64]
    found = changes(read_splits(tmp_path / "splits.csv"), now, parts, new, target_texts(now))
    assert found == "1 altered: b; 1 relabelled: c; 1 missing: d; 1 added: new"


def test_a_sample_in_another_part_is_told(tmp_path):
    dataset, parts, digests = made(["a", "b", "c", "d"])
    write_splits(tmp_path / "splits.csv", dataset, parts, digests, target_texts(dataset))
    moved = np.array(["train", "train", "validation", ""])
    assert (
        changes(read_splits(tmp_path / "splits.csv"), dataset, moved, digests, target_texts(dataset))
        == "1 in another part: b"
    )


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "no record of a split"),
        (b"sample,split\na,train\n", "no record of a split"),
        (b"sample,label,split,group,sha256\na,b,train\n", "damaged"),
        (b"sample,label,split,group,sha256\na,b,trian,,0\n", "damaged"),
        (b'sample,label,split,group,sha256\n"a,b,train,,0\n', "damaged"),
        (b"sample,label,split,group,sha256\n\xff,b,train,,0\n", "damaged"),
    ],
)
def test_a_damaged_record_is_told(tmp_path, content, what):
    (tmp_path / "splits.csv").write_bytes(content)
    with pytest.raises(UserError, match=what) as error:
        read_splits(tmp_path / "splits.csv")
    assert "splits.csv" in error.value.where


def test_a_missing_record_is_told(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_splits(tmp_path / "splits.csv")


def test_the_fingerprint_sees_contents_and_labels_and_no_order():
    assert fingerprint(["aa", "bb"], [0, 1]) == fingerprint(["bb", "aa"], [1, 0])
    assert len({fingerprint(d, k) for d in (["aa", "bb"], ["aa", "bc"]) for k in ([0, 1], [1, 0])}) == 4
