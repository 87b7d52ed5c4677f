"""The network as one ONNX file, with everything that stands between an image's pixels and its probabilities inside."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
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


class Whole(nn.Module):
    """Stored pixels (B, C, H, W) → calibrated probabilities (B, K)."""

    mean: Tensor
    std: Tensor
    offsets: Tensor

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.network, self.temperature = predictor.network, predictor.temperature
        self.register_buffer("offsets", torch.tensor(predictor.facts.get("offsets", 0.0)))
        self.register_buffer("mean", torch.tensor(predictor.preprocessing.mean)[:, None, None])
        self.register_buffer("std", torch.tensor(predictor.preprocessing.std)[:, None, None])

    def forward(self, pixels: Tensor) -> Tensor:
        logits = self.network((pixels.to(torch.float32) - self.mean) / self.std)
        return torch.softmax(logits / self.temperature + self.offsets, 1)


def write(predictor: Predictor, folder: Path, facts: Mapping[str, Any]) -> None:
    """network.onnx: "pixels" (batch, C, H, W) of the stored type → "probabilities" (batch, K); ``facts`` as its
    metadata, and in network.json.

    Raises UserError where torch cannot trace the network, or an extra is missing.
    """
    onnx, _, _ = extra("onnx", "onnx", "onnxscript", "onnxruntime")
    preprocessing = predictor.preprocessing
    pixels = torch.zeros(2, preprocessing.channels, *preprocessing.size).to(getattr(torch, preprocessing.dtype))
    try:
        with quiet():
            program = torch.onnx.export(
                Whole(predictor).eval(), (pixels,), dynamo=True, verbose=False, input_names=["pixels"],
                output_names=["probabilities"], dynamic_shapes=({0: torch.export.Dim("batch")},),
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
    (runtime,) = extra("onnx", "onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(str(folder / FILE), options, providers=["CPUExecutionProvider"])

    def probabilities(pixels: Array) -> Array:
        return np.asarray(session.run(None, {"pixels": np.ascontiguousarray(pixels)})[0])

    return probabilities
