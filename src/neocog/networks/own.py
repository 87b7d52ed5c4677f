"""The user's own network: ``path/to/file.py:Class``, or a function that returns a module."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from neocog.checked import read
from neocog.errors import UserError, did_you_mean, listed, printable
from neocog.networks.names import MODELS, purpose_of
from neocog.networks.trial import check_outputs, try_out
from neocog.plugins import from_file, own_code, package_code

GIVEN = ("channels", "size", "outputs")


def build(
    path: Path, inner: str, channels: int, size: tuple[int, ...], shape: tuple[int, ...], options: Mapping[str, Any]
) -> nn.Module:
    """For (B, channels, *size) → (B, *shape), the first of which is ``outputs``.

    Called with ``channels``, ``size`` and ``outputs``, by name, as far as it takes them, and with the options.
    """
    made = load(path, inner)
    parameters = arguments(made)
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    unknown = [key for key in options if key not in parameters and not anything]
    if unknown:
        fix = f"{did_you_mean(unknown[0], parameters)}it takes: {', '.join(parameters) or 'nothing'}"
        raise UserError(f"{inner} takes no {listed(unknown)}", str(path), fix)
    keywords: dict[str, Any] = {"channels": channels, "size": size, "outputs": shape[0]}
    keywords = {key: value for key, value in keywords.items() if key in parameters or anything}
    for key, value in options.items():
        kind = parameters[key].annotation if key in parameters else None
        keywords[key] = read(key, value, kind) if kind in (int, float, bool, str) else value
    missing = [key for key, p in parameters.items() if p.default is p.empty and by_name(p) and key not in keywords]
    if missing:
        fix = "name its arguments channels, size, outputs, and give the others a default"
        raise UserError(f"{inner} needs {listed(missing)}, which neocog cannot give", str(path), fix)
    with own_code(path):
        model = made(**keywords)
    if not isinstance(model, nn.Module):
        raise UserError(f"{inner} made a {type(model).__name__}, not a torch.nn.Module", str(path))
    with own_code(path):
        found = try_out(model, channels, size)
    check_outputs(f"{path}:{inner}", found, shape)
    return model


def by_package(
    name: str, channels: int, size: tuple[int, ...], shape: tuple[int, ...], options: Mapping[str, Any]
) -> nn.Module:
    """The network of an installed package, made as our own are and tried: (B, channels, *size) → (B, *shape)."""
    made, package = MODELS.load(name), MODELS.package(name)
    with package_code("model", name, package):
        model = made(channels, size, shape[0], **options)
        if not isinstance(model, nn.Module):
            raise UserError(f"model '{name}' of {package} made a {type(model).__name__}, not a torch.nn.Module")
        found = try_out(model, channels, size)
    check_outputs(f"model '{name}' of {package}", found, shape if purpose_of(name) != "masks" else (shape[0], *size))
    return model


def options(path: Path, inner: str) -> dict[str, inspect.Parameter]:
    """Its own arguments, beside ``channels``, ``size`` and ``outputs``."""
    return {key: p for key, p in arguments(load(path, inner)).items() if key not in GIVEN and by_name(p)}


def arguments(made: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """What it can be called with; annotations are types where they can be evaluated."""
    try:
        return inspect.signature(made, eval_str=True).parameters
    except NameError:
        return inspect.signature(made).parameters


def by_name(parameter: inspect.Parameter) -> bool:
    """Whether the argument can be given by its name."""
    return parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)


def load(path: Path, inner: str) -> Callable[..., Any]:
    """The class or function ``inner`` of the Python file, which is run."""
    if path.suffix != ".py" or not path.is_file():
        known = f"known: {', '.join(sorted(MODELS.names()))}, torchvision:NAME, timm:NAME, path/to/file.py:Class"
        reason = "no such file" if path.suffix == ".py" else ""
        raise UserError(f"no model '{printable(f'{path}:{inner}')}'", reason, known)
    found: Callable[..., Any] = from_file(path, inner)
    return found
