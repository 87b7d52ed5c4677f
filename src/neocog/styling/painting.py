"""A picture with a photograph's content and a painting's texture: L-BFGS over its pixels, from coarse to fine.

Coarse scales are cheap, and what they find holds for large strokes, which few layers could move at the full size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from neocog.errors import NotFinite
from neocog.styling.features import Features
from neocog.styling.losses import gram, outside, relative, standardised, style_losses
from neocog.styling.palette import in_colours_of

SCALES = (4, 2, 1)  # the sides are divided by these, and
SHARES = (0.5, 0.35, 0.15)  # … of the steps are done there
SMALLEST = 32  # pixels of the shorter side on a coarse scale
CONTENT = 1  # the second layer holds the content: where edges are, to the pixel
STYLE = 15.0  # times the layers' losses where --weight is 1
RANGE = 10.0  # weight of values that cannot be shown


@dataclass(frozen=True)
class Row:
    """One evaluation: the longer side in pixels, the loss of the content, and that of the style for each layer."""

    side: int
    content: float
    style: tuple[float, ...]


@dataclass
class Painted:
    """``image`` (1, 1 or 3, H, W) in 0 … 1; ``stages``: at the end of each scale; ``begun``: the photo's style losses."""

    image: Tensor
    stages: list[Tensor] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    begun: tuple[float, ...] = ()
    ended: tuple[float, ...] = ()
    stopped: bool = False


class Stopped(Exception):
    """What ``advance`` raises to end the optimisation; what is painted by then is kept."""


@dataclass(frozen=True)
class Wanted:
    """What the two pictures ask for at one scale. ``begin``: the photo in the painting's colours, whose maps are the content;
    ``strokes``: the painting."""

    photo: Tensor
    begin: Tensor
    strokes: Tensor
    content: Tensor
    grams: Sequence[Tensor]
    mask: Tensor | None

    def shown(self, pixels: Tensor) -> Tensor:
        """The photo where nothing is to be painted."""
        return pixels if self.mask is None else self.photo + self.mask * (pixels - self.photo)


def scales(size: tuple[int, int]) -> list[tuple[tuple[int, int], float]]:
    """((H, W), share of the steps), coarse to fine. Steps of scales that are too coarse go to the next finer one."""
    found, waiting = [], 0.0
    for divisor, share in zip(SCALES, SHARES, strict=True):
        sides, waiting = (round(size[0] / divisor), round(size[1] / divisor)), waiting + share
        if min(sides) >= SMALLEST or divisor == 1:
            found.append((sides, waiting))
            waiting = 0.0
    return found


def content_layer(features: Features) -> int:
    return min(len(features.names) - 1, CONTENT)


@torch.no_grad()
def wanted(
    photo: Tensor, painting: Tensor, features: Features, size: tuple[int, int], mask: Tensor | None = None
) -> Wanted:
    """At this size of the picture; the painting keeps its proportions and gets as many pixels, so that strokes fit it."""
    small = resized(photo, size)
    strokes = in_proportion(painting, size)
    shares = None if mask is None else F.interpolate(mask, size, mode="area")
    begin = in_colours_of(small, strokes)
    content = standardised(features(begin)[content_layer(features)])
    return Wanted(small, begin, strokes, content, [gram(each) for each in features(strokes)], shares)


def in_proportion(painting: Tensor, size: tuple[int, int]) -> Tensor:
    """The painting with as many pixels as a picture of this size, in its own proportions."""
    high, wide = painting.shape[2:]
    factor = (size[0] * size[1] / (high * wide)) ** 0.5
    return resized(painting, (max(1, round(high * factor)), max(1, round(wide * factor))))


def resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Bicubic, without aliases, within 0 … 1."""
    if images.shape[2:] == size:
        return images
    return F.interpolate(images, size, mode="bicubic", antialias=True).clamp(0, 1)


def paint(
    photo: Tensor,
    painting: Tensor,
    features: Features,
    steps: int,
    advance: Callable[[float], None],
    *,
    weight: float = 1.0,
    mask: Tensor | None = None,
) -> Painted:
    """Begin with ``photo`` (1, 1 or 3, H, W), in the colours of ``painting``, and go down content + ``weight`` × ``STYLE`` × style.

    The style's loss is the sum over the layers. ``advance`` hears the loss of each evaluation. Raises NotFinite.
    """
    size = (photo.shape[2], photo.shape[3])
    made = Painted(photo)
    whole = wanted(photo, painting, features, size, mask)
    made.begun = style_of(photo, whole, features)
    for sides, share in scales(size):
        target = whole if sides == size else wanted(photo, painting, features, sides, mask)
        begin = target.begin if not made.stages else resized(made.image, sides)
        made.image = descended(begin, target, features, max(1, round(share * steps)), weight, advance, made)
        made.stages.append(made.image)
        if made.stopped:
            break
    made.image = whole.shown(resized(made.image, size)).clamp(0, 1)
    made.ended = style_of(made.image, whole, features)
    return made


def descended(
    begin: Tensor,
    target: Wanted,
    features: Features,
    steps: int,
    weight: float,
    advance: Callable[[float], None],
    made: Painted,
) -> Tensor:
    """The picture after so many steps at one scale; ``made`` gets a row an evaluation."""
    pixels = begin.clone(memory_format=torch.contiguous_format).requires_grad_(True)
    optimizer = torch.optim.LBFGS(
        [pixels], max_iter=steps, max_eval=evaluations(steps), history_size=10, line_search_fn="strong_wolfe",
        tolerance_grad=0, tolerance_change=0,
    )  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        maps = features(target.shown(pixels))
        style = style_losses(maps, target.grams, target.mask)
        content = relative(standardised(maps[content_layer(features)]), target.content)
        loss = content + weight * STYLE * torch.stack(style).sum() + RANGE * outside(pixels)
        if not loss.isfinite():
            raise NotFinite("the loss is no longer finite", fix="a smaller --weight, or another --seed")
        loss.backward()  # type: ignore[no-untyped-call]
        made.rows.append(Row(max(pixels.shape), content.item(), tuple(each.item() for each in style)))
        advance(loss.item())
        return loss

    try:
        optimizer.step(closure)  # type: ignore[no-untyped-call]
    except Stopped:
        made.stopped = True
    return target.shown(pixels.detach()).clamp(0, 1)


def evaluations(steps: int) -> int:
    """The most that so many steps take: a line search may try more than one place."""
    return steps + steps // 4 + 1


def most_evaluations(size: tuple[int, int], steps: int) -> int:
    return sum(evaluations(max(1, round(share * steps))) for _, share in scales(size))


@torch.no_grad()
def style_of(image: Tensor, target: Wanted, features: Features) -> tuple[float, ...]:
    """The style loss of each layer."""
    return tuple(each.item() for each in style_losses(features(image), target.grams, target.mask))
