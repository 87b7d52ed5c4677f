"""Who started this process, and beside how many others: torchrun's variables, or SLURM's in their place. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping

from neocog.errors import UserError, printable

PORTS = range(12_000, 32_000)  # below those that systems hand out by themselves
TOGETHER = ("train", "resume")  # what several processes do as one
ANYWHERE = ("device", "models")  # what each process may answer for itself


def torchrun_variables(given: Mapping[str, str]) -> dict[str, str]:
    """What torchrun would have set for a task of SLURM's ``srun``; {} where it was not srun, or one task alone.

    A batch script that asks for several tasks and starts one process without srun is one process. What is given already
    (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT) is left as it is. Raises UserError for SLURM variables that are no numbers.
    """
    count = given.get("SLURM_STEP_NUM_TASKS") or given.get("SLURM_NTASKS", "1")
    in_script = given.get("ENVIRONMENT") == "BATCH" and "SLURM_STEP_NUM_TASKS" not in given
    by_srun = "SLURM_PROCID" in given and not in_script
    if "WORLD_SIZE" in given or "RANK" in given or not by_srun or count == "1":
        return {}
    nodes = given.get("SLURM_STEP_NODELIST") or given.get("SLURM_JOB_NODELIST") or "localhost"
    job, step = (given.get(name, "0") for name in ("SLURM_JOB_ID", "SLURM_STEP_ID"))
    numbers = {"RANK": given["SLURM_PROCID"], "WORLD_SIZE": count, "LOCAL_RANK": given.get("SLURM_LOCALID", "0")}
    wrong = [f"{name} {printable(text)}" for name, text in numbers.items() if not re.fullmatch("[0-9]{1,9}", text)]
    if wrong:
        raise UserError(f"srun's variables are not numbers: {', '.join(wrong)}", fix="start with srun or torchrun")
    where = {"MASTER_ADDR": first_host(nodes), "MASTER_PORT": str(port(job, step))}
    return numbers | {name: given.get(name, text) for name, text in where.items()}


def first_host(nodes: str) -> str:
    """The first host of a list as SLURM writes it.

    >>> first_host("node[03-05,09],gpu1"), first_host("rack[1-2]-n[07]"), first_host("a,b")
    ('node03', 'rack1-n07', 'a')
    """
    return re.sub(r"\[(\w+)[^\]]*\]", r"\1", nodes).split(",")[0]


def port(job: str, step: str) -> int:
    """A port that all tasks of a job's step agree on, and other steps hardly ever take."""
    job_number, step_number = (int("".join(re.findall("[0-9]", text)) or 0) for text in (job, step))
    return PORTS[(7 * job_number + step_number) % len(PORTS)]


def check_verb(verb: str, variables: Mapping[str, str]) -> None:
    """Raise UserError where several processes would each do the whole of what one does."""
    count = {**torchrun_variables(variables), **variables}.get("WORLD_SIZE", "1")
    if count == "1" or verb.startswith("-") or verb in (*TOGETHER, *ANYWHERE):
        return
    what = f"neocog {printable(verb)} runs in one process, and {printable(count)} were started"
    fix = f"start one (srun -n 1), or, where each has work of its own: WORLD_SIZE=1 neocog {printable(verb)} …"
    raise UserError(what, fix=fix)
