"""The studio's other rooms by their addresses: all samples, corrections of labels, a picture that is stressed, two runs."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import neocog
from neocog.data.normalise import from_unit_range, in_unit_range
from neocog.data.split import read_splits
from neocog.predictor import load_predictor
from neocog.run import Run
from neocog.server.frame import pack, unpack

Ask = Callable[..., tuple[dict[str, Any], dict[str, np.ndarray]]]
Refused = Callable[[Any, int], dict[str, str]]


@pytest.fixture(scope="module")
def samples(client: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/runs/0/samples").json()["samples"]
    return found


def posted(client: Any, name: str, **header: Any) -> Any:
    return client.post(f"/api/runs/0/{name}", content=pack(header, {}))


def test_every_sample_has_a_row_and_those_of_the_test_part_their_loss(
    samples: list[dict[str, Any]], lenet: Run
) -> None:
    assert [row["name"] for row in samples] == list(read_splits(lenet.splits_csv).names)
    losses = {row["name"]: row["loss"] for row in samples if row["part"] == "test"}
    with lenet.predictions_csv.open(newline="") as file:
        known = {row["path"]: -np.log(float(row[f"p:{row['label']}"])) for row in csv.DictReader(file)}
    assert losses == pytest.approx(known) and len(known) > 100
    assert all("loss" not in row for row in samples if row["part"] == "train")


def test_the_sheet_has_the_pictures_of_the_samples_that_were_asked_for(client: Any, ask: Ask) -> None:
    header, arrays = unpack(posted(client, "sheet", samples=[1500, 3]).content)
    assert header["bad"] == [] and arrays["pictures"].shape == (2, 16, 16, 3)
    for place, picture in zip((1500, 3), arrays["pictures"], strict=True):
        assert (ask("look", source="split", sample=place)[1]["picture"] == picture).all()


def test_what_is_no_sample_and_too_many_are_refused(client: Any, refused: Refused) -> None:
    assert "no sample 99999" in refused(posted(client, "sheet", samples=[99999]), 400)["what"]
    assert "more than" in refused(posted(client, "sheet", samples=list(range(500))), 400)["what"]


def test_corrections_are_what_train_takes(client: Any, samples: list[dict[str, Any]], tmp_path: Path) -> None:
    first, second = samples[0], samples[1]
    rows = [
        {"sample": first["name"], "action": "relabel", "label": "7", "given": first["label"]},
        {"sample": second["name"], "action": "exclude", "label": "", "given": second["label"]},
    ]
    file = tmp_path / "corrections.csv"
    file.write_text(unpack(posted(client, "corrections", rows=rows).content)[0]["csv"], encoding="utf-8")
    made = neocog.train("digits", model="mlp", epochs=1, threads=1, corrections=file, out=tmp_path / "run", quiet=True)
    splits = read_splits(made.splits_csv)
    labels = dict(zip(splits.names, splits.labels, strict=True))
    assert labels[first["name"]] == "7" and dict(zip(splits.names, splits.parts, strict=True))[second["name"]] == ""


def test_corrections_that_do_not_fit_the_data_are_refused(
    client: Any, samples: list[dict[str, Any]], refused: Refused
) -> None:
    row = {"sample": samples[0]["name"], "action": "relabel", "label": "7", "given": "another"}
    assert "do not have the label" in refused(posted(client, "corrections", rows=[row]), 400)["what"]
    assert "no label was corrected" in refused(posted(client, "corrections", rows=[]), 400)["what"]


def test_an_attack_stays_within_its_size_and_its_answer_is_the_networks(ask: Ask, lenet: Run) -> None:
    predictor, size = load_predictor(lenet), 16 / 255
    turned = 0
    for sample in range(5):
        clean = ask("look", source="sample", sample=sample)[0]["answer"]
        header, arrays = ask("stressed", source="sample", sample=sample, amount=size, target=8)
        assert header["before"]["probabilities"] == pytest.approx(clean["probabilities"])
        assert 0 < header["largest"] <= 16 + 1e-3 and header["times"] == 20
        shown = np.abs(arrays["changed"].astype(int) - arrays["picture"].astype(int))
        assert shown.max() <= 17
        change = (arrays["change"].astype(float) - 127.5) / 20
        assert (
            np.abs(
                np.clip(20 * (arrays["changed"].astype(float) - arrays["picture"]), -127.5, 127.5) - 20 * change
            ).max()
            <= 21
        )
        pixels = torch.from_numpy(arrays["changed"][..., 0].copy())[None, None].float() / 255
        again = predictor.of_pixels(from_unit_range(pixels, predictor.preprocessing))
        assert predictor.probabilities(again)[0] == pytest.approx(header["after"]["probabilities"], abs=0.05)
        turned += header["after"]["probabilities"][8] > header["before"]["probabilities"][8]
    assert turned == 5


def test_without_a_size_nothing_is_changed_and_a_corruption_is_that_of_stress(ask: Ask, lenet: Run) -> None:
    from neocog.robustness.corruptions import corrupted

    header, arrays = ask("stressed", source="sample", sample=0)
    assert header["largest"] == 0 and (arrays["picture"] == arrays["changed"]).all()
    header, arrays = ask("stressed", source="sample", sample=0, corruption="gaussian_noise", amount=3)
    preprocessing = load_predictor(lenet).preprocessing
    levels = ask("look", source="sample", sample=0)[1]["picture"][..., 0].copy()
    stored = from_unit_range(torch.from_numpy(levels)[None, None].float() / 255, preprocessing)
    stored = stored.round().to(getattr(torch, preprocessing.dtype))
    wanted = corrupted(stored, torch.zeros(1, dtype=torch.int64), "gaussian_noise", 3, preprocessing, 0)
    found = in_unit_range(wanted, preprocessing)[0, 0].clamp(0, 1).numpy() * 255
    assert np.abs(found - arrays["changed"][..., 0]).max() <= 1 and header["times"] == 1


def test_of_a_stress_that_is_none_one_is_told(client: Any, refused: Refused) -> None:
    for more, told in (
        ({"amount": 0.5}, "changes of"),
        ({"target": 10, "amount": 0.01}, "no class 10"),
        ({"corruption": "../etc", "amount": 1}, "no such corruption"),
    ):
        answer = posted(client, "stressed", source="sample", sample=0, **more)
        assert told in refused(answer, 400)["what"]


def test_two_runs_are_asked_about_the_same_picture(client: Any, ask: Ask) -> None:
    own = ask("look", source="split", sample=7)[1]["picture"]
    header, arrays = ask("look", run=1, source="split", sample=7, of=0)
    assert len(header["answer"]["probabilities"]) == 3 and "12 × 12" in header["fitted"]
    assert arrays["picture"].shape == (12, 12, 3) and own.shape == (16, 16, 3)
    assert (arrays["picture"][..., 0] == arrays["picture"][..., 1]).all()  # the grey digit, not run 1's coloured noise
