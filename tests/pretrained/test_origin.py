"""What ``--from`` names: a library's weights, a hub's, a file's, a run's; and what it cannot be, in one error each."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from neocog.cli.main import main
from neocog.config import Config, changed
from neocog.errors import UserError
from neocog.networks import build
from neocog.pretrained import source_of
from neocog.pretrained.find import model_for
from neocog.pretrained.origin import SUITS, Origin, by_torchvision, origin_of
from neocog.pretrained.tensors import shapes
from neocog.progress import Progress

QUIET = Progress(quiet=True)
TINY = "test_resnet.r160_in1k"  # a network that timm keeps for tests


def origin(given: object, **settings: Any) -> Origin:
    return origin_of(changed(Config(), {"pretrained": str(given), **settings}), QUIET)


def tiny_weights(classes: int = 1000) -> dict[str, torch.Tensor]:
    timm = pytest.importorskip("timm", reason="needs neocog[timm]")
    torch.manual_seed(7)
    state: dict[str, torch.Tensor] = timm.create_model(TINY, num_classes=classes).state_dict()
    return state


@pytest.fixture
def timm_file(tmp_path: Path) -> Path:
    save_file(tiny_weights(), tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


def test_imagenet_is_a_network_that_suits_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    timm = pytest.importorskip("timm", reason="needs neocog[timm]")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert origin("imagenet", device="cpu").model == SUITS["cpu"] != origin("imagenet").model == SUITS["cuda"]
    for model in SUITS.values():
        record = timm.get_pretrained_cfg(model.partition(":")[2])
        assert record.license == "apache-2.0" and record.hf_hub_id.startswith("timm/")
    found = origin("imagenet", device="cpu")
    assert found.url.endswith("/timm/tf_efficientnet_lite0.in1k/resolve/main/model.safetensors")
    assert found.cached == "timm--tf_efficientnet_lite0.in1k.safetensors" and "imagenet is timm:" in found.note


def test_torchvision_gives_its_newest_weights_or_those_that_are_named() -> None:
    newest, older = by_torchvision("resnet50"), by_torchvision("resnet50.IMAGENET1K_V1")
    assert newest.url != older.url and newest.model == older.model == "torchvision:resnet50"
    assert (newest.needs.crop_share, older.needs.crop_share) == pytest.approx((224 / 232, 224 / 256))
    assert newest.cached == newest.url.rsplit("/", 1)[1]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("timm:tf_efficientnet_lite9", r"timm has no model 'tf_efficientnet_lite9'\n.*did you mean"),
        ("timm:resnet18.no_such_tag", "timm has no"),
        ("torchvision:resnet18.V9", r"torchvision has no weights V9 for resnet18\n.*known: IMAGENET1K_V1"),
        ("torchvision:resnet19", r"no classification model 'resnet19'\n.*did you mean"),
        ("hf:resnet18", "is not OWNER/NAME"),
        ("imagenett", r"no such weights\n.*did you mean 'imagenet'"),
        ("none.safetensors", "no such weights"),
        (".", "no run, and no weights"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(given: str, says: str) -> None:
    pytest.importorskip("timm", reason="needs neocog[timm]")
    with pytest.raises(UserError, match=says):
        origin(given)


@pytest.mark.parametrize(("given", "says"), [("torchvision:resnet19", "resnet19"), ("", "--from has no value")])
@pytest.mark.parametrize("flag", ["--from", "--set=transfer.pretrained"])
def test_what_is_wrong_is_told_before_the_data_are_opened(
    flag: str, given: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["train", "no-such-data", *([flag, given] if flag == "--from" else [f"{flag}={given}"]), "--json"])
    assert left.value.code == 2 and says in capsys.readouterr().out


def test_a_hubs_network_is_built_from_its_config(server: Any, cache: Path) -> None:
    timm = pytest.importorskip("timm", reason="needs neocog[timm]")
    record = {**timm.get_pretrained_cfg(TINY).to_dict(), "mean": [0.1, 0.2, 0.3], "crop_pct": 0.9}
    where = "/me/pets/resolve/main/"
    config = {"architecture": "test_resnet", "pretrained_cfg": record}
    server.files[f"{where}config.json"] = json.dumps(config).encode()
    found = origin("hf:me/pets")
    assert found.model == "timm:test_resnet" and found.needs.mean == (0.1, 0.2, 0.3) and found.needs.crop_share == 0.9
    assert found.url == f"{server.address}{where}model.safetensors"
    server.files["/me/bert/resolve/main/config.json"] = b'{"model_type": "bert"}'
    with pytest.raises(UserError, match="not a network that timm knows"):
        origin("hf:me/bert")
    with pytest.raises(UserError, match="cannot be downloaded"):
        origin("hf:me/none")


def test_a_file_tells_its_network_by_its_tensors(timm_file: Path, tmp_path: Path) -> None:
    found = origin(timm_file)
    assert found.model == "timm:test_resnet" and found.file == timm_file and "taken for timm:test_resnet" in found.note
    assert found.needs == replace(origin(f"timm:{TINY}").needs, record=found.needs.record)
    save_file(tiny_weights(5), tmp_path / "five.safetensors")  # other classes are another head, and the same network
    assert origin(tmp_path / "five.safetensors").model == "timm:test_resnet"


def test_of_two_networks_with_the_same_tensors_the_name_tells_or_the_user(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm", reason="needs neocog[timm]")
    state = timm.create_model("tf_efficientnet_lite0").state_dict()  # efficientnet_lite0 pads otherwise
    save_file(state, tmp_path / "tf_efficientnet_lite0.safetensors")
    found = origin(tmp_path / "tf_efficientnet_lite0.safetensors")
    assert found.model == "timm:tf_efficientnet_lite0" and "timm:efficientnet_lite0 has the same tensors" in found.note
    save_file(state, tmp_path / "mine.safetensors")
    with pytest.raises(UserError, match=r"have such tensors(?s:.*)--model timm:"):
        origin(tmp_path / "mine.safetensors")
    assert origin(tmp_path / "mine.safetensors", model="timm:tf_efficientnet_lite0").model == found.model


def test_a_file_of_unknown_tensors_asks_for_the_network(tmp_path: Path) -> None:
    save_file(build("lenet5", 1, (28, 28), 3).state_dict(), tmp_path / "mine.safetensors")
    with pytest.raises(UserError, match=r"no known network has such tensors(?s:.*)--model"):
        origin(tmp_path / "mine.safetensors")
    assert origin(tmp_path / "mine.safetensors", model="lenet5").needs.mean == ()


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin", ".safetensors"])
def test_a_pickle_is_refused_with_the_line_that_converts_it(suffix: str, tmp_path: Path) -> None:
    file, state = tmp_path / f"my net{suffix}", tiny_weights()
    torch.save({"state_dict": state}, file)
    with pytest.raises(UserError, match="a pickle, which can run any program") as error:
        origin(file)
    if suffix not in (".pth", ".safetensors"):
        return
    line, before = error.value.fix.removeprefix("convert it once: python "), file.read_bytes()
    subprocess.run(f"{sys.executable} {line}", shell=True, check=True)
    (converted,) = set(tmp_path.iterdir()) - {file}
    assert origin(converted).model == "timm:test_resnet" and file.read_bytes() == before


@pytest.mark.parametrize("start", [b"\x80\x02", b"\x80\x04", b"\x80\x20"])
def test_a_header_whose_length_begins_as_a_pickle_does_is_none(start: bytes, tmp_path: Path) -> None:
    file, length = tmp_path / "mine.safetensors", int.from_bytes(start, "little")
    save_file({"a": torch.zeros(1)}, file, {"note": ""})
    bare = int.from_bytes(file.read_bytes()[:8], "little")
    save_file({"a": torch.zeros(1)}, file, {"note": "x" * (length - bare)})
    assert file.read_bytes()[:2] == start and shapes(file) == {"a": (1,)}


@pytest.mark.parametrize("prefix", ["module.", "model."])
def test_a_file_of_a_wrapped_network_tells_it_too(prefix: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    save_file({f"{prefix}{name}": value for name, value in tiny_weights().items()}, file)
    assert origin(file).model == "timm:test_resnet"


@pytest.mark.parametrize("kept", [0, 5, 500, 20_000])
def test_a_file_that_is_cut_short_is_refused(kept: int, timm_file: Path) -> None:
    timm_file.write_bytes(timm_file.read_bytes()[:kept])
    with pytest.raises(UserError, match="not a whole file of weights"):
        origin(timm_file)


def test_a_run_brings_its_network_options_and_preprocessing(trained: Path) -> None:
    for given in (trained, trained / "weights.safetensors"):
        found = origin(given)
        assert found.model == "cnn" and list(found.options["widths"]) == [4, 8] and found.needs.size == (16, 16)
        assert found.file == trained / "weights.safetensors"


def test_a_run_that_is_not_finished_or_draws_is_refused(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text((trained / "config.toml").read_text())
    with pytest.raises(UserError, match=r"not a finished run\n.*neocog resume"):
        origin(tmp_path)


@pytest.mark.parametrize(
    ("model", "purpose", "takes"),
    [
        ("cnn", "prediction", "cnn"), ("unet", "prediction", "encoder:unet"), ("vae", "prediction", "encoder:vae"),
        ("unet:resnet34", "prediction", "encoder:unet:resnet34"), ("unet", "masks", "unet"),
        ("timm:resnet18.a1_in1k", "masks", "unet:tu-resnet18"), ("torchvision:resnet34", "masks", "unet:resnet34"),
    ],
)  # fmt: skip
def test_the_network_is_one_that_gives_what_the_task_needs(model: str, purpose: str, takes: str) -> None:
    pytest.importorskip("segmentation_models_pytorch", reason="needs neocog[segmentation]")
    assert model_for(replace(by_torchvision("resnet18"), model=model), purpose) == takes


def test_a_classifier_that_no_segmenter_is_built_on_is_refused() -> None:
    with pytest.raises(UserError, match="no segmenter has cnn as its encoder"):
        model_for(replace(by_torchvision("resnet18"), model="cnn"), "masks")


def test_weights_that_are_downloaded_are_found_again_by_their_digest(server: Any, cache: Path, tmp_path: Path) -> None:
    save_file(tiny_weights(), tmp_path / "x.safetensors")
    server.files[f"/timm/{TINY}/resolve/main/model.safetensors"] = (tmp_path / "x.safetensors").read_bytes()
    config = changed(Config(), {"pretrained": f"timm:{TINY}"})
    first, again = (source_of(config, "prediction", QUIET) for _ in range(2))
    assert first == again and first is not None and first.file == cache / f"timm--{TINY}.safetensors"
    assert len(server.asked) == 2  # a redirect and the file
