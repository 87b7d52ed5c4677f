"""The room in which one trains, as the page asks for it: what there is to choose, how trainings stand, what they have learned."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import numpy as np

from neocog.data.dataset import Array
from neocog.documents import read_json
from neocog.errors import UserError
from neocog.run import Run
from neocog.server.found import unfinished
from neocog.server.frame import pack
from neocog.server.trainings import Trainings, asked_of, confusion, models, status_of

AGAIN = 5.0  # s until runs that others begin are looked for again
MOST_RUNS = 50  # whose data are offered
MOST_FILTERS = 64


class TrainingRoom:
    """``runs``: the studio's list, to which a training that is done is added. Every page is told the same."""

    def __init__(self, trainings: Trainings, runs: list[Run]) -> None:
        self.trainings, self.runs = trainings, runs
        self._looked = -AGAIN
        self._offered = 0

    def status(self) -> dict[str, Any]:
        self.look_around()
        return {
            "data": [{"id": place, "name": name} for place, name in enumerate(self.trainings.offered)],
            "models": models(),
            "trainings": [
                {"id": place, **status_of(each), "run": self.run_of(each.run)}
                for place, each in enumerate(self.trainings.all)
            ],
            "runs": [{"id": place, "name": run.folder.resolve().name} for place, run in enumerate(self.runs)],
        }

    def look_around(self) -> None:
        """Take in what others began, and offer the data of runs that are new here."""
        if time.monotonic() - self._looked > AGAIN:
            self.trainings.find(unfinished(self.trainings.folder))
            self._looked = time.monotonic()
        for run in self.runs[self._offered : MOST_RUNS]:
            data = asked_of(run).get("data", "")
            if data and not data.startswith("<") and data not in self.trainings.offered:
                self.trainings.offered.append(data)
        self._offered = len(self.runs)

    def run_of(self, run: Run) -> int | None:
        """The place of a trained run among the studio's, to which it is added; None where it is none yet."""
        if not run.model_json.is_file() or not run.report.is_file():
            return None
        folders = [each.folder.resolve() for each in self.runs]
        if run.folder.resolve() not in folders:
            self.runs.append(run)
            return len(self.runs) - 1
        return folders.index(run.folder.resolve())

    def stop(self, place: int) -> bytes:
        self.trainings.stop(place)
        return pack({}, {})

    def resume(self, place: int) -> bytes:
        self.trainings.resume(place)
        return pack({}, {})

    def shown(self, place: int) -> bytes:
        """The filters of the first convolution at the newest checkpoint, and the confusion matrix of the newest validation."""
        run = self.trainings.at(place).run
        classes, counts = confusion(run)
        arrays: dict[str, Array] = {}
        if classes:
            arrays["confusion"] = np.array(counts, np.int32)
        filters = filters_of(run)
        if filters is not None:
            largest = max(float(np.abs(filters).max()), 1e-37)
            arrays["filters"] = np.round(filters / largest * 127).astype(np.int8)
            arrays["filters.scale"] = np.array([largest], np.float32)
        return pack({"classes": classes}, arrays)


def filters_of(run: Run) -> Array | None:
    """(O, C, h, w) of the first convolution of the images' channels that sees more than a pixel, at the newest checkpoint; None
    where there is none."""
    from neocog.engine import checkpoint

    with suppress(UserError, OSError, KeyError, TypeError):
        channels, newest = int(read_json(run.plan)["settings"]["data"]["channels"]), checkpoint.latest(run.checkpoints)
        names = [name.removesuffix(".safetensors") for name in newest.files] if newest else []
        for name in sorted(each for each in names if "." not in each):
            assert newest is not None
            tensors = sorted(newest.tensors(name).items())  # a file has them in no order
            for weight, tensor in tensors:
                wide = tensor.ndim == 4 and min(tensor.shape[2:]) > 1
                if weight.endswith("weight") and wide and tensor.shape[1] == channels:
                    found: Array = tensor[:MOST_FILTERS].float().numpy()
                    return found
    return None
