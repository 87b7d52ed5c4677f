"""Where does the time of a linear probe go? Seconds of the processor, which others at work on the machine lengthen less.

    python bench/transfer_stages.py        # ants and bees, under NEOCOG_DATA

The stages of ``neocog train hymenoptera --from WEIGHTS --tune head --threads 1``, one after the other in one process: settings
(with timm's import), reading (each photograph decoded once and checked), split (with what a change does to the label), network,
features, and the probe itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neocog.config import Config
from neocog.engine.precision import choose
from neocog.engine.probe import features_of, solve
from neocog.engine.ranks import Ranks
from neocog.progress import Progress
from neocog.verbs.ahead import planned
from neocog.verbs.fit import ready
from neocog.verbs.prepare import arrange, read
from neocog.verbs.transfer import start_from

DATA = Path(os.environ.get("NEOCOG_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
WEIGHTS = DATA / "pretrained" / "tf_efficientnet_lite0.safetensors"


def main() -> None:
    progress, ranks, precision = Progress(quiet=True), Ranks(), choose("cpu", "auto")
    given = {"data": str(DATA / "hymenoptera"), "pretrained": str(WEIGHTS), "tune": "head", "threads": 1}
    with stage("settings"):
        config = planned(Config(), given)
    with stage("reading"):
        data = read(config, progress)
    with stage("split"):
        session = arrange(config, data, ranks, progress)
    with stage("network"):
        fresh = ready(session, ranks)
        start_from(session, fresh)
    with stage(f"features in {precision.name}"):
        found, labels, _ = features_of(fresh.nets["model"], session.loader, "train", precision, lambda _: None)
    with stage("probe"):
        solve(found, labels, 2)
    print(f"{len(data.dataset)} photographs, {len(labels)} of them to learn from")


@contextmanager
def stage(name: str) -> Iterator[None]:
    clock, processor = time.monotonic(), time.process_time()
    yield
    print(
        f"{name}: {time.process_time() - processor:.2f} s of the processor, {time.monotonic() - clock:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
