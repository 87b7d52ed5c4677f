"""The scripts of docs/cluster.md, as they stand there, with stand-ins for SLURM's commands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.distributed
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
SCRIPTS = dict(re.findall(r"```bash\n#!/bin/bash\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))
QUICK = "--model mlp --hidden 8 --batch 10 --augment off --threads 1 --epochs"
# srun: as many tasks as the job has, at most two; once, when epochs have been learned, the time is nearly over
SRUN = """
import os, signal, subprocess, sys, time
from pathlib import Path
words = [word for word in sys.argv[1:] if not word.startswith("--kill-on")]
count, nearly_over = min(2, int(os.environ["SLURM_NTASKS"])), Path("nearly-over")
step = {"SLURM_STEP_NUM_TASKS": f"{count}", "SLURM_STEP_NODELIST": "127.0.0.1", "SLURM_STEP_TASKS_PER_NODE": f"{count}"}
tasks = [
    subprocess.Popen(words, env={**os.environ, **step, "SLURM_PROCID": f"{task}", "SLURM_LOCALID": f"{task}"})
    for task in range(count)
]
while nearly_over.exists() and tasks[0].poll() is None:
    time.sleep(0.01)
    if Path("runs/photos/metrics.csv").exists():
        nearly_over.unlink()
        for task in tasks:
            task.send_signal(signal.SIGUSR1)
sys.exit(max(code if code >= 0 else 128 - code for code in [task.wait() for task in tasks]))
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with photos/, and bin/ with the stand-ins."""
    rng = np.random.default_rng(0)
    for number in range(40):
        path = tmp_path / "photos" / ("left", "right")[number % 2] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "srun.py").write_text(SRUN)
    two = "${@/--nproc-per-node=4/--nproc-per-node=2}"
    stand_ins = {
        "srun": f'exec {sys.executable} {tmp_path}/srun.py "$@"',
        "neocog": f'exec {sys.executable} -m neocog "$@" {QUICK} "$EPOCHS"',
        "torchrun": f'exec {sys.executable} -m torch.distributed.run "{two}" {QUICK} "$EPOCHS"',
        "scontrol": 'echo "$@" > requeued',
    }
    for name, line in stand_ins.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/bash\n{line}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def sbatch(place: Path, script: str, epochs: int = 2, array: str = "") -> subprocess.Popen[str]:
    """The script as SLURM's batch host runs it."""
    asked = dict(re.findall(r"^#SBATCH --([a-z-]+)=(\S+)$", script, re.MULTILINE))
    tasks = int(asked.get("ntasks", 0)) or int(asked.get("nodes", 1)) * int(asked.get("ntasks-per-node", 1))
    job = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_NTASKS": str(tasks), "SLURM_PROCID": "0", "ENVIRONMENT": "BATCH"}
    common = {**os.environ, "OMP_NUM_THREADS": "1", "EPOCHS": str(epochs), "SLURM_ARRAY_TASK_ID": array, **job}
    common["PATH"] = f"{place / 'bin'}:{os.environ['PATH']}"
    with (place / f"log{array}").open("a") as log:
        return subprocess.Popen(["bash", "-c", script], cwd=place, env=common, stdout=log, stderr=log, text=True)


def ended(place: Path, job: subprocess.Popen[str]) -> int:
    try:
        return job.wait(200)
    finally:
        job.kill()
        job.wait()


def result(folder: Path) -> Any:
    return json.loads((folder / "result.json").read_text())


def test_the_page_has_these_scripts() -> None:
    assert set(SCRIPTS) == {"one-node.sh", "two-nodes.sh", "folds.sh"}


def test_one_node(place: Path) -> None:
    assert ended(place, sbatch(place, SCRIPTS["one-node.sh"])) == 0, (place / "log").read_text()
    assert json.loads((place / "runs/photos/environment.json").read_text())["processes"] == 2
    assert result(place / "runs/photos")["epochs"] == 2


def test_two_nodes_whose_time_is_over_save_and_go_on_in_the_next_job(place: Path) -> None:
    (place / "nearly-over").touch()
    codes = [ended(place, sbatch(place, SCRIPTS["two-nodes.sh"], epochs=300))]
    log = (place / "log").read_text()
    assert (codes, log.count("stopped by SIGUSR1, and saved")) == ([138], 2), log
    assert (place / "requeued").read_text() == f"requeue {os.getpid()}\n"
    codes.append(ended(place, sbatch(place, SCRIPTS["two-nodes.sh"], epochs=300)))
    log = (place / "log").read_text()
    assert (codes, log.count("going on from step")) == ([138, 0], 1), log
    assert [path.name for path in (place / "runs").iterdir()] == ["photos"]
    assert result(place / "runs/photos")["epochs"] == 300


def test_an_array_of_folds_sums_up_when_the_last_one_is_done(place: Path) -> None:
    script = SCRIPTS["folds.sh"]
    assert script.count("--folds 5") == script.count("--array=1-5") == 1
    script = script.replace("--folds 5", "--folds 3")
    jobs = [sbatch(place, script, array=f"{fold}") for fold in (1, 2, 3)]
    assert [ended(place, job) for job in jobs] == [0] * 3, [path.read_text() for path in place.glob("log*")]
    assert len(result(place / "runs/folds")["folds"]) == 3
    assert (place / "runs/folds/report.html").is_file()
