"""How pretrained networks are learned further: which layers, at which rates, with batch norm's statistics still or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch.nn import Module

from neocog.config import TrainConfig, TransferConfig
from neocog.engine.learner import Learner
from neocog.engine.update import optimizer_for
from neocog.errors import UserError
from neocog.networks.head import layers_by_depth


def tune(learner: Learner, name: str, transfer: TransferConfig, config: TrainConfig) -> None:
    """Prepare the network of that ``name``: layers that are not learned get no gradient, the others rates by their depth.

    A layer's rate is ``transfer.layer_decay`` times that of the layer after it, the head's is the schedule's (Clark et al.
    2020). Batch norm keeps its statistics unless ``transfer.tune_norms``: few images move them more than they teach.
    """
    net = learner.nets[name]
    groups = list(_groups(net, transfer))
    learned = {id(parameter) for group in groups for parameter in group["params"]}
    for parameter in net.parameters():
        parameter.requires_grad_(id(parameter) in learned)
    learner.optimizers[name] = optimizer_for(net, config, groups)
    learner.still_norms = not transfer.tune_norms


def check_depth(net: Module, transfer: TransferConfig) -> None:
    """Raises UserError where ``--tune last:N`` names more blocks than there are."""
    layers = layers_by_depth(net) if transfer.tune.startswith("last:") else []
    if layers and _count(transfer) > len(layers):
        what = f"--tune {transfer.tune}: this network has {len(layers) - 1} blocks before its head"
        raise UserError(what, fix=f"give last:1 to last:{len(layers) - 1}, or all")


def _count(transfer: TransferConfig) -> int:
    """How many layers ``--tune head`` and ``--tune last:N`` learn."""
    return 1 + int(transfer.tune.partition(":")[2] or 0)


def _groups(net: Module, transfer: TransferConfig) -> Iterator[dict[str, Any]]:
    """The optimizer's groups, the head first; ``factor``: of the rate."""
    layers = layers_by_depth(net)
    kept = len(layers) if transfer.tune in ("all", "auto") else _count(transfer)
    for depth, parameters in enumerate(layers[:kept]):
        yield {"params": parameters, "factor": transfer.layer_decay**depth}
