"""A network as a list of operations, as the page's own engine computes them (page/engine.js): for a page without a server.

Each node says what it does, from which nodes its input comes (−1: the picture) and which layer of the page it is. A network
that has anything else is refused, and told by the layer's name.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from neocog.errors import UserError
from neocog.networks.layers import Maxout, MinPool2d
from neocog.server.look import leaves

Node = dict[str, Any]
OTHER = "serve it instead: `neocog studio RUN` looks through every network"


class Tracer(fx.Tracer):
    """Every module that holds no others is one node, ours too."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return next(m.children(), None) is None


def graph_of(network: nn.Module) -> list[Node]:
    """The nodes in the order in which data pass them; the last one gives the logits. Raises UserError."""
    try:
        traced = Tracer().trace(network)
    except Exception as error:  # whatever a network's own code raises where tensors stand for no numbers
        what = f"the way through this network depends on the picture: {type(error).__name__}"
        raise UserError(what, type(network).__name__, OTHER) from None
    modules = dict(network.named_modules())
    names = [name for name, _ in leaves(network)]
    nodes: list[Node] = []
    places: dict[fx.Node, int] = {}
    layers = 0
    for each in traced.nodes:
        if each.op == "placeholder":
            places[each] = -1
        elif each.op == "output":
            insist(each.args[0] is list(traced.nodes)[-2], "more than one result", "its end")
        else:
            found = of_module(modules[each.target], each.target) if each.op == "call_module" else of_function(each)
            inputs = [places[given] for given in each.args if isinstance(given, fx.Node)]
            place = {"layer": -1, "module": -1, "name": ""}
            if each.op == "call_module":
                place = {"layer": layers, "module": names.index(each.target), "name": each.target}
                layers += 1
            places[each] = len(nodes)
            nodes.append({**found, "inputs": inputs, **place})
    return nodes


def of_function(node: fx.Node) -> Node:
    """What stands between layers: sums, and maps laid out as a vector."""
    target, name = node.target, getattr(node.target, "__name__", str(node.target))
    given = [each for each in node.args if isinstance(each, fx.Node)]
    if (
        target in (operator.add, torch.add, operator.iadd, "add", "add_")
        and len(given) == len(node.args) == 2
        and not node.kwargs
    ):
        return {"op": "sum"}
    if target in (torch.flatten, "flatten") and node.args[1:] == (1,) and not node.kwargs:
        return {"op": "flatten"}
    if target is F.relu:
        return {"op": "activation", "function": "ReLU", "a": 0}
    raise UserError("the page's engine does not know what stands between its layers", name, OTHER)


def of_module(module: nn.Module, name: str) -> Node:
    found = MODULES.get(type(module))
    if found is None:
        raise UserError(f"the page's engine does not know {type(module).__name__}", f"layer {name}", OTHER)
    return found(module, f"layer {name}")


def insist(sound: bool, what: str, where: str) -> None:
    if not sound:
        raise UserError(f"the page's engine does not know {what}", where, OTHER)


def pair(sides: int | Sequence[int] | None, otherwise: Any = None) -> list[int]:
    sides = otherwise if sides is None else sides
    return [sides, sides] if isinstance(sides, int) else list(sides)


def convolution(module: nn.Conv2d, name: str) -> Node:
    insist(module.padding_mode == "zeros" and not isinstance(module.padding, str), "this padding", name)
    sides = {each: pair(getattr(module, each)) for each in ("stride", "padding", "dilation")}
    return {"op": "convolution", **sides, "groups": module.groups}


def norm(module: nn.BatchNorm2d | nn.BatchNorm1d, name: str) -> Node:
    insist(module.running_mean is not None, "batch norm without running means", name)
    return {"op": "norm", "eps": module.eps}


def pool(module: Any, name: str) -> Node:
    """A pool of any kind but an adaptive one."""
    kind = KINDS[type(module)]
    insist(not module.ceil_mode, "a pool that rounds up", name)
    insist(
        pair(getattr(module, "dilation", 1)) == [1, 1] and not getattr(module, "return_indices", False),
        "this pool",
        name,
    )
    insist(getattr(module, "divisor_override", None) is None, "a mean with a divisor of its own", name)
    kernel = pair(module.kernel_size)
    stride, padding = pair(module.stride, kernel), pair(getattr(module, "padding", 0))
    power = {"power": float(module.norm_type)} if isinstance(module, nn.LPPool2d) else {}
    counted = {"counted": module.count_include_pad} if isinstance(module, nn.AvgPool2d) else {}
    return {"op": "pool", "kind": kind, "kernel": kernel, "stride": stride, "padding": padding, **counted, **power}


def adaptive(module: nn.AdaptiveAvgPool2d, name: str) -> Node:
    sides: Any = module.output_size
    sides = [side or 0 for side in ([sides, sides] if isinstance(sides, int | None) else sides)]
    return {"op": "pool", "kind": "mean", "kernel": [1, 1], "stride": [1, 1], "padding": [0, 0], "sides": sides}


def activation(parameter: str = "", **wanted: Any) -> Callable[[Any, str], Node]:
    """An activation by its class's name; ``parameter``: the attribute that is its one number."""

    def made(module: Any, name: str) -> Node:
        insist(all(getattr(module, key) == value for key, value in wanted.items()), "this form of it", name)
        a = float(getattr(module, parameter)) if parameter else 0.0
        return {"op": "activation", "function": type(module).__name__, "a": a}

    return made


def plain(op: str) -> Callable[[Any, str], Node]:
    return lambda module, name: {"op": op}


def flatten(module: nn.Flatten, name: str) -> Node:
    insist((module.start_dim, module.end_dim) == (1, -1), "this flattening", name)
    return {"op": "flatten"}


KINDS: dict[type, str] = {nn.MaxPool2d: "largest", MinPool2d: "smallest", nn.AvgPool2d: "mean", nn.LPPool2d: "powers"}
MODULES: dict[type, Callable[[Any, str], Node]] = {
    nn.Conv2d: convolution,
    nn.Linear: plain("linear"),
    nn.BatchNorm2d: norm,
    nn.BatchNorm1d: norm,
    **dict.fromkeys(KINDS, pool),
    nn.AdaptiveAvgPool2d: adaptive,
    nn.Flatten: flatten,
    Maxout: lambda module, name: {"op": "maxout", "pieces": module.pieces},
    **dict.fromkeys((nn.Identity, nn.Dropout, nn.Dropout2d), plain("identity")),
    **dict.fromkeys((nn.ReLU, nn.ReLU6, nn.Tanh, nn.Sigmoid, nn.SiLU, nn.Hardswish), activation()),
    nn.LeakyReLU: activation("negative_slope"),
    nn.ELU: activation("alpha"),
    nn.GELU: activation(approximate="none"),
}
