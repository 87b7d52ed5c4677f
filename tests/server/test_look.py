"""What the page is told is what the network does: maps, gradients, numbers, answers; and bad questions get one clear message."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import neocog
from neocog.predictor import load_predictor
from neocog.run import Run
from neocog.server.frame import pack, unpack

Ask = Callable[..., tuple[dict[str, Any], dict[str, np.ndarray]]]
Refused = Callable[[Any, int], dict[str, str]]

CLOSE = 1e-5


def fingerprint(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def near(found: float, wanted: float) -> bool:
    return abs(found - wanted) <= CLOSE * max(1, abs(wanted))


@pytest.fixture(scope="module")
def facts(client: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/runs/0").json()
    return found


def test_a_run_is_described_layer_by_layer(facts: dict[str, Any]) -> None:
    assert [layer["name"] for layer in facts["layers"]][:4] == ["c1", "tanh1", "s2", "c3"]
    assert facts["layers"][0]["parameters"] == 156 and facts["layers"][0]["shape"] == [6, 16, 16]
    assert facts["layers"][0]["multiplications"] == 6 * 25 * 16 * 16
    assert sum(layer["parameters"] for layer in facts["layers"]) == facts["parameters"]
    assert facts["dark"] and facts["size"] == [16, 16]


def test_the_answer_is_that_of_predict(ask: Ask, lenet: Run) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (40, 30, 1), dtype=np.uint8)
    picture[:20] = 0
    header, _ = ask("look", picture=picture)
    with warnings.catch_warnings(action="ignore"):  # such a picture is unlike the training
        wanted = neocog.load(lenet).predict(picture, any_range=True)
    np.testing.assert_allclose(header["answer"]["probabilities"], wanted, rtol=1e-6)
    assert header["fitted"] == "40 × 30 pixels became 16 × 16"


def test_maps_and_gradients_are_the_networks_to_a_byte_of_each_maps_largest(ask: Ask, lenet: Run) -> None:
    header, arrays = ask("look", gradients=True, target=3)
    predictor = load_predictor(lenet)
    inputs = (
        torch.from_numpy(arrays["picture"][None, :, :, :1].copy()).movedim(-1, 1).float()
        - predictor.preprocessing.mean[0]
    )
    inputs = (inputs / predictor.preprocessing.std[0]).requires_grad_(True)
    outputs = [inputs]
    for layer in predictor.network:
        outputs.append(layer(outputs[-1]))
    gradients = torch.autograd.grad(outputs[-1][0, 3], outputs)
    for number, (maps, gradient) in enumerate(zip(outputs[1:], gradients[1:], strict=True)):
        for name, wanted in ((f"{number}", maps), (f"{number}.gradient", gradient)):
            codes, scale = arrays[name], arrays[f"{name}.scale"]
            found = codes.astype(np.float64) / 127 * scale.reshape(-1, *[1] * (codes.ndim - 1))
            assert np.abs(found - wanted[0].detach().numpy()).max() <= 1.01 * scale.max() / 254 + 1e-6, name
    assert header["score"] == pytest.approx(float(outputs[-1][0, 3].detach()), rel=1e-4)


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("loss", [False, True])
def test_every_number_that_is_clicked_adds_up(ask: Ask, facts: dict[str, Any], direction: str, loss: bool) -> None:
    for position, layer in enumerate(facts["layers"]):
        index = [side // 2 for side in layer["shape"]]
        told, arrays = ask("number", layer=position, index=index, direction=direction, target=2, loss=loss)
        assert told["parts"] and near(sum(part["value"] for part in told["parts"]), told["shown"]), layer["name"]
        for number, part in enumerate(told["parts"]):
            assert not part["about"].get("rest"), "a chain has no other ways"
            if part["operation"] != "function":
                products = arrays[f"{number}.values"] @ arrays[f"{number}.weights"] + part["constant"]
                assert near(products, part["value"])


def test_the_gradient_by_a_pixel_and_by_a_weight_add_up_too(ask: Ask, facts: dict[str, Any]) -> None:
    told, _ = ask("number", layer=-1, index=[0, 8, 8], direction="backward", target=1)
    assert (
        told["parts"][0]["about"]["through"] == 0 and near(told["parts"][0]["value"], told["shown"]) and told["shown"]
    )
    for position, layer in enumerate(facts["layers"]):
        for parameter, shape in layer["weights"].items():
            index = [side // 2 for side in shape]
            told, _ = ask("number", layer=position, index=index, direction="weight", parameter=parameter, target=1)
            assert near(told["parts"][0]["value"], told["shown"]), (layer["name"], parameter)


def test_the_receptive_field_of_c3_is_fourteen_pixels_wide(ask: Ask) -> None:
    told, _ = ask("number", layer=3, index=[0, 1, 1])
    assert [last - first + 1 for first, last in told["field"]] == [14, 14]


def test_a_probability_comes_from_all_logits(ask: Ask) -> None:
    header, _ = ask("look")
    told, arrays = ask("share", index=[4])
    assert told["shown"] == pytest.approx(header["answer"]["probabilities"][4], rel=1e-6)
    assert near(told["parts"][0]["value"], told["shown"]) and len(arrays["0.values"]) == 10


def test_weights_are_the_runs_and_their_gradients_autograds(ask: Ask, lenet: Run) -> None:
    weight = load_predictor(lenet).network.state_dict()["c3.weight"]
    _, arrays = ask("kernels", layer=3, index=[5])
    np.testing.assert_array_equal(arrays["weight.exact"], weight[5].numpy())
    assert arrays["weight.gradient.exact"].shape == (6, 5, 5) and np.abs(arrays["weight.gradient.exact"]).max() > 0


def test_a_sample_of_the_test_part_is_shown_and_answered_as_predictions_csv_has_it(client: Any, ask: Ask) -> None:
    rows = client.get("/api/runs/0/tests").json()["samples"]
    assert len(rows) == 180 and any(row["wrong"] for row in rows)
    for row in rows[:5]:
        header, _ = ask("look", source="sample", sample=row["sample"])
        assert max(header["answer"]["probabilities"]) == pytest.approx(float(row["probability"]), rel=1e-4)


def test_a_change_is_heeded_and_gone_afterwards_and_the_run_stays_as_it_is(ask: Ask, lenet: Run) -> None:
    before, content = ask("look")[1]["0"], fingerprint(lenet.folder)
    off = ask("look", edits=[{"layer": 0, "map": 2, "off": True}])[1]
    assert not off["0"][2].any() and (off["0"][3] == before[3]).all()
    kernel = [0.0] * 25
    written = ask("look", edits=[{"layer": 0, "map": 1, "kernel": kernel}])[1]
    assert len(set(written["0"][1].ravel().tolist())) == 1  # the bias alone
    told, _ = ask("number", layer=0, index=[1, 4, 4], edits=[{"layer": 0, "map": 1, "kernel": kernel}])
    assert near(told["parts"][0]["value"], told["shown"]) and told["shown"] == told["parts"][0]["constant"]
    assert (ask("look")[1]["0"] == before).all() and fingerprint(lenet.folder) == content


def test_a_file_is_decoded_as_predict_decodes_it(client: Any) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (20, 20, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    body = pack({"source": "file", "name": "x.png"}, {"picture": np.frombuffer(file.getvalue(), np.uint8)})
    header, _ = unpack(client.post("/api/runs/0/look", content=body).content)
    assert header["fitted"] == "20 × 20 pixels became 16 × 16, colours became grey"


HOSTILE_FILES = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "text": b"hello",
    "empty": b"\0",
    "polyglot": b"GIF89a/*<script>*/=1;//" + b"\0" * 40,
    "truncated png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10",
    "html": b"<!doctype html><script>alert(1)</script>",
}


@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_a_hostile_file_gets_one_clear_message(client: Any, refused: Refused, name: str) -> None:
    body = pack({"source": "file", "name": f"../../{name}"}, {"picture": np.frombuffer(HOSTILE_FILES[name], np.uint8)})
    assert refused(client.post("/api/runs/0/look", content=body), 400)["what"]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("look", {"target": 99}), ("look", {"most": 0}), ("look", {"most": "x"}), ("look", {"other": 1}),
        ("look", {"source": "path"}),
        ("look", {"source": "sample", "sample": 10**9}), ("look", {"edits": [{"layer": 99, "map": 0}]}),
        ("look", {"edits": [{"layer": 0, "map": 0, "kernel": [1.0]}]}), ("look", {"edits": [{"layer": 0, "map": 99, "off": True}]}),
        ("look", {"edits": [{"layer": 1, "map": 0, "kernel": [1.0]}]}),
        ("number", {"layer": 99, "index": [0]}), ("number", {"layer": -1, "index": [0]}),
        ("number", {"layer": 0, "index": [0, 99, 0]}),
        ("number", {"layer": 0, "index": [0, -1, 0]}), ("number", {"layer": 0, "index": []}),
        ("number", {"layer": 0, "index": [0], "direction": "weight", "parameter": "__class__"}),
        ("share", {"index": [99]}), ("kernels", {"layer": 0, "index": [99]}), ("kernels", {"layer": 99}),
    ],
)  # fmt: skip
def test_a_question_that_is_none_is_told_so(client: Any, refused: Refused, name: str, header: dict[str, Any]) -> None:
    body = pack({"source": "drawn", **header}, {"picture": np.zeros((8, 8, 1), np.uint8)})
    assert refused(client.post(f"/api/runs/0/{name}", content=body), 400)["what"]


@pytest.mark.parametrize("body", [b"", b"\0" * 4, b"\xff" * 100, b"[]", pack({}, {}), pack({"source": "drawn"}, {})])
def test_a_body_that_is_none_is_told_so(client: Any, refused: Refused, body: bytes) -> None:
    refused(client.post("/api/runs/0/look", content=body), 400)


def test_hostile_names_come_as_text_in_json_and_nothing_else(client: Any) -> None:
    facts = client.get("/api/runs/1")
    assert facts.headers["content-type"] == "application/json" and facts.headers["x-content-type-options"] == "nosniff"
    classes = facts.json()["classes"]
    assert len(classes) == 3 and "<script>document.title='owned'</script>" in classes and max(map(len, classes)) > 250


def test_data_that_are_gone_are_told_and_drawing_goes_on(client: Any, refused: Refused, ask: Ask) -> None:
    body = pack({"source": "sample", "sample": 0}, {})
    assert refused(client.post("/api/runs/1/look", content=body), 400)["what"]
    assert ask("look", run=1, picture=np.zeros((12, 12, 3), np.uint8))[0]["answer"]["probabilities"]


def test_a_map_that_is_switched_off_adds_up_too_forward_and_backward(ask: Ask, facts: dict[str, Any]) -> None:
    edits = [{"layer": facts["layers"][3]["module"], "map": 2, "off": True}, {"layer": 1, "map": 0, "off": True}]
    for position, index in ((0, [0, 8, 8]), (1, [0, 8, 8]), (2, [1, 3, 3]), (3, [2, 1, 1]), (4, [2, 1, 1])):
        for direction in ("forward", "backward"):
            told, _ = ask("number", layer=position, index=index, direction=direction, target=2, edits=edits)
            assert near(sum(part["value"] for part in told["parts"]), told["shown"]), (position, direction)
            assert not any(part["about"].get("rest") for part in told["parts"]), (position, direction)
    told, _ = ask("number", layer=3, index=[2, 1, 1, 1], direction="weight", target=2, edits=edits)
    assert told["shown"] == told["parts"][0]["value"] == 0


def test_each_number_comes_with_the_numpy_lines_that_compute_it(ask: Ask, facts: dict[str, Any]) -> None:
    forward = ask("number", layer=0, index=[0, 1, 1])[0]["code"]
    assert forward[0]["name"] == "neocog.scratch.Conv2d.forward" and "def forward" in forward[0]["text"]
    backward = ask("number", layer=1, index=[0, 1, 1], direction="backward")[0]["code"]
    assert backward[0]["name"] == "neocog.scratch.AvgPool2d.input_gradient"
    for position, layer in enumerate(facts["layers"]):
        assert ask("number", layer=position, index=[0] * len(layer["shape"]))[0]["code"], layer["kind"]
