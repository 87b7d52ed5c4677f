"""Whether all processes of a training have the same before them: settings, versions, data, run folder, checkpoint.

Each node reads for itself; what differs between two would be learned without a word, or end in waiting for each other.
Every function here is called by all ranks, and raises one and the same UserError on all of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from neocog.checked import flag
from neocog.config import Config
from neocog.data.split import Manifest, changes, content_digest
from neocog.engine.checkpoint import Checkpoint
from neocog.engine.precision import choose
from neocog.engine.ranks import Ranks
from neocog.environment import environment
from neocog.errors import Problems, UserError, listed
from neocog.run import Run
from neocog.tasks.task import Session
from neocog.verbs.plan import INDIFFERENT, differing
from neocog.version import __version__

OWN = ("data", "threads")  # settings that nodes may have each their own: where data lie, how many cores there are
met: list[Ranks] = []  # the ranks that are together now
SHARE = "let all nodes see the same run folder, such as one on NFS"
FIXES = {
    "neocog": "install the same version on every node",
    "torch": "install the same version on every node",
    "instructions": "take nodes of one kind, or limit them all, as ATEN_CPU_CAPABILITY=avx2 does",
    "precision": "say which, as --precision fp32 does, or take nodes of one kind",
    "pretrained weights": "copy the file of rank 0 to every node",
    "begins or goes on": SHARE,
}


@contextmanager
def together() -> Iterator[Ranks]:
    """All the processes that torchrun or srun started, or this one alone. Within such a block it is the same ranks again."""
    if met:
        yield met[0]
        return
    ranks = Ranks.from_environment()
    ranks.start("cuda" if torch.cuda.is_available() else "cpu")
    met.append(ranks)
    try:
        yield ranks
    finally:
        met.clear()
        ranks.stop()


def with_own(config: Config, asked: Config) -> Config:
    """``config``, as another node recorded it, with what this one may have its own."""
    data, threads = asked.data.data, asked.training.threads
    return replace(config, data=replace(config.data, data=data), training=replace(config.training, threads=threads))


def same_start(config: Config, goes_on: bool, ranks: Ranks) -> None:
    """Versions, instructions, settings as they were asked for, and whether there is a run to go on with."""
    if ranks.world == 1:
        return
    versions, cpu = environment()["versions"], environment()["cpu"]
    does = {"begins or goes on": "goes on with a run" if goes_on else "begins a run"}
    same_facts(
        {"neocog": __version__, "torch": versions["torch"], "instructions": cpu["capability"], **does}, config, ranks
    )


def same_facts(facts: dict[str, Any], config: Config, ranks: Ranks) -> None:
    """``facts`` by name, and settings."""
    own = json.dumps({"facts": facts, "settings": config.tables()})

    def differs(first: str) -> UserError:
        theirs = json.loads(first)
        found = list(_differences(theirs, json.loads(own), ranks))
        return found[0] if len(found) == 1 else Problems(found)

    compared = json.loads(own)
    for section in compared["settings"].values():
        for name in (*OWN, *INDIFFERENT):
            section.pop(name, None)
    ranks.agree(json.dumps(compared), differs, lambda: own)


def _differences(theirs: dict[str, Any], mine: dict[str, Any], ranks: Ranks) -> Iterator[UserError]:
    for name, fact in mine["facts"].items():
        if theirs["facts"][name] != fact:
            what = f"rank {ranks.rank} differs from rank 0: {name} {fact}, not {theirs['facts'][name]}"
            yield UserError(what, fix=FIXES[name])
    pairs = differing(theirs["settings"], mine["settings"])
    other = listed(f"{flag(name)} {now}, not {first}" for name, (first, now) in pairs.items() if name not in OWN)
    if other:
        fix = "give every node the same command and the same --config file"
        if "SLURM_PROCID" in os.environ:
            fix += "; srun starts one training: for several, put WORLD_SIZE=1 before each command"
        yield UserError(f"the settings of rank {ranks.rank} differ from rank 0's: {other}", fix=fix)


def same_job(session: Session, ranks: Ranks) -> None:
    """Samples, their files, what is known of them and their parts; then the settings that were made of them."""
    if ranks.world == 1:
        return
    data, dataset = session.data, session.dataset
    digests, target_texts, parts = list(data.digests), list(data.target_texts), session.parts
    own = content_digest(dataset, parts, digests, target_texts)
    if dataset.weights is not None:
        own += hashlib.sha256(dataset.weights.tobytes()).hexdigest()
    source = f"{socket.gethostname()}:{session.config.data.data}"

    def differs(first: str) -> UserError:
        theirs, rows = json.loads(first)
        names, known, split, files = map(tuple, rows)
        recorded = Manifest(names, known, split, ("",) * len(names), files)
        found = changes(recorded, dataset, parts, digests, target_texts) or "other weights, or another order"
        what = f"the data of rank {ranks.rank} differ from the {len(names):,} {dataset.form} of rank 0: {found}"
        fix = f"let all nodes read one folder, or copy it: rsync -a --delete {theirs}/ {session.config.data.data}/"
        return UserError(what, session.config.data.data, fix)

    ranks.agree(
        own, differs, lambda: json.dumps([source, [list(dataset.names), target_texts, parts.tolist(), digests]])
    )
    training = session.config.training
    weights = data.source.digest if data.source else ""
    facts = {"precision": choose(training.device, training.precision).name, "pretrained weights": weights}
    same_facts(facts, session.config, ranks)


def same_run(run: Run, identities: Sequence[str], ranks: Ranks) -> None:
    """Whether all see the run folder that rank 0 writes. ``identities``: as this rank reads them there."""
    own = json.dumps([list(identities), run.splits_csv.is_file()])
    what = f"rank {ranks.rank} does not see in the run folder what rank 0 has written there"
    ranks.agree(own, lambda _: UserError(what, str(run.folder.absolute()), SHARE))


def same_checkpoint(saved: Checkpoint | None, run: Run, ranks: Ranks) -> None:
    """Whether all go on from the same checkpoint."""
    own = json.dumps(
        None if saved is None else [saved.step, saved.run, dict(saved.files)], sort_keys=True, default=dict
    )

    def seen(text: str) -> str:
        found = json.loads(text)
        return "no checkpoint" if found is None else f"the one of step {found[0]:,}"

    def differs(first: str) -> UserError:
        which = "no sound checkpoint" if saved is None else f"{seen(own)} as the newest sound checkpoint"
        what = f"rank {ranks.rank} has {which}, rank 0 has {seen(first)}"
        if seen(first) == seen(own):
            what += ", of other content"
        return UserError(what, str(run.checkpoints.absolute()), f"{SHARE}; or copy rank 0's to the other nodes")

    ranks.agree(own, differs)
