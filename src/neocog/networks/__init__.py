"""The zoo: networks by name. Importing this package does not import torch; ``build`` does.

A model is a plain ``torch.nn.Module``: ``Model(channels, size, outputs, *, option=default, …)``, whose ``forward``
takes (B, C, H, W) float to (B, outputs) logits; those of ``SEGMENTERS`` to (B, outputs, H, W), those of ``DETECTORS`` to a
coarser map of logits and of distances to the edges of boxes, those of ``RESTORERS`` and ``STYLERS`` to images.
Keyword-only parameters are the user's options. Those of ``GENERATORS`` give new images; their options say how wide their code is.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neocog.errors import UserError, pick, printable
from neocog.networks.names import (
    DETECTORS,
    ENCODER,
    FORMS,
    GENERATORS,
    MODELS,
    OTHERS,
    PURPOSES,
    RESTORERS,
    SEGMENTERS,
    check_purpose,
    encoder_of,
    form_of,
    has_encoder,
    is_backboned,
    is_ours,
    package_of,
    purpose_of,
)
from neocog.options import keyword_only, values

if TYPE_CHECKING:
    from torch.nn import Module

__all__ = [
    "DETECTORS",
    "FORMS",
    "GENERATORS",
    "MODELS",
    "OTHERS",
    "PURPOSES",
    "RESTORERS",
    "SEGMENTERS",
    "build",
    "check_options",
    "check_purpose",
    "encoder_of",
    "form_of",
    "has_encoder",
    "is_backboned",
    "is_ours",
    "model_class",
    "options",
    "package_of",
    "purpose_of",
]  # fmt: skip


def build(
    name: str, channels: int, size: tuple[int, ...], outputs: int, *, masks: bool = False, **options: Any
) -> Module:
    """A freshly initialised network, drawn from torch's current seed.

    ``name``: one of the lists of networks, ``unet:BACKBONE``, ``encoder:NAME``, ``torchvision:NAME``, ``timm:NAME`` or
    ``path/to/file.py:Class``, which must give a class for each pixel where ``masks`` are wanted.
    ``options`` may be text as from a command line ("32,64"), or values. ``UserError`` for an unknown name or option, a value
    of another type, or a size (H, W) below the model's minimum.
    """
    if name.startswith(ENCODER):
        from neocog.networks.encoder import Encoder

        base = build(with_encoder(name), channels, size, 1, **options)
        return Encoder(base, channels, size, outputs)
    if is_backboned(name):
        from neocog.networks import backbones

        check_options(name, options)
        return backbones.build(name, channels, size, outputs)
    if ":" in name:
        from neocog.networks import external

        return external.build(name, channels, size, outputs, masks, options)
    if not is_ours(name):
        from neocog.networks import own

        return own.by_package(
            name, channels, size, (outputs, *size) if masks else (outputs,), check_options(name, options)
        )
    return model_class(name)(channels, size, outputs, **check_options(name, options))


def with_encoder(name: str) -> str:
    """The network whose encoder ``encoder:NAME`` is. Raises UserError where that has none."""
    base = name.removeprefix(ENCODER)
    if not has_encoder(base):
        known = f"known: {', '.join(SEGMENTERS)}, vae, unet:BACKBONE"
        raise UserError(f"model '{printable(base)}' has no encoder that could be had alone", fix=known)
    return base


def model_class(name: str) -> type[Module]:
    """The class of one of the lists of networks, or of an installed package. Raises UserError."""
    if name.endswith(".py"):
        raise UserError(
            f"no model '{printable(name)}': a file, and nothing in it is named", fix=f"give {printable(name)}:CLASS"
        )
    if name not in OTHERS and not MODELS.knows(name):
        pick({**dict.fromkeys(MODELS.names(), ""), **OTHERS}, name, what="model")  # tells which there are
    if name not in OTHERS:
        ours: type[Module] = MODELS.load(name)
        return ours
    module, _, attribute = OTHERS[name].partition(":")
    found: type[Module] = getattr(importlib.import_module(module), attribute)
    return found


def options(name: str) -> dict[str, inspect.Parameter]:
    """What the user can set: the keyword-only parameters, with evaluated annotations and defaults."""
    if name.startswith(ENCODER):
        return options(with_encoder(name))
    if is_backboned(name):
        return {}
    if ":" in name:
        from neocog.networks import external

        return external.known(name)
    return keyword_only(model_class(name))


def check_options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The given options as values of the declared types; all faults raised together."""
    return values(f"model '{name}'", options(name), given)
