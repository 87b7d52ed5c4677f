"""An image is resized before it becomes an array, to the same pixels; ``--draft`` decodes JPEG files at a part of their size, in
training, evaluation and prediction alike, and is refused where it would change nothing."""

from __future__ import annotations

import csv
import io
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.data.dataset import BadImage, pixel_digest
from neocog.data.formats.decoding import draft_scale
from neocog.data.images import Decoding, FileImages, decode_bytes, decode_picture
from neocog.data.loader import Streamed
from neocog.data.preprocessing import Preprocessing
from neocog.data.resize import fit
from neocog.data.scan import scan_images
from neocog.errors import UserError
from neocog.predictor import load_predictor
from neocog.run import Run, to_json
from neocog.tasks import files

RNG = np.random.default_rng(5)
SMOOTH = np.asarray(Image.fromarray(RNG.integers(0, 256, (9, 12, 3), np.uint8)).resize((128, 96)))
TURNED = b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0"
MODES = ("L", "RGB", "CMYK", "RGBA", "P", "LA", "1")


def plan(channels: int = 3, size: tuple[int, int] = (24, 32), **more: Any) -> Preprocessing:
    return Preprocessing(channels, size, "uint8", (0.0,) * channels, (1.0,) * channels, **more)


def stored(mode: str = "RGB", kind: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(SMOOTH).convert(mode).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("how", ["resize", "pad", "crop"])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_resized_in_pillow_has_the_pixels_of_the_array(channels: int, how: str) -> None:
    middle = plan(channels, fit=how, interpolation="bicubic", crop_share=0.8)  # type: ignore[arg-type]
    for wanted in (plan(channels, fit=how), plan(channels, (96, 128)), middle):
        for mode in MODES:
            for more in ({}, {"exif": TURNED}):
                kind = "JPEG" if mode in ("L", "RGB", "CMYK") else "PNG"
                data = stored(mode, kind, **more)
                picture, array = (decode(data, Decoding(), "a")[0] for decode in (decode_picture, decode_bytes))
                assert np.array_equal(fit(picture, wanted), fit(array, wanted)), (mode, more)  # type: ignore[arg-type]
                assert isinstance(picture, Image.Image) == (mode in ("L", "RGB") and not more)


def test_grey_that_is_stored_as_colour_is_told_by_all_of_its_pixels() -> None:
    grey = RNG.integers(0, 256, (40, 50, 1), np.uint8)
    colour = np.repeat(grey, 3, axis=2)
    assert pixel_digest(colour) == pixel_digest(grey)
    for channel in range(3):
        other = colour.copy()
        other[37, 3, channel] ^= 1
        assert pixel_digest(other) != pixel_digest(grey)


def test_a_draft_is_pillows_and_the_header_stays_the_files() -> None:
    wanted = plan(size=(25, 22), draft=True)
    for more, size in (({}, (96, 128)), ({"exif": TURNED}, (128, 96))):
        pixels, header = decode_bytes(data := stored(quality=90, **more), Decoding.recorded(wanted), "a")
        assert header.size == size and pixels.shape[:2] == tuple(
            -(-side // draft_scale(size, (25, 22))) for side in size
        )
        whole = decode_bytes(data, Decoding(), "a")[0]
        apart = np.abs(fit(pixels, wanted).astype(float) - fit(whole, wanted))
        assert 0 < apart.mean() < 2, "grey levels"
    with Image.open(io.BytesIO(stored(quality=90))) as image:
        image.draft("RGB", (22, 25))
        assert np.array_equal(decode_bytes(stored(quality=90), Decoding.recorded(wanted), "a")[0], np.asarray(image))


@pytest.mark.parametrize(("least", "scale"), [((96, 128), 1), ((49, 64), 1), ((48, 64), 2), ((24, 32), 4), ((1, 1), 8)])
def test_no_side_of_a_draft_is_smaller_than_asked(least: tuple[int, int], scale: int) -> None:
    for height, width in ((96, 128), (97, 131)):
        assert draft_scale((height, width), least) == scale
        file = io.BytesIO()
        Image.fromarray(SMOOTH).resize((width, height)).save(file, "JPEG")
        pixels = decode_bytes(file.getvalue(), Decoding(draft=least), "a")[0]
        assert pixels.shape[:2] == (-(-height // scale), -(-width // scale))
        assert min(np.subtract(pixels.shape[:2], least)) >= 0


def test_the_middle_that_is_seen_keeps_its_resolution() -> None:
    assert Decoding.recorded(plan(size=(30, 60), crop_share=0.5, draft=True)).draft == (60, 120)
    assert Decoding.recorded(plan()).draft == ()


def test_only_jpeg_is_drafted() -> None:
    assert decode_bytes(stored(kind="PNG"), Decoding(draft=(10, 10)), "a")[0].shape == SMOOTH.shape


def photos(folder: Path, suffix: str = ".jpg", count: int = 24) -> Path:
    for index in range(count):
        file = folder / "ab"[index % 2] / f"{index}{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        noise = RNG.normal(90 + 50 * (index % 2), 60, (40, 48, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noise).save(file)
    return folder


QUICK: dict[str, Any] = {
    "model": "cnn",
    "widths": "4",
    "size": (16,),
    "epochs": 1,
    "batch": 8,
    "threads": 1,
    "quiet": True,
}


def test_training_evaluation_and_prediction_see_the_same_drafts(tmp_path: Path) -> None:
    folder = photos(tmp_path / "photos")
    run = neocog.train(folder, tmp_path / "run", draft=True, split=(0.5, 0.2, 0.3), **QUICK)
    predictor = load_predictor(Run(run.folder))
    assert predictor.preprocessing.draft
    with (run.folder / "predictions.csv").open() as file:
        kept = {row["path"]: float(row["probability"]) for row in csv.DictReader(file)}
    rows = neocog.predict(run.folder, folder, quiet=True).rows
    found = {Path(row["path"]).relative_to(folder).as_posix(): row["probability"] for row in rows}
    assert len(kept) > 3 and {name: found[name] for name in kept} == pytest.approx(kept, abs=1e-6)
    evaluated = json.loads(to_json(neocog.evaluate(run.folder, quiet=True)))
    kept_measures = json.loads((run.folder / "result.json").read_text())["measures"]
    assert evaluated["measures"]["test"] == kept_measures["test"]


def test_a_run_without_it_predicts_from_whole_images(tmp_path: Path) -> None:
    images = FileImages(photos(tmp_path, count=2), ["a/0.jpg", "b/1.jpg"])
    whole = scan_images(images, plan(size=(16, 16))).pixels
    assert whole is not None
    by_stream = next(iter(Streamed(images, plan(size=(16, 16))).stream([np.arange(2)])))
    assert np.array_equal(whole, by_stream)


@pytest.mark.parametrize(
    ("suffix", "size", "what"),
    [(".png", (16,), "no JPEG file"), (".jpg", (24,), "no JPEG file here is twice as large as 24 × 24")],
)
def test_it_is_refused_where_nothing_would_change(
    tmp_path: Path, suffix: str, size: tuple[int, ...], what: str
) -> None:
    with pytest.raises(UserError, match=what):
        neocog.train(photos(tmp_path / "photos", suffix), tmp_path / "run", draft=True, **{**QUICK, "size": size})


def test_it_is_refused_for_what_lies_in_the_images(tmp_path: Path) -> None:
    for index in range(6):
        for part in ("images", "masks"):
            (tmp_path / part).mkdir(exist_ok=True)
        Image.fromarray(SMOOTH).save(tmp_path / "images" / f"{index}.jpg")
        Image.fromarray((SMOOTH[..., 0] > 128).astype(np.uint8)).save(tmp_path / "masks" / f"{index}.png")
    with pytest.raises(UserError, match="--draft is for classes and values"):
        neocog.train(tmp_path, f"{tmp_path}-run", draft=True, quiet=True, size=(16,), task="segmentation")


def test_predictions_are_in_the_order_of_the_files_and_decoded_by_other_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, by = list[str](), set[str]()

    class Looked:
        preprocessing = plan(size=(16, 16))

        def look(self, _pixels: object, name: str, _header: object) -> None:
            seen.append(name)

    fitted = files.fit

    def watched(*given: Any) -> Any:
        by.add(threading.current_thread().name)
        return fitted(*given)

    monkeypatch.setattr(files, "fit", watched)
    monkeypatch.setattr(files, "at_once", lambda _: 5)
    paths = [path for path in sorted(photos(tmp_path).rglob("*.jpg")) for _ in range(2)]
    paths[3].write_bytes(b"\xff\xd8\xff")
    chunks = list(files.chunks(paths, Looked(), lambda _count: None))  # type: ignore[arg-type]
    assert [part.name for chunk in chunks for part in chunk] == [str(path) for path in paths]
    assert [len(chunk) for chunk in chunks] == [5] * 9 + [3]
    assert seen == [str(path) for path in paths if path != paths[3]]
    assert [part.fault != "" for chunk in chunks for part in chunk] == [path == paths[3] for path in paths]
    assert by and threading.current_thread().name not in by


def test_damaged_drafts_are_bad_images() -> None:
    data = stored()
    with pytest.raises(BadImage):
        decode_bytes(data[: len(data) // 2], Decoding(draft=(8, 8)), "a")
