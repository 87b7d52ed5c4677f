"""CSV files: what is accepted because it is certain, and every fault with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neocog.data.dataset import Dataset
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.data.readers.rows import read_rows
from neocog.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """images/a.png … images/d.png in a folder of their own."""
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    for i, name in enumerate("abcd"):
        Image.fromarray(np.full((3, 5), i, np.uint8)).save(root / "images" / f"{name}.png")
    return root


def read(folder: Path, text: str | bytes) -> Dataset:
    raw = text.encode() if isinstance(text, str) else text
    (folder / "labels.csv").write_bytes(raw)
    return open_dataset(folder / "labels.csv")


def fault(folder: Path, text: str | bytes) -> str:
    with pytest.raises(UserError) as error:
        read(folder, text)
    assert "labels.csv" in str(error.value)
    return str(error.value)


def labels(data: Dataset) -> list[str]:
    return [data.classes[i] for i in data.labels]


PLAIN = "image,label\nimages/a.png,cat\nimages/b.png,dog\n"


def test_paths_and_labels_are_read(folder: Path) -> None:
    data = read(folder, PLAIN)
    assert data.kind == "CSV" and data.root == folder
    assert data.names == ("images/a.png", "images/b.png") and labels(data) == ["cat", "dog"]
    assert data.splits is None and data.groups is None and data.weights is None and data.notes == ()
    assert data.images.read(1).shape == (3, 5, 1)


def test_a_folder_with_one_csv_is_that_csv(folder: Path) -> None:
    read(folder, PLAIN)
    assert open_dataset(folder).kind == "CSV"
    (folder / "labels.csv").write_text("name,size\nx,1\n")  # about something else
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / "images" / f"{name}.png").rename(folder / name / "1.png")
    assert open_dataset(folder).kind == "class folders"


@pytest.mark.parametrize("image", ["image", "Path", "FILENAME"])
@pytest.mark.parametrize("label", ["label", "Class", "TARGET"])
def test_columns_have_several_names_in_any_case(folder: Path, image: str, label: str) -> None:
    assert labels(read(folder, f"id,{label}, {image}\n1,x,images/a.png\n2,y,images/b.png\n")) == ["x", "y"]


@pytest.mark.parametrize("group", ["group", "patient_id", "Subject"])
def test_groups_splits_and_weights_are_read(folder: Path, group: str) -> None:
    text = f"image,label,{group},split,weight\nimages/a.png,x,p1,train,1\nimages/b.png,y,p2,VAL,0.5\n"
    data = read(folder, f"{text}images/c.png,x,01,test,2\nimages/d.png,x,1,,2\n")
    assert data.groups is not None and data.splits is not None and data.weights is not None
    assert data.groups.tolist() == ["p1", "p2", "01", "1"]
    assert data.splits.tolist() == ["train", "validation", "test", ""]
    assert data.weights.tolist() == [1, 0.5, 2, 2]


MARKED = [("utf-8-sig", b""), ("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff"), ("utf-32-le", b"\xff\xfe\0\0")]


@pytest.mark.parametrize(("encoding", "mark"), MARKED)
def test_byte_order_marks_make_the_encoding_certain(folder: Path, encoding: str, mark: bytes) -> None:
    text = "image,label\r\nimages/a.png,Größe\r\nimages/b.png,猫\r\n"
    assert labels(read(folder, mark + text.encode(encoding))) == ["Größe", "猫"]


def test_other_encodings_are_refused_with_line_and_byte(folder: Path) -> None:
    text = "image,label\nimages/a.png,cat\nimages/b.png,Größe\n"
    assert "not UTF-8 text" in fault(folder, text.encode("cp1252"))
    assert "line 3, byte 16 is f6" in fault(folder, text.encode("cp1252"))
    assert "line 3, byte 16 is f6" in fault(folder, b"\xef\xbb\xbf" + text.encode("cp1252"))
    assert "NUL character" in fault(folder, PLAIN.encode("utf-16-le"))
    assert "not UTF-16 text" in fault(folder, b"\xff\xfe" + PLAIN.encode("utf-16-le")[:-1])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("delimiter", "told"), [(",", None), (";", "';'"), ("\t", "tabs")])
def test_delimiters_and_line_ends_are_detected(folder: Path, delimiter: str, told: str | None, end: str) -> None:
    rows = [["image", "label"], ["images/a.png", "a cat"], [], ["images/b.png", "dog"]]
    data = read(folder, end.join(delimiter.join(row) for row in rows))
    assert labels(data) == ["a cat", "dog"]
    assert data.notes == ((f"fields separated by {told}",) if told else ())


def test_a_decimal_comma_counts_only_where_it_is_certain(folder: Path) -> None:
    data = read(folder, "image;label;weight\nimages/a.png;x;0,5\nimages/b.png;y;2\n")
    assert data.weights is not None and data.weights.tolist() == [0.5, 2]
    assert "line 2 '0,5'" in fault(folder, "image;label;weight\nimages/a.png;x;0,5\nimages/b.png;y;2.5\n")
    assert "line 2 '0,5'" in fault(folder, 'image,label,weight\nimages/a.png,x,"0,5"\nimages/b.png,y,2\n')


def test_a_missing_column_names_what_there_is(folder: Path) -> None:
    text = fault(folder, "imaje,lable,note\na thing,cat,\n")
    assert "no image column (image, path, filename); the header has: imaje, lable, note" in text
    assert "did you mean 'imaje'?" in text and "did you mean 'lable'?" in text
    assert "columns that stand twice: Label, label" in fault(folder, "image,label,Label\nimages/a.png,a,b\n")


def test_rows_of_other_lengths_are_listed(folder: Path) -> None:
    text = fault(folder, "image,label\nimages/a.png\nimages/b.png,dog\nimages/c.png,cat,extra\n")
    assert "2 rows without the 2 fields of the header" in text
    assert "line 2 has 1, line 4 has 3" in text


def test_an_open_quote_is_told_with_its_line(folder: Path) -> None:
    assert "never closed" in fault(folder, 'image,label\nimages/a.png,cat\nimages/b.png,"dog\nimages/c.png,cat\n')
    assert "line 3" in fault(folder, 'image,label\nimages/a.png,cat\nimages/b.png,"dog\nimages/c.png,cat\n')
    assert "line 2" in fault(folder, 'image,label\nimages/a.png,"cat"s\n')


def test_a_field_beyond_the_limit_is_told_with_its_line(folder: Path) -> None:
    text = fault(folder, f"image,label\nimages/a.png,cat\nimages/b.png,{'x' * 131_073}\n")
    assert "field larger than field limit (131072)" in text and "line 3" in text
    assert "label of more than 255 characters" in fault(folder, f"image,label\nimages/a.png,{'x' * 256}\n")


def test_an_empty_file_and_a_header_alone_are_refused(folder: Path) -> None:
    assert "the file is empty" in fault(folder, "")
    assert "no rows below the header" in fault(folder, "image,label\n")


OUTSIDE = [
    ("../secret.png", "path that leads out of the folder"),
    ("images/../../secret.png", "path that leads out of the folder"),
    ("..\\secret.png", "path that leads out of the folder"),
    ("/etc/passwd", "absolute path"),
    ("C:\\images\\a.png", "absolute path"),
    ("\\\\server\\a.png", "absolute path"),
    ("https://example.org/a.png", "address instead of a path"),
    ("file:///etc/passwd", "address instead of a path"),
    ("data:image/png;base64,AAAA", "address instead of a path"),
    ("images/link.png", "link that leads out of the folder"),
    ("images/away/secret.png", "link that leads out of the folder"),
    ("images/missing.png", "missing image file"),
    ("images", "image that is not a regular file"),
    ("images/loop.png", "image file that cannot be read"),
    ("x" * 300, "image file that cannot be read"),
    (" ", "blank image"),
]


@pytest.mark.parametrize(("path", "told"), OUTSIDE)
def test_paths_outside_or_missing_are_told_with_their_line(folder: Path, path: str, told: str) -> None:
    Image.new("L", (2, 2)).save(folder.parent / "secret.png")
    (folder / "images" / "link.png").symlink_to(folder.parent / "secret.png")
    (folder / "images" / "away").symlink_to(folder.parent)
    (folder / "images" / "loop.png").symlink_to("loop.png")
    text = fault(folder, f'image,label\nimages/a.png,cat\n"{path}",dog\n')
    assert f"1 × {told}" in text and f"line 3 '{path[:80]}'" in text


def test_all_faults_are_told_at_once_and_long_lists_are_cut(folder: Path) -> None:
    rows = [f"images/{i}.png,x" for i in range(12)] + ["../a.png,", "images/a.png,x"]
    text = fault(folder, "\n".join(["image,label", *rows]))
    assert "12 × missing image file" in text and "line 2 'images/0.png'" in text and "and 2 more" in text
    assert "1 × path that leads out of the folder" in text and "1 × blank label" in text


def test_backslashes_of_windows_are_read_with_a_note(folder: Path) -> None:
    data = read(folder, "image,label\nimages\\a.png,cat\n.\\images\\b.png,dog\n")
    assert data.names == ("images/a.png", "images/b.png")
    assert data.notes == ("2 paths written with backslashes",)


def test_labels_are_exact_text_but_for_blanks_around_them(folder: Path) -> None:
    data = read(folder, "image, label\nimages/a.png,01\nimages/b.png, cat\nimages/c.png,Cat \nimages/d.png,1\n")
    assert labels(data) == ["01", "cat", "Cat", "1"]
    assert "class names that look alike, kept apart: 'Cat', 'cat'" in data.notes
    assert "1 cell with blanks around them, which do not count" in data.notes


def test_numeric_labels_are_in_natural_order(folder: Path) -> None:
    data = read(folder, "image,label\nimages/a.png,10\nimages/b.png,9\nimages/c.png,2\n")
    assert data.classes == ("2", "9", "10")


def test_blank_labels_and_groups_are_listed(folder: Path) -> None:
    text = fault(folder, "image,label,group\nimages/a.png,,p1\nimages/b.png, ,\nimages/c.png,x,p\n")
    assert "2 × blank label" in text and "line 2 '', line 3 ''" in text and "1 × blank group" in text


@pytest.mark.parametrize("bad", ["NaN", "inf", "-Infinity"])
def test_targets_that_are_not_finite_are_told_with_their_line(folder: Path, bad: str) -> None:
    text = fault(folder, f"image,target\nimages/a.png,1.5\nimages/b.png,{bad}\n")
    assert "target that is no finite number" in text and f"line 3 '{bad}'" in text


@pytest.mark.parametrize("bad", ["nan", "inf", "-1", "heavy", ""])
def test_bad_weights_are_told_with_their_line(folder: Path, bad: str) -> None:
    text = fault(folder, f"image,label,weight\nimages/a.png,x,1\nimages/b.png,y,{bad}\n")
    assert "weight that is no finite number from 0 up" in text and f"line 3 '{bad}'" in text


def test_weights_that_are_all_zero_are_refused(folder: Path) -> None:
    assert "weights that are all 0" in fault(folder, "image,label,weight\nimages/a.png,x,0\nimages/b.png,y,0\n")


def test_unknown_splits_are_told_with_their_line(folder: Path) -> None:
    text = fault(folder, "image,label,split\nimages/a.png,x,train\nimages/b.png,y,holdout\n")
    assert "1 × unknown split" in text and "line 3 'holdout'" in text


def test_repeated_rows_are_dropped_with_a_note(folder: Path) -> None:
    data = read(folder, "image,label\nimages/a.png,cat\nimages/b.png,dog\n./images/a.png,cat\n")
    assert data.names == ("images/a.png", "images/b.png") and data.labels.tolist() == [0, 1]
    assert data.notes == ("1 repeated rows dropped",)


def test_one_file_with_two_labels_or_splits_is_refused(folder: Path) -> None:
    text = fault(folder, "image,label\nimages/a.png,cat\nimages/b.png,dog\nimages//a.png,dog\n")
    assert "image listed again with another label" in text and "line 4 'images/a.png (line 2 tells otherwise)'" in text
    rows = "image,label,split\nimages/a.png,cat,train\nimages/b.png,dog,train\nimages/a.png,cat,test\n"
    assert "image listed again with another label, group, split or weight" in fault(folder, rows)


def test_unused_columns_are_noted(folder: Path) -> None:
    data = read(folder, "image,label,age,class\nimages/a.png,cat,3,7\nimages/b.png,dog,4,8\n")
    assert labels(data) == ["cat", "dog"] and data.notes == ("columns not used: age, class",)


def test_the_users_folder_is_not_written_to(folder: Path) -> None:
    read(folder, PLAIN)
    before = sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))
    open_dataset(folder)
    assert before == sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))


def test_labels_and_groups_that_are_one_number_are_one_and_it_is_said(folder: Path) -> None:
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.png"))][:2]
    assert len(names) == 2
    (folder / "n.csv").write_text(f"image,label,patient\n{names[0]},1,7\n{names[1]},1.0,7.0\n", encoding="utf-8")
    data = open_dataset(folder / "n.csv", reading=Reading(least_classes=1))
    assert data.classes == ("1",) and data.groups is not None and set(data.groups.tolist()) == {"7"}
    assert "'1' and '1.0' are one number, taken for one: '1'" in data.notes
    assert "'7' and '7.0' are one number, taken for one: '7'" in data.notes
    assert any("written in 2 ways" in taken.evidence for taken in data.taken)
    (folder / "n.csv").write_text(f"image,label\n{names[0]},1\n{names[1]},01\n", encoding="utf-8")
    assert len(open_dataset(folder / "n.csv").classes) == 2


def test_a_text_that_comes_again_is_there_once(folder: Path) -> None:
    rows = [f"images/{i:05}.png,{('cat', 'dog')[i % 2]},patient {i // 3}" for i in range(3000)]
    (folder / "labels.csv").write_text("\n".join(["image,label,patient", *rows]))
    found = read_rows(folder / "labels.csv", ("image", "label"))
    assert [",".join(cells) for cells in zip(*found.columns, strict=True)] == rows
    assert [len({id(cell) for cell in cells}) for cells in found.columns] == [3000, 2, 1000]
    assert list(found.lines) == list(range(2, 3002))
