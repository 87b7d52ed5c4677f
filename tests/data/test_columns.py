"""What the columns of a table are taken for: by the user's word, by name, by what they hold; and where it stops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neocog.data.dataset import Dataset
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.errors import UserError

N = 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(N):
        Image.fromarray(np.full((4, 4), i, np.uint8)).save(tmp_path / f"{i}.png")
    return tmp_path


def write(folder: Path, header: str, row: Callable[[int], str], mark: str = "") -> Path:
    """A table of N rows, each a function of its number."""
    text = "\n".join([header, *(row(i) for i in range(N))])
    (folder / "t.csv").write_text(mark + text + "\n", encoding="utf-8")
    return folder / "t.csv"


def taken(data: Dataset) -> dict[str, str]:
    return {one.part.split("'")[1]: one.role for one in data.taken}


def stops(file: Path, *words: str, **reading: object) -> str:
    with pytest.raises(UserError) as raised:
        open_dataset(file, reading=Reading(**reading))  # type: ignore[arg-type]
    text = str(raised.value)
    assert all(word in text for word in words), text
    return text


MEASURED = [i * 7 % 31 + 0.5 for i in range(N)]


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "index", "nr", "row", "step"])
def test_a_column_that_counts_the_rows_is_no_target(folder: Path, name: str) -> None:
    data = open_dataset(write(folder, f"{name},image,tilt", lambda i: f"{i},{i}.png,{MEASURED[i]}"))
    assert data.target_names == ("tilt",) and taken(data)[name] == "not used"
    shuffled = open_dataset(write(folder, f"{name},image,tilt", lambda i: f"{i * 7 % N},{i}.png,{MEASURED[i]}"))
    assert shuffled.target_names == ("tilt",)


def test_ids_constant_columns_and_texts_that_name_the_rows_are_no_targets(folder: Path) -> None:
    file = write(folder, "sample_id,image,camera,note,tilt", lambda i: f"{10**6 + 17 * i},{i}.png,7,n{i},{MEASURED[i]}")
    data = open_dataset(file)
    assert data.target_names == ("tilt",)
    assert [taken(data)[name] for name in ("sample_id", "camera", "note")] == ["not used"] * 3
    assert [one.part for one in data.taken] == [
        f"column '{name}'" for name in ("sample_id", "image", "camera", "note", "tilt")
    ]


def test_columns_of_0_and_1_with_a_single_1_a_row_are_classes(folder: Path) -> None:
    rows = {0: "1.0,0.0,0.0", 1: "0.0,1.0,0.0", 2: "0.0,0.0,1.0"}
    data = open_dataset(write(folder, "image,MEL,NV,BCC", lambda i: f"{i}.png,{rows[i % 3]}"))
    assert data.classes == ("BCC", "MEL", "NV") and data.target_text(0) == "MEL" and data.target_text(2) == "BCC"
    assert taken(data)["NV"] == "class"


def test_several_ones_a_row_are_refused_unless_one_column_is_chosen(folder: Path) -> None:
    file = write(folder, "image,edema,mass,nodule", lambda i: f"{i}.png,{i % 2},{i % 3 % 2},1" if i else "0.png,0,0,0")
    stops(file, "several labels an image are not supported", "line 2 has 0 labels")
    assert open_dataset(file, reading=Reading(columns=("label=edema",))).classes == ("0", "1")
    stops(file, "row without a single 1", columns=("label=edema", "label=mass"))


def test_one_hot_columns_are_chosen_by_the_user_too(folder: Path) -> None:
    file = write(folder, "image,a,b,old", lambda i: f"{i}.png,{i % 2},{1 - i % 2},{i % 3 % 2}")
    stops(file, "several labels")
    assert open_dataset(file, reading=Reading(columns=("label=a", "label=b"))).classes == ("a", "b")


def test_a_weight_in_grams_stops_and_both_readings_can_be_chosen(folder: Path) -> None:
    stops(
        write(folder, "image,length,weight", lambda i: f"{i}.png,{MEASURED[i]},{200 + 3 * i}"),
        "column 'weight' can be read in two ways",
        "--columns weight=none",
    )
    file = write(folder, "image,label,weight", lambda i: f"{i}.png,{i % 2},{200 + 3 * i}")
    stops(file, "column 'weight' can be read in two ways", "--columns weight='weight'", "--columns weight=none")
    as_weight = open_dataset(file, reading=Reading(columns=("weight=weight",)))
    assert as_weight.weights is not None and as_weight.weights[1] == 203
    assert open_dataset(file, reading=Reading(columns=("weight=none",))).weights is None
    file = write(folder, "image,length,weight", lambda i: f"{i}.png,{MEASURED[i]},{200 + 3 * i}")
    assert open_dataset(file, reading=Reading(targets=("weight",))).target_names == ("weight",)
    assert open_dataset(file, reading=Reading(columns=("weight=none",))).target_names == ("length", "weight")


def test_weights_of_samples_are_taken_and_said(folder: Path) -> None:
    data = open_dataset(write(folder, "image,label,weight", lambda i: f"{i}.png,{'ab'[i % 2]},{0.5 + i % 3}"))
    assert data.weights is not None and taken(data)["weight"] == "weight"
    fish = write(folder, "image,length,weight", lambda i: f"{i}.png,{MEASURED[i]},{0.7 + i / 57:.3f}")
    stops(fish, "can be read in two ways")  # about 1, and yet kilograms beside a length


def test_decimals_in_a_label_column_are_values_and_a_few_of_them_stop(folder: Path) -> None:
    data = open_dataset(write(folder, "image,label", lambda i: f"{i}.png,{MEASURED[i]}"))
    assert data.target_names == ("label",) and "decimals" in data.taken[1].evidence
    few = write(folder, "image,label", lambda i: f"{i}.png,{i % 4 / 2}")
    stops(few, "column 'label' can be read in two ways", "--task classification", "--task regression")
    assert len(open_dataset(few, reading=Reading(task="classification")).classes) == 4


def test_whole_numbers_in_a_label_column_are_classes_unless_they_are_hardly_repeated(folder: Path) -> None:
    assert len(open_dataset(write(folder, "image,label", lambda i: f"{i}.png,{i % 8}")).classes) == 8
    stops(write(folder, "image,label", lambda i: f"{i}.png,{20 + i % 25}"), "two ways", "25 different whole numbers")


def test_numbers_that_could_be_codes_of_classes_stop_and_counts_are_values(folder: Path) -> None:
    stops(write(folder, "image,grade", lambda i: f"{i}.png,{i % 4}"), "--columns label='grade'", "--targets 'grade'")
    assert open_dataset(write(folder, "image,cell_count", lambda i: f"{i}.png,{i % 4}")).target_names == ("cell_count",)


@pytest.mark.parametrize("text", ["nan", "NaN", "NA", "None", "null", "-", "?", "#N/A", ""])
def test_a_text_for_not_known_is_never_a_class_unasked(folder: Path, text: str) -> None:
    file = write(folder, "image,label", lambda i: f"{i}.png,{['cat', 'dog', text][i % 3]}")
    stops(file, "13 × ", "--unlabelled skip")
    data = open_dataset(file, reading=Reading(unlabelled="skip"))
    assert data.classes == ("cat", "dog") and len(data) == N - 13
    assert len(data.left_out) == 13 and data.left_out[0].name == "2.png" and text in data.left_out[0].reason
    if text:
        assert len(open_dataset(file, reading=Reading(unlabelled="class")).classes) == 3


def test_namibia_is_a_country(folder: Path) -> None:
    data = open_dataset(write(folder, "image,label", lambda i: f"{i}.png,{['NA', 'DE', 'FR', 'BW'][i % 4]}"))
    assert data.classes == ("BW", "DE", "FR", "NA") and any("codes of two letters" in note for note in data.notes)


def test_values_that_are_not_known_are_left_out_on_demand(folder: Path) -> None:
    file = write(folder, "image,tilt", lambda i: f"{i}.png,{'' if i == 3 else MEASURED[i]}")
    stops(file, "1 × tilt that is no finite number", "line 5")
    data = open_dataset(file, reading=Reading(unlabelled="skip"))
    assert len(data) == N - 1 and [one.name for one in data.left_out] == ["3.png"]


@pytest.mark.parametrize("cell", ["cat|dog", "cat;dog", '"cat,dog"', "cat dog"])
def test_several_labels_in_a_cell_are_refused(folder: Path, cell: str) -> None:
    file = write(folder, "image,label", lambda i: f"{i}.png,{['cat', 'dog', cell][i % 3]}")
    stops(file, "13 rows of 'label' hold several labels", "--columns label='label'")
    assert len(open_dataset(file, reading=Reading(columns=("label=label",))).classes) == 3


def test_lists_in_cells_are_refused_and_names_of_two_words_are_not(folder: Path) -> None:
    stops(write(folder, "image,label", lambda i: f"{i}.png,\"['a', '{'bc'[i % 2]}']\""), "several labels")
    data = open_dataset(write(folder, "image,label", lambda i: f"{i}.png,{['hot dog', 'dog', 'cat'][i % 3]}"))
    assert data.classes == ("cat", "dog", "hot dog")


@pytest.mark.parametrize("name", ["patient", "PatientID", "patient_id", "subject_id", "Case", "slide", "site_id"])
def test_groups_are_found_under_everyday_names(folder: Path, name: str) -> None:
    data = open_dataset(write(folder, f"image,label,{name}", lambda i: f"{i}.png,{'ab'[i % 2]},p{i // 4}"))
    assert data.groups is not None and data.groups[5] == "p1" and taken(data)[name] == "group"


def test_patients_come_before_slides_and_two_sites_are_no_units(folder: Path) -> None:
    data = open_dataset(
        write(folder, "image,label,slide,patient", lambda i: f"{i}.png,{'ab'[i % 2]},s{i // 2},p{i // 8}")
    )
    assert data.groups is not None and len(set(data.groups.tolist())) == 5
    assert (
        open_dataset(write(folder, "image,label,site", lambda i: f"{i}.png,{'ab'[i % 2]},{i % 3 % 2}")).groups is None
    )


def test_the_users_word_overrules_every_guess(folder: Path) -> None:
    file = write(folder, "image,label,patient,kind", lambda i: f"{i}.png,{'ab'[i % 2]},p{i // 4},{'xyz'[i % 3]}")
    data = open_dataset(file, reading=Reading(columns=("label=kind", "group=none")))
    assert data.classes == ("x", "y", "z") and data.groups is None
    stops(file, "roles: image", columns=("lable=kind",))
    stops(file, "did you mean 'kind'", columns=("label=kin",))


def test_two_columns_that_could_be_the_label_stop_unless_they_say_the_same(folder: Path) -> None:
    same = open_dataset(
        write(folder, "image,target,class", lambda i: f"{i}.png,{i % 2},{['cat', 'dog'][i % 2]}"),
    )
    assert len(same.classes) == 2
    stops(
        write(folder, "image,target,class", lambda i: f"{i}.png,{i % 2},{'xyz'[i % 3]}"),
        "--columns label='class'",
        "--columns label='target'",
    )
    stops(
        write(folder, "image,species,mood", lambda i: f"{i}.png,{'ab'[i % 2]},{'xyz'[i % 3]}"),
        "--columns label='species'",
    )


def test_one_column_of_few_texts_is_the_label_and_beside_numbers_it_stops(folder: Path) -> None:
    data = open_dataset(write(folder, "image,species", lambda i: f"{i}.png,{['ant', 'bee'][i % 2]}"))
    assert data.classes == ("ant", "bee") and taken(data)["species"] == "label"
    both = write(folder, "image,species,length", lambda i: f"{i}.png,{['ant', 'bee'][i % 2]},{MEASURED[i]}")
    stops(both, "--columns label='species'", "--targets 'length'")
    assert open_dataset(both, reading=Reading(targets=("length",))).target_names == ("length",)
    assert open_dataset(both, reading=Reading(task="classification")).classes == ("ant", "bee")


def test_blanks_after_commas_quotes_and_excels_first_line_are_read(folder: Path) -> None:
    data = open_dataset(write(folder, "image, label", lambda i: f'{i}.png , "{"ab"[i % 2]}" '.rstrip()))
    assert data.names[0] == "0.png" and data.classes == ("a", "b")
    data = open_dataset(write(folder, "image;tilt", lambda i: f"{i}.png;{i // 2},{i % 7}", mark="\ufeffsep=;\n"))
    assert data.target_names == ("tilt",) and data.values is not None and data.values[1, 0] == np.float32(0.1)


def test_a_column_of_file_names_is_the_image_whatever_it_is_called(folder: Path) -> None:
    data = open_dataset(write(folder, "where,label", lambda i: f"{i}.png,{'ab'[i % 2]}"))
    assert data.names[1] == "1.png" and "image files" in data.taken[0].evidence
    stops(write(folder, "image,photo,label", lambda i: f"{i}.png,{N - 1 - i}.png,{'ab'[i % 2]}"), "image='photo'")


def test_files_are_found_by_name_below_the_folder_but_never_under_another_folders_name(folder: Path) -> None:
    (folder / "train").mkdir()
    for i in range(N):
        (folder / f"{i}.png").rename(folder / "train" / f"{i}.png")
    data = open_dataset(write(folder, "image_id,label", lambda i: f"{i},{'ab'[i % 2]}"))
    assert data.names[1] == "train/1.png" and any("found by their name alone" in note for note in data.notes)
    stops(write(folder, "image,label", lambda i: f"test/{i}.png,{'ab'[i % 2]}"), "missing image file")
    data = open_dataset(write(folder, "image,label", lambda i: f"{folder}/train/{i}.png,{'ab'[i % 2]}"))
    assert data.names[1] == "train/1.png"


def test_ids_that_name_files_without_suffix_are_the_image(folder: Path) -> None:
    data = open_dataset(write(folder, "id,label", lambda i: f"{i},{'ab'[i % 2]}"))
    assert data.names[1] == "1.png" and taken(data) == {"id": "image", "label": "label"}


def test_dates_are_no_classes_and_a_first_line_of_data_is_no_header(folder: Path) -> None:
    data = open_dataset(write(folder, "image,date,depth", lambda i: f"{i}.png,2021-03-{i % 20 + 1:02},{MEASURED[i]}"))
    assert data.target_names == ("depth",) and taken(data)["date"] == "not used"
    stops(write(folder, "0.png,a", lambda i: f"{i}.png,{'ab'[i % 2]}"), "the first line names no columns")
    assert open_dataset(write(folder, "image|label", lambda i: f"{i}.png|{'ab'[i % 2]}")).classes == ("a", "b")


def test_numbers_that_are_asked_for_as_a_label_say_how_they_are_values(folder: Path) -> None:
    """40 angles are 40 classes if one insists, and the evidence names the other reading, which the same flag then takes."""
    file = write(folder, "image,angle", lambda i: f"{i}.png,{2 * i}")
    data = open_dataset(file, reading=Reading(columns=("label=angle",)))
    (line,) = (one for one in data.taken if one.part == "column 'angle'")
    assert len(data.classes) == N and (line.role, line.flag) == ("label", "--task regression")
    assert "each a class; 40 different whole numbers, 0 … 78" in line.evidence
    assert open_dataset(file, reading=Reading(columns=("label=angle",), task="regression")).target_names == ("angle",)
    codes = write(folder, "image,digit", lambda i: f"{i}.png,{i % 4}")
    (line,) = (
        one for one in open_dataset(codes, reading=Reading(columns=("label=digit",))).taken if "digit" in one.part
    )
    assert line.evidence == "as asked"
