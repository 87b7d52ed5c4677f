"""The zoo: networks by name. Importing this package does not import torch; ``build`` does.

A model is a plain ``torch.nn.Module``: ``Model(channels, size, outputs, *, option=default, …)``, whose ``forward``
takes (B, C, H, W) float to (B, outputs) logits; those of ``SEGMENTERS`` to (B, outputs, H, W). Keyword-only parameters
are the user's options. Those of ``GENERATORS`` give new images; their options say how wide their code is.
"""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

from neocog.checked import read
from neocog.errors import UserError, did_you_mean, pick, printable, raise_all

if TYPE_CHECKING:
    from torch.nn import Module

MODELS: dict[str, str] = {
    "mlp": "neocog.networks.mlp:MLP",
    "lenet5": "neocog.networks.lenet5:LeNet5",
    "cifarcnn": "neocog.networks.cifarcnn:CifarCNN",
    "resnet": "neocog.networks.resnet:ResNet",
    "cnn": "neocog.networks.cnn:CNN",
    "darknet19": "neocog.networks.darknet19:Darknet19",
    "shufflenet": "neocog.networks.shufflenet:ShuffleNet",
    "nasnetmobile": "neocog.networks.nasnet:NASNet",
    "barcode": "neocog.networks.barcode:Barcode",
    "barcode-resnet": "neocog.networks.barcode_resnet:BarcodeResNet",
    "cnn3d": "neocog.networks.cnn3d:CNN3d",
    "resnet3d": "neocog.networks.resnet3d:ResNet3d",
}

# What a network takes, where that is not images.
FORMS = {"barcode": "sequences", "barcode-resnet": "sequences", "cnn3d": "volumes", "resnet3d": "volumes"}

SEGMENTERS: dict[str, str] = {
    "unet": "neocog.networks.unet:UNet",
    "segnet": "neocog.networks.segnet:SegNet",
}
GENERATORS: dict[str, str] = {
    "vae": "neocog.networks.vae:VAE",
    "dcgan": "neocog.networks.dcgan:Generator",
}
PURPOSES = {
    "answer": "one answer for each sample",
    "masks": "a class for each pixel",
    "generation": "new images",
}
BACKBONED = ("unet", "deeplabv3plus", "segformer")  # with an encoder by name, as in unet:vgg16


def build(
    name: str, channels: int, size: tuple[int, ...], outputs: int, *, masks: bool = False, **options: Any
) -> Module:
    """A freshly initialised network, drawn from torch's current seed.

    ``name``: one of ``MODELS``, ``SEGMENTERS`` or ``GENERATORS``, ``unet:BACKBONE``, ``torchvision:NAME``, ``timm:NAME`` or
    ``path/to/file.py:Class``, which must give a class for each pixel where ``masks`` are wanted. ``options`` may be text
    as from a command line ("32,64"), or values. ``UserError`` for an unknown name or option, a value of another type, or
    a size (H, W) below the model's minimum.
    """
    if is_backboned(name):
        from neocog.networks import backbones

        return backbones.build(name, channels, size, outputs, **check_options(name, options))
    if ":" in name:
        from neocog.networks import external

        return external.build(name, channels, size, outputs, masks, options)
    return model_class(name)(channels, size, outputs, **check_options(name, options))


def model_class(name: str) -> type[Module]:
    """The class of one of ``MODELS``, ``SEGMENTERS`` or ``GENERATORS``."""
    module, _, attribute = pick({**MODELS, **SEGMENTERS, **GENERATORS}, name, what="model").partition(":")
    found: type[Module] = getattr(importlib.import_module(module), attribute)
    return found


def is_backboned(name: str) -> bool:
    """Whether the name is a segmenter's with an encoder, such as unet:vgg16."""
    return name.partition(":")[0] in BACKBONED and ":" in name


def purpose_of(name: str) -> str:
    """What a network gives, one of ``PURPOSES``; "" for the user's own, of which that is not known."""
    if name in SEGMENTERS or is_backboned(name):
        return "masks"
    if name in GENERATORS:
        return "generation"
    return "answer" if name in MODELS or name.startswith(("torchvision:", "timm:")) else ""


def check_purpose(name: str, purpose: str) -> None:
    """Raise where a network is named that gives something else than the task needs (one of ``PURPOSES``)."""
    found = purpose_of(name)
    if found and found != purpose:
        fix = {"answer": "--model cnn", "masks": f"--model {', '.join(SEGMENTERS)} or unet:resnet34"}
        what = f"model '{name}' gives {PURPOSES[found]}; this task needs {PURPOSES[purpose]}"
        raise UserError(what, fix=fix.get(purpose, f"--model {', '.join(GENERATORS)}"))


def options(name: str) -> dict[str, inspect.Parameter]:
    """What the user can set: the keyword-only parameters, with evaluated annotations and defaults."""
    if is_backboned(name):
        from neocog.networks import backbones

        return keyword_only(backbones.build)
    if ":" in name:
        from neocog.networks import external

        return external.options(name)
    return keyword_only(model_class(name))


def keyword_only(function: Any) -> dict[str, inspect.Parameter]:
    """The keyword-only parameters of a function or class; annotations are types, not text."""
    parameters = inspect.signature(function, eval_str=True).parameters
    return {name: p for name, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}


def check_options(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """The given options as values of the declared types; all faults raised together."""
    known, values, errors = options(name), {}, []
    for option, value in given.items():
        try:
            if option not in known:
                hint = did_you_mean(option, known)
                names = ", ".join(known) or "none"
                raise UserError(f"model '{name}' has no option '{printable(option)}'", fix=f"{hint}known: {names}")
            values[option] = read(option, value, known[option].annotation)
        except UserError as error:
            errors.append(error)
    raise_all(errors)
    return values
