"""Networks from elsewhere: ``torchvision:NAME``, ``timm:NAME`` and the user's own ``path/to/file.py:Class``.

Each is imported only when it is named, gets the wanted channels and outputs, and is tried on blank images before it is
handed over.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError  # the error alone
from typing import Any

import torch
from torch import nn

from neocog.errors import UserError, did_you_mean, install, printable
from neocog.networks import own
from neocog.networks.options import keyword_only, values
from neocog.networks.trial import fitting


def build(
    name: str, channels: int, size: tuple[int, ...], outputs: int, masks: bool, options: Mapping[str, Any]
) -> nn.Module:
    """``SOURCE:NAME`` for (B, channels, H, W) → (B, outputs) logits; the libraries' ``weights`` download on request.

    A file's own class may take volumes too, and for ``masks`` it gives (B, outputs, H, W).
    """
    source, _, inner = name.rpartition(":")
    if source not in ("torchvision", "timm"):
        return own.build(Path(source), inner, channels, size, (outputs, *size) if masks else (outputs,), options)
    made = from_torchvision if source == "torchvision" else from_timm
    return made(inner, channels, (size[-2], size[-1]), outputs, **values(name, known(name), options))


def known(name: str) -> dict[str, inspect.Parameter]:
    """The options of ``SOURCE:NAME``: ``weights`` for the libraries, a file's class's own arguments."""
    source, _, inner = name.rpartition(":")
    if source == "torchvision":
        return keyword_only(from_torchvision)
    if source == "timm":
        return keyword_only(from_timm)
    return own.options(Path(source), inner)


def torchvision_names() -> list[str]:
    """Every classification network of torchvision."""
    import torchvision

    names: list[str] = torchvision.models.list_models(module=torchvision.models)
    return names


def from_torchvision(
    name: str, channels: int, size: tuple[int, int], outputs: int, *, weights: str | None = None
) -> nn.Module:
    """torchvision's classification network ``name``; ``weights``: "DEFAULT", or another name that it has."""
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
        return adapt_first(torchvision.models.get_model(name, weights=None, **keywords), channels, trained=False)

    if weights is None:
        return fitting(f"torchvision:{name}", make, channels, size, outputs)
    known = [*(weight.name for weight in torchvision.models.get_model_weights(name)), "DEFAULT"]
    if weights not in known:
        fix = f"{did_you_mean(weights, known)}known: {', '.join(known)}"
        raise UserError(f"torchvision:{name} has no weights '{printable(weights)}'", fix=fix)
    with downloading(f"torchvision:{name}"):
        model = torchvision.models.get_model(name, weights=weights)
    if getattr(model, "aux_logits", False):
        model.aux_logits, model.AuxLogits = False, None
    model = replace_head(adapt_first(model, channels, trained=True), outputs)
    return fitting(f"torchvision:{name}", lambda _: model, channels, size, outputs)


def from_timm(
    name: str, channels: int, size: tuple[int, int], outputs: int, *, weights: str | None = None
) -> nn.Module:
    """timm's network ``name``, which may end in a tag of its weights; ``weights``: "DEFAULT" or none."""
    try:
        import timm
    except ImportError:
        raise UserError("timm is not installed", fix=install("timm")) from None
    if not timm.is_model(name):
        hint = did_you_mean(name, timm.list_models())
        raise UserError(f"timm has no model '{printable(name)}'", fix=f"{hint}list: timm.list_models()")
    if weights not in (None, "DEFAULT"):
        raise UserError(
            f"timm:{name} has no weights '{printable(weights)}'", fix="known: DEFAULT (a name may end in .TAG)"
        )

    def make(side: tuple[int, int]) -> nn.Module:
        keywords: dict[str, Any] = {"num_classes": outputs, "in_chans": channels, "pretrained": weights is not None}
        try:  # transformers are made for one size; the others do not know the word
            model: nn.Module = timm.create_model(name, img_size=side, **keywords)
        except TypeError:
            model = timm.create_model(name, **keywords)
        return model

    with downloading(f"timm:{name}"):
        return fitting(f"timm:{name}", make, channels, size, outputs)


@contextmanager
def downloading(name: str) -> Iterator[None]:
    """Weights of others: never a pickle that runs code, and a missing network becomes one clear error."""
    variable = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"  # torchvision has no argument for it
    before = os.environ.get(variable)
    os.environ[variable] = "1"
    try:
        yield
    except OSError as error:
        raise UserError(f"the weights of {name} cannot be had: {error}", fix="connect, or leave out weights") from error
    except UnpicklingError as error:
        raise UserError(f"the weights of {name} hold Python objects: refused", fix="remove the file") from error
    finally:
        del os.environ[variable]
        if before is not None:
            os.environ[variable] = before


def adapt_first(model: nn.Module, channels: int, trained: bool) -> nn.Module:
    """The first convolution made for other than 3 channels.

    Trained weights become their mean over the colours, scaled so that equal channels give the same sum; fresh ones are
    drawn again with the same spread.
    """
    if channels == 3:
        return model
    name, old = next((n, m) for n, m in model.named_modules() if isinstance(m, nn.Conv2d))
    new = nn.Conv2d(
        channels, old.out_channels, old.kernel_size, old.stride, old.padding, old.dilation,  # type: ignore[arg-type]
        bias=old.bias is not None, padding_mode=old.padding_mode,
    )  # fmt: skip
    with torch.no_grad():
        if trained:
            mean = old.weight.mean(1, keepdim=True) * (old.in_channels / channels)
            new.weight.copy_(mean.expand_as(new.weight))
        else:
            new.weight.copy_(torch.randn_like(new.weight) * old.weight.std())
        if old.bias is not None and new.bias is not None:
            new.bias.copy_(old.bias)
    if hasattr(model, "transform_input"):
        model.transform_input = False  # type: ignore[assignment]  # it re-scales exactly three colours
    put(model, name, new)
    return model


def replace_head(model: nn.Module, outputs: int) -> nn.Module:
    """The last layer (linear, or SqueezeNet's convolution) made anew for ``outputs``."""
    name, old = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)][-1]
    if isinstance(old, nn.Linear):
        put(model, name, nn.Linear(old.in_features, outputs))
    else:
        put(model, name, nn.Conv2d(old.in_channels, outputs, old.kernel_size))  # type: ignore[arg-type]
    return model


def put(model: nn.Module, name: str, module: nn.Module) -> None:
    """Set the sub-module of that dotted name."""
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, module)
