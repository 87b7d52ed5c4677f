"""Two processes compute what one would; a lost one is noticed. The processes run once, in two_ranks.py."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from neocog.engine.ranks import Ranks
from neocog.errors import UserError

WORKER = Path(__file__).with_name("two_ranks.py")
pytestmark = pytest.mark.distributed


@dataclass(frozen=True)
class Both:
    """What the two processes left; index: rank."""

    tensors: list[dict[str, Tensor]]
    facts: list[dict[str, Any]]
    lost: dict[str, Any]
    codes: list[int]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("ranks")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    common = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    processes = [
        subprocess.Popen(
            [sys.executable, WORKER, folder],
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    problems = [process.communicate(timeout=120)[1] for process in processes]
    codes = [process.returncode for process in processes]
    assert (folder / "lost.json").exists(), problems
    return Both(
        [load_file(folder / f"rank-{rank}.safetensors") for rank in range(2)],
        [json.loads((folder / f"rank-{rank}.json").read_text()) for rank in range(2)],
        json.loads((folder / "lost.json").read_text()),
        codes,
    )


def worker() -> Any:
    """two_ranks.py as a module."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("two_ranks", WORKER)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_numbers_and_texts_are_the_same_on_all_ranks(both: Both) -> None:
    for facts in both.facts:
        assert facts["sum"] == pytest.approx(1.2, abs=1e-12)
        assert facts["any"] == [0, 15, 15]
        assert facts["told"] == ["runs/Größe 0", ""]


def test_tallies_are_summed_exactly_also_where_a_rank_has_none(both: Both) -> None:
    for facts in both.facts:
        assert facts["lone"] == {"n": 2**53 + 1, "x": [[1.0, 1.0], [1.0, 1.0]]}
        assert facts["both"] == 2**54 + 1
        assert facts["none"] == {}


def test_gradients_are_summed_whoever_has_them(both: Both) -> None:
    first, second = both.tensors
    for place in (0, 1, 2):
        expected = first[f"before.{place}"] + second[f"before.{place}"]
        assert torch.equal(first[f"after.{place}"], expected)
        assert torch.equal(second[f"after.{place}"], expected)
    assert first["after.3"].tolist() == second["after.3"].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("split", ["equal", "unequal", "one and many", "none and all"])
@pytest.mark.parametrize("kind", ["images", "rows"])
def test_batch_norm_over_two_ranks_is_batch_norm_over_the_whole_batch(both: Both, kind: str, split: str) -> None:
    module = worker()
    expected = module.learn(module.network(kind), module.data(kind), 8, Ranks())
    parts = [{name[len(f"{kind}.{split}.") :]: value for name, value in tensors.items() if name.startswith(f"{kind}.{split}.")}
             for tensors in both.tensors]  # fmt: skip
    assert parts[0].keys() == parts[1].keys() == expected.keys()
    close = {"rtol": 1e-10, "atol": 1e-10} if kind == "images" else {"rtol": 1e-5, "atol": 1e-5}
    for name, value in expected.items():
        if "gradient" in name or "buffer" in name:
            torch.testing.assert_close(parts[0][name], value, **close, msg=lambda m, n=name: f"{n}: {m}")
            assert torch.equal(parts[0][name], parts[1][name]), name
        else:
            joined = torch.cat([part[name] for part in parts])
            torch.testing.assert_close(joined, value, **close, msg=lambda m, n=name: f"{n}: {m}")


def test_too_few_values_for_batch_norm_are_refused(both: Both) -> None:
    assert all("more than 1 value a channel over all ranks, and has 1" in facts["too few"] for facts in both.facts)


def test_every_rank_gets_the_weights_of_the_first(both: Both) -> None:
    module = worker()
    torch.manual_seed(0)
    expected = module.nn.Linear(3, 2).state_dict()
    for tensors in both.tensors:
        assert torch.equal(tensors["told.0.weight"], expected["weight"])
        assert torch.equal(tensors["told.0.bias"], expected["bias"])


def test_a_killed_rank_is_noticed_and_said(both: Both) -> None:
    assert both.codes == [0, -signal.SIGKILL]
    for message in ("any", "forward", "backward"):  # the last two are batch norm's
        assert "another of the 2 processes is gone" in both.lost[message]
        assert "neocog resume" in both.lost[message]


def test_one_process_alone_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    ranks = Ranks.from_environment()
    ranks.start()
    tally = {"n": torch.tensor(3)}
    assert ranks == Ranks(0, 1, 0) and ranks.is_writer
    assert (ranks.sum(2.5), ranks.any(15), ranks.broadcast_text("x"), ranks.sum_tally(tally)) == (2.5, 15, "x", tally)
    ranks.stop()


@pytest.mark.parametrize("rank, world, what", [("x", "2", "not numbers: RANK=x"), ("2", "2", "RANK 2 and")])
def test_a_launchers_nonsense_is_told(monkeypatch: pytest.MonkeyPatch, rank: str, world: str, what: str) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", world)
    with pytest.raises(UserError, match=what):
        Ranks.from_environment()
