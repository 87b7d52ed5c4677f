"""Images in memory: every way to give them, the same answer as from a file, and one error for what is none."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars
import pytest
import torch
from PIL import Image

import neocog
from neocog.results import Results

PIXELS = np.random.default_rng(3).integers(0, 230, (6, 12, 12), np.uint8)


def test_every_way_to_give_an_image_has_the_same_answer_as_its_file(run: Results, tmp_path: Path) -> None:
    for index, one in enumerate(PIXELS):
        Image.fromarray(one).save(tmp_path / f"{index}.png")
    rows = neocog.predict(run, tmp_path, quiet=True).rows
    wanted = np.array([[row[f"p:{name}"] for name in run.predictor.classes] for row in rows])
    files = sorted(tmp_path.glob("*.png"))
    ways: list[Any] = [
        PIXELS, PIXELS[..., None], PIXELS.astype(np.int64), torch.from_numpy(PIXELS), torch.from_numpy(PIXELS)[:, None],
        list(PIXELS), files, [str(file) for file in files], [Image.fromarray(one) for one in PIXELS],
        [files[0], *PIXELS[1:4], torch.from_numpy(PIXELS[4]), Image.fromarray(PIXELS[5])],
    ]  # fmt: skip
    for way in ways:
        assert np.array_equal(run.predict(way), wanted)
    for way in (np.repeat(PIXELS[..., None], 3, axis=-1), torch.from_numpy(PIXELS)[:, None].repeat(1, 3, 1, 1)):
        with pytest.warns(UserWarning, match="do not have 1 channels"):
            assert np.array_equal(run.predict(way), wanted)
    alone = run.predict(PIXELS[:1])[0]
    for one in (PIXELS[0], PIXELS[0, ..., None], torch.from_numpy(PIXELS[0]), files[0], Image.fromarray(PIXELS[0])):
        assert np.array_equal(run.predict(one), alone)
    np.testing.assert_allclose(alone, wanted[0], atol=1e-6)


def test_images_in_memory_have_a_row_each_as_files_have(run: Results, tmp_path: Path) -> None:
    for index, one in enumerate(PIXELS):
        Image.fromarray(one).save(tmp_path / f"{index}.png")
    files = sorted(tmp_path.glob("*.png"))
    wanted = neocog.predict(run, tmp_path, quiet=True)
    frame, numbered = {"image": [str(file) for file in files]}, [f"image {k}" for k in range(6)]
    data = torch.utils.data.TensorDataset(torch.from_numpy(PIXELS)[:, None], torch.zeros(6))
    for way, names in (
        (PIXELS, numbered), (torch.from_numpy(PIXELS), numbered), ([Image.fromarray(one) for one in PIXELS], numbered),
        (data, numbered), (pd.DataFrame(frame), frame["image"]), (polars.DataFrame(frame), frame["image"]),
        (pd.Series(frame["image"]), frame["image"]), (iter(files), frame["image"]), (np.array(frame["image"]), frame["image"]),
    ):  # fmt: skip
        found = neocog.predict(run, way, quiet=True)
        assert [row["path"] for row in found.rows] == names
        assert [{**row, "path": ""} for row in found.rows] == [{**row, "path": ""} for row in wanted.rows]
        if not hasattr(way, "__next__"):
            assert np.array_equal(run.predict(way), run.predict(PIXELS))
    with pytest.raises(neocog.UserError, match="no such file"):
        neocog.predict(run, "image 0", quiet=True)
    skipped = neocog.predict(run, [files[0], __file__], quiet=True).rows
    assert [bool(row["skipped"]) for row in skipped] == [False, True], "of files the unreadable have a row, too"
    table = neocog.predict(run, PIXELS, tmp_path / "new.csv", quiet=True)
    assert (tmp_path / "new.csv").read_text() == table.to_csv()


def test_an_image_in_memory_that_does_not_fit_is_skipped_and_what_is_no_image_refused(
    run: Results, tmp_path: Path
) -> None:
    rows = neocog.predict(run, [PIXELS[0], PIXELS[1].astype(np.float32) / 255], quiet=True).rows
    assert not rows[0]["skipped"] and "float32" in rows[1]["skipped"]
    for bad, said in (
        (pd.DataFrame({"a": [1]}), "no column of images"),
        (3, "no axes"),
        (None, "which is no image"),
    ):
        with pytest.raises(neocog.UserError, match=said):
            neocog.predict(run, bad, tmp_path / "new.csv", quiet=True)
    assert not (tmp_path / "new.csv").exists()


def test_another_size_is_fitted_as_in_training(run: Results, tmp_path: Path) -> None:
    large = np.zeros((40, 30), np.uint8)
    large[10:30, 8:22] = 220
    Image.fromarray(large).save(tmp_path / "large.png")
    with pytest.warns(UserWarning, match="images of 40 × 30"):
        found = run.predict(large)
    row = neocog.predict(run, tmp_path / "large.png", quiet=True).rows[0]
    assert found.tolist() == [row[f"p:{name}"] for name in run.predictor.classes]


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.zeros((4, 12, 12, 5), np.uint8), "4 × 12 × 12 × 5"),
        (np.zeros((12,), np.uint8), "an array of 12"),
        (np.zeros((12, 12), np.float32), "float32 pixels"),
        (np.full((12, 12), np.nan), "NaN"),
        (np.full((12, 12), 300), "int64 pixels"),
        (np.array([["a", "b"]]), "which is no image"),
        ([[1, 2], [3]], "an array of 2"),
        (np.zeros((0, 12, 12), np.uint8), "no images"),
        ([], "no images"),
        (torch.zeros(3, 12, 12, dtype=torch.uint8), "or 3 grey ones"),
        ("nowhere.png", "nowhere.png"),
        (Image.new("CMYK", (12, 12)), "mode CMYK"),
        (Image.new("RGBA", (12, 12)), "with transparency"),
    ],
)
def test_what_is_no_image_of_the_run_is_one_error(run: Results, images: Any, said: str) -> None:
    with pytest.raises(neocog.UserError) as caught:
        run.predict(images)
    assert said in str(caught.value)
    assert caught.value.fix or "fix:" in str(caught.value) or images == "nowhere.png"


def test_all_images_that_do_not_fit_are_told_at_once(run: Results) -> None:
    with pytest.raises(neocog.UserError) as caught:
        run.predict([PIXELS[0], PIXELS[1].astype(np.float32), PIXELS[2].astype(np.float32)])
    assert [fact["where"] for fact in caught.value.facts] == ["image 1", "image 2"]


def test_the_module_takes_stored_pixels_and_gives_the_logits_of_the_run(run: Results) -> None:
    pixels = torch.from_numpy(PIXELS)[:, None]
    logits = run.model(pixels)
    assert np.array_equal(logits.detach().numpy(), run.predictor.of_pixels(pixels))
    assert not run.model.training and isinstance(run.model, torch.nn.Module) and run.model is run.model
    learnable = pixels.float().requires_grad_()
    run.model(learnable).sum().backward()
    assert learnable.grad is not None and learnable.grad.abs().sum() > 0
    with pytest.raises(neocog.UserError, match=r"run\.predict"):
        run.model(pixels[:, :, :8])


def test_what_is_done_to_the_module_changes_no_answer(run: Results) -> None:
    fresh = neocog.load(run)
    before = fresh.predict(PIXELS)
    with torch.no_grad():
        for parameter in fresh.model.parameters():
            parameter.zero_()
    fresh.model.train()
    assert np.array_equal(fresh.predict(PIXELS), before)


def test_a_run_is_pickled_as_its_folder_and_its_module_whole(run: Results) -> None:
    answers = run.predict(PIXELS)
    small = pickle.dumps(run)
    assert len(small) < 500
    for other in (pickle.loads(small), copy.deepcopy(run), neocog.load(str(run.folder))):
        assert other == run and np.array_equal(other.predict(PIXELS), answers)
    pixels = torch.from_numpy(PIXELS)[:, None]
    assert torch.equal(pickle.loads(pickle.dumps(run.model))(pixels), run.model(pixels))


def test_threads_share_one_network_and_get_the_same_answers(run: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh, loads, wanted = neocog.load(run.folder), [], [run.predict(one) for one in PIXELS]
    import neocog.results.run as module

    load = module.load_predictor
    monkeypatch.setattr(module, "load_predictor", lambda run: loads.append(run) or load(run))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(fresh.predict, [*PIXELS] * 20))
    assert len(loads) == 1
    assert all(np.array_equal(one, wanted[index % len(PIXELS)]) for index, one in enumerate(found))


def test_answers_are_not_counted_from_call_to_call(run: Results) -> None:
    """Each call looks at its own images: nothing grows in a server that answers for weeks."""
    for _ in range(3):
        run.predict(PIXELS)
    assert run.predictor.watch is None


def test_load_says_what_is_no_run(tmp_path: Path, run: Results) -> None:
    with pytest.raises(neocog.UserError, match="no such folder"):
        neocog.load(tmp_path / "nothing")
    with pytest.raises(neocog.UserError, match="not a run folder"):
        neocog.load(tmp_path)
    assert neocog.load(run).folder == run.folder
