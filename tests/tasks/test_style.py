"""``--task style``: what is learned, what a run makes of photos, and which paintings it takes."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession
from PIL import Image

import neocog
from neocog.config import Config, changed
from neocog.data.loader import Batch
from neocog.data.preprocessing import Preprocessing
from neocog.data.resize import fit
from neocog.errors import UserError
from neocog.networks import build, check_purpose
from neocog.networks.johnson import Johnson
from neocog.predictor import load_predictor
from neocog.run import Run
from neocog.styling.network import Plain
from neocog.styling.painting import STYLE
from neocog.styling.palette import in_colours_of
from neocog.tasks.style.objective import Style
from neocog.tasks.style.task import StyleTask, photo_and_painted

SETTINGS: dict[str, Any] = {
    "task": "style", "size": 32, "strokes": 64, "epochs": 6, "batch": 2, "lr": 0.02, "threads": 1, "width": 4, "blocks": 1,
    "quiet": True,
}  # fmt: skip
SAME = ("weights.safetensors", "metrics.csv", "predictions.csv")


def picture(path: Path, shape: tuple[int, ...] = (40, 52, 3), seed: int = 0, dtype: type = np.uint8) -> Path:
    """Blocks of 4 pixels a side in random colours."""
    blocks = np.random.default_rng(seed).integers(
        0, np.iinfo(dtype).max, (-(-shape[0] // 4), -(-shape[1] // 4), *shape[2:])
    )
    pixels = blocks.repeat(4, 0).repeat(4, 1)[: shape[0], : shape[1]].astype(dtype)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("style")
    (folder / "photos").mkdir()
    for seed in range(16):
        picture(folder / "photos" / f"{seed:02}.png", seed=seed)
    pixels = np.random.default_rng(99).random((70, 80, 3)) * (255, 60, 0)  # fine, and red
    Image.fromarray(pixels.astype(np.uint8)).save(folder / "painting.png")
    return folder


@pytest.fixture(scope="module")
def run(data: Path) -> Run:
    return neocog.train(data / "photos", data / "run", painting=str(data / "painting.png"), **SETTINGS)


def objective(weight: float = 1.0, seed: int = 0) -> Style:
    drawn = torch.Generator().manual_seed(3)
    strokes = torch.rand(1, 3, 40, 40, generator=drawn) * torch.tensor([0.9, 0.5, 0.2]).view(1, 3, 1, 1)
    return Style(lambda: build("johnson", 3, (32, 32), 3, width=4, blocks=1), strokes, seed, weight)


def batch(count: int = 3) -> Batch:
    photos = torch.rand(count, 3, 32, 36, generator=torch.Generator().manual_seed(1))
    return Batch(photos, torch.zeros(count), None, np.arange(count), count)


def test_the_exported_network_paints_photos_of_any_size_as_predict_does(run: Run, tmp_path: Path) -> None:
    folder = neocog.export(run, "onnx", tmp_path / "onnx", quiet=True)
    session = InferenceSession(folder / "network.onnx", providers=["CPUExecutionProvider"])
    for seed, size in ((70, (33, 50)), (71, (47, 41))):
        photo = np.asarray(Image.open(picture(tmp_path / "new.png", (*size, 3), seed)))
        (found,) = session.run(None, {"pixels": photo.transpose(2, 0, 1)[None]})
        (expected,) = neocog.load(run).predict([photo])
        assert np.abs(found[0].transpose(1, 2, 0).clip(0, 255) - expected).max() < 0.51  # predict rounds
    assert "styled (B, C, H, W)" in json.loads((folder / "network.json").read_text())["answers"]


def test_the_network_begins_as_the_photo_itself_whatever_its_size() -> None:
    network = Johnson(3, (32, 32), 3, width=4, blocks=1)
    for size in ((32, 32), (33, 46)):
        photos = torch.rand(2, 3, *size)
        torch.testing.assert_close(network(photos), photos)


def test_a_photos_answer_does_not_depend_on_the_others_of_its_batch() -> None:
    network = Johnson(3, (32, 32), 3, width=4, blocks=1)
    torch.nn.init.normal_(network.last.weight)
    photos = torch.rand(3, 3, 32, 32)
    torch.testing.assert_close(network(photos)[1:2], network(photos[1:2]), atol=1e-5, rtol=1e-4)


def test_the_painting_itself_has_no_style_loss_and_a_photo_in_its_colours_no_content_loss() -> None:
    style = objective()
    painting = style.strokes
    assert float(style.parts(painting, painting)[1]) < 1e-8
    loss_network = style.loss_network(torch.device("cpu"))
    photos = batch().inputs
    begun = torch.cat([in_colours_of(photo[None], painting) for photo in photos])
    content, texture, _ = style.parts(photos, begun)
    assert content.max() < 1e-8 and texture.min() > 0 and len(loss_network.grams) == 8


def test_the_losses_of_a_batch_are_those_of_its_photos_weighted_as_settings_say() -> None:
    photos = batch().inputs
    one, other = objective(1.0), objective(3.0)
    nets = one.networks()
    content, style, beyond = one.parts(photos, photos)
    loss, heavier = (next(each.losses(nets, batch()))[1].detach() for each in (one, other))
    assert float(loss) == pytest.approx(float((content + STYLE * style + 10 * beyond).mean()), rel=1e-5)
    assert float(heavier - loss) == pytest.approx(float(2 * STYLE * style.mean()), rel=1e-4)
    alone = one.parts(photos[1:2], photos[1:2])
    for whole, single in zip((content, style), alone, strict=False):
        torch.testing.assert_close(whole[1:2], single, rtol=1e-4, atol=1e-7)
    with torch.no_grad():
        totals = one.tally(nets, batch())
    assert one.measures(totals)["loss"] == pytest.approx(float(loss), rel=1e-5)


def test_the_seed_says_what_sees_the_pictures() -> None:
    device = torch.device("cpu")
    same = objective(seed=5).loss_network(device).sees.state_dict()
    assert all(torch.equal(a, b) for a, b in zip(same.values(), Plain(5).state_dict().values(), strict=True))
    photos = batch().inputs
    assert not torch.equal(objective(seed=5).parts(photos, photos)[1], objective(seed=6).parts(photos, photos)[1])


def test_a_run_is_nearer_to_the_painting_than_the_photos_and_its_report_shows_pictures(run: Run) -> None:
    result = json.loads(run.result.read_text())
    measures = result["measures"]["test"]
    assert list(measures) == ["style_left", "edge_correlation", "palette_left"]
    assert 0 < measures["style_left"]["value"] < 1 and measures["edge_correlation"]["value"] > 0.5
    assert result["baselines"]["colours alone"]["measures"]["edge_correlation"]["value"] > 0.5
    page = run.folder / "report.html"
    text = page.read_text(encoding="utf-8")
    assert "the painting" in text and "Test photos and results" in text
    rows = list(csv.DictReader((run.folder / "predictions.csv").read_text().splitlines()))
    assert len(rows) == measures["style_left"]["n"] and float(rows[0]["style_loss: photo"]) > 0
    again = neocog.evaluate(run, quiet=True)["measures"]["test"]
    assert {name: each["value"] for name, each in again.items()} == {
        name: each["value"] for name, each in measures.items()
    }
    rows = list(csv.DictReader(run.metrics_csv.read_text().splitlines()))
    losses = [float(row["validation_loss"]) for row in rows]
    assert result["best_epoch"] == 1 + losses.index(min(losses)) and losses[-1] < losses[0] / 2


def test_a_run_is_judged_by_the_network_that_it_learned_from(run: Run, data: Path) -> None:
    rows = list(csv.DictReader((run.folder / "predictions.csv").read_text().splitlines()))
    predictor = load_predictor(run)
    task = StyleTask(painting=str(data / "painting.png"), strokes=64)
    loss_network = Style(lambda: predictor.network, task.strokes_of_painting(), seed=0).loss_network(
        torch.device("cpu")
    )
    pixels = fit(np.asarray(Image.open(data / "photos" / Path(rows[0]["path"]).name)), predictor.preprocessing)
    photo = torch.from_numpy(pixels[None]).float() / 255
    assert float(rows[0]["style_loss: photo"]) == pytest.approx(
        float(loss_network.style(loss_network.sees(photo))), rel=1e-4
    )


def test_the_weight_and_the_size_of_strokes_reach_what_is_learned(data: Path) -> None:
    plan = Preprocessing(3, (32, 32), "uint8", (0.0,) * 3, (255.0,) * 3)
    task = StyleTask(painting=str(data / "painting.png"), strokes=100, style_weight=2.5)
    made = task.objective(changed(Config(), {"seed": 4}), None, plan, np.arange(1))  # type: ignore[arg-type]
    assert made.weight == 2.5 and made.seed == 4 and made.strokes.shape == (1, 3, 94, 107)


def test_whole_photos_of_any_size_are_repainted_and_what_cannot_be_is_told(run: Run, tmp_path: Path) -> None:
    photo, tiny = picture(tmp_path / "a.png", (61, 47, 3)), picture(tmp_path / "tiny.png", (12, 40, 3))
    grey, other = picture(tmp_path / "grey.png", (40, 40)), picture(tmp_path / "deep.png", (40, 40), dtype=np.uint16)
    found = neocog.predict(run, [photo, tiny, grey, other], out=tmp_path / "out", quiet=True)
    assert [bool(row["skipped"]) for row in found.rows] == [False, True, False, True]
    assert "too few to repaint" in found.rows[1]["skipped"] and "uint16" in found.rows[3]["skipped"]
    with Image.open(tmp_path / "out/styled/a.png") as image:
        assert image.size == (47, 61) and image.mode == "RGB"
        written = np.asarray(image)
    assert found.rows[0]["change"] > 0
    stored = np.asarray(Image.open(photo))
    np.testing.assert_array_equal(photo_and_painted(load_predictor(run), stored)[1], written)
    with pytest.raises(UserError, match="have no one score to be explained"):
        StyleTask().asked(load_predictor(run), torch.zeros(1), "")


def test_a_run_that_stopped_ends_in_the_same_bytes(run: Run, data: Path) -> None:
    def stop(_: object) -> None:
        raise neocog.Stop

    with pytest.raises(neocog.Interrupted):
        neocog.train(
            data / "photos", data / "halted", painting=str(data / "painting.png"), after_epoch=stop, **SETTINGS
        )
    halted = neocog.resume(data / "halted", quiet=True)
    for name in SAME:
        assert (halted.folder / name).read_bytes() == (run.folder / name).read_bytes(), name


def test_another_painting_of_the_same_name_is_refused_where_a_run_goes_on_or_is_evaluated(run: Run, data: Path) -> None:
    own = data / "moved"
    own.mkdir()
    shutil.copy(data / "painting.png", own)
    made = neocog.train(data / "photos", own / "run", painting=str(own / "painting.png"), **{**SETTINGS, "epochs": 1})
    picture(own / "painting.png", (70, 80, 3), seed=5)
    for again in (neocog.evaluate, neocog.resume):
        (made.folder / "result.json").unlink(missing_ok=True) if again is neocog.resume else None
        with pytest.raises(UserError, match="the painting is another file"):
            again(made, quiet=True)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"painting": ""}, "needs a painting"),
        ({"painting": "gone.png"}, "gone.png"),
        ({"strokes": 10}, "--strokes 10 is outside"),
        ({"style_weight": 0.0}, "--style-weight 0 is no positive number"),
        ({"scaling": "image"}, "--scaling image is not for --task style"),
        ({"model": "edsr"}, "gives restored images; this task needs repainted pictures"),
    ],
)
def test_settings_that_mean_nothing_are_refused(data: Path, settings: dict[str, Any], says: str) -> None:
    own = {name: value for name, value in SETTINGS.items() if name not in ("width", "blocks")}
    with pytest.raises(UserError, match=says):
        neocog.train(data / "photos", data / "none", **{"painting": str(data / "painting.png"), **own, **settings})
    assert not (data / "none").exists()


def test_paintings_that_have_no_texture_are_refused(data: Path, tmp_path: Path) -> None:
    Image.new("RGB", (80, 80), (9, 9, 9)).save(tmp_path / "plain.png")
    for painting, says in (
        (picture(tmp_path / "small.png", (40, 80, 3)), "too few"),
        (picture(tmp_path / "strip.png", (64, 1100, 3)), "a strip"),
        (tmp_path / "plain.png", "one colour"),
    ):
        with pytest.raises(UserError, match=says):
            neocog.train(data / "photos", tmp_path / "none", painting=str(painting), **SETTINGS)


def test_a_network_of_pictures_is_none_for_restoration() -> None:
    with pytest.raises(UserError, match="--model edsr"):
        check_purpose("johnson", "images")
