"""mixup and CutMix: what is mixed with what, by how much, and that the loss is mixed as the images are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import Flatten
from torch.nn import functional as F

import neocog
from neocog.augment.mixing import Mixing
from neocog.data.batches import Batches
from neocog.data.loader import Batch, Loader, Resident
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError
from neocog.tasks.classification.objective import Classification

MANY, AMONG = np.arange(4000), np.arange(0, 400, 2)
QUICK: dict[str, Any] = {"epochs": 2, "threads": 1, "quiet": True, "model": "cnn", "widths": "4,4", "save_every": 0}


def mixed(mixup: float, cutmix: float, samples: Any = MANY, side: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """Ones mixed with zeros: what is left of each image's pixels, and of its class."""
    ones = torch.ones(len(samples), 1, side, side)
    return Mixing(mixup, cutmix, AMONG)(ones, torch.zeros_like(ones), samples, 5, 3)


def test_every_training_sample_is_as_likely_a_partner_and_no_other_is() -> None:
    mixing = Mixing(1, 0, AMONG)
    found = mixing.partners(MANY, 5, 3)
    counts = np.bincount(found, minlength=400)
    assert not counts[1::2].any() and counts[::2].min() > 3 and counts[::2].max() < 45
    assert np.array_equal(mixing.partners(MANY[[7, 3]], 5, 3), found[[7, 3]]), "of the sample alone"
    assert not np.array_equal(mixing.partners(MANY, 5, 4), found)
    one, two = mixed(0.4, 1.0, MANY[:9]), mixed(0.4, 1.0, MANY[[8, 2]])
    assert all(torch.equal(whole[[8, 2]], part) for whole, part in zip(one, two, strict=True))


def test_mixup_adds_whole_images_by_shares_of_the_beta_distribution() -> None:
    images, shares = mixed(0.2, 0)
    assert torch.allclose(images, shares[:, None, None, None].expand_as(images))
    assert float(shares.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(shares.var()) == pytest.approx(1 / (4 * (2 * 0.2 + 1)), abs=0.01)


def test_cutmix_pastes_one_rectangle_and_counts_its_pixels() -> None:
    images, shares = mixed(0, 1.0)
    assert ((images == 0) | (images == 1)).all()
    assert torch.allclose(images.mean((1, 2, 3)), shares, atol=1e-6)
    for image in images[:200, 0]:
        rows, columns = (image == 0).any(1), (image == 0).any(0)
        assert (image == 0).sum() == rows.sum() * columns.sum(), "one rectangle"
    # of a box of side r of 1 a place at random leaves r − r²/4 within the image, and of α = 1 each area is as likely
    assert float(shares.mean()) == pytest.approx(1 - (1 / 2 - 1 / 5 + 1 / 48), abs=0.01)


def test_of_both_each_image_gets_one() -> None:
    images, _ = mixed(1.0, 1.0)
    pasted = ((images == 0) | (images == 1)).all((1, 2, 3)).float()
    assert float(pasted.mean()) == pytest.approx(0.5, abs=0.03)


def test_the_loss_is_mixed_as_the_image_is() -> None:
    logits, shares = torch.randn(6, 3), torch.tensor([1, 0, 0.5, 0.2, 0.9, 0.7])
    own, others = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([2, 2, 1, 0, 0, 1])
    task = Classification(Flatten, ("a", "b", "c"), class_weights=(0.5, 1.5, 1.0))
    batch = Batch(logits[..., None, None], own, None, np.arange(6), 6, others=others, shares=shares)
    ((_, loss),) = task.losses({"model": Flatten()}, batch)
    weights = torch.tensor([0.5, 1.5, 1.0])
    each = [F.cross_entropy(logits, truth, reduction="none") * weights[truth] for truth in (own, others)]
    torch.testing.assert_close(loss, (shares * each[0] + (1 - shares) * each[1]).mean())


def loader(rank: int = 0, world: int = 1, at_most: int = 1024, mixing: Mixing | None = None) -> Loader:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 1, 8, 8)).astype(np.uint8)
    plain = Preprocessing(1, (8, 8), "uint8", (100.0,), (50.0,), "resize")
    parts = {"train": np.arange(5, 40), "validation": np.arange(5), "test": np.arange(0)}
    weights = np.linspace(0.5, 1.5, 40).astype(np.float32)
    return Loader(
        Resident(pixels), Resident(np.arange(40)), weights, parts, Batches(35, 12, 1), plain, None,
        torch.device("cpu"), rank=rank, world=world, at_most=at_most, mixing=mixing,
    )  # fmt: skip


def test_a_batch_is_the_same_in_pieces_and_nothing_but_training_is_mixed() -> None:
    mixing = Mixing(0.4, 1.0, np.arange(5, 40))
    ((_, (whole,)),) = loader(mixing=mixing).training(2, 3)
    pieces = [piece for rank in (0, 1) for _, found in loader(rank, 2, 3, mixing).training(2, 3) for piece in found]
    for name in ("inputs", "targets", "others", "shares", "weights"):
        assert torch.equal(torch.cat([getattr(piece, name) for piece in pieces]), getattr(whole, name)), name
    assert len(whole) == whole.total == len(whole.inputs) and np.array_equal(whole.targets, whole.samples)
    assert whole.others is not None and whole.weights is not None
    assert torch.equal(whole.weights, loader().seen(whole.samples, 0).weights), "of the image, not of its partner"
    assert set(whole.others.tolist()) <= set(range(5, 40))
    plain = loader().seen(whole.samples, 0).inputs
    partners = loader().seen(whole.others.numpy(), 0).inputs
    own, theirs = whole.inputs - partners, plain - partners
    assert torch.allclose(own.mean((1, 2, 3)), whole.inputs.sub(partners).mean((1, 2, 3)))
    assert not torch.equal(whole.inputs, plain) and ((own.abs() <= theirs.abs() + 1e-4).all())
    assert torch.equal(loader(mixing=mixing).seen(whole.samples, 0).inputs, whole.inputs), "as a preview shows it"
    for part, epoch in (("validation", None), ("train", None), ("train", 3)):
        for found, wanted in zip(
            loader(mixing=mixing).evaluation(part, epoch), loader().evaluation(part, epoch), strict=True
        ):
            assert torch.equal(found.inputs, wanted.inputs) and found.others is None


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for name, level in (("dark", 90), ("bright", 150)):
        (folder / name).mkdir()
        for number in range(20):
            pixels = (level + rng.integers(-60, 60, (16, 16, 3))).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def test_a_run_learns_from_mixed_images_and_goes_on_to_the_same_bytes(photos: Path, tmp_path: Path) -> None:
    given = {**QUICK, "mixup": 0.2, "cutmix": 1.0}
    whole = neocog.train(photos, out=tmp_path / "whole", **given)
    plain = neocog.train(photos, out=tmp_path / "plain", **QUICK)
    assert whole.weights.read_bytes() != plain.weights.read_bytes()

    def stop(_row: Any) -> None:
        raise neocog.Stop

    with pytest.raises(neocog.Interrupted):
        neocog.train(photos, out=tmp_path / "run", after_epoch=stop, **given)
    run = neocog.resume(tmp_path / "run", quiet=True)
    for name in ("weights.safetensors", "metrics.csv", "predictions.csv"):
        assert (run.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name
    facts = json.loads(whole.model_json.read_text())
    assert "offsets" in facts, "mixed classes draw the probabilities together, which calibration takes back"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mixup": 0.2, "task": "vae"}, "--mixup belongs to --task classification"),
        ({"cutmix": 1, "task": "orientation"}, "--cutmix belongs to --task classification"),
        ({"cutmix": 1, "kind": "volumes"}, "--cutmix belongs to --kind images"),
        ({"mixup": 0.2, "adversarial": 0.03}, "learn from two at once"),
        ({"mixup": 0.2, "pretrained": "imagenet", "tune": "head"}, "--mixup is about the steps of a training"),
        ({"mixup": -1}, "--mixup -1"),
    ],
)
def test_where_nothing_could_be_mixed_it_is_refused(settings: Any, said: str, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        neocog.train(photos, out=tmp_path / "run", threads=1, quiet=True, **settings)
    assert not (tmp_path / "run").exists()


def test_volumes_are_not_mixed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "voxels.npz", x=rng.integers(0, 2, (20, 8, 8, 8)).astype(np.uint8), y=np.arange(20) % 2)
    with pytest.raises(UserError, match="--mixup belongs to --kind images, not to volumes"):
        neocog.train(tmp_path / "voxels.npz", out=tmp_path / "run", epochs=1, threads=1, quiet=True, mixup=0.2)
    assert not (tmp_path / "run").exists()
