"""A run, loaded: its network, its preprocessing, its classes. What training saw, this sees."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from neocog import __version__
from neocog.data.dataset import Header
from neocog.data.normalise import normalise
from neocog.data.preprocessing import Preprocessing
from neocog.data.scale import Seen, Watch
from neocog.errors import UserError
from neocog.networks import build
from neocog.networks.memory_format import reorder
from neocog.run import Run, to_json, write_atomically

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Predictor:
    """A trained network in evaluation mode. ``facts`` is model.json: what else its task needs to know."""

    network: torch.nn.Module
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    temperature: float = 1.0  # calibrates probabilities
    task: str = "classification"
    facts: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = Path()  # of the run
    watch: Watch | None = None  # looks at the images of others; None: they are not compared with those of the training

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    @property
    def offsets(self) -> NDArray[np.float64] | None:
        """(K,) what calibration adds to the logits; None where nothing drew the network away from the classes' shares."""
        given = self.facts.get("offsets")
        return None if given is None else np.asarray(given, np.float64)

    def watching(self, strict: bool = True) -> Predictor:
        """The same, but images are held against those of the training, where the run recorded what these were like.

        ``strict``: those of another scale are refused (BadImage), not only told.
        """
        seen = Seen.recorded(self.facts)
        return self if seen is None else replace(self, watch=Watch(seen, strict))

    def look(self, pixels: NDArray[Any], name: str, header: Header | None = None) -> None:
        """``pixels`` (C, …) fitted, before they go to the network. Raises BadImage."""
        if self.watch is not None:
            self.watch.look(pixels, name, header)

    @torch.no_grad()
    def of_pixels(self, pixels: torch.Tensor) -> Logits:
        """(B, …) outputs for fitted pixels (B, C, …)."""
        found: Logits = self.network(normalise(pixels.to(self.device), self.preprocessing)).float().cpu().numpy()
        return found

    def probabilities(self, logits: Logits) -> NDArray[np.float64]:
        """(B, K) calibrated: softmax(logits / temperature + offsets)."""
        return probabilities(logits, self.temperature, self.offsets)


def probabilities(
    logits: Logits, temperature: float = 1.0, offsets: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """(N, K) softmax(logits / temperature + offsets)."""
    scaled = logits.astype(np.float64) / temperature + (0.0 if offsets is None else offsets)
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True, initial=-np.inf))
    shares: NDArray[np.float64] = scaled / scaled.sum(axis=1, keepdims=True)
    return shares


def save_predictor(
    run: Run, network: torch.nn.Module, model: str, options: dict[str, Any], preprocessing: Preprocessing,
    facts: Mapping[str, Any],
) -> None:  # fmt: skip
    """Write weights.safetensors and model.json: all that ``predict`` needs, no pickle.

    ``facts``: task, classes and whatever the task adds. ``outputs`` among them is the width of the network's output where
    it is not the number of classes.
    """
    state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    weights = safetensors.torch.save(state)
    write_atomically(run.weights, weights)
    recipe = {
        "neocog": __version__,
        "model": model,
        "options": options,
        **facts,
        "preprocessing": asdict(preprocessing),
        "parameters": sum(p.numel() for p in network.parameters()),
        "weights": {"bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()},
    }
    write_atomically(run.model, to_json(recipe))


def load_predictor(run: Run, device: str | torch.device = "cpu") -> Predictor:
    """The network of a finished run, on ``device``. Raises UserError where it is unfinished, damaged, or of another form."""
    if not run.model.is_file() or not run.weights.is_file():
        fix = (
            f"`neocog resume {run.folder}` ends it"
            if run.config.is_file()
            else "give a folder that `neocog train` made"
        )
        raise UserError(f"{run.folder} has no trained network", str(run.weights), fix)
    facts = json.loads(run.model.read_text(encoding="utf-8"))
    content = run.weights.read_bytes()
    if hashlib.sha256(content).hexdigest() != facts["weights"]["sha256"]:
        sizes = f"{len(content):,} of {facts['weights']['bytes']:,} bytes"
        what = f"the weights are not those that were written: {sizes}, another SHA-256"
        raise UserError(what, str(run.weights), "restore the file, or train again")
    recipe: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in facts["preprocessing"].items()
    }
    preprocessing = Preprocessing(**recipe)
    outputs = facts.get("outputs", len(facts["classes"]))
    masks = facts["task"] == "segmentation"
    network = build(facts["model"], preprocessing.inputs, preprocessing.size, outputs, masks=masks, **facts["options"])
    state = safetensors.torch.load(content)
    ours = network.state_dict()
    for name in sorted(set(state) ^ set(ours)):
        side = "the file has" if name in state else "the model has"
        raise UserError(
            f"the weights are of another network: only {side} '{name}'",
            str(run.weights),
            f"is {facts['model']} unchanged?",
        )
    for name, value in state.items():
        if value.shape != ours[name].shape:
            what = f"the weights are of another network: '{name}' is {tuple(value.shape)}, the model's {tuple(ours[name].shape)}"
            raise UserError(what, str(run.weights), f"is {facts['model']} unchanged?")
    network.load_state_dict(state)
    reorder(network.to(device))  # as in training: another order rounds otherwise
    temperature = float(facts.get("temperature", 1.0))
    return Predictor(
        network.eval(), preprocessing, tuple(facts["classes"]), temperature, facts["task"], facts, run.folder
    )


def path_of(run: str | Path | Run) -> Run:
    """A run, given as itself or as its folder."""
    return run if isinstance(run, Run) else Run(Path(run))
