"""From pretrained weights to a trained run, between modules: what training begins with, records, and never looks for again."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import tomli_w
import torch
from safetensors.torch import load_file, save_file

import neocog
from neocog.config import Config
from neocog.engine.ranks import Ranks
from neocog.errors import UserError
from neocog.facts import sealed
from neocog.predictor import load_predictor
from neocog.progress import Progress
from neocog.run import Run
from neocog.verbs.ahead import planned
from neocog.verbs.fit import ready
from neocog.verbs.prepare import arrange, read
from neocog.verbs.transfer import start_from

ALL: dict[str, Any] = {"tune": "all", "epochs": 2, "threads": 1, "quiet": True, "augment": ("off",), "save_every": 0}


def of_model(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "model.json").read_text())
    return found


def begun(data: Path, start: Path, **settings: Any) -> tuple[Any, Any]:
    """(the session, its networks with the weights they begin with)."""
    given = {"data": str(data), "pretrained": str(start), "threads": 1, "epochs": 1, "augment": ("off",), **settings}
    config, progress = planned(Config(), given), Progress(quiet=True)
    session = arrange(config, read(config, progress), Ranks(), progress)
    fresh = ready(session, Ranks())
    start_from(session, fresh)
    return session, fresh


def test_training_begins_with_the_weights_of_a_run_in_its_running_mean_too(photos: Path, trained: Path) -> None:
    session, fresh = begun(photos, trained, ema=0.9)
    source = load_file(trained / "weights.safetensors")
    head = set(session.data.source.taken.fresh)
    for net in (fresh.nets["model"], fresh.ema["model"]):
        state = net.state_dict()
        assert head and all(torch.equal(value, source[name]) for name, value in state.items() if name not in head)
        assert all(not torch.equal(state[name], source[name]) for name in head if state[name].std() > 0)
    assert session.config.model.model == "cnn" and list(session.config.model.options["widths"]) == [4, 8]


def test_the_preprocessing_comes_with_the_weights_and_stands_in_the_run(
    photos: Path, trained: Path, tmp_path: Path, pictures: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    other = pictures(tmp_path / "larger", side=24)
    out = neocog.train(other, out=tmp_path / "run", pretrained=trained, **{**ALL, "quiet": False}).folder
    ours, theirs = of_model(out)["preprocessing"], of_model(trained)["preprocessing"]
    assert ours == theirs | {"scaling": "weights"}  # not the mean of these pictures, nor their size
    said = capsys.readouterr().err
    assert "tensors taken; left out: " in said
    assert "their preprocessing: 16 × 16" in said
    section = next(s for s in json.loads((out / "sections.json").read_text()) if s["name"] == "pretrained")
    text = json.dumps(section)
    source = json.loads((out / "pretrained.json").read_text())
    assert source["sha256"] in text and all(name in text for name in source["taken"]["taken"])
    saved = tomllib.loads((out / "config.toml").read_text())
    assert (
        saved["data"]["scaling"] == "weights" and saved["model"]["model"] == "cnn" and saved["data"]["size"] == [16, 16]
    )


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("I;16", 1)])
def test_images_of_other_channels_and_depths_begin_with_an_adapted_first_layer(
    mode: str, channels: int, trained: Path, tmp_path: Path, pictures: Callable[..., Path]
) -> None:
    session, fresh = begun(pictures(tmp_path / "pictures", mode), trained)
    preprocessing, source = session.preprocessing, session.data.source
    first = fresh.nets["model"].state_dict()[source.taken.first]
    assert first.shape[1] == channels == preprocessing.channels and source.taken.share == 1.0
    span = preprocessing.high - preprocessing.low
    assert (np.array(preprocessing.mean) - preprocessing.low) / span == pytest.approx(
        np.resize(source.needs.mean, 3).mean(), abs=0.1
    )
    assert (preprocessing.dtype == "uint16") == (mode == "I;16") and span > 20_000 * (mode == "I;16")


def weights_of(trained: Path, folder: Path, **changed: torch.Tensor | None) -> dict[str, Any]:
    """Settings of a training from those weights, some of them in place of others (None: left out)."""
    state = {**load_file(trained / "weights.safetensors"), **changed}
    save_file({name: value for name, value in state.items() if value is not None}, folder / "weights.safetensors")
    model = of_model(trained)
    return {
        "start": folder / "weights.safetensors",
        "model": "cnn",
        "widths": "4,8",
        "size": tuple(model["preprocessing"]["size"]),
    }


def test_weights_that_lack_a_layer_are_told_and_make_no_features(photos: Path, trained: Path, tmp_path: Path) -> None:
    name, value = next((k, v) for k, v in load_file(trained / "weights.safetensors").items() if v.shape == (4,))
    some = weights_of(trained, tmp_path, **{name: None})
    session, _ = begun(photos, **some, tune="all")
    taken = session.data.source.taken
    assert taken.drawn == (name,) and f"not in the file, and drawn at random: {name}" in taken.line()
    with pytest.raises(UserError, match=f"--tune head takes layers as they are, and 1 of their tensors .*: {name}"):
        begun(photos, **some, tune="head", epochs=0, augment=())
    quantised = weights_of(trained, tmp_path, **{name: value.to(torch.int8)})
    with pytest.raises(UserError, match=f"'{name}' holds int8, whose scale is not known"):
        begun(photos, **quantised, tune="all")


def test_weights_that_see_no_difference_are_refused(photos: Path, trained: Path, tmp_path: Path) -> None:
    nothing = {name: torch.zeros_like(value) for name, value in load_file(trained / "weights.safetensors").items()}
    given = weights_of(trained, tmp_path, **nothing)
    start = given.pop("start")
    with pytest.raises(UserError, match="the same features of all"):
        neocog.train(photos, tmp_path / "run", pretrained=start, tune="head", threads=1, quiet=True, **given)


def test_two_channels(trained: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for n in range(20):
        file = tmp_path / "two" / "ab"[n % 2] / f"{n}.tif"
        file.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(file, rng.random((2, 20, 20), np.float32), photometric="minisblack", metadata={"axes": "CYX"})
    session, fresh = begun(tmp_path / "two", trained)
    assert session.preprocessing.size == (16, 16) and session.preprocessing.channels == 2
    assert fresh.nets["model"](torch.zeros(1, 2, 16, 16)).shape == (1, 2)
    with pytest.raises(UserError, match=r"(?s)some have another shape.*leave --size out"):
        begun(tmp_path / "two", trained, size=(12,))


def test_a_run_that_goes_on_needs_the_weights_no_more_and_ends_the_same(
    photos: Path, trained: Path, tmp_path: Path
) -> None:
    start = tmp_path / "start.safetensors"
    shutil.copy(trained / "weights.safetensors", start)
    given = {**ALL, "pretrained": start, "model": "cnn", "widths": (4, 8), "size": (16, 16)}
    whole = neocog.train(photos, out=tmp_path / "whole", **given).folder

    def stop(_row: Any) -> None:
        raise neocog.Stop

    with pytest.raises(neocog.Interrupted):
        neocog.train(photos, out=tmp_path / "stopped", after_epoch=stop, **given)
    start.unlink()
    neocog.resume(tmp_path / "stopped", quiet=True)
    for name in ("weights.safetensors", "metrics.csv", "predictions.csv"):
        assert (tmp_path / "stopped" / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_run_without_a_checkpoint_wants_the_very_weights_with_which_it_began(
    photos: Path, trained: Path, tmp_path: Path
) -> None:
    start = tmp_path / "start.safetensors"
    shutil.copy(trained / "weights.safetensors", start)
    session, fresh = begun(photos, start, model="cnn", widths=(4, 8))
    save_file({name: value + 1 for name, value in load_file(start).items()}, start)
    with pytest.raises(UserError, match=r"they have changed: the run began with SHA-256"):
        start_from(session, fresh)
    start.unlink()
    with pytest.raises(UserError, match="not there any more"):
        start_from(session, fresh)


def test_every_fold_begins_with_the_weights(photos: Path, trained: Path, tmp_path: Path) -> None:
    out = neocog.train(photos, out=tmp_path / "folds", pretrained=trained, folds=3, **ALL).folder
    digests = {json.loads((out / f"fold-{k}" / "pretrained.json").read_text())["sha256"] for k in (1, 2, 3)}
    assert len(digests) == 1
    assert {of_model(out / f"fold-{k}")["preprocessing"]["scaling"] for k in (1, 2, 3)} == {"weights"}


def test_a_baseline_sees_the_same_images_and_none_of_the_weights(photos: Path, trained: Path, tmp_path: Path) -> None:
    out = neocog.train(photos, out=tmp_path / "run", pretrained=trained, baseline=True, **ALL).folder
    assert of_model(out / "baseline")["preprocessing"] == of_model(out)["preprocessing"]
    assert not (out / "baseline" / "pretrained.json").exists()


def test_weights_that_do_not_fit_are_refused_before_an_image_is_decoded(
    photos: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neocog.verbs import prepare

    def never(*_: Any) -> None:
        raise AssertionError("an image was decoded")

    monkeypatch.setattr(prepare, "scan_dataset", never)
    with pytest.raises(UserError, match="they are of another network"):
        neocog.train(photos, out=tmp_path / "run", pretrained=trained, model="resnet", **ALL)
    weights = load_file(trained / "weights.safetensors")
    next(value for value in weights.values() if value.is_floating_point()).view(-1)[0] = torch.nan
    save_file(weights, tmp_path / "nan.safetensors")
    with pytest.raises(UserError, match="weights that are not finite"):
        neocog.train(
            photos, out=tmp_path / "run", pretrained=tmp_path / "nan.safetensors", model="cnn", widths=(4, 8), **ALL
        )
    with pytest.raises(UserError, match=r"--tune last:99: this network has \d+ blocks(?s:.*)give last:1 to last:"):
        neocog.train(photos, out=tmp_path / "run", pretrained=trained, **{**ALL, "tune": "last:99"})
    assert not (tmp_path / "run").exists()


def test_a_network_from_a_hub_is_never_looked_for_again(
    server: Any, cache: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timm = pytest.importorskip("timm", reason="needs neocog[timm]")
    name = "test_resnet.r160_in1k"
    torch.manual_seed(1)
    save_file(timm.create_model(name).state_dict(), tmp_path / "x.safetensors")
    server.files[f"/timm/{name}/resolve/main/model.safetensors"] = (tmp_path / "x.safetensors").read_bytes()
    given = {**ALL, "epochs": 1, "size": (32,)}
    out = neocog.train(photos, out=tmp_path / "run", pretrained=f"timm:{name}", **given).folder
    asked = list(server.asked)
    shutil.rmtree(cache)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert of_model(out)["options"] == {} and of_model(out)["preprocessing"]["crop_share"] == 0.95
    assert neocog.evaluate(out, quiet=True)["measures"]["test"]["accuracy"]["n"]
    assert len(neocog.predict(out, [photos / "dark" / "0.png"], quiet=True).rows) == 1
    assert server.asked == asked and not cache.exists()


def test_masks_begin_with_an_encoder_and_see_whole_images(tmp_path: Path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for n in range(12):
        mask = np.zeros((24, 24), np.uint8)
        mask[4:12, 6 : 8 + n] = 1
        pixels = (mask[..., None] * 120 + rng.integers(0, 60, (24, 24, 3))).astype(np.uint8)
        for kind, data in (("images", pixels), ("masks", mask)):
            (tmp_path / "set" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(data).save(tmp_path / "set" / kind / f"{n}.png")
    given: dict[str, Any] = {"task": "segmentation", "model": "unet", "width": 4, "depth": 2, "epochs": 1, "threads": 1}
    first = neocog.train(tmp_path / "set", out=tmp_path / "first", quiet=True, **given).folder
    session, _ = begun(tmp_path / "set", first, task="segmentation")
    assert session.config.model.model == "unet" and session.preprocessing.crop_share == 1.0
    classes = tmp_path / "classes"
    for n in range(12):
        (classes / "ab"[n % 2]).mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / "set" / "images" / f"{n}.png", classes / "ab"[n % 2])
    run = neocog.train(classes, out=tmp_path / "second", pretrained=first, **{**ALL, "epochs": 1}).folder
    assert of_model(run)["model"] == "encoder:unet" and load_predictor(Run(run)).network is not None


def test_an_older_run_opens_without_looking_for_its_weights(photos: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "model": "torchvision:squeezenet1_1",
        "size": (32,),
        "epochs": 1,
        "threads": 1,
        "quiet": True,
    }
    run = Run(neocog.train(photos, out=tmp_path / "run", **given).folder)
    facts = of_model(run.folder) | {"options": {"weights": "DEFAULT"}}
    run.model_json.write_text(json.dumps(sealed({k: v for k, v in facts.items() if k != "seal"})))
    plan, tables = json.loads(run.plan.read_text()), tomllib.loads(run.config.read_text())
    del plan["sha256"]
    for each in (plan["settings"], plan["asked"], tables):
        each["model"]["options"] = {"weights": "DEFAULT"}
        del each["transfer"]  # as they were before there was such a section
        each["data"] |= {"fit": "resize", "scaling": "data"}
    run.plan.write_text(json.dumps(plan))
    run.config.write_text(tomli_w.dumps(tables))
    assert neocog.evaluate(run.folder, quiet=True)["measures"]["test"]["accuracy"]["n"]
    assert neocog.resume(run.folder, quiet=True).folder == run.folder
    for path in (run.result, run.weights, run.model_json):
        path.unlink()
    neocog.resume(run.folder, quiet=True)  # from its checkpoint
    assert run.result.is_file()
    run.result.unlink()
    run.plan.write_text(json.dumps(plan))
    neocog.train(photos, out=run.folder, go_on=True, **given)
    assert run.result.is_file()
    shutil.rmtree(run.checkpoints)
    run.weights.unlink()
    run.result.unlink()
    run.plan.write_text(json.dumps(plan))
    with pytest.raises(UserError, match="start from weights by an option that is gone"):
        neocog.resume(run.folder, quiet=True)


@pytest.mark.data
def test_real_weights_know_ants_from_bees(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    pytest.importorskip("timm", reason="needs neocog[timm]")
    weights, pictures = real_data("pretrained") / "tf_efficientnet_lite0.safetensors", real_data("hymenoptera")
    for part, name in ((p, c) for p in ("train", "val") for c in ("ants", "bees")):
        (tmp_path / "few" / part / name).mkdir(parents=True)
        for file in sorted((pictures / part / name).iterdir())[:12]:
            shutil.copy(file, tmp_path / "few" / part / name)
    session, _ = begun(tmp_path / "few", weights, size=(224,))
    assert session.data.source.taken.share == 1.0 and session.preprocessing.mean == (127.5,) * 3
    assert session.config.model.model == "timm:tf_efficientnet_lite0"


def test_weights_for_images_are_refused_for_volumes_and_sequences(trained: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "voxels.npz", x=rng.integers(0, 2, (20, 8, 8, 8)).astype(np.uint8), y=np.arange(20) % 2)
    (tmp_path / "barcodes.fasta").write_text(
        "".join(f">{n} | {'ab'[n % 2]}\n{'ACGT' * 5}{'ACGT'[n % 4]}\n" for n in range(20))
    )
    for name, form in (("voxels.npz", "volumes"), ("barcodes.fasta", "sequences")):
        with pytest.raises(UserError, match=f"weights for images do not see {form}") as error:
            begun(tmp_path / name, trained, label_field="2" if form == "sequences" else "")
        assert ("give --kind images" in error.value.fix) == (form == "volumes")
    np.savez(tmp_path / "bands.npz", x=rng.integers(0, 255, (20, 5, 16, 16), np.uint8), y=np.arange(20) % 2)
    session, _ = begun(tmp_path / "bands.npz", trained, kind="images")
    assert session.preprocessing.channels == 5 and session.data.source.taken.first
