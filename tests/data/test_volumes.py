"""Volumes: what is taken for one, from NPZ, TIFF stacks and NIfTI; how they are fitted, scanned and refused."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from neocog.checks.constant import constant_images
from neocog.data.dataset import Array, BadImage, Dataset
from neocog.data.formats.decoding import Decoding
from neocog.data.formats.slices import flat, middle_slices, side_by_side
from neocog.data.images import decode, decode_bytes
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.data.resize import finish, fit, shape_plan
from neocog.data.resize_volume import fit_volume
from neocog.data.scan import scan_images
from neocog.errors import UserError

VOLUMES = np.arange(4 * 5 * 6 * 7).reshape(4, 5, 6, 7).astype(np.uint16)
LABELS = np.array([0, 1, 0, 1])
AS_VOLUMES = Reading(kind="volumes")
STACKS = Decoding(volumes=True)


def read(tmp_path: Path, array: Array, reading: Reading = Reading()) -> Dataset:  # noqa: B008
    np.savez(tmp_path / "scans.npz", X=array, y=LABELS[: len(array)])
    return open_dataset(tmp_path / "scans.npz", reading=reading)


def pixels(data: Dataset) -> Array:
    return np.stack([data.images.read(i) for i in range(len(data))])


def planned(data: Dataset, **options: Any) -> Any:
    return shape_plan([data.images.header(i) for i in range(len(data))], **options)


def test_four_axes_without_a_channel_axis_are_volumes_and_a_note_says_so(tmp_path: Path) -> None:
    data = read(tmp_path, VOLUMES)
    assert data.form == "volumes" and data.images.header(0).size == (5, 6, 7)
    assert "taken for volumes of 5 × 6 × 7" in data.notes[0] and "--kind" in data.notes[0]
    np.testing.assert_array_equal(pixels(data)[..., 0], VOLUMES)


def test_four_axes_with_a_channel_axis_are_images_unless_the_user_says_otherwise(tmp_path: Path) -> None:
    array = VOLUMES[:, :4]
    data = read(tmp_path, array)
    assert data.form == "images" and data.images.read(0).shape == (6, 7, 4)
    assert "taken for images with 4 channels" in data.notes[0]
    overruled = read(tmp_path, array, AS_VOLUMES)
    assert overruled.form == "volumes" and overruled.images.read(0).shape == (4, 6, 7, 1) and not overruled.notes
    with pytest.raises(UserError, match="neither axis 1 nor axis 3"):
        read(tmp_path, VOLUMES, Reading(kind="images"))
    for number, axis in enumerate((1, -1)):
        (tmp_path / str(number)).mkdir()
        several = read(tmp_path / str(number), np.moveaxis(array[:, :2], 1, axis), Reading(kind="images"))
        assert several.form == "images" and "taken for images with 2 channels" in several.notes[0]
        np.testing.assert_array_equal(several.images.read(1), np.moveaxis(array[1, :2], 0, -1))


def test_what_cannot_be_a_volume_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"3 axes \(4 × 5 × 6\) holds no volumes"):
        read(tmp_path, VOLUMES[..., 0], AS_VOLUMES)
    with pytest.raises(UserError, match="five axes are volumes, not images"):
        read(tmp_path, VOLUMES[..., None], Reading(kind="images"))
    with pytest.raises(UserError, match="channels could be axis 1 or axis 4"):
        read(tmp_path, VOLUMES[:, :3, :, :, None])


def test_channels_of_volumes_may_stand_first_or_last(tmp_path: Path) -> None:
    colour = np.stack([VOLUMES, VOLUMES + 1, VOLUMES + 2], axis=-1)
    np.testing.assert_array_equal(pixels(read(tmp_path, colour)), colour)
    np.testing.assert_array_equal(pixels(read(tmp_path, np.moveaxis(colour, -1, 1))), colour)


def test_nan_in_a_volume_is_told_with_its_slice(tmp_path: Path) -> None:
    array = VOLUMES.astype(np.float32)
    array[1, 2, 3, 4] = np.nan
    with pytest.raises(BadImage, match="slice 2, row 3, column 4"):
        read(tmp_path, array).images.read(1)


def test_a_survey_of_volumes_counts_every_voxel_and_finds_empty_ones(tmp_path: Path) -> None:
    array = VOLUMES.copy()
    array[2] = 0
    data = read(tmp_path, array)
    plan = planned(data)
    scanned = scan_images(data.images, plan, workers=1)
    assert scanned.pixels is not None and scanned.pixels.shape == (4, 1, 5, 6, 7)
    done = finish(plan, scanned.records, [0, 1, 3])
    used = array[[0, 1, 3]].astype(float)
    assert done.mean == pytest.approx([used.mean()]) and done.std == pytest.approx([used.std()])
    assert (done.low, done.high) == (0.0, float(array.max()))
    (finding,) = constant_images(data, scanned.records)
    assert finding.samples == ("images[2]",)
    resized = scan_images(data.images, planned(data, size=(3,)), workers=1)
    assert resized.pixels is not None and resized.pixels.shape == (4, 1, 3, 3, 3)


def stack(path: Path, volume: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, volume, photometric="minisblack")


def test_tiff_stacks_are_volumes_only_where_the_user_says_so(tmp_path: Path) -> None:
    for i, volume in enumerate(VOLUMES):
        stack(tmp_path / "data" / "ab"[i % 2] / f"{i}.tif", volume)
    data = open_dataset(tmp_path / "data", reading=AS_VOLUMES)
    assert data.form == "volumes" and data.images.header(0).size == (5, 6, 7)
    np.testing.assert_array_equal(data.images.read(0)[..., 0], VOLUMES[0])
    with pytest.raises(BadImage, match="ambiguous axes"):
        open_dataset(tmp_path / "data").images.read(0)


def test_a_flat_picture_among_volumes_is_refused(tmp_path: Path) -> None:
    Image.new("L", (7, 6)).save(tmp_path / "a.png")
    with pytest.raises(BadImage, match="a PNG where volumes are expected"):
        decode(tmp_path / "a.png", STACKS)


def test_images_and_volumes_do_not_mix() -> None:
    from neocog.data.dataset import Header

    with pytest.raises(UserError, match="images and volumes are mixed"):
        shape_plan([Header(6, 7, 1, "uint8"), Header(6, 7, 1, "uint8", depth=5)])


@pytest.mark.parametrize("how", ["resize", "pad", "crop"])
def test_fitting_keeps_a_constant_volume_and_gives_the_size(how: Any) -> None:
    fitted = fit_volume(np.full((5, 9, 7, 2), 77, np.uint8), (6, 4, 8), how)
    assert fitted.shape == (6, 4, 8, 2) and fitted.dtype == np.uint8 and (fitted == 77).all()


def test_resizing_is_trilinear_and_what_fits_is_untouched() -> None:
    ramp = np.broadcast_to(np.arange(8, dtype=np.float32)[:, None, None, None], (8, 4, 4, 1))
    np.testing.assert_allclose(fit_volume(ramp, (4, 4, 4), "resize")[1:-1, 0, 0, 0], [2.5, 4.5])
    volume = VOLUMES[0][..., None]
    assert fit_volume(volume, (5, 6, 7), "resize") is volume
    np.testing.assert_array_equal(fit_volume(volume, (3, 6, 7), "crop"), volume[1:4])
    assert fit(volume, planned_of(volume)).shape == (1, 5, 6, 7)


def planned_of(volume: Array) -> Any:
    from neocog.data.dataset import Header

    depth, height, width, channels = volume.shape
    return shape_plan([Header(height, width, channels, str(volume.dtype), depth=depth)])


def test_views_show_the_middle_slices_and_projections_every_voxel() -> None:
    volume = np.zeros((1, 5, 6, 7), np.uint8)
    volume[0, 2, 0, 0] = 9
    along_depth, along_height, along_width = middle_slices(volume)
    assert (along_depth.shape, along_height.shape, along_width.shape) == ((1, 6, 7), (1, 5, 7), (1, 5, 6))
    assert along_depth[0, 0, 0] == 9 and not along_height.any()
    assert side_by_side((along_depth, along_height, along_width)).shape == (1, 6, 7 + 1 + 7 + 1 + 6)
    one = np.zeros((5, 6, 7, 1))
    one[4, 5, 6] = 1
    assert flat(one).sum() == pytest.approx(1 / 5 + 1 / 6 + 1 / 7)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_nifti_gives_the_stored_values_slices_first(tmp_path: Path, name: str, dtype: Any) -> None:
    nibabel = pytest.importorskip("nibabel", reason="the extra nifti")
    volume = (VOLUMES[0] % 200).astype(dtype)
    nibabel.Nifti1Image(volume.transpose(2, 1, 0), np.eye(4), dtype=dtype).to_filename(tmp_path / name)
    found = decode(tmp_path / name)
    assert found.dtype == (dtype if np.dtype(dtype).kind == "u" else np.float32)
    np.testing.assert_array_equal(found[..., 0], volume)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SLA", "ARI"])
def test_heads_that_lie_differently_in_their_files_are_one_volume(tmp_path: Path, codes: str) -> None:
    """As nibabel's own as_closest_canonical; a file that does not say how it lies stays as it is."""
    nibabel = pytest.importorskip("nibabel", reason="the extra nifti")
    from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, ornt_transform

    head = np.arange(4 * 5 * 6, dtype=np.uint8).reshape(4, 5, 6)  # x, y, z towards right, front, top
    other = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes))
    stored = apply_orientation(head, other)
    affine = np.eye(4) @ inv_ornt_aff(other, head.shape)
    image = nibabel.Nifti1Image(stored, affine, dtype=np.uint8)
    image.to_filename(tmp_path / "head.nii.gz")
    found, header = decode_bytes((tmp_path / "head.nii.gz").read_bytes(), Decoding(), "head.nii.gz")
    np.testing.assert_array_equal(found[..., 0], head.transpose(2, 1, 0))
    assert found.shape[:3] == header.size
    assert ("turned to RAS+" in header.notes) == (codes != "RAS")
    image.set_sform(affine, code=0)
    image.set_qform(affine, code=0)
    image.to_filename(tmp_path / "unknown.nii")
    np.testing.assert_array_equal(decode(tmp_path / "unknown.nii")[..., 0], stored.transpose(2, 1, 0))


def test_nifti_folders_are_volumes_and_bad_ones_are_told(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel", reason="the extra nifti")

    def save(name: str, volume: Array, slope: float | None = None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = nibabel.Nifti1Image(volume, np.eye(4))
        if slope:
            image.header.set_slope_inter(slope, 10)
        image.to_filename(path)
        return path

    good = VOLUMES[0].astype(np.float32)
    first = save("data/a/1.nii.gz", good)
    save("data/b/2.nii", good)
    data = open_dataset(tmp_path / "data")
    assert data.form == "volumes" and data.images.header(0).size == (7, 6, 5)
    cut = tmp_path / "cut.nii"
    cut.write_bytes(gzip.decompress(first.read_bytes())[:-9])
    with pytest.raises(BadImage, match="cut short"):
        decode(cut)
    (tmp_path / "cut.nii.gz").write_bytes(first.read_bytes()[:400])
    with pytest.raises(BadImage, match="cut short"):
        decode(tmp_path / "cut.nii.gz")
    (tmp_path / "text.nii").write_text("hello" * 100)
    with pytest.raises(BadImage, match="not a NIfTI file"):
        decode(tmp_path / "text.nii")
    with pytest.raises(BadImage, match=r"4 axes \(4 × 5 × 6 × 7\)"):
        decode(save("four.nii", VOLUMES))
    holed = good.copy()
    holed[0, 1, 2] = np.inf
    with pytest.raises(BadImage, match="slice 2, row 1, column 0"):
        decode(save("nan.nii", holed))
    with pytest.raises(BadImage, match="the most is 100"):
        decode(first, Decoding(max_pixels=100))


def test_real_volumes_are_read(real_data: Callable[[str], Path]) -> None:
    voxels = open_dataset(real_data("modelnet10-voxels"))
    assert voxels.form == "volumes" and len(voxels) == 4899 and len(voxels.classes) == 10
    plan = planned(voxels)
    records = scan_images(voxels.images, plan, workers=1, keep=False).records
    assert plan.size == (30, 30, 30) and sum(record.low == record.high for record in records) == 8
    adrenal = open_dataset(real_data("adrenalmnist3d"))
    assert adrenal.form == "volumes" and adrenal.splits is not None and len(adrenal) == 1584
