"""``predict --refuse``: what looks like none of the classes, by a score and by how familiar samples of the classes looked.

A known sample is refused in at most the share that one allows, on average over draws, where it is like the validation part (the
conformal p-value of an outlier: Bates et al. 2023); of outliers as many as the score can tell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from neocog.errors import UserError
from neocog.metrics.conformal import fewest, kept, thresholds
from neocog.metrics.outlier_scores import SCORES, Familiar, of_logits
from neocog.run import write_atomically

Array = NDArray[Any]
FILE = Path("stress", "unknown.safetensors")  # below the run's folder
FIRST = "`neocog stress {run} unknown` finds the score and keeps what it needs"


@dataclass(frozen=True)
class Refusal:
    """A ``score`` of ``outlier_scores``, larger for what is more familiar; below ``cut`` a sample is of no class."""

    score: str
    cut: float
    familiar: Familiar | None = None

    def scores(self, logits: Array, features: Array | None) -> NDArray[np.float64]:
        """(n,) of logits (n, K), and features (n, F) where ``familiar`` needs them."""
        if self.familiar is None or features is None:
            return of_logits(self.score, logits)
        return self.familiar.score(self.score, logits, features)


@dataclass(frozen=True)
class Familiarity:
    """What a run keeps: the score, where the training's features lie, and ``known`` (n,), the scores of the validation part."""

    score: str
    familiar: Familiar
    weights: str  # SHA-256 of the network's
    known: Mapping[str, Any] = field(default_factory=dict)  # as ``conformal.kept`` has it: of minus the scores

    @classmethod
    def of(cls, score: str, familiar: Familiar, weights: str, known: Array) -> Familiarity:
        return cls(score, familiar, weights, kept(-np.asarray(known)[None]))

    def refusal(self, share: float) -> Refusal:
        """That refuses at most ``share`` of known samples. Raises UserError where too few validated to promise it."""
        n = int(self.known["n"])
        if fewest(1 - share) > n:
            what = (
                f"--refuse {share:g} cannot be promised from {n:,} validation samples: {fewest(1 - share):,} are needed"
            )
            raise UserError(what, fix=f"give at least {1 / (n + 1):.2g}")
        return Refusal(self.score, -thresholds(self.known, 1 - share)[0], self.familiar)

    def save(self, folder: Path) -> None:
        """Into a run's folder."""
        (folder / FILE).parent.mkdir(exist_ok=True)
        features = {} if self.score not in SCORES[3:] else vars(self.familiar)
        tensors = {name: np.ascontiguousarray(value, np.float32) for name, value in features.items()}
        tensors["known"] = np.asarray(self.known["scores"], np.float64)
        facts = json.dumps({"score": self.score, "weights": self.weights, "n": self.known["n"]})
        write_atomically(
            folder / FILE, safetensors.numpy.save(tensors, {"facts": facts})
        )  # several would be in any order


def read_familiarity(folder: Path, weights: str) -> Familiarity:
    """What was kept in a run's folder for the network with these ``weights``. Raises UserError."""
    path, fix = folder / FILE, FIRST.format(run=folder)
    if not path.is_file():
        raise UserError("--refuse needs to know how familiar samples of the classes look to this run", str(path), fix)
    try:
        with safetensors.safe_open(path, "np") as file:
            facts = json.loads(file.metadata()["facts"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 it is no mapping
        score, known = facts["score"], {"n": int(facts["n"]), "scores": tensors.pop("known").tolist()}
        nothing = np.empty((0, 0), np.float32)
        familiar = Familiar(*(tensors.get(name, nothing) for name in Familiar.__dataclass_fields__))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"damaged: {error}", str(path), fix) from None
    if facts.get("weights") != weights or score not in SCORES:
        raise UserError("this was found for another network than the run has now", str(path), fix)
    return Familiarity(score, familiar, weights, known)
