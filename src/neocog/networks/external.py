"""Networks from elsewhere: ``torchvision:NAME``, ``timm:NAME`` and the user's own ``path/to/file.py:Class``.

Each is imported only when it is named, gets the wanted channels and outputs, and is tried on blank images before it is
handed over.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from neocog.errors import UserError, did_you_mean, install, printable
from neocog.networks import own
from neocog.networks.names import FROM
from neocog.networks.trial import fitting
from neocog.options import values


def build(
    name: str, channels: int, size: tuple[int, ...], outputs: int, masks: bool, options: Mapping[str, Any]
) -> nn.Module:
    """``SOURCE:NAME`` for (B, channels, H, W) → (B, outputs) logits, drawn from the seed.

    A file's own class may take volumes too, and for ``masks`` it gives (B, outputs, H, W).
    """
    source, _, inner = name.rpartition(":")
    if source not in ("torchvision", "timm"):
        return own.build(Path(source), inner, channels, size, (outputs, *size) if masks else (outputs,), options)
    made = from_torchvision if source == "torchvision" else from_timm
    if "weights" in options:
        raise UserError(f"--weights of '{name}' is now --from", fix=FROM)
    values(f"model '{name}'", {}, options)  # they have none
    return made(inner, channels, (size[-2], size[-1]), outputs)


def known(name: str) -> dict[str, inspect.Parameter]:
    """The options of ``SOURCE:NAME``: a file's class's own arguments; the libraries' networks have none."""
    source, _, inner = name.rpartition(":")
    return {} if source in ("torchvision", "timm") else own.options(Path(source), inner)


def torchvision_names() -> list[str]:
    """Every classification network of torchvision."""
    import torchvision

    names: list[str] = torchvision.models.list_models(module=torchvision.models)
    return names


def from_torchvision(name: str, channels: int, size: tuple[int, int], outputs: int) -> nn.Module:
    """torchvision's classification network ``name``."""
    import torchvision

    if name not in torchvision_names():
        hint = did_you_mean(name, torchvision_names())
        raise UserError(
            f"torchvision has no classification model '{printable(name)}'", fix=f"{hint}list: neocog models"
        )

    def make(side: tuple[int, int]) -> nn.Module:
        keywords: dict[str, Any] = {"num_classes": outputs}
        if name in ("googlenet", "inception_v3"):  # their extra heads are for training alone, and return tuples
            keywords |= {"aux_logits": False, "init_weights": True}
        if name.startswith("vit_"):
            keywords["image_size"] = side[0]
        if name == "maxvit_t":
            keywords["input_size"] = side
        return adapt_first(torchvision.models.get_model(name, weights=None, **keywords), channels)

    return fitting(f"torchvision:{name}", make, channels, size, outputs)


def from_timm(name: str, channels: int, size: tuple[int, int], outputs: int) -> nn.Module:
    """timm's network ``name``, which may end in a tag of its weights."""
    try:
        import timm
    except ImportError:
        raise UserError("timm is not installed", fix=install("timm")) from None
    if not timm.is_model(name):
        hint = did_you_mean(name, timm.list_models())
        raise UserError(f"timm has no model '{printable(name)}'", fix=f"{hint}list: timm.list_models()")

    def make(side: tuple[int, int]) -> nn.Module:
        keywords: dict[str, Any] = {"num_classes": outputs, "in_chans": channels, "pretrained": False}
        try:  # transformers are made for one size; the others do not know the word
            model: nn.Module = timm.create_model(name, img_size=side, **keywords)
        except TypeError:
            model = timm.create_model(name, **keywords)
        return model

    return fitting(f"timm:{name}", make, channels, size, outputs)


def adapt_first(model: nn.Module, channels: int) -> nn.Module:
    """The first convolution made for other than 3 channels, drawn again with the same spread."""
    if channels == 3:
        return model
    name, old = next((n, m) for n, m in model.named_modules() if isinstance(m, nn.Conv2d))
    new = nn.Conv2d(
        channels, old.out_channels, old.kernel_size, old.stride, old.padding, old.dilation,  # type: ignore[arg-type]
        bias=old.bias is not None, padding_mode=old.padding_mode,
    )  # fmt: skip
    with torch.no_grad():
        new.weight.copy_(torch.randn_like(new.weight) * old.weight.std())
        if old.bias is not None and new.bias is not None:
            new.bias.copy_(old.bias)
    if hasattr(model, "transform_input"):
        model.transform_input = False  # type: ignore[assignment]  # it re-scales exactly three colours
    put(model, name, new)
    return model


def put(model: nn.Module, name: str, module: nn.Module) -> None:
    """Set the sub-module of that dotted name."""
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, module)
