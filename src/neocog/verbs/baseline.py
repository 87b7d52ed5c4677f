"""``train --baseline``: the same data, split and settings with a network that knows no neighbourhood (``mlp``).

It is a whole run of its own, in ``baseline/`` below the run folder: what the convolution buys is the difference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from neocog.data.split import Manifest
from neocog.engine.ranks import Ranks
from neocog.errors import UserError
from neocog.measures import title
from neocog.measures.names import lower_is_better
from neocog.run import Measure, Run, Section, Table, Text, Whiskers
from neocog.studies.job import Job
from neocog.verbs.job import arrange
from neocog.verbs.screen import Screen

MODEL = "mlp"


def train_baseline(job: Job, run: Run, ranks: Ranks, screen: Screen, command: Sequence[str], fold: int | None) -> None:
    """Train the baseline first, unless that is done already. Raises UserError where the task has none."""
    from neocog.verbs.train import is_complete, learn, make, ready

    if job.config.model.model == MODEL:
        raise UserError(f"--baseline: {MODEL} is the baseline itself", fix="leave one of the two out")
    if not job.study.has_baseline:
        raise UserError(f"--baseline: {MODEL} is no network for {job.study.name}", fix="leave it out")
    own = Run(run.folder / "baseline")
    if ranks.told("complete" if ranks.is_writer and is_complete(own) else "") == "complete":
        return
    screen.say(f"the baseline first: {MODEL} on the same data", "bold")
    if ranks.is_writer:
        make(own.folder)
    model = replace(job.config.model, model=MODEL, options={})
    config = replace(job.config, model=model, training=replace(job.config.training, baseline=False))
    plain = arrange(config, job.data, ranks, Screen(quiet=True), fold, Manifest.of(job.dataset, job.parts))
    learn(plain, ready(plain, ranks), own, ranks, screen, command, fold)


def baseline_chapter(run: Run, measures: Mapping[str, Measure]) -> Section | None:
    """What the network buys over the baseline, if one was trained."""
    result = Run(run.folder / "baseline").result
    if not result.is_file():
        return None
    other = json.loads(result.read_text(encoding="utf-8"))
    found = {name: Measure(**value) for name, value in other["measures"]["test"].items()}
    names = [name for name in measures if name in found]
    first = names[0]
    gain = measures[first].value - found[first].value
    better = gain < 0 if lower_is_better(first) else gain > 0
    text = (
        f"A fully connected network ({MODEL}, {other['parameters']:,} parameters), trained on the same data in the same way, "
        f"reaches {title(first).lower()} {found[first].value:.4f}; this network {measures[first].value:.4f}. "
        + ("The difference is what knowing the neighbourhood buys." if better else "The simpler one does as well here.")
    )
    rows = tuple((title(name), show(measures[name]), show(found[name])) for name in names)
    pair = Whiskers((f"this network: {title(first)}", f"{MODEL}: {title(first)}"), (measures[first], found[first]))
    return Section(
        "Is the convolution needed?", (Text(text), pair, Table(("measure", "this network", MODEL), rows)), "baseline"
    )


def show(measure: Measure) -> str:
    return f"{measure.value:.4f} ({measure.interval})"
