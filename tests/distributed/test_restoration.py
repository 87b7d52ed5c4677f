"""Two processes learn to restore, or to find boxes: the network that one process learns, to the rounding of its sums."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

pytestmark = pytest.mark.distributed
TWO = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "neocog"]
ONE = [sys.executable, "-m", "neocog"]
SHARED = ["--epochs", "2", "--batch", "6", "--threads", "1", "--precision", "fp32", "--optimizer", "sgd", "--quiet"]
RESTORED = ["--task", "restoration", "--width", "4", "--blocks", "1", "--windows", "2", "--patch", "12", "--lr", "0.05"]
KINDS: dict[str, list[str]] = {
    "restoration": ["shots", *RESTORED, "--degrade", "gauss:25"],
    "noise2noise": ["shots", *RESTORED, "--degrade", "gauss:25", "--supervision", "noise2noise"],
    "noise2void": ["shots", *RESTORED, "--supervision", "noise2void"],
    "detection": ["shots/boxes.csv", "--task", "detection", "--width", "4", "--lr", "0.01", "--augment", "off"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("two")
    (place / "shots").mkdir()
    rng, lines = np.random.default_rng(0), ["image,label,x0,y0,x1,y1"]
    for number in range(24):
        pixels = rng.integers(0, 80, (32, 32)).astype(np.uint8)
        top, left = rng.integers(1, 16, 2).tolist()
        pixels[top : top + 12, left : left + 10] = 200
        Image.fromarray(pixels).save(place / "shots" / f"{number:02}.png")
        lines.append(f"{number:02}.png,square,{left},{top},{left + 10},{top + 12}")
    (place / "shots" / "boxes.csv").write_text("\n".join(lines) + "\n")
    return place


@pytest.mark.parametrize("kind", KINDS)
def test_two_ranks_learn_the_network_of_one(kind: str, folder: Path) -> None:
    """Windows, noise and hidden values are functions of (seed, epoch, sample), whichever rank draws them."""
    weights = []
    for name, begin in (("one", ONE), ("two", TWO)):
        out = folder / f"{kind}-{name}"
        command = [*begin, "train", *KINDS[kind], *SHARED, "--out", str(out)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=300, env=environment, cwd=folder
        )
        assert done.returncode == 0, done.stderr
        weights.append(load_file(out / "weights.safetensors"))
    for name, value in weights[0].items():
        np.testing.assert_allclose(weights[1][name], value, rtol=1e-3, atol=1e-5, err_msg=name)
