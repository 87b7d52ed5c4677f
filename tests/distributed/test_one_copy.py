"""The processes of one node read their data once: one decodes, both have the same, and the pixels lie in memory once."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from neocog.limits import Limit
from neocog.verbs import prepare

pytestmark = pytest.mark.distributed
READS = Path(__file__).with_name("reads.py")
COUNT = 12
SAME, OTHERS = [{"GROUP_RANK": "0"}] * 2, [{"GROUP_RANK": "0"}, {"GROUP_RANK": "1"}]
SETTINGS: dict[str, dict[str, Any]] = {
    "images": {"data": "photos", "variables": SAME, "settings": {"size": (96, 96)}},
    "masks": {"data": "cells", "variables": SAME, "settings": {}},
    "two nodes": {"data": "photos", "variables": OTHERS, "settings": {"size": (96, 96)}},
    "tasks of srun": {"data": "photos", "variables": [{"SLURM_NODEID": "3"}] * 2, "settings": {}},
    "streamed": {"data": "photos", "variables": SAME, "settings": {"memory": 0.0}},
    "an array": {"data": "digits", "variables": SAME, "settings": {}},
    "damaged": {"data": "damaged", "variables": SAME, "settings": {}},
    "skipped": {"data": "damaged", "variables": SAME, "settings": {"on_bad": "skip", "max_bad": 1.0}},
    "broken": {"data": "photos", "variables": SAME, "settings": {}, "broken": 0},
}


def written(folder: Path) -> None:
    """photos in two classes, one of them twice; the same with a file that is cut; cells with their masks."""
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        pixels = rng.integers(0, 256, (96, 96, 3), np.uint8)
        for name in ("photos", "damaged"):
            path = folder / name / "ab"[number % 2] / f"{number:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
        for name, array in (("images", pixels), ("masks", (pixels[..., 0] > 128).astype(np.uint8) * 255)):
            path = folder / "cells" / name / f"{number:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)
    cut = folder / "damaged/a/04.png"
    cut.write_bytes(cut.read_bytes()[:500])
    (folder / "photos/b/copy.png").write_bytes((folder / "photos/b/01.png").read_bytes())


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What both processes came to, by case."""
    place = tmp_path_factory.mktemp("reads")
    written(place)
    (place / "cases").write_text(json.dumps(list(SETTINGS.values())))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    common = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    common |= {"LOCAL_WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, READS, place / "cases", place / f"{rank}"],
            cwd=place,
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]
    try:
        assert [process.wait(120) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    outcomes = [json.loads((place / f"{rank}").read_text()) for rank in range(2)]
    return dict(zip(SETTINGS, map(list, zip(*outcomes, strict=True)), strict=True))


@pytest.mark.parametrize("name, what", [("images", "images"), ("tasks of srun", "images"), ("masks", "masks"),
                                        ("streamed", "images")])  # fmt: skip
def test_one_process_of_a_node_decodes_for_all(name: str, what: str, found: dict[str, list[dict[str, Any]]]) -> None:
    first, second = found[name]
    assert first["counts"][what] >= COUNT and first["counts"]["copies"] == 1
    assert second["counts"] == {}
    assert first["digests"] == second["digests"] and first["findings"] == second["findings"]
    assert not any(first["writeable"] + second["writeable"])  # the memory is the other's too
    assert len(first["writeable"]) == {"masks": 2, "streamed": 0}.get(name, 1)


def test_each_node_decodes_for_itself(found: dict[str, list[dict[str, Any]]]) -> None:
    first, second = found["two nodes"]
    assert first["counts"] == second["counts"] == {"images": COUNT + 1, "copies": 1}
    assert first["digests"] == second["digests"] == found["images"][0]["digests"]


def test_who_decodes_for_all_takes_their_cores_and_counts_the_pixels_once(
    found: dict[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found["images"][0]["noted"] == {"memory": 2, "cores": 2}
    assert found["images"][1]["noted"] == {}
    assert [each["noted"] for each in found["two nodes"]] == [{"memory": 1, "cores": 1}] * 2
    node = [Limit(5 << 30, "the node", 2), Limit(6 << 30, "ulimit -v")]  # of 5, two processes take 1 each for learning
    monkeypatch.setattr(prepare, "memory_limits", lambda processes: node)
    plan = prepare.Preprocessing(1, (1024, 1024), "uint8", (), ())
    assert prepare.fits_in_memory(3 << 10, plan, 1.0, 2)
    assert not prepare.fits_in_memory((3 << 10) + 1, plan, 1.0, 2)


def test_what_lies_in_an_array_stays_each_processs_own(found: dict[str, list[dict[str, Any]]]) -> None:
    first, second = found["an array"]
    assert first == second
    assert first["counts"] == {"copies": 1}


def test_files_that_cannot_be_read_are_told_by_all_in_one_way(found: dict[str, list[dict[str, Any]]]) -> None:
    first, second = found["damaged"]
    assert first["error"] == second["error"]
    assert "04.png" in first["error"] and "rank" not in first["error"]
    assert [each["counts"] for each in found["skipped"]] == [{"images": COUNT, "copies": 1}, {}]
    assert found["skipped"][0]["findings"] == found["skipped"][1]["findings"]


def test_what_stops_the_one_that_decodes_stops_all(found: dict[str, list[dict[str, Any]]]) -> None:
    first, second = found["broken"]
    assert first["error"] == second["error"]
    assert "the disk is broken" in first["error"] and "rank 0 on" in first["error"]
