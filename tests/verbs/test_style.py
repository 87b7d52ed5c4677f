"""``neocog style`` as a whole: files, equal bytes, features of a run, Ctrl-C."""

from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.cli.main import main
from neocog.errors import UserError
from neocog.styling import texture
from neocog.verbs import style as verb


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.setattr(texture, "STEPS", 1)
    drawn = np.random.default_rng(0)
    photo = np.kron(drawn.integers(0, 256, (8, 9, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    painting = (drawn.random((70, 70, 3)) * (90, 160, 255)).astype(np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    Image.fromarray(painting).save(tmp_path / "painting.png")
    return tmp_path / "photo.png", tmp_path / "painting.png"


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        neocog.style(*pictures, tmp_path / name, steps=2, seed=seed, quiet=True)
    for file in ("styled.png", "strip.png", "losses.csv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert (tmp_path / "a/styled.png").read_bytes() != (tmp_path / "c/styled.png").read_bytes()


def test_the_command_writes_every_file_and_tells_each_layers_loss(
    pictures: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    main(["style", *map(str, pictures), "--out", str(out), "--steps", "6", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert len(found["layers"]) == 8 and found["style_after"] < found["style_before"]
    assert found["style_before"] == pytest.approx(sum(each["style_before"] for each in found["layers"]))
    with Image.open(out / "styled.png") as image:
        assert image.size == (72, 64)
    rows = list(csv.DictReader((out / "losses.csv").read_text().splitlines()))
    assert len(rows) >= 6 and {row["side"] for row in rows} == {"36", "72"} and float(rows[0]["conv4_2"]) > 0
    page = (out / "style.html").read_text(encoding="utf-8")
    assert "Texture from noise" in page and "conv4_2: painting" in page
    assert json.loads((out / "style.json").read_text())["edge_correlation"] == found["edge_correlation"]


def test_kept_colours_are_the_photos(pictures: tuple[Path, Path], tmp_path: Path) -> None:
    photo = np.asarray(Image.open(pictures[0]), float)
    away = []
    for colours in ("keep", "painting"):
        neocog.style(*pictures, tmp_path / colours, steps=4, colours=colours, quiet=True)
        change = np.asarray(Image.open(tmp_path / colours / "styled.png"), float) - photo
        away.append(np.median(np.ptp(change, axis=2)))
    assert away[0] <= 2 < away[1]


def test_ctrl_c_writes_what_is_painted_by_then(
    pictures: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = verb.paint

    def interrupted(*given: object, **named: object) -> object:
        photo, painting, sees, steps, advance = given

        def heard(loss: float) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            advance(loss)  # type: ignore[operator]

        return whole(photo, painting, sees, steps, heard, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(verb, "paint", interrupted)
    with pytest.raises(neocog.Interrupted, match="what was painted by then is in") as stop:
        neocog.style(*pictures, tmp_path / "out", steps=50, quiet=True)
    assert stop.value.code == 130 and (tmp_path / "out/styled.png").is_file()
    assert json.loads((tmp_path / "out/style.json").read_text())["stopped"] is True
    assert len((tmp_path / "out/losses.csv").read_text().splitlines()) == 2


def test_a_runs_network_sees_in_place_of_the_random_one(pictures: tuple[Path, Path], tmp_path: Path) -> None:
    """A ResNet's maps go through SWAG's softmax, a plain network's do not."""
    drawn = np.random.default_rng(0)
    data = drawn.integers(0, 256, (24, 16, 16, 3)).astype(np.uint8), np.arange(24) % 2
    for model, options in (("cnn", {"widths": (4, 8)}), ("resnet", {"widths": (8, 16), "blocks": 1})):
        run = neocog.train(data, tmp_path / model, model=model, options=options, epochs=1, quiet=True)
        sees = verb._trained(str(tmp_path / model), pictures[0], verb.Progress(True))
        assert sees.smooth == (model == "resnet")
        found = neocog.style(*pictures, tmp_path / f"by-{model}", features=str(tmp_path / model), steps=4, quiet=True)
        assert run is not None and found.style_after < found.style_before and len(found.layers) == len(sees.names)


def test_what_is_no_picture_mask_or_network_is_refused_by_its_own_name(
    pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    photo, painting = pictures
    Image.new("L", (20, 20), 255).save(tmp_path / "mask.png")
    said = []
    for given in ({"mask": tmp_path / "mask.png"}, {"features": "nope"}, {"painting": tmp_path}):
        with pytest.raises(UserError) as refused:
            neocog.style(photo, **{"painting": painting, "out": tmp_path / "o", "quiet": True, **given})
        said.append(str(refused.value))
    for words, text in zip(("the mask is 20 × 20", "--features nope", "the painting is no file"), said, strict=True):
        assert words in text


def test_settings_that_mean_nothing_are_refused_before_any_work(pictures: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        neocog.style(*pictures, tmp_path, size=10, weight=0.0, steps=0)
    assert all(word in str(refused.value) for word in ("exists already", "--size 10", "--weight 0", "--steps 0"))
    with pytest.raises(UserError, match="are not on this machine"):
        neocog.style(*pictures, tmp_path / "x", features="torchvision:vgg19")
    assert not (tmp_path / "x").exists()
