"""Trying a foreign network on blank images: a size that does not fit is told before training, with one that does."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from neocog.errors import UserError
from neocog.networks.shapes import shapes_only

SIZES = (16, 32, 48, 64, 96, 128, 160, 192, 224, 256, 299, 384)  # squares to try, to name the least that fits
MISFITS = (RuntimeError, ValueError, AssertionError, IndexError)  # what networks raise at a size they cannot take
Make = Callable[[tuple[int, int]], nn.Module]


def fitting(name: str, make: Make, channels: int, size: tuple[int, int], outputs: int) -> nn.Module:
    """The network made for ``size`` and tried; where it does not fit, an error names the least square that does."""
    try:
        model = make(size)
        shape = try_out(model, channels, size)
    except MISFITS as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        least = next((side for side in SIZES if fits(make, channels, (side, side))), None)
        if least and least > min(size):
            what = f"{name} needs images of at least {least} × {least} pixels, not {size[0]} × {size[1]}"
        else:
            what = f"{name} does not work with images of {size[0]} × {size[1]} pixels"
        raise UserError(what, reason, f"--size {least}" if least else "another model") from error
    check_outputs(name, shape, (outputs,))
    return model


def fits(make: Make, channels: int, size: tuple[int, int]) -> bool:
    """Whether an image of that size goes through; on the meta device, so that nothing is computed or stored."""
    try:
        with shapes_only():
            try_out(make(size), channels, size)
    except MISFITS:
        return False
    return True


def try_out(model: nn.Module, channels: int, size: tuple[int, ...]) -> tuple[int, ...]:
    """The output's shape for two blank images; nothing of the model or of torch's random numbers changes."""
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    training = model.training
    model.eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        outputs = model(torch.zeros(2, channels, *size, device=device))
    model.train(training)
    return tuple(outputs.shape) if isinstance(outputs, Tensor) else ()


def check_outputs(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """Raise unless two samples gave (2, *wanted)."""
    if shape != (2, *wanted):
        shown = f"shape {shape}" if shape else "something that is not a tensor"
        fix = f"forward returns (B, outputs{', H, W' * (len(wanted) > 1)}) logits"
        raise UserError(f"{name} returns {shown} for 2 images, not {(2, *wanted)}", fix=fix)
