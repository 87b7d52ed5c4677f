"""Two processes learn a generator and its discriminator: the same bytes each time, the same weights in both."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import neocog

pytestmark = pytest.mark.distributed
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "neocog"]
SETTINGS = [
    "digits",
    "--task",
    "gan",
    "--epochs",
    "2",
    "--width",
    "4",
    "--latent",
    "8",
    "--batch",
    "63",
    "--threads",
    "1",
]


def test_two_ranks_give_the_same_bytes_again(tmp_path: Path) -> None:
    """Each draws latent vectors of its own, so that they are not those of one process; batch norm sees both ranks' images."""
    judge = neocog.train("digits", tmp_path / "judge", quiet=True, epochs=1, widths=(4,), threads=1)
    digests = []
    for name in ("one", "two"):
        run = tmp_path / name
        command = [*TORCHRUN, "train", *SETTINGS, "--extractor", str(judge.folder), "--out", str(run)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, env=environment)
        assert done.returncode == 0, done.stderr
        newest = max((run / "checkpoints").glob("step-*"))
        paths = [run / "weights.safetensors", run / "metrics.csv", run / "epochs.png", *sorted(newest.iterdir())]
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
    assert digests[0] == digests[1]
