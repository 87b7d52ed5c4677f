"""The network as one ONNX file, with everything that stands between an image's pixels and its probabilities inside."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neocog.errors import UserError
from neocog.interop.extras import extra, quiet
from neocog.predictor import Predictor
from neocog.run import to_json

FILE = "network.onnx"
Array = NDArray[Any]


@dataclass(frozen=True)
class Answer:
    """What an exported network gives, in the words of its task. ``of``: the network's outputs (B, …) → a tensor for each of
    ``names``; ``within``: by how much each may differ from the run's; ``side``: pixels a side of the images that are tried where
    it takes images of any size, 0 where of one; ``facts``: what a user must know besides."""

    of: nn.Module
    names: tuple[str, ...]
    within: tuple[float, ...]
    side: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)


class Probabilities(nn.Module):
    """Logits (B, K) → calibrated probabilities (B, K)."""

    offsets: Tensor

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.temperature = predictor.temperature
        self.register_buffer("offsets", torch.tensor(predictor.facts.get("offsets", 0.0)))

    def forward(self, logits: Tensor) -> Tensor:
        return torch.softmax(logits / self.temperature + self.offsets, 1)


class Whole(nn.Module):
    """Stored pixels (B, C, H, W) → what ``answer`` makes of the network's outputs."""

    mean: Tensor
    std: Tensor

    def __init__(self, predictor: Predictor, answer: nn.Module) -> None:
        super().__init__()
        self.network, self.answer = predictor.network, answer
        self.register_buffer("mean", torch.tensor(predictor.preprocessing.mean)[:, None, None])
        self.register_buffer("std", torch.tensor(predictor.preprocessing.std)[:, None, None])

    def forward(self, pixels: Tensor) -> Any:
        return self.answer(self.network((pixels.to(torch.float32) - self.mean) / self.std))


def write(predictor: Predictor, folder: Path, facts: Mapping[str, Any], answer: Answer | None = None) -> None:
    """network.onnx: "pixels" (batch, C, H, W) of the stored type → "probabilities" (batch, K), or the ``answer`` of another task;
    ``facts`` as its metadata, and in network.json.

    Raises UserError where torch cannot trace the network, or an extra is missing.
    """
    onnx, _, _ = extra("onnx", "onnx", "onnxscript", "onnxruntime")
    preprocessing = predictor.preprocessing
    given = answer or Answer(Probabilities(predictor), ("probabilities",), ())
    size = (given.side, given.side + 2) if given.side else preprocessing.size  # two sides that are not taken for one
    pixels = torch.zeros(2, preprocessing.channels, *size).to(getattr(torch, preprocessing.dtype))
    free = {0: torch.export.Dim("batch")} | (
        {2: torch.export.Dim("height"), 3: torch.export.Dim("width")} if given.side else {}
    )
    try:
        with quiet():
            program = torch.onnx.export(
                Whole(predictor, given.of).eval(), (pixels,), dynamo=True, verbose=False, input_names=["pixels"],
                output_names=list(given.names), dynamic_shapes=(free,),
            )  # fmt: skip
    except Exception as error:  # whatever a network can hold that the exporter does not know
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError("torch cannot write this network as ONNX", reason, "another model") from error
    assert program is not None
    model = program.model_proto
    values = {name: value if isinstance(value, str) else json.dumps(value) for name, value in facts.items()}
    onnx.helper.set_model_props(model, values)
    onnx.checker.check_model(model)
    (folder / FILE).write_bytes(model.SerializeToString())
    (folder / "network.json").write_text(to_json(facts), encoding="utf-8")


def reader(folder: Path) -> Callable[[Array], Array]:
    """The exported file, reloaded: stored pixels (B, C, H, W) → probabilities (B, K)."""
    answers = answers_of(folder)
    return lambda pixels: answers(pixels)[0]


def answers_of(folder: Path) -> Callable[[Array], list[Array]]:
    """The exported file, reloaded: stored pixels (B, C, H, W) → all that it answers."""
    (runtime,) = extra("onnx", "onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(str(folder / FILE), options, providers=["CPUExecutionProvider"])
    return lambda pixels: [np.asarray(each) for each in session.run(None, {"pixels": np.ascontiguousarray(pixels)})]
