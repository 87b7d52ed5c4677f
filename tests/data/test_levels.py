"""What folder levels and file names are taken for: classes, patients, parts of a split; and where it stops."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image

from neocog.data.dataset import Dataset
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.errors import UserError


def put(root: Path, names: Iterable[str]) -> Path:
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (2, 2), i % 256).save(root / name)
    return root


def read(root: Path, names: Iterable[str], **reading: object) -> Dataset:
    return open_dataset(put(root, names), reading=Reading(**reading))  # type: ignore[arg-type]


def stops(root: Path, names: Iterable[str], *words: str, **reading: object) -> None:
    with pytest.raises(UserError) as raised:
        read(root, names, **reading)
    assert all(word in str(raised.value) for word in words), raised.value


def groups(data: Dataset) -> dict[str, str]:
    assert data.groups is not None
    return dict(zip(data.names, data.groups.tolist(), strict=True))


def roles(data: Dataset) -> dict[str, str]:
    return {one.part: one.role for one in data.taken}


def test_patients_below_classes_are_groups(tmp_path: Path) -> None:
    names = [f"{k}/patient_{k}{p:02}/slice_{s}.png" for k in "ab" for p in range(4) for s in range(3)]
    data = read(tmp_path, names)
    assert data.classes == ("a", "b") and groups(data)["a/patient_a01/slice_2.png"] == "patient_a01"
    assert roles(data)["folder level 2"] == "group"
    assert read(tmp_path, [], levels="class,ignore").groups is None


def test_a_patient_with_folders_under_two_classes_is_one_group_and_counters_are_not(tmp_path: Path) -> None:
    one = read(tmp_path / "1", [f"{k}/p{p}/{s}.png" for k in ("sick", "well") for p in range(3) for s in range(2)])
    assert groups(one)["sick/p1/0.png"] == groups(one)["well/p1/1.png"]
    two = read(tmp_path / "2", [f"{k}/{p}/{s}.png" for k in ("cat", "dog") for p in range(3) for s in range(2)])
    assert groups(two)["cat/1/0.png"] != groups(two)["dog/1/0.png"] and len(set(groups(two).values())) == 6


def test_images_of_all_parts_count_where_levels_are_told_apart(tmp_path: Path) -> None:
    patients = [("sick", p) for p in range(4)] + [("well", p) for p in range(4, 8)]
    data = read(tmp_path, [f"{part}/{k}/p{p}/{part}.png" for part in ("train", "test") for k, p in patients])
    assert groups(data)["train/sick/p1/train.png"] == "p1"  # two images of each patient, one in each part
    assert data.splits is not None and data.splits.tolist() == ["train"] * 8 + ["test"] * 8


@pytest.mark.parametrize("people", ["p{}", "patient_{:02}", "2021-03-{:02}", "{:03}"])
def test_the_same_words_below_numbered_folders_are_the_classes(tmp_path: Path, people: str) -> None:
    names = [f"{people.format(p)}/{k}/{s}.png" for p in range(3) for k in ("RBC", "WBC") for s in range(2)]
    data = read(tmp_path, names)
    assert data.classes == ("RBC", "WBC") and len(set(groups(data).values())) == 3
    assert roles(data) == {"folder level 1": "group", "folder level 2": "class"}
    assert read(tmp_path, [], levels="class").classes[0] == people.format(0)


def test_classes_that_some_patients_lack_are_classes_still(tmp_path: Path) -> None:
    kinds = {0: ["RBC"], 1: ["RBC", "WBC"], 2: ["WBC"], 3: ["RBC"]}
    data = read(tmp_path, [f"p{p}/{k}/{s}.png" for p in kinds for k in kinds[p] for s in range(3)])
    assert data.classes == ("RBC", "WBC") and len(set(groups(data).values())) == 4


def test_the_same_words_below_words_stop_and_both_readings_can_be_chosen(tmp_path: Path) -> None:
    names = [f"{style}/{k}/{s}.png" for style in ("photo", "sketch") for k in ("cat", "dog", "elk") for s in range(2)]
    stops(tmp_path, names, "photo, sketch", "--levels class,ignore", "--levels group,class")
    assert read(tmp_path, [], levels="class,ignore").classes == ("photo", "sketch")
    by_style = read(tmp_path, [], levels="group,class")
    assert by_style.classes == ("cat", "dog", "elk") and set(groups(by_style).values()) == {"photo", "sketch"}


def test_words_below_one_class_each_could_be_finer_classes_and_stop(tmp_path: Path) -> None:
    kinds = {"bird": ["duck", "owl"], "mammal": ["cat", "dog"]}
    names = [f"{top}/{k}/{s}.png" for top in kinds for k in kinds[top] for s in range(3)]
    stops(
        tmp_path, names, "2 classes (bird, mammal)", "4 finer classes", "--levels class,group", "--levels ignore,class"
    )
    assert read(tmp_path, [], levels="ignore,class").classes == ("cat", "dog", "duck", "owl")
    assert len(set(groups(read(tmp_path, [], levels="class,group")).values())) == 4


def test_parts_of_a_split_below_the_classes_are_that_split(tmp_path: Path) -> None:
    data = read(tmp_path, [f"{k}/{part}/{s}.png" for k in "ab" for part in ("train", "test") for s in range(2)])
    assert data.classes == ("a", "b") and data.splits is not None
    assert data.splits.tolist() == [name.split("/")[1] for name in data.names] and data.groups is None


def test_a_split_above_classes_and_patients(tmp_path: Path) -> None:
    names = [f"{part}/{k}/p{p}/{s}.png" for part in ("train", "test") for k in "ab" for p in range(2) for s in range(2)]
    data = read(tmp_path, names)
    assert data.classes == ("a", "b") and data.splits is not None and set(data.splits.tolist()) == {"train", "test"}
    assert set(groups(data).values()) == {"p0", "p1"}


def test_a_folder_around_the_classes_and_one_inside_each_mean_nothing(tmp_path: Path) -> None:
    data = read(tmp_path, [f"images/{k}/{s}.png" for k in ("cat", "dog") for s in range(2)])
    assert data.classes == ("cat", "dog") and roles(data)["folder level 1"] == "not used"
    inside = read(tmp_path / "2", [f"{k}/images/{s}.png" for k in ("cat", "dog") for s in range(2)])
    assert inside.classes == ("cat", "dog") and inside.groups is None


def test_levels_that_make_no_sense_or_have_no_effect_are_refused(tmp_path: Path) -> None:
    put(tmp_path, ["a/1.png", "b/1.png"])
    stops(tmp_path, [], "did you mean 'class'?", levels="clas,group")
    stops(tmp_path, [], "one class is needed", levels="group,ignore")
    stops(tmp_path, [], "--columns has no effect on class folders", columns=("label=x",))


def test_pictures_above_the_level_of_the_class_are_counted(tmp_path: Path) -> None:
    data = read(
        tmp_path, [*(f"p{p}/{k}/{s}.png" for p in range(3) for k in ("x", "y") for s in range(2)), "p1/loose.png"]
    )
    assert [one.name for one in data.left_out] == ["p1/loose.png"] and "p1/loose.png" not in data.names


NAMED = [
    ("{k}/patient{p:02}_slice_{s}.png", "patient01"),
    ("{k}/{k}-slide{p}-x{s}-y3.png", "{k}-slide1"),
    ("{k}/B{p:02}_s{s}_w1.png", "B01"),
    ("{k}/case_{p}.{s}.png", "case_1"),
    ("{k}/vid{p}frame{s:04}.png", "vid1"),
    ("{k}/p{p}s{s}.png", "p1"),
]


@pytest.mark.parametrize(("pattern", "group"), NAMED)
def test_what_stands_before_a_running_number_groups(tmp_path: Path, pattern: str, group: str) -> None:
    names = [pattern.format(k=k, p=p + (10 if k == "b" else 0), s=s) for k in "ab" for p in range(4) for s in range(3)]
    data = read(tmp_path, names)
    assert groups(data)[names[3]] == group.format(k="a") and len(set(groups(data).values())) == 8
    assert roles(data)["file names"] == "group"
    assert read(tmp_path, [], groups="none").groups is None


UNGROUPED = [
    "{k}/airplane_{n:03}.png", "{k}/{k}_{n}.png", "{k}/img_{n}.png", "{k}/IMG_2020010{s}_{n:06}.png", "{k}/n0144{k}_{n}.JPEG",
    "{k}/{n}.png", "{k}/class1_{n}.png", "{k}/2011_{n:06}.png",
]  # fmt: skip


@pytest.mark.parametrize("pattern", UNGROUPED)
def test_numbers_that_only_count_do_not_group(tmp_path: Path, pattern: str) -> None:
    names = [pattern.format(k=k, s=i % 8, n=i * 7919 % 99991) for k in "ab" for i in range(24)]
    assert read(tmp_path, names).groups is None


def test_groups_too_few_to_split_by_are_told_and_can_be_bound(tmp_path: Path) -> None:
    data = read(tmp_path, [f"{k}/vid{p}_{s}.png" for k in "ab" for p in range(2) for s in range(6)])
    assert data.groups is None and "too few to split by" in data.taken[-1].evidence
    asked = read(tmp_path, [], groups=r"names:(vid\d+)")
    assert set(groups(asked).values()) == {"vid0", "vid1"}
    stops(tmp_path, [], "24 of 24 names do not match", groups="names:(subject)")
    stops(tmp_path, [], "no regular expression", groups="names:(")


def test_a_folder_called_nan_is_a_class_only_on_demand(tmp_path: Path) -> None:
    put(tmp_path, [f"{k}/{i}.png" for k in ("cat", "dog", "nan") for i in range(2)])
    stops(tmp_path, [], "2 labels that may stand for none: nan", "--unlabelled class")
    assert read(tmp_path, [], unlabelled="class").classes == ("cat", "dog", "nan")
    skipped = read(tmp_path, [], unlabelled="skip")
    assert skipped.classes == ("cat", "dog") and [one.reason for one in skipped.left_out] == ["not labelled"] * 2
