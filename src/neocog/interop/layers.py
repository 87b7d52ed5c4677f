"""A network as a plain chain of layers: what can be taken to a library that knows no forks and joins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import Tensor, nn

from neocog.errors import UserError, raise_all

T = TypeVar("T")


@dataclass(frozen=True)
class Link:
    """One layer: its ``name`` in the state dict ("stage1.0"), and its place among ``count`` layers, from 1."""

    name: str
    layer: nn.Module
    place: int
    count: int

    def __str__(self) -> str:
        return f"layer '{self.name}', a {type(self.layer).__name__} (number {self.place} of {self.count})"


def chain(model: nn.Module, target: str) -> list[Link]:
    """The layers in the order in which an image meets them; nested ``nn.Sequential`` are unrolled.

    ``target`` ("the NumPy engine") is for the error: UserError where a part of the network computes by a forward of its own,
    such as a residual block with its shortcut.
    """
    parts = list(_unrolled(model, ""))
    links = [Link(name, layer, place, len(parts)) for place, (name, layer) in enumerate(parts, start=1)]
    if len(links) == 1 and links[0].layer is model:
        fix = "build it as an nn.Sequential, or take it elsewhere with `neocog export --to onnx`"
        raise UserError(f"{type(model).__name__} is not a chain of layers, which is all that {target} knows", fix=fix)
    raise_all(_forked(link, target) for link in links if list(link.layer.children()))
    return links


def one_by_one(links: Iterable[Link], images: Tensor) -> Tensor:
    """What the layers of a chain give, each computed by torch, so that hooks on it hear something."""
    for link in links:
        images = link.layer(images)
    return images


def _unrolled(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    if not isinstance(module, nn.Sequential) or type(module).forward is not nn.Sequential.forward:
        yield name, module
        return
    for child_name, child in module.named_children():
        yield from _unrolled(child, f"{name}.{child_name}" if name else child_name)


def _forked(link: Link, target: str) -> UserError:
    inside = ", ".join(name for name, _ in link.layer.named_children())
    what = f"{link} has parts that it joins in its own way ({inside}): {target} knows chains of layers alone"
    return UserError(what, fix="`neocog export --to onnx` takes every network")


def converted(links: Iterable[Link], known: Mapping[type, Any], target: str) -> None:
    """Raise UserError, naming them, for all layers whose class is not among ``known``. A subclass is another layer."""
    kinds = ", ".join(sorted(kind.__name__ for kind in known))
    raise_all(no_counterpart(link, target, f"known: {kinds}") for link in links if type(link.layer) not in known)


def no_counterpart(link: Link, target: str, reason: str) -> UserError:
    """What cannot be said in another library's words."""
    return UserError(f"{link} has no counterpart in {target}", reason, "`neocog export --to onnx` takes every network")
