"""Little memory changes how pixels are had, never what is learned; a network's answers of a large image take little of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from PIL import Image
from torch.nn import functional as F

import neocog
from neocog.config import Config
from neocog.data.preprocessing import Preprocessing
from neocog.data.unfit import class_map
from neocog.engine.threads import Threads
from neocog.limits import Limit, cores
from neocog.progress import Progress
from neocog.tasks import evaluation
from neocog.tasks.evaluation import at_once
from neocog.verbs import fit, prepare
from neocog.verbs.session import settings_for

GIBI = 1 << 30
TINY: dict[str, Any] = {"epochs": 3, "batch": 8, "threads": 1, "quiet": True}


def photos(root: Path) -> Path:
    rng = np.random.default_rng(0)
    for index in range(24):
        (root / "ab"[index % 2]).mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 120, (12, 12), np.uint8) + 100 * (index % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(root / "ab"[index % 2] / f"{index:02}.png")
    return root


def scans(root: Path) -> Path:
    rng = np.random.default_rng(1)
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for index in range(12):
        mask = np.zeros((16, 16), np.uint8)
        mask[: 4 + index, 3:9] = 1
        Image.fromarray(mask).save(root / f"masks/{index:02}.png")
        Image.fromarray(rng.integers(0, 99, (16, 16), np.uint8) + 100 * mask).save(root / f"images/{index:02}.png")
    return root


@pytest.mark.parametrize("make, network", [(photos, {"model": "mlp"}), (scans, {"width": 4, "depth": 1})])
@pytest.mark.parametrize("variables", [{"SLURM_MEM_PER_NODE": "1"}, {"SLURM_MEM_PER_CPU": "1"}])
def test_a_job_of_little_memory_streams_and_ends_in_the_same_weights(
    make: Any, network: dict[str, Any], variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make(tmp_path / "data")
    neocog.train(root, tmp_path / "a", **TINY, **network)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert prepare.read(settings_for(root, {}, Config), Progress(quiet=True)).pixels is None
    neocog.train(root, tmp_path / "b", **TINY, **network)
    for name in ("weights.safetensors", "metrics.csv", "predictions.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("free, share, fits", [(4, 0.5, True), (4, 0.2, False), (2, 0.5, False), (0, 1.0, False)])
def test_pixels_fit_in_their_share_of_what_learning_leaves(
    free: int, share: float, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "memory_limits", lambda _: [Limit(free * GIBI, "a test")])
    plan = Preprocessing(1, (1024, 1024), "uint8", (), ())
    assert prepare.fits_in_memory(1024, plan, share) == fits  # 1 GiB of pixels


def test_small_data_are_kept_where_little_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "memory_limits", lambda _: [Limit(GIBI // 2, "a test")])
    assert prepare.fits_in_memory(100, Preprocessing(3, (32, 32), "uint8", (), ()), 0.5)


def test_no_more_threads_are_tried_than_the_job_was_given_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    assert cores() == 1
    most: list[int] = []

    def noted(number: int) -> Threads:
        most.append(number)
        return Threads(number)

    monkeypatch.setattr(fit, "Threads", noted)
    neocog.train(photos(tmp_path / "data"), tmp_path / "a", model="mlp", **(TINY | {"threads": 0, "epochs": 1}))
    assert most == [1]


@pytest.mark.parametrize("k, small, large", [(3, (8, 8), (21, 17)), (20, (32, 24), (100, 90)), (1, (4, 4), (9, 9))])
def test_classes_enlarged_one_by_one_are_those_enlarged_together(
    k: int, small: tuple[int, int], large: tuple[int, int]
) -> None:
    logits = torch.randn((k, *small), generator=torch.Generator().manual_seed(k))
    logits[:, :2] = logits[0, :2].clone()  # ties: the first class
    together = F.interpolate(logits[None], size=large, mode="bilinear", align_corners=False)[0].argmax(0)
    assert_array_equal(class_map(logits.numpy(), large, "resize"), together.numpy().astype(np.uint8))


def test_the_mask_of_a_large_image_takes_no_memory_for_each_class(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    enlarge = F.interpolate

    def counted(*given: Any, **more: Any) -> Any:
        found = enlarge(*given, **more)
        sizes.append(found.numel())
        return found

    monkeypatch.setattr(F, "interpolate", counted)
    class_map(np.zeros((30, 8, 8), np.float32), (512, 512), "resize")
    assert max(sizes) == 512 * 512


@pytest.mark.parametrize(
    "preprocessing, samples",
    [
        (Preprocessing(3, (224, 224), "uint8", (), ()), 20),
        (Preprocessing(1, (28, 28), "uint8", (), ()), 256),
        (Preprocessing(1, (64, 64, 64), "uint8", (), ()), 4),
        (Preprocessing(1, (4096, 4096), "uint8", (), ()), 1),
    ],
)
def test_what_is_judged_at_once_is_bounded_by_its_size(preprocessing: Preprocessing, samples: int) -> None:
    assert at_once(preprocessing) == samples


def test_no_network_is_given_more_where_it_is_judged_than_it_learned_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Validation while it learns, the end of the training, ``evaluate`` and ``predict``: where a training fits, they fit."""
    monkeypatch.setattr(evaluation, "AT_ONCE", 5 * 32 * 32)
    seen: dict[bool, set[int]] = {False: set(), True: set()}

    def noted(module: torch.nn.Module, given: Any, _answer: Any) -> None:
        if isinstance(module, torch.nn.Conv2d):
            seen[module.training].add(len(given[0]))

    settings: dict[str, Any] = TINY | {"epochs": 1, "split": (0.4, 0.3, 0.3), "size": (32,), "augment": ("off",)}
    with torch.nn.modules.module.register_module_forward_hook(noted):
        run = neocog.train(photos(tmp_path / "data"), tmp_path / "a", model="cnn", widths="2,2", **settings)
        neocog.evaluate(run, quiet=True)
        neocog.predict(run, [tmp_path / "data"], quiet=True)
    assert max(seen[True]) > max(seen[False]) == 5
