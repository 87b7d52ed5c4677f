"""A run, loaded: its network, its preprocessing, its classes. What training saw, this sees."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from neocog import __version__
from neocog.data.dataset import Header
from neocog.data.normalise import as_float, normalise
from neocog.data.preprocessing import Preprocessing
from neocog.data.scale import Seen, Watch
from neocog.data.views import views
from neocog.documents import RESTORE, expected, read_bytes
from neocog.errors import UserError, printable
from neocog.facts import absent, read_facts, sealed
from neocog.metrics.conformal import fewest, most, thresholds
from neocog.networks import MODELS, build, is_ours
from neocog.networks.head import heads_input, pooled
from neocog.networks.memory_format import reorder
from neocog.networks.shapes import shapes_only
from neocog.refusal import Refusal, read_familiarity
from neocog.run import Run, to_json, write_atomically
from neocog.traits import needs
from neocog.typed import typed

Logits = NDArray[np.float32]
DTYPES = ("uint8", "uint16", "float32")
MAX_WEIGHTS = 64 << 30  # bytes


@dataclass(frozen=True)
class Predictor:
    """A trained network in evaluation mode. ``facts`` is model.json: what else its task needs to know."""

    network: torch.nn.Module
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    temperature: float = 1.0  # calibrates probabilities
    task: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = Path()  # of the run
    coverage: float | None = (
        None  # how often a prediction's set or interval is to hold the truth, where that is asked for
    )
    refuses: Refusal | None = None  # what is to be none of the classes, where that is asked for
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
        with expected(self.folder / "model.json"):
            seen = Seen.recorded(self.facts)
        return self if seen is None else replace(self, watch=Watch(seen, strict))

    def covering(self, coverage: float) -> Predictor:
        """The same, with sets of classes, or intervals of values, that hold the truth in a share ``coverage`` of new samples.

        Raises UserError where the run did not keep what that needs, or had too few validation samples to promise it.
        """
        if not 0 < coverage < 1:
            raise UserError(f"--coverage {coverage:g} is not between 0 and 1", fix="0.95: the truth in 95 of 100")
        if "conformal" not in self.facts:
            what = "this run kept nothing by which a coverage could be promised"
            fix = "classification and regression keep it, where there is a validation part: train again"
            raise UserError(what, str(self.folder), fix)
        n = int(self.facts["conformal"]["n"])
        if fewest(coverage) > n:
            what = f"--coverage {coverage:g} cannot be promised from {n:,} validation samples: {fewest(coverage):,} are needed"
            fix = f"ask for at most {math.floor(most(n) * 1000) / 1000:g}, or train with a larger validation part"
            raise UserError(what, str(self.folder), fix)
        return replace(self, coverage=coverage)

    def refusing(self, share: float) -> Predictor:
        """The same, with samples that look like none of the classes told: at most a ``share`` of those that are of one.

        Raises UserError where `neocog stress` has not found how familiar samples look, or too few validated to promise it.
        """
        if not 0 < share < 1:
            raise UserError(f"--refuse {share:g} is not between 0 and 1", fix="0.05: at most 5 of 100 known samples")
        return replace(self, refuses=read_familiarity(self.folder, self.facts["weights"]["sha256"]).refusal(share))

    @property
    def thresholds(self) -> list[float]:
        """The largest conformal scores within the coverage asked for: one, or one for each target."""
        assert self.coverage is not None
        return thresholds(self.facts["conformal"], self.coverage)

    def look(self, pixels: NDArray[Any], name: str, header: Header | None = None) -> None:
        """``pixels`` (C, …) fitted, before they go to the network. Raises BadImage."""
        if self.watch is not None:
            self.watch.look(pixels, name, header)

    @torch.no_grad()
    def of_pixels(self, pixels: torch.Tensor) -> Logits:
        """(B, …) outputs for fitted pixels (B, C, …), the mean over their views where the run answers so."""
        found: Logits = self.outputs(pixels).cpu().numpy()
        return found

    def outputs(self, pixels: torch.Tensor) -> torch.Tensor:
        """The same on the device, differentiable by pixels that are float (all but letters)."""
        outputs = [as_float(self.network(inputs)) for inputs in self._inputs(pixels)]
        return outputs[0] if len(outputs) == 1 else torch.stack(outputs).mean(0)

    @torch.no_grad()
    def with_features(self, pixels: torch.Tensor) -> tuple[Logits, NDArray[np.float32]]:
        """What ``of_pixels`` gives, and (B, F) what came into the network's last layer."""
        outputs, features = [], []
        with heads_input(self.network) as seen:
            for inputs in self._inputs(pixels):
                outputs.append(as_float(self.network(inputs)))
                features.append(pooled(seen.features))
        found: Logits = (outputs[0] if len(outputs) == 1 else torch.stack(outputs).mean(0)).cpu().numpy()
        return found, torch.stack(features).mean(0).cpu().numpy()

    def _inputs(self, pixels: torch.Tensor) -> Iterator[torch.Tensor]:
        """Fitted pixels (B, C, …) as the network takes them, or each of their views."""
        pixels = pixels.to(self.device)
        for view in views(pixels, **self.facts["views"]) if "views" in self.facts else [pixels]:
            yield normalise(view, self.preprocessing, pixels)

    def probabilities(self, logits: Logits) -> NDArray[np.float64]:
        """(B, K) calibrated: softmax(logits / temperature + offsets)."""
        return probabilities(logits, self.temperature, self.offsets)


def probabilities(
    logits: NDArray[Any], temperature: float = 1.0, offsets: NDArray[np.float64] | None = None
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
    described = {
        "neocog": __version__,
        "model": model,
        "options": options,
        **facts,
        "preprocessing": asdict(preprocessing),
        "parameters": sum(p.numel() for p in network.parameters()),
        "weights": {"bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()},
    }
    write_atomically(run.model_json, to_json(sealed(described)))


def load_predictor(run: Run, device: str | torch.device = "cpu") -> Predictor:
    """The network of a finished run, on ``device``. Raises UserError where it is unfinished, damaged, or of another form."""
    if not run.model_json.is_file() or not run.weights.is_file():
        raise UserError(f"{run.folder} has no trained network", str(run.weights), where_it_is(run))
    facts = read_facts(run)
    content = read_bytes(run.weights, most=MAX_WEIGHTS)
    if hashlib.sha256(content).hexdigest() != facts["weights"]["sha256"]:
        sizes = f"{len(content):,} of {facts['weights']['bytes']:,} bytes"
        what = f"the weights are not those that were written: {sizes}, another SHA-256"
        raise UserError(what, str(run.weights), "restore the file, or train again")
    preprocessing = recorded(facts, run)
    network = network_of(facts, preprocessing, run, content)
    reorder(network.to(device))  # as in training: another order rounds otherwise
    temperature = float(facts.get("temperature", 1.0))
    return Predictor(
        network.eval(), preprocessing, tuple(facts["classes"]), temperature, facts["task"], facts, run.folder
    )


def where_it_is(run: Run) -> str:
    """What to do where a run's folder lacks what a finished one has."""
    if run.result.is_file() and (run.folder / "fold-1").is_dir():
        return f"each fold has its own: give {run.folder / 'fold-1'}, or train with --refit"
    return f"`neocog resume {run.folder}` ends it" if run.config.is_file() else "give a folder that `neocog train` made"


def recorded(facts: Mapping[str, Any], run: Run) -> Preprocessing:
    """The preprocessing in model.json. Raises UserError."""
    try:
        preprocessing: Preprocessing = typed(Preprocessing, facts["preprocessing"], "preprocessing")
    except UserError as error:
        raise UserError(f"damaged: {error.where}: {error.what}", str(run.model_json), RESTORE) from None
    channels, numbers = (
        preprocessing.channels,
        (*preprocessing.mean, *preprocessing.std, preprocessing.low, preprocessing.high),
    )
    sound = (
        len(preprocessing.size) in (2, 3)
        and min(preprocessing.size) > 0
        and channels > 0
        and preprocessing.dtype in DTYPES
    )
    sound = (
        sound
        and len(preprocessing.mean) == len(preprocessing.std)
        and min(preprocessing.std, default=1) > 0
        and preprocessing.low < preprocessing.high
    )
    if not sound or not all(map(math.isfinite, numbers)):
        raise UserError("damaged: the preprocessing is none", str(run.model_json), RESTORE)
    return preprocessing


def network_of(facts: Mapping[str, Any], preprocessing: Preprocessing, run: Run, content: bytes) -> torch.nn.Module:
    """The network with the weights in ``content``, which must be its own by name, shape and type, and finite.

    One of ours is laid out without numbers before, so that a damaged size cannot fill the memory. Raises UserError.
    """
    model, outputs = facts["model"], facts.get("outputs", len(facts["classes"]))
    if ":" not in model and not is_ours(model) and not MODELS.knows(model):
        raise absent(run, "model", model)
    try:
        state = safetensors.torch.load(content)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise UserError(f"no weights: {printable(str(error))[:160]}", str(run.weights), RESTORE) from None

    def laid_out() -> torch.nn.Module:
        masks = needs(facts["task"]) == "masks"
        return build(model, preprocessing.inputs, preprocessing.size, outputs, masks=masks, **facts["options"])

    if ":" not in model:
        with expected(run.model_json), shapes_only():
            insist_on_own(laid_out().state_dict(), state, model, run)
    network = laid_out()
    insist_on_own(network.state_dict(), state, model, run)
    network.load_state_dict(state)
    return network


def insist_on_own(ours: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor], model: str, run: Run) -> None:
    """Raise UserError, naming the first tensor that differs, where ``state`` is of another network than ``ours``, or not finite."""
    fix = f"is {model} unchanged?"
    for name in sorted(set(state) ^ set(ours)):
        side = "the file has" if name in state else "the model has"
        raise UserError(f"the weights are of another network: only {side} '{printable(name)}'", str(run.weights), fix)
    for name, value in sorted(state.items()):  # a file has them in no order
        theirs, mine = (f"{tuple(t.shape)} {str(t.dtype).removeprefix('torch.')}" for t in (value, ours[name]))
        if theirs != mine:
            what = f"the weights are of another network: '{name}' is {theirs}, the model's {mine}"
            raise UserError(what, str(run.weights), fix)
        if value.is_floating_point() and not value.isfinite().all():
            raise UserError(f"weights that are not finite: '{name}'", str(run.weights), "train again")


def path_of(run: str | Path | Run) -> Run:
    """A run, given as itself or as its folder."""
    return run if isinstance(run, Run) else Run(Path(run))


def evaluation_threads(run: Run) -> int:
    """The number of threads on which a run was evaluated that was not given one; 1 where model.json does not say."""
    return int(read_facts(run).get("threads", 1)) if run.model_json.is_file() else 1
