"""A run at earlier times: the networks of its checkpoints, by names that are handed out. The run is only read."""

from __future__ import annotations

import copy
from typing import Any

from neocog.engine import checkpoint
from neocog.errors import UserError
from neocog.predictor import Predictor
from neocog.run import Run
from neocog.server.by_hand import ManualTraining, uncalibrated
from neocog.tasks import task_of_run

MOST_LOADED = 3  # networks beside the run's own


class Times:
    """The checkpoints of one run. Only the network's thread calls this."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._loaded: dict[str, Predictor] = {}
        self.by_hand = ManualTraining()

    def described(self) -> dict[str, Any]:
        """``points``: each checkpoint's name, step, epoch and row of metrics.csv; ``best``: the epoch of the run's own weights."""
        newest = self._newest()
        if newest is None:
            return {"points": [], "best": None}
        counters = newest.state["counters"]
        rows = {int(row["step"]): row for row in counters["rows"]}
        points = [
            {
                "name": checkpoint.name_of(step),
                "step": step,
                "epoch": step / max(1, counters["per_epoch"]),
                "row": rows.get(step, {}),
            }
            for step in checkpoint.steps(self.run.checkpoints)
            if step <= newest.step
        ]
        return {"points": points, "best": counters["best_epoch"] if newest.state["best"] else None}

    def _newest(self) -> checkpoint.Checkpoint | None:
        """None too where checkpoints are all damaged: the run itself is whole without them."""
        try:
            return checkpoint.latest(self.run.checkpoints) if self.run.checkpoints.is_dir() else None
        except UserError:
            return None

    def at(self, own: Predictor, name: str) -> Predictor:
        """The network with the weights of a checkpoint, which nobody calibrated, or after a step by hand. Raises UserError."""
        if name.startswith("by-hand-"):
            return self.by_hand.at(name)
        found = self._loaded.pop(name, None) or self._read(own, name)
        self._loaded[name] = found  # the newest stands last
        while len(self._loaded) > MOST_LOADED:
            del self._loaded[next(iter(self._loaded))]
        return found

    def _read(self, own: Predictor, name: str) -> Predictor:
        steps = {checkpoint.name_of(step): step for step in checkpoint.steps(self.run.checkpoints)}
        if name not in steps:
            raise UserError("the run has no such checkpoint", str(self.run.folder), "load the page again")
        saved, network = checkpoint.at_step(self.run.checkpoints, steps[name]), task_of_run(own).network
        mean = f"mean.{network}"  # is what was evaluated, where there was one
        made = copy.deepcopy(own.network)
        saved.restore(mean if f"{mean}.safetensors" in saved.files else network, made)
        return uncalibrated(own, made)
