"""Each fault is planted in clean images, and the audit tells exactly it; without it, the audit is silent."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from neocog.checks import CHECKS, findings
from neocog.checks.changed import verify
from neocog.checks.sizes import mixed_sizes
from neocog.data.dataset import Array, ArrayImages, BadImage, Dataset, Header
from neocog.data.masks import target_texts
from neocog.data.scan import scan_images
from neocog.data.split import read_splits, write_splits
from neocog.records import Finding

SIZE = 48


@lru_cache
def texture(seed: int, height: int = SIZE, width: int = SIZE, channels: int = 3) -> Array:
    """A smooth random image, as unlike any other as two photographs are."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (7, 7, 3), dtype=np.uint8))
    image = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(float)
    noisy = np.clip(image + rng.normal(0, 4, image.shape), 1, 254).astype(np.uint8)
    noisy.setflags(write=False)
    return noisy[..., :channels]


@dataclass
class Planted:
    """Clean data to plant a fault in: three classes of 20 textures. Also their ``Images``."""

    pixels: list[Array] = field(default_factory=lambda: [texture(i) for i in range(60)])
    labels: list[int] = field(default_factory=lambda: [i % 3 for i in range(60)])
    classes: tuple[str, ...] = ("beech", "fir", "oak")
    splits: list[str] | None = None
    groups: list[str] | None = None
    notes: dict[int, str] = field(default_factory=dict)
    bad: dict[int, BadImage] = field(default_factory=dict)
    reader: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pixels)

    def read(self, index: int) -> Array:
        if index in self.bad:
            raise self.bad[index]
        return self.pixels[index]

    def header(self, index: int) -> Header:
        height, width, channels = self.pixels[index].shape
        return Header(
            height, width, channels, str(self.pixels[index].dtype), "", tuple(filter(None, [self.notes.get(index)]))
        )

    def digest(self, index: int) -> str:
        return hashlib.sha256(self.pixels[index].tobytes()).hexdigest()

    def path(self, index: int) -> None:
        return None

    def dataset(self) -> Dataset:
        names = [f"{i}.png" for i in range(len(self))]
        texts = [None if column is None else np.array(column) for column in (self.splits, self.groups)]
        return Dataset("planted", None, names, np.array(self.labels), self.classes, self, *texts, notes=self.reader)

    def findings(self, strict: bool = False) -> list[Finding]:
        return findings(self.dataset(), scan_images(self).records, strict)

    def add(self, pixels: Array, label: int = 0, part: str = "train") -> str:
        self.pixels.append(pixels)
        self.labels.append(label)
        if self.splits is not None:
            self.splits.append(part)
        return f"{len(self) - 1}.png"


def parted() -> Planted:
    return Planted(splits=(["train"] * 42 + ["validation"] * 9 + ["test"] * 9))


def told(
    planted: Planted, severity: str, what: str, samples: tuple[str, ...] | None = None, strict: bool = False
) -> Finding:
    """The one finding; anything beside it is a false alarm."""
    found = planted.findings(strict)
    assert [finding.severity for finding in found] == [severity], found
    assert what in found[0].what
    if samples is not None:
        assert found[0].samples == samples
    return found[0]


@pytest.mark.parametrize("clean", [Planted, parted], ids=["whole", "split"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_check_is_silent_on_clean_data(check, clean):
    planted = clean()
    assert list(check(planted.dataset(), scan_images(planted).records)) == []


def test_images_that_cannot_be_used_are_told_by_reason():
    planted = Planted(bad={i: BadImage("JPEG cut short", f"{i}.png", "copy it again") for i in (3, 4)})
    planted.bad[5] = BadImage("empty file", "5.png", "remove it")
    found = planted.findings()
    assert [(f.severity, f.what, f.samples, f.advice) for f in found] == [
        ("error", "2 images cannot be used: JPEG cut short", ("3.png", "4.png"), "copy it again"),
        ("error", "1 image cannot be used: empty file", ("5.png",), "remove it"),
    ]


def test_a_class_with_one_image_is_an_error_that_no_given_split_forgives_in_silence():
    planted = Planted(classes=("beech", "fir", "oak", "yew"))
    name = planted.add(texture(100), 3)
    found = planted.findings()
    assert [f.severity for f in found] == ["error", "warning"]
    assert found[0].what == "1 class with 1 image: yew" and found[0].samples == (name,)
    assert found[1].what.startswith("classes are out of balance, 20 : 1")


def test_a_class_with_few_images_is_a_warning():
    planted = Planted(classes=("beech", "fir", "oak", "yew"))
    names = tuple(planted.add(texture(100 + i), 3) for i in range(9))
    told(planted, "warning", "1 class with fewer than 10 images: yew (9)", names)


def test_a_class_without_a_usable_image_is_an_error():
    told(Planted(classes=("beech", "fir", "oak", "yew")), "error", "1 class without a usable image: yew")


def test_one_class_alone_is_an_error():
    told(Planted(labels=[0] * 60, classes=("beech",)), "error", "only one class has images: beech (60)")


def test_an_imbalance_of_ten_to_one_is_a_warning_and_tells_what_guessing_gives():
    planted = Planted(labels=[0] * 30 + [1] * 30, classes=("beech", "fir"))
    planted.pixels += [texture(200 + i, 8, 8) for i in range(270)]
    planted.pixels = [image[:8, :8] for image in planted.pixels]
    planted.labels += [0] * 270
    found = told(planted, "warning", "classes are out of balance, 10 : 1: beech has 300 images, fir 30")
    assert "accuracy of 0.91" in found.advice


@pytest.mark.parametrize(("part", "severity"), [("train", "error"), ("test", "warning")])
def test_a_class_that_a_part_lacks_is_told(part, severity):
    planted = parted()
    planted.classes = ("beech", "fir", "oak", "yew")
    for i in range(10):
        other = {"train": "test", "test": "train"}[part]
        planted.add(texture(100 + i), 3, other if i < 8 else "validation")
    found = [f for f in planted.findings() if "lacks" in f.what]
    assert [(f.severity, f.what) for f in found] == [(severity, f"the given {part} part lacks 1 class: yew")]


def test_other_shares_of_classes_in_test_are_a_warning_and_chance_is_not():
    small = [texture(i, 8, 8) for i in range(600)]
    splits = ["train"] * 400 + ["test"] * 200
    shifted = Planted(
        small, [i % 2 for i in range(400)] + [int(i % 5 == 0) for i in range(200)], ("fir", "oak"), splits
    )
    told(
        shifted,
        "warning",
        "class frequencies differ between train and test: 30% of samples would need another label; most of all fir",
    )
    chance = Planted(
        small[:60], [i % 2 for i in range(50)] + [0] * 7 + [1] * 3, ("fir", "oak"), ["train"] * 50 + ["test"] * 10
    )
    assert chance.findings() == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cat", "Cat"),
        (" cat", "cat"),
        ("1", "01"),
        ("class 2", "class_02"),
        ("caf\u00e9", "cafe\u0301"),
        ("cat", "c\u0430t"),
    ],
)
def test_class_names_that_look_alike_are_a_warning(one, other):
    finding = told(Planted(classes=(one, other, "oak")), "warning", "class names that look alike")
    assert f"{one!a}" in finding.what and f"{other!a}" in finding.what


@pytest.mark.parametrize(
    ("one", "other"), [("hornbeam", "hornbean"), ("hornbeam", "hornbeams"), ("hornbeam", "honrbeam")]
)
def test_long_class_names_one_letter_apart_are_a_note(one, other):
    told(Planted(classes=(one, other, "oak")), "note", f"class names one letter apart: {min(one, other)}")


@pytest.mark.parametrize(
    "classes",
    [
        ("cat", "rat", "bat"),
        ("stage 1", "stage 2", "stage 12"),
        ("type_a", "type_b", "type_c"),
        ("T-cells", "B-cells", "K-cells"),
    ],
)
def test_class_names_that_differ_on_purpose_are_no_finding(classes):
    assert Planted(classes=classes).findings() == []


def test_an_image_stored_three_times_is_a_note():
    planted = Planted()
    copies = tuple(planted.add(planted.pixels[6].copy()) for _ in range(2))
    told(planted, "note", "2 redundant images: 1 image stored more than once", ("6.png", *copies))


@pytest.mark.parametrize("strict", [False, True])
def test_an_image_in_two_classes_is_told(strict):
    planted = Planted()
    name = planted.add(planted.pixels[6].copy(), label=2)
    found = planted.findings(strict)
    assert [f.severity for f in found] == ["error" if strict else "warning", "note"]
    assert "1 image stored in more than one class, with the same pixels (such as beech and oak)" in found[0].what
    assert found[0].samples == ("6.png", name)
    assert found[1].what.startswith("1 redundant image")


@pytest.mark.parametrize("strict", [False, True])
def test_an_image_in_two_given_parts_is_a_leak(strict):
    planted = parted()
    name = planted.add(planted.pixels[6].copy(), part="test")
    found = planted.findings(strict)
    assert [f.severity for f in found] == ["error" if strict else "warning", "note"]
    assert "the given split leaks: 1 image stored in train and test" in found[0].what
    assert found[0].samples == ("6.png", name)


def test_a_group_in_two_given_parts_is_a_leak():
    planted = parted()
    planted.groups = [f"patient {i // 3}" for i in range(60)]
    assert planted.findings() == []
    planted.groups[59] = "patient 0"
    told(planted, "warning", "1 group in train and test: patient 0", ("0.png", "1.png", "2.png", "59.png"))
    told(planted, "error", "1 group in train and test: patient 0", strict=True)


def resaved(image: Array, quality: int = 80, scale: float = 1) -> Array:
    picture = Image.fromarray(image)
    picture = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def test_a_resaved_image_is_told_within_a_class_between_classes_and_between_parts():
    planted = Planted()
    name = planted.add(resaved(planted.pixels[6]))
    told(planted, "note", "1 pair of nearly identical images in one class", ("6.png", name))
    planted.labels[-1] = 2
    told(planted, "warning", "1 pair of nearly identical images with different labels", ("6.png", name))
    planted = parted()
    name = planted.add(resaved(planted.pixels[6]), part="test")
    told(planted, "warning", "may leak: 1 pair of nearly identical images in train and test", ("6.png", name))


def test_frames_of_a_film_are_told_unless_they_have_groups_or_parts():
    """Two scenes that change slowly, each frame half-way from one texture to the next."""
    names = [texture(seed, 48, 48).astype(float) for seed in range(300, 312)]
    frames = [(a * (5 - k) + b * k) / 5 for a, b in pairwise(names) for k in range(5)]
    film = Planted([frame.astype(np.uint8) for frame in frames[:54]], [i % 3 for i in range(54)])
    found = [finding for finding in film.findings() if "films" in finding.what]
    assert [(f.severity, f.samples) for f in found] == [("warning", ("0.png",))]
    assert found[0].what.startswith("54 images may be frames of films")
    for column, values in (
        ("groups", [f"film {i // 27}" for i in range(54)]),
        ("splits", ["train"] * 27 + ["test"] * 27),
    ):
        told_apart = replace(film, **{column: values})
        assert not [finding for finding in told_apart.findings() if "films" in finding.what]


def test_a_mirrored_and_a_turned_image_are_told():
    planted = Planted()
    names = [
        planted.add(np.ascontiguousarray(planted.pixels[6][:, ::-1])),
        planted.add(np.rot90(planted.pixels[9]).copy()),
    ]
    found = told(planted, "note", "2 pairs of nearly identical images in one class")
    assert set(found.samples) == {"6.png", "9.png", *names} and found.advice.startswith("2 families of 4 images")


def test_an_image_in_other_colours_is_another_image():
    planted = Planted()
    planted.add(np.ascontiguousarray(planted.pixels[6][..., [1, 2, 0]]))
    assert planted.findings() == []


def test_grey_among_colour_and_16_bits_among_8_are_warnings():
    planted = Planted()
    name = planted.add(texture(100, channels=1))
    told(planted, "warning", "channels are mixed: 60 images with 3 channels, 1 image with 1 channel", (name,))
    planted = Planted()
    name = planted.add(texture(100).astype(np.uint16) * 257)
    told(planted, "warning", "pixel types are mixed: 60 images with 8-bit, 1 image with 16-bit", (name,))


def test_images_that_keep_their_sizes_are_not_said_to_be_brought_to_one():
    for pairs, said in (
        (None, "brought to one size"),
        (ArrayImages(np.zeros((2, 8, 8, 1), np.uint8), ["a", "b"]), "keeps its own"),
    ):
        found = Planted()
        found.add(texture(100, 40, 50))
        dataset, records = found.dataset(), scan_images(found).records
        (note,) = mixed_sizes(replace(dataset, pairs=pairs), records)
        assert said in note.advice


def test_mixed_sizes_are_a_note():
    planted = Planted()
    planted.add(texture(100, 40, 50))
    told(planted, "note", "2 image sizes (height × width): 40 × 50 to 48 × 48, most often 48 × 48 (60)")


def test_a_strip_among_squares_is_a_warning():
    planted = Planted()
    name = planted.add(texture(100, 40, 90))
    found = planted.findings()
    assert [(f.severity, f.samples) for f in found] == [("warning", (name,)), ("note", ())]
    assert "1 image of an unusual shape" in found[0].what and "usual 1.00" in found[0].what


def test_a_thumbnail_among_photographs_is_a_warning():
    planted = Planted()
    name = planted.add(texture(100, 11, 11))
    found = planted.findings()
    assert [(f.severity, f.samples) for f in found] == [("warning", (name,)), ("note", ())]
    assert "1 image more than 4 times smaller than usual (48 pixels a side)" in found[0].what


def test_black_images_are_a_note():
    planted = Planted()
    names = (planted.add(np.zeros((SIZE, SIZE, 3), np.uint8)), planted.add(np.full((SIZE, SIZE, 3), 9, np.uint8)))
    told(planted, "note", "2 images of one constant value", names)


def test_files_that_are_not_what_they_seem_are_notes():
    told(
        Planted(notes={3: "PNG named .jpg", 9: "PNG named .jpg"}),
        "note",
        "2 images: PNG named .jpg",
        ("3.png", "9.png"),
    )


def test_what_the_reader_assumed_is_a_note():
    told(Planted(reader=("4 other files are left out",)), "note", "4 other files are left out")


def test_all_faults_are_told_in_one_pass_errors_first():
    planted = parted()
    planted.add(planted.pixels[6].copy(), label=1, part="test")
    planted.add(np.zeros((SIZE, SIZE, 3), np.uint8), part="validation")
    planted.bad[3] = BadImage("empty file", "3.png")
    planted.notes[9] = "EXIF turned"
    found = planted.findings()
    assert [f.severity for f in found] == ["error", "warning", "warning", "note", "note", "note"]


def test_changed_files_are_errors_against_the_record_of_a_run(tmp_path):
    planted = Planted()
    dataset, parts = planted.dataset(), np.array(["train"] * 60)
    digests = [planted.digest(i) for i in range(60)]
    write_splits(tmp_path / "splits.csv", dataset, parts, digests, target_texts(dataset))
    recorded = read_splits(tmp_path / "splits.csv")
    assert list(verify(dataset, digests, recorded, target_texts(dataset))) == []
    planted.pixels[7] = planted.pixels[7] ^ 1  # one bit in each value
    digests[7] = planted.digest(7)
    now = replace(dataset, names=[*dataset.names[:59], "new.png"])
    found = list(verify(now, digests, recorded, target_texts(now)))
    assert [(f.severity, f.what, f.samples) for f in found] == [
        ("error", "1 image changed since it was recorded", ("7.png",)),
        ("error", "1 image that was recorded is missing", ("59.png",)),
        ("note", "1 image is not in the record", ("new.png",)),
    ]
