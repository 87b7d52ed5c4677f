"""``embed``: features are what comes into the network's head, neighbours and copies are found, nothing is half written."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pyarrow import parquet
from safetensors.torch import save_file

import neocog
from neocog.cli.main import main
from neocog.data.normalise import normalise
from neocog.errors import UserError
from neocog.predictor import load_predictor
from neocog.run import Run
from neocog.verbs.embed import nearest
from neocog.verbs.feature_map import placed

TINY: dict[str, Any] = {"epochs": 1, "threads": 1, "augment": ("off",), "quiet": True}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("embed") / "photos", np.random.default_rng(3)
    for name, level in (("dark", 60), ("bright", 180)):
        (folder / name).mkdir(parents=True)
        for number in range(12):
            Image.fromarray((level + rng.integers(-50, 50, (16, 16, 3))).astype(np.uint8)).save(
                folder / name / f"{number}.png"
            )
    return folder


@pytest.fixture(scope="module")
def run(photos: Path) -> Path:
    return neocog.train(photos, out=photos.parent / "run", model="cnn", widths=(4, 8), **TINY).folder


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "names.csv").read_text(encoding="utf-8").splitlines()))


def test_features_are_what_comes_into_the_last_layer_of_the_run(run: Path, photos: Path, tmp_path: Path) -> None:
    made = neocog.embed(run, photos, tmp_path / "out", near=3, quiet=True)
    predictor = load_predictor(Run(run))
    pixels = np.stack([np.asarray(Image.open(path)).transpose(2, 0, 1) for path in made.paths])
    heads = [layer for layer in predictor.network.modules() if isinstance(layer, torch.nn.Linear)]
    stored = np.load(tmp_path / "out" / "features.npy")
    logits = predictor.of_pixels(torch.from_numpy(pixels))
    with torch.no_grad():
        again = heads[-1](torch.from_numpy(stored)).numpy()
    np.testing.assert_allclose(again, logits, rtol=1e-4, atol=1e-4)
    assert normalise(torch.from_numpy(pixels), predictor.preprocessing).shape[0] == len(rows(tmp_path / "out")) == 24
    page = (tmp_path / "out" / "map.html").read_text(encoding="utf-8")
    assert "Most similar pairs" in page and 'src="http' not in page


def test_copies_and_neighbours_are_named(run: Path, photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos, tmp_path / "more")
    shutil.copy(photos / "dark" / "3.png", tmp_path / "more" / "zzz.png")
    (tmp_path / "more" / "broken.png").write_bytes(b"no image")
    made = neocog.embed(neocog.load(run), tmp_path / "more", tmp_path / "out", near=2, quiet=True)
    last = next(row for row in rows(tmp_path / "out") if row["path"].endswith("zzz.png"))
    assert last["same_pixels_as"].endswith("dark/3.png") and last["nearest_1"].endswith("dark/3.png")
    assert float(last["similarity_1"]) == pytest.approx(1, abs=1e-3) and len(made.skipped) == 1
    assert made.to_json()["same_pixels"] == [[last["same_pixels_as"], last["path"]]]


def test_nearest_is_brute_force_and_the_map_is_principal_components() -> None:
    rng = np.random.default_rng(0)
    found = rng.normal(size=(40, 7)).astype(np.float32)
    positions, values = nearest(found, 4)
    for i in range(40):
        cosines = [
            -2.0 if i == j else found[i] @ found[j] / np.linalg.norm(found[i]) / np.linalg.norm(found[j])
            for j in range(40)
        ]
        assert positions[i].tolist() == np.argsort(cosines)[::-1][:4].tolist()
        assert values[i] == pytest.approx(sorted(cosines)[::-1][:4], abs=1e-5)
    from sklearn.decomposition import PCA

    theirs = PCA(2).fit_transform(found)
    np.testing.assert_allclose(np.abs(placed(found)), np.abs(theirs), atol=1e-3)
    assert placed(np.ones((3, 1), np.float32)).shape == (3, 2)


def test_weights_of_a_file_embed_with_the_preprocessing_they_need(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    timm = pytest.importorskip("timm", reason="needs neocog[timm]")
    torch.manual_seed(0)
    net = timm.create_model("test_resnet", num_classes=1000).eval()
    save_file(net.state_dict(), tmp_path / "mine.safetensors")
    main(
        ["embed", str(tmp_path / "mine.safetensors"), str(photos), "--out", str(tmp_path / "out"), "--json", "--quiet"]
    )
    assert json.loads(capsys.readouterr().out)["features"] == [24, net.num_features]
    record = timm.data.resolve_data_config(net.pretrained_cfg)
    transform = timm.data.create_transform(**record, is_training=False)
    images = [transform(Image.open(row["path"])) for row in rows(tmp_path / "out")]
    with torch.no_grad():
        theirs = net.forward_head(net.forward_features(torch.stack(images)), pre_logits=True).numpy()
    ours = np.load(tmp_path / "out" / "features.npy")
    assert np.abs(ours - theirs).mean() < 0.1 * np.abs(theirs).mean()


def test_what_cannot_be_embedded_is_one_error_and_nothing_is_written(run: Path, photos: Path, tmp_path: Path) -> None:
    for arguments, says in (
        ((run, photos / "dark" / "0.png"), "1 image can be read: at least 2 are compared"),
        ((tmp_path / "none", photos), "no such weights"),
        ((run, tmp_path / "none"), "no such file"),
    ):
        with pytest.raises(UserError, match=says):
            neocog.embed(*arguments, tmp_path / "out", quiet=True)
    with pytest.raises(UserError, match="--near 0 is below 1"):
        neocog.embed(run, photos, tmp_path / "out", near=0, quiet=True)
    assert not list(tmp_path.iterdir())


def test_an_autoencoders_encoder_embeds(photos: Path, tmp_path: Path) -> None:
    vae = neocog.train(photos, out=tmp_path / "vae", task="vae", latent=2, hidden=8, widths=(4,), **TINY).folder
    made = neocog.embed(vae, photos, tmp_path / "out", quiet=True)
    assert made.features.shape == (24, 8)


@pytest.mark.parametrize("way", ["tsne", "umap"])
def test_maps_of_neighbourhoods_keep_what_is_alike_together_and_are_repeatable(way: str) -> None:
    pytest.importorskip("umap" if way == "umap" else "sklearn")
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 16)) * 20
    found = (centres[np.arange(60) % 3] + rng.normal(size=(60, 16))).astype(np.float32)
    places = placed(found, way)
    assert places.shape == (60, 2) and np.array_equal(places, placed(found, way))
    distances = np.linalg.norm(places[:, None] - places[None], axis=2) + np.eye(60) * 1e9
    assert (distances.argmin(1) % 3 == np.arange(60) % 3).all()
    assert placed(found[:3], way).shape == (3, 2)


def test_the_map_asked_for_is_the_one_that_is_written_and_said(run: Path, photos: Path, tmp_path: Path) -> None:
    made = {
        way: neocog.embed(run, photos, tmp_path / way, map=way, parquet=True, quiet=True) for way in ("pca", "tsne")
    }
    assert not np.array_equal(made["pca"].places, made["tsne"].places)
    for way, one in made.items():
        assert "t-SNE" in (tmp_path / way / "map.html").read_text(encoding="utf-8") or way == "pca"
        assert [float(row["x"]) for row in rows(tmp_path / way)] == pytest.approx(one.places[:, 0].tolist(), rel=1e-3)
        table = parquet.read_table(tmp_path / way / "features.parquet").to_pydict()
        assert table["path"] == list(one.paths) and np.array_equal(
            np.array(table["features"], np.float32), one.features
        )


def test_a_map_that_does_not_exist_or_cannot_be_made_is_refused_before_anything_is_read(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="no map 'umpa'"):
        neocog.embed(run, photos, tmp_path / "out", map="umpa", quiet=True)
    for name, asked in (("umap", {"map": "umap"}), ("pyarrow", {"parquet": True})):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(UserError, match=f"{name} is not installed"):
            neocog.embed(run, photos, tmp_path / "out", quiet=True, **asked)
    assert not (tmp_path / "out").exists()
