"""``--engine``: which library computes a network and its gradients. The loop, checkpoints and reports are the same for all."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from neocog.config import TrainConfig
from neocog.errors import UserError


def on_processor(config: TrainConfig, processes: int = 1) -> TrainConfig:
    """The settings that an engine beside torch can follow: one process, fp32, the processor. Raises UserError for others."""
    name, fix = config.engine, "leave it out, or use --engine torch"
    if config.device == "cuda":
        raise UserError(f"--engine {name} computes on the processor, not on --device cuda", fix=fix)
    if config.optimizer == "muon":
        raise UserError(f"--engine {name} has no --optimizer muon", fix="use --optimizer adamw, or --engine torch")
    if config.precision == "bf16":
        raise UserError(f"--engine {name} computes in fp32, not in --precision bf16", fix=fix)
    if processes > 1:
        raise UserError(f"--engine {name} runs in 1 process, not in {processes}", fix="start it without torchrun")
    return replace(config, device="cpu", precision="fp32")


def computed_by(engine: str, network: nn.Module, channels: int, size: tuple[int, ...]) -> nn.Module:
    """``network`` under its own names and tensors, computed by the engine. Keras brings its own start weights.

    Raises UserError where the engine does not know one of its layers, or is not installed.
    """
    if engine == "numpy":
        from neocog.interop.numpy_module import NumpyModule

        return NumpyModule(network)
    if engine == "keras":
        from neocog.interop.by_keras import ByKeras

        return ByKeras(network, channels, size)
    return network
