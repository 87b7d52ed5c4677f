"""Two processes learn a VAE: the same bytes each time, and the validation bound that one process finds with their weights."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.distributed
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "neocog"]
SETTINGS = ["digits", "--task", "vae", "--epochs", "2", "--widths", "4,6", "--latent", "3", "--hidden", "12", "--batch", "63",
            "--binarise", "sampled", "--threads", "1", "--precision", "fp32"]  # fmt: skip


def test_two_ranks_give_the_same_bytes_again_and_the_bound_that_one_finds(tmp_path: Path) -> None:
    """Each rank draws training noise of its own; the noise of evaluation belongs to the images, whoever looks at them."""
    digests = []
    for name in ("one", "two"):
        run = tmp_path / name
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [*TORCHRUN, "train", *SETTINGS, "--out", str(run)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, env=environment)
        assert done.returncode == 0, done.stderr
        newest = max((run / "checkpoints").glob("step-*"))
        paths = [run / "weights.safetensors", run / "metrics.csv", *sorted(newest.iterdir())]
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
    assert digests[0] == digests[1]
    result = json.loads((run / "result.json").read_text())
    best = list(csv.DictReader((run / "metrics.csv").read_text().splitlines()))[result["best_epoch"] - 1]
    assert result["measures"]["validation"]["elbo"]["value"] == pytest.approx(float(best["validation_elbo"]), abs=1e-4)
