"""Values from columns and from names: units kept, every fault told with its line, nothing taken for what it is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neocog.checks import CHECKS
from neocog.checks.values import codes_for_unknown
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.errors import UserError

VALUES = Reading(task="regression")


def put(folder: Path, *names: str) -> Path:
    for index, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), index, np.uint8)).save(path)
    return folder


def table(folder: Path, text: str) -> Path:
    put(folder, "a.png", "b.png", "c.png")
    (folder / "t.csv").write_text(text, encoding="utf-8")
    return folder / "t.csv"


def test_columns_of_numbers_are_values_with_their_units(tmp_path: Path) -> None:
    data = open_dataset(table(tmp_path, "image,angle [°],note,mass [kg]\na.png,1.5,x,2\nb.png,-3,y,1e3\nc.png,0,z,4\n"))
    assert data.kind == "CSV with values" and data.target_names == ("angle [°]", "mass [kg]")
    assert data.values is not None and data.values.tolist() == [[1.5, 2], [-3, 1000], [0, 4]]
    assert not data.has_classes and "columns not used: note" in data.notes
    assert data.target_text(1) == "-3 1000"


def test_a_label_column_is_a_class_unless_values_are_asked_for(tmp_path: Path) -> None:
    file = table(tmp_path, "image,label\na.png,1\nb.png,2\nc.png,2\n")
    assert open_dataset(file).classes == ("1", "2")
    assert open_dataset(file, reading=VALUES).target_names == ("label",)


def test_targets_choose_columns_and_unknown_ones_are_told_with_the_nearest(tmp_path: Path) -> None:
    file = table(tmp_path, "image,height,width\na.png,1,2\nb.png,3,4\nc.png,5,6\n")
    assert open_dataset(file, reading=Reading(task="regression", targets=("width",))).target_names == ("width",)
    with pytest.raises(UserError, match=r"called widht.*\n.*line 1\n.*width"):
        open_dataset(file, reading=Reading(task="regression", targets=("widht",)))


def test_decimal_commas_count_where_fields_are_separated_otherwise(tmp_path: Path) -> None:
    data = open_dataset(table(tmp_path, "image;value\na.png;1,5\nb.png;2\nc.png;3\n"))
    assert data.values is not None and data.values[0, 0] == 1.5


def test_values_that_are_not_finite_are_told_with_their_lines_all_at_once(tmp_path: Path) -> None:
    file = table(tmp_path, "image,value\na.png,nan\nb.png,inf\nmissing.png,x\nc.png,1\na.png,2\n")
    with pytest.raises(UserError) as raised:
        open_dataset(file, reading=VALUES)
    told = str(raised.value)
    assert "3 × value that is no finite number" in told and "line 2 'nan'" in told and "line 4 'x'" in told
    assert "1 × missing image file" in told and "listed again with another" in told


def test_a_constant_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="value is the same in all 3 rows"):
        open_dataset(table(tmp_path, "image,value\na.png,1\nb.png,1\nc.png,1\n"))


def test_groups_weights_and_splits_are_read_as_with_labels(tmp_path: Path) -> None:
    data = open_dataset(
        table(tmp_path, "image,value,patient_id,split\na.png,1,p,train\nb.png,2,q,test\nc.png,3,p,train\n")
    )
    assert data.groups is not None and data.groups.tolist() == ["p", "q", "p"]
    assert data.splits is not None and data.splits.tolist() == ["train", "test", "train"]


def test_numbers_in_names_are_values(tmp_path: Path) -> None:
    data = open_dataset(put(tmp_path, "img_037.5.png", "x/t_-5.png", "b-12.png"), reading=VALUES)
    assert data.values is not None
    assert dict(zip(data.names, data.values[:, 0].tolist(), strict=True)) == {
        "img_037.5.png": 37.5,
        "x/t_-5.png": -5,
        "b-12.png": 12,
    }


def test_images_without_a_number_in_their_name_are_listed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"2 of 3 images have no number in their name\n.*a.png, b.png"):
        open_dataset(put(tmp_path, "a.png", "b.png", "c1.png"), reading=VALUES)


def test_class_folders_with_a_table_of_other_things_beside_them_stay_class_folders(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.png", "dog/1.png")
    (tmp_path / "dates.csv").write_text("image,taken\ncat/1.png,1\ndog/1.png,2\n", encoding="utf-8")
    assert open_dataset(tmp_path).kind == "class folders"


def angles(folder: Path, name: str, *values: float) -> Path:
    return table(folder, f"image,{name}\n" + "".join(f"{'abc'[k]}.png,{value}\n" for k, value in enumerate(values)))


@pytest.mark.parametrize("name", ["angle", "heading"])
def test_an_angle_that_may_be_in_degrees_or_in_radians_stops_until_one_is_chosen(tmp_path: Path, name: str) -> None:
    file = angles(tmp_path, name, -3.1, 0.5, 3.14)
    with pytest.raises(UserError, match=r"as degrees, or as radians\n.*\n.*--angles degrees .*--angles radians"):
        open_dataset(file)
    assert open_dataset(file, reading=Reading(angles="degrees")).target_names == (name,)
    assert open_dataset(file, reading=Reading(angles="radians")).target_names == (f"{name} [rad]",)


def test_the_unit_of_an_angle_is_said_where_its_name_or_its_values_tell_it(tmp_path: Path) -> None:
    for name, values, unit in (
        ("angle_rad", (-3.1, 0.5, 3.14), "radians"),
        ("heading", (-100.5, 2, 3), "degrees"),
        ("tilt [°]", (0.5, 1, 2), "degrees"),
    ):
        data = open_dataset(angles(tmp_path, name, *values))
        assert data.target_names == (name,) and f"an angle in {unit}" in data.taken[1].evidence
    with pytest.raises(UserError, match="--angles radians: no column to learn is an angle without a unit"):
        open_dataset(file := tmp_path / "t.csv", reading=Reading(angles="radians"))
    assert file.exists()


@pytest.mark.parametrize("text", ["{}_{}", "infinity", "\u0663"])
def test_only_plain_digits_are_numbers(tmp_path: Path, text: str) -> None:
    cells = [text.format(k, k) for k in range(3)]
    file = table(tmp_path, "image,position\n" + "".join(f"{'abc'[k]}.png,{cell}\n" for k, cell in enumerate(cells)))
    with pytest.raises(UserError, match=r"3 × position that is no finite number"):
        open_dataset(file, reading=Reading(task="regression", targets=("position",)))


@pytest.mark.parametrize(("cells", "decimals", "thousands"), [("1.021 2.5 3.999", "", ""), ("1.021 200 3.999", "point", "comma"),
    ("1,021 2,000 3,999", "comma", "point"), ("0.021 2.000 3.999", "", "")])  # fmt: skip
def test_three_digits_behind_a_separator_are_decimals_or_thousands_and_one_must_be_chosen(
    tmp_path: Path, cells: str, decimals: str, thousands: str
) -> None:
    file = table(tmp_path, "image;price\n" + "".join(f"{'abc'[k]}.png;{x}\n" for k, x in enumerate(cells.split())))
    if not decimals:
        assert first_value(file, Reading()) < 2
        return
    with pytest.raises(UserError, match=rf"--decimal {decimals} .* decimals .*--decimal {thousands} .* thousands"):
        open_dataset(file)
    assert first_value(file, Reading(decimal=decimals)) == pytest.approx(1.021)
    assert first_value(file, Reading(decimal=thousands)) == 1021


def first_value(file: Path, reading: Reading) -> float:
    data = open_dataset(file, reading=reading)
    assert data.values is not None
    return float(data.values[0, 0])


def test_a_decimal_comma_is_said(tmp_path: Path) -> None:
    data = open_dataset(table(tmp_path, "image;value\na.png;1,5\nb.png;2\nc.png;3\n"))
    assert "read with a decimal comma" in data.taken[1].evidence


CODED = "image,mass\na.png,-9999\nb.png,1.5\nc.png,2.25\nd.png,-9999.00\n"


def test_codes_for_not_measured_are_told_with_their_count_and_left_out_on_demand(tmp_path: Path) -> None:
    put(tmp_path, "d.png")
    data = open_dataset(file := table(tmp_path, CODED))
    (found,) = codes_for_unknown(data, [])
    assert (
        found.severity == "warning"
        and "mass is -9999 in 2 samples" in found.what
        and found.samples == ("a.png", "d.png")
    )
    assert codes_for_unknown in CHECKS
    kept = open_dataset(file, reading=Reading(unlabelled="skip"))
    assert kept.names == ("b.png", "c.png") and len(kept.left_out) == 2
    sound = open_dataset(table(tmp_path, CODED.replace("-9999.00", "99").replace("-9999", "60.5")))
    assert not list(codes_for_unknown(sound, [])), "99 among 60 … 99 is a measurement"
