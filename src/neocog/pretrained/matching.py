"""Which tensors of a file belong into which of a network: by name and shape, below the one pair of prefixes that fits most."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import torch
from torch import nn

from neocog.errors import UserError, printable
from neocog.networks.head import head_of
from neocog.pretrained.first_layer import adapted, fits_adapted
from neocog.pretrained.source import Source
from neocog.pretrained.taken import Taken
from neocog.pretrained.tensors import Shapes, parameters, shapes, tensors

# Where a network may stand within another one: in wrappers, and as the encoder of a segmenter
PREFIXES = ("", "inner.encoder.", "inner.encoder.model.", "base.", "base.inner.encoder.", "base.inner.encoder.model.",
            "encoder.", "encoder.model.", "model.", "module.", "backbone.")  # fmt: skip
LEAST = 0.5  # of a network's numbers, without its head; below, the file is of another network


def matched(network: nn.Module, source: Source) -> Taken:
    """What a file gives to a network, from names and shapes alone. Raises UserError where that is less than half of it."""
    return among(network, shapes(source.file, source.published), source)


def among(network: nn.Module, theirs: Shapes, source: Source) -> Taken:
    """As ``matched``, for the shapes in the file."""
    head = head_of(network)[0]
    ours = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    body = {name: shape for name, shape in ours.items() if not below(name, head)}
    first = first_weight(network)
    pair = max(product(PREFIXES, PREFIXES), key=lambda pair: len(common(theirs, body, *pair)))
    both = common(theirs, body, *pair)
    adapts = {name for name in both if name == first and fits_adapted(theirs[both[name]], body[name])}
    taken = tuple(name for name, other in both.items() if theirs[other] == body[name] or name in adapts)
    misfit = tuple(name for name in both if name not in taken)
    learned = {name: body[name] for name, _ in network.named_parameters() if name in body}
    share = parameters({name: shape for name, shape in learned.items() if name in taken}) / max(1, parameters(learned))
    used = {both[name] for name in (*taken, *misfit)}
    left_out = tuple(name for name in theirs if name not in used)
    fresh = tuple(name for name in ours if name not in taken)
    adapted_first = first if first in adapts and theirs[both[first]] != body[first] else ""
    drawn = tuple(name for name in learned if name not in taken)
    found = Taken(taken, left_out, misfit, fresh, adapted_first, round(share, 6), pair, drawn)
    if share < LEAST:
        raise UserError(*too_few(found, source, theirs, ours))
    return found


def common(theirs: Mapping[str, object], ours: Mapping[str, object], before: str, own: str) -> dict[str, str]:
    """{the network's name: the file's} for tensors that both have below their prefixes."""
    names = {name: before + name.removeprefix(own) for name in ours if name.startswith(own)}
    return {name: other for name, other in names.items() if other in theirs}


def below(name: str, layer: str) -> bool:
    """Whether a tensor is one of that layer's."""
    return name.rpartition(".")[0] == layer


def first_weight(network: nn.Module) -> str:
    """The name of the first convolution's weights; "" where there is none."""
    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    return next((f"{name}.weight" for name, layer in network.named_modules() if isinstance(layer, kinds)), "")


def too_few(found: Taken, source: Source, theirs: Shapes, ours: Shapes) -> tuple[str, str, str]:
    """The three facts of the refusal: if most names agree, in other shapes, it is the same network for images of another size."""
    what = f"these weights fit {100 * found.share:.0f} % of {source.model}"
    if 2 * len({*found.taken, *found.misfit}) > len(ours):
        name = max(found.misfit, key=lambda name: torch.Size(ours[name]).numel())
        where = f"{name} is {theirs[found.theirs(name)]} in {source.file}, {ours[name]} in the network"
        fix = (
            "leave --size out, or give the options of the network that they are of"
            if source.needs.size
            else "give its options"
        )
        return f"{what}: some have another shape", where, fix
    shown = ", ".join(f"{printable(name)} {theirs[name]}" for name in list(theirs)[:2])
    own = ", ".join(f"{name} {ours[name]}" for name in list(ours)[:2])
    where = f"{source.file} begins with {shown or 'nothing'}; {source.model} with {own}"
    return (
        f"{what}: they are of another network",
        where,
        "name the network that they are of with --model, or give other weights",
    )


def check_numbers(network: nn.Module, source: Source, taken: Taken) -> None:
    """Raise UserError where a tensor that is taken is not finite, or whole numbers stand for a layer's weights."""
    found, ours = tensors(source.file, source.published), network.state_dict()
    for name in taken.taken:
        value = found[taken.theirs(name)]
        if ours[name].is_floating_point() and not value.is_floating_point():
            what = f"'{printable(taken.theirs(name))}' holds {str(value.dtype).removeprefix('torch.')}, whose scale is not known"
            raise UserError(f"{what}: quantised weights", str(source.file), "give weights in floating point")


@torch.no_grad()
def load_into(network: nn.Module, source: Source) -> Taken:
    """Put into a network, on its device, what of the source's weights fits it. Raises UserError as ``matched`` does, and where
    the file is not that any more which was found."""
    found = tensors(source.file, source.published)
    taken = among(network, {name: tuple(value.shape) for name, value in found.items()}, source)
    state = network.state_dict()
    for name in taken.taken:
        value = found[taken.theirs(name)]
        state[name].copy_(adapted(value.float(), state[name].shape[1]) if name == taken.first else value)
    return taken
