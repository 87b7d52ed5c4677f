"""Every kind of run in the studio: its panel says what `predict` says, and what a kind has not is absent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

import neocog
from neocog.attribution.layers import traced
from neocog.data.normalise import normalise
from neocog.data.resize import fit
from neocog.tasks.restoration.whole import restored as whole

Refused = Callable[[Any, int], dict[str, str]]
Kinds = Callable[[str], Any]
Scene = Callable[..., Any]
ROOMS = {
    "values": ["layers", "samples", "compare"], "masks": ["layers", "samples", "compare"],
    "boxes": ["layers", "samples", "compare"], "restored": ["layers", "samples", "compare"],
    "style": ["layers", "samples", "compare"], "turned": ["layers", "samples", "compare"],
    "codes": ["layers", "latent", "samples", "compare"], "drawn": ["layers", "latent"],
    "volumes": ["layers", "samples", "compare"], "sequences": ["layers", "samples", "compare"],
}  # fmt: skip


@pytest.mark.parametrize("name", ROOMS)
def test_every_kind_has_its_rooms_its_layers_and_numbers_that_add_up(kinds: Kinds, name: str) -> None:
    kind = kinds(name)
    assert kind.facts["rooms"] == ROOMS[name]
    header, arrays = kind.ask("look", kind.code(), gradients=True, **kind.first())
    assert len(header["layers"]) == len(kind.facts["layers"]) > 3
    assert ("0.gradient" in arrays) == kind.facts["scored"]
    learns = [place for place, layer in enumerate(kind.facts["layers"]) if layer["weights"]]
    for position in (learns[0], learns[-1]):
        shape = header["layers"][position]["shape"]
        assert shape == kind.facts["layers"][position]["shape"]
        index = [0, *(side // 2 for side in shape[1:])]
        for direction in ["forward", "backward"][: 1 + kind.facts["scored"]]:
            asked = {"layer": position, "index": index, "direction": direction}
            told, _ = kind.ask("number", kind.code(), **asked, **kind.first())
            if not told["parts"]:  # reflected borders, of which only the value is shown
                assert name == "style"
                continue
            total = sum(part["value"] for part in told["parts"])
            assert total == pytest.approx(told["shown"], rel=1e-5, abs=1e-5), (position, direction)


def test_values_come_with_the_interval_that_predict_gives(kinds: Kinds) -> None:
    kind = kinds("values")
    tests = kind.client.get(f"/api/runs/{kind.place}/tests").json()["samples"]
    panel = kind.ask("look", **kind.first())[0]["panel"]
    row = neocog.predict(kind.run, [kind.file(tests[0]["path"])], quiet=True).rows[0]
    assert [each["name"] for each in panel["values"]] == ["area [mm²]", "middle"]
    for each in panel["values"]:
        assert each["value"] == pytest.approx(row[each["name"]], rel=1e-5)
        low, high = row[f"{each['name']} low"], row[f"{each['name']} high"]
        for found, told in ((each["low"], low), (each["high"], high)):
            assert found is None if told == "" else found == pytest.approx(told, rel=1e-5)


def test_gradients_are_of_the_target_that_is_asked_for(kinds: Kinds) -> None:
    kind = kinds("values")
    assert kind.facts["asked"] == ["area [mm²]", "middle"]
    values = [each["value"] for each in kind.ask("look", **kind.first())[0]["panel"]["values"]]
    scores = [kind.ask("look", target=target, **kind.first())[0]["score"] for target in (0, 1)]
    assert scores == pytest.approx(values, rel=1e-5)


def test_the_mask_is_the_one_that_predict_writes(kinds: Kinds, scene: Scene) -> None:
    kind, image = kinds("masks"), scene(100)[0].clip(0, 255).astype(np.uint8)
    header, arrays = kind.ask("look", {"picture": image}, source="drawn")
    assert (arrays["mask"] == neocog.load(kind.run).predict([image])[0]).all()
    assert 0 < (arrays["mask"] == 1).mean() < 0.5 and len(header["panel"]["colours"]) == len(kind.facts["classes"]) == 2
    one = kind.ask("look", {"picture": image}, source="drawn", target=0)[0]
    other = kind.ask("look", {"picture": image}, source="drawn", target=1)[0]
    assert one["answer"]["prediction"].startswith("background") and one["score"] != other["score"]


def test_boxes_above_the_runs_thresholds_are_those_that_predict_finds(kinds: Kinds, scene: Scene) -> None:
    kind, image = kinds("boxes"), scene(100)[0].clip(0, 255).astype(np.uint8)
    panel = kind.ask("look", {"picture": image}, source="drawn")[0]["panel"]
    kept = [box for box in panel["boxes"] if box["score"] >= panel["thresholds"][box["label"]]]
    found = neocog.load(kind.run).predict([image])[0]
    assert len(kept) == len(found) < len(panel["boxes"])
    for box, (label, *corners, score) in zip(kept, found, strict=True):
        assert box["label"] == label and box["score"] == pytest.approx(score, rel=1e-5)
        assert [32 * at for at in box["corners"]] == pytest.approx(corners, abs=1e-3)


def test_a_restored_and_a_repainted_picture_are_those_of_predict(kinds: Kinds, scene: Scene) -> None:
    restored, style = kinds("restored"), kinds("style")
    image = scene(100, 16 + 16)[0].clip(0, 255).astype(np.uint8)
    small = np.ascontiguousarray(image[8:24, 8:24])
    _, arrays = restored.ask("look", {"picture": small}, source="drawn")
    assert (arrays["image"] == whole(restored.predictor, small, "")).all() and arrays["image"].shape == (32, 32, 3)
    _, arrays = style.ask("look", {"picture": image}, source="drawn")
    assert (arrays["image"] == neocog.load(style.run).predict([image])[0]).all()


def test_a_picture_that_keeps_its_scale_is_cut_and_one_is_told(kinds: Kinds, scene: Scene, tmp_path: Path) -> None:
    kind, image = kinds("restored"), scene(100)[0].clip(0, 255).astype(np.uint8)
    path = tmp_path / "large.tif"
    tifffile.imwrite(path, image, photometric="rgb")
    content = {"picture": np.frombuffer(path.read_bytes(), np.uint8)}
    header, arrays = kind.ask("look", content, source="file", name="large.tif")
    assert (arrays["picture"] == image[8:24, 8:24]).all()
    assert header["fitted"] == "32 × 32 pixels, of which the middle 16 × 16 are seen"


def test_a_picture_has_a_code_and_its_code_is_drawn_as_its_reconstruction(kinds: Kinds) -> None:
    kind = kinds("codes")
    header, arrays = kind.ask("look", **kind.first())
    named = {each["name"]: each["value"] for each in header["panel"]["values"]}
    assert list(named) == ["elbo", "reconstruction_error", "stranger_than"] and 0 <= named["stranger_than"] <= 1
    code = np.array([header["panel"]["code"]], np.float32)
    drawn = kind.ask("decoded", {"codes": code}, source="code")[1]
    assert np.abs(drawn["pictures"][0].astype(int) - arrays["image"]).max() <= 1
    facts = kind.facts["latent"]
    assert len(facts["start"]) == code.shape[1] == 4 and facts["living"] == kind.predictor.facts["codes"]["alive"]


def test_a_generator_draws_what_its_layers_show_and_the_class_that_is_asked_for(kinds: Kinds) -> None:
    kind, refused_by = kinds("drawn"), kinds("codes")
    code = np.random.default_rng(0).standard_normal((2, 16)).astype(np.float32)
    _, arrays = kind.ask("look", {"picture": code[0]}, source="code")
    drawn = kind.ask("decoded", {"codes": code}, source="code")[1]
    assert drawn["pictures"].shape == (2, 8, 8, 3) and (drawn["codes"] == code).all()
    assert np.abs(drawn["pictures"][0].astype(int) - arrays["picture"]).max() <= 1
    asked = kind.ask("decoded", {"codes": code}, source="code", target=7)[1]["codes"]
    assert (asked[:, 6:].argmax(1) == 7).all() and (asked[:, :6] == code[:, :6]).all()
    assert kind.facts["latent"]["asks"] and kind.facts["latent"]["living"] == list(range(6))
    assert not refused_by.facts["latent"]["asks"]
    assert kind.client.get(f"/api/runs/{kind.place}/tests").json()["samples"] == []


NO_CODES = [(1, 3, "float32"), (300, 16, "float32"), (1, 16, "uint8"), (0, 16, "float32")]


@pytest.mark.parametrize(
    "codes", [np.zeros(shape, kind) for *shape, kind in NO_CODES] + [np.full((1, 16), np.nan, "float32")]
)
def test_what_is_no_latent_vector_is_refused(kinds: Kinds, refused: Refused, codes: np.ndarray) -> None:
    answer = kinds("drawn").post("decoded", {"codes": codes}, source="code")
    assert "no latent vectors of 16 numbers" in refused(answer, 400)["what"]
    assert "draws no pictures" in refused(kinds("masks").post("decoded", {"codes": codes}, source="code"), 400)["what"]


def test_of_a_volume_one_slice_of_every_layer_is_shown(kinds: Kinds, tmp_path: Path) -> None:
    kind = kinds("volumes")
    voxels = np.random.default_rng(1).integers(0, 255, (10, 12, 14)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "one.tif", voxels, photometric="minisblack", metadata={"axes": "ZYX"})
    file = {"picture": np.frombuffer((tmp_path / "one.tif").read_bytes(), np.uint8)}
    predictor = kind.predictor
    inputs = normalise(torch.from_numpy(fit(voxels[..., None], predictor.preprocessing))[None], predictor.preprocessing)
    layers, _ = traced(predictor.network, inputs)
    for depth in (0.0, 1 / 3, 1.0):
        header, arrays = kind.ask("look", file, source="file", name="one.tif", depth=depth)
        at = round(depth * 9)
        assert header["slice"] == at and (arrays["picture"][..., 0] == voxels[at]).all()
        for position in (0, 3):
            maps, told = layers[position].output[0].detach().numpy(), header["layers"][position]
            assert told["slice"] == round(depth * (maps.shape[1] - 1))
            wanted = maps[:, told["slice"]]
            shown = arrays[f"{position}"] / 127 * arrays[f"{position}.scale"][:, None, None]
            assert shown == pytest.approx(wanted, abs=float(np.abs(wanted).max()) / 250)
    field = kind.ask("number", file, source="file", name="one.tif", layer=0, index=[0, 2, 3, 3])[0]["field"]
    assert len(field) == 3


def test_a_volume_on_an_image_network_and_an_image_on_one_for_volumes_are_told(
    kinds: Kinds, refused: Refused, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "one.tif", np.zeros((4, 8, 8), np.uint8), photometric="minisblack")
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "flat.png")
    for name, path, told in (("values", "one.tif", "axes"), ("volumes", "flat.png", "volumes")):
        content = {"picture": np.frombuffer((tmp_path / path).read_bytes(), np.uint8)}
        fault = refused(kinds(name).post("look", content, source="file", name=path), 400)
        assert told in fault["what"] and path in fault["where"] and fault["fix"]


def test_letters_that_are_typed_are_read_as_those_of_the_data(kinds: Kinds) -> None:
    kind = kinds("sequences")
    header, arrays = kind.ask("look", **kind.first())
    letters = header["letters"]
    assert len(letters) == 60 and set(letters) <= set("ACGT") and arrays["picture"].shape == (3, 20, 3)
    for typed in (letters, f">a name\n{letters[:30].lower()}\n{letters[30:]}\n", letters.replace("T", "U")):
        again = kind.ask("look", source="typed", letters=typed)[0]
        assert again["answer"] == header["answer"] and again["letters"] == letters
    assert "20 letters became 60" in kind.ask("look", source="typed", letters=letters[:20])[0]["fitted"]


def test_a_letter_that_is_none_is_told_with_its_place(kinds: Kinds, refused: Refused) -> None:
    kind = kinds("sequences")
    fault = refused(kind.post("look", source="typed", letters="ACGTXACG"), 400)
    assert "'X' stands for no base" in fault["what"] and fault["where"] == "letter 5" and "IUPAC" in fault["fix"]
    assert "no letters" in refused(kind.post("look", source="typed", letters=" \n>name\n"), 400)["what"]


def test_what_a_network_does_not_take_is_told(kinds: Kinds, refused: Refused) -> None:
    picture = {"picture": np.zeros((8, 8, 1), np.uint8)}
    for name, takes in (("drawn", "codes"), ("sequences", "sequences"), ("volumes", "volumes")):
        fault = refused(kinds(name).post("look", picture, source="drawn"), 400)
        assert f"takes {takes}" in fault["what"]
    fault = refused(kinds("masks").post("look", source="typed", letters="ACGT"), 400)
    assert "takes images" in fault["what"]
    fault = refused(kinds("masks").post("look", source="sample", of=kinds("sequences").place), 400)
    assert "a run for sequences" in fault["what"] and "same kind" in fault["fix"]


@pytest.mark.parametrize("name", ["masks", "boxes", "restored", "volumes", "sequences", "codes"])
def test_samples_of_every_kind_are_pictures_and_a_digest_is_no_label(kinds: Kinds, name: str) -> None:
    kind = kinds(name)
    header, arrays = kind.ask("sheet", samples=[0, 1])
    assert header["bad"] == [] and arrays["pictures"].shape[0] == 2 and arrays["pictures"].std() > 1
    labels = {row["label"] for row in kind.client.get(f"/api/runs/{kind.place}/samples").json()["samples"]}
    assert all(len(label) < 20 for label in labels)


def test_what_a_kind_has_not_is_refused_in_words(kinds: Kinds, refused: Refused) -> None:
    for name in ("volumes", "sequences", "masks"):
        answer = kinds(name).post("stressed", **kinds(name).first(), amount=0.01)
        assert "classify images" in refused(answer, 400)["what"]
    assert (
        "have probabilities"
        in refused(kinds("values").post("share", index=[0], **kinds("values").first()), 400)["what"]
    )
    kind = kinds("drawn")  # whose vector has no rows and columns to be seen
    assert kind.ask("number", kind.code(), layer=4, index=[0, 3, 3], source="code")[0]["field"] is None
