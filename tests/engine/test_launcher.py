"""What srun says is read as torchrun would have said it."""

from __future__ import annotations

import pytest

from neocog.engine.launcher import PORTS, check_verb, first_host, port, torchrun_variables
from neocog.errors import UserError

TASK = {"SLURM_PROCID": "3", "SLURM_LOCALID": "1", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "1234567", "SLURM_STEP_ID": "0",
        "SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_NODELIST": "gpu[07-08]", "ENVIRONMENT": "BATCH"}  # fmt: skip


def test_each_of_four_tasks_is_a_rank_of_one_training() -> None:
    found = torchrun_variables(TASK)
    assert (found["RANK"], found["WORLD_SIZE"], found["LOCAL_RANK"], found["MASTER_ADDR"]) == ("3", "4", "1", "gpu07")
    others = {torchrun_variables({**TASK, "SLURM_PROCID": f"{task}"})["MASTER_PORT"] for task in range(4)}
    assert others == {found["MASTER_PORT"]}, "all meet at one port"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {**TASK, "SLURM_STEP_NUM_TASKS": "1"},
        {**TASK, "RANK": "0", "WORLD_SIZE": "2"},  # torchrun below srun
        {**TASK, "WORLD_SIZE": "1"},  # each on its own, by the user's wish
        {"SLURM_NTASKS": "4", "SLURM_PROCID": "0", "ENVIRONMENT": "BATCH"},  # in a batch script, without srun
    ],
)
def test_where_srun_starts_no_several_ranks_nothing_is_set(given: dict[str, str]) -> None:
    assert torchrun_variables(given) == {}


def test_where_all_meet_is_left_as_it_is_given() -> None:
    found = torchrun_variables({**TASK, "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"})
    assert (found["MASTER_ADDR"], found["MASTER_PORT"]) == ("10.0.0.1", "29500")


def test_variables_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(UserError, match="not numbers: RANK x, LOCAL_RANK -1"):
        torchrun_variables({**TASK, "SLURM_PROCID": "x", "SLURM_LOCALID": "-1"})


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("a", "a"), ("node[03-05,09],gpu1", "node03"), ("rack[1-2]-n[07]", "rack1-n07"), ("a.b.c,d", "a.b.c")],
)
def test_the_first_host_of_a_list(nodes: str, first: str) -> None:
    assert first_host(nodes) == first


def test_steps_of_a_job_and_neighbouring_jobs_meet_at_ports_of_their_own() -> None:
    found = [port(str(job), str(step)) for job in range(1000, 1100) for step in range(7)]
    assert len(set(found)) == len(found)
    assert all(each in PORTS for each in [*found, port("12_34", "batch"), port("", "")])


def test_only_what_several_processes_do_as_one_may_be_started_several_times() -> None:
    for words in (TASK, {"WORLD_SIZE": "4"}):
        check_verb("train", words)
        check_verb("--version", words)
        with pytest.raises(UserError, match="neocog audit runs in one process, and 4 were started"):
            check_verb("audit", words)
    check_verb("audit", {**TASK, "WORLD_SIZE": "1"})
    check_verb("audit", {})
