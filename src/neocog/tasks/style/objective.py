"""Fast style transfer: a network whose answers have a photo's content and a painting's texture (Johnson, Alahi & Fei-Fei 2016).

What ``neocog style`` asks of the pixels of one picture is asked here of a network, for all photos. Letters: B photos, C maps, H × W
pixels. All values are shares of the range from black to white.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor
from torch.nn import Module

from neocog.data.loader import Batch
from neocog.records import Section
from neocog.styling.losses import gram, outside, relative, standardised, style_losses
from neocog.styling.network import Plain
from neocog.styling.painting import CONTENT, RANGE, STYLE
from neocog.styling.palette import in_colours_of
from neocog.tasks.objective import Objective


@dataclass(frozen=True)
class LossNetwork:
    """What sees the pictures, on one device, and the painting's Gram matrices in its eyes."""

    sees: Plain
    strokes: Tensor
    grams: Sequence[Tensor]

    @torch.no_grad()
    def content(self, photos: Tensor) -> Tensor:
        """Maps of the photos (B, 3, H, W) in the painting's colours: where edges are."""
        begun = torch.cat([in_colours_of(photo[None], self.strokes) for photo in photos])
        return standardised(self.sees(begun, CONTENT + 1)[CONTENT])

    def style(self, maps: Sequence[Tensor]) -> Tensor:
        """(B,) summed over the layers, whose Gram matrices are each picture's own."""
        count = len(maps[0])
        own = ([each[index : index + 1] for each in maps] for index in range(count))
        return torch.stack([torch.stack(style_losses(each, self.grams)).sum() for each in own])


@final
@dataclass(frozen=True)
class Style(Objective):
    """``strokes`` (1, 3, h, w): the painting, as large as it is learned; ``seed``: of the random network that sees; ``weight``: of
    the style beside the content, 1 as that of ``neocog style``."""

    network: Callable[[], Module]
    strokes: Tensor
    seed: int = 0
    weight: float = 1.0
    loss_networks: dict[torch.device, LossNetwork] = field(default_factory=dict, compare=False, repr=False)

    def networks(self) -> dict[str, Module]:
        return {"model": self.network()}

    def loss_network(self, device: torch.device) -> LossNetwork:
        """The one of this device, made once."""
        if device not in self.loss_networks:
            sees, strokes = Plain(self.seed).to(device), self.strokes.to(device)
            with torch.no_grad():
                self.loss_networks[device] = LossNetwork(sees, strokes, [gram(maps) for maps in sees(strokes)])
        return self.loss_networks[device]

    def losses(self, nets: Mapping[str, Module], batch: Batch) -> Iterator[tuple[str, Tensor]]:
        content, style, beyond = self.parts(batch.inputs, self.predict(nets, batch.inputs))
        yield "model", batch.mean(content + self.weight * STYLE * style + RANGE * beyond)

    def predict(self, nets: Mapping[str, Module], inputs: Tensor) -> Tensor:
        """(B, 3, H, W), mostly in 0 … 1."""
        outputs: Tensor = nets["model"](inputs).float()
        return outputs

    def parts(self, photos: Tensor, painted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B,) each: how far the content is, how far the style, and what cannot be shown. In single precision: Gram matrices are
        sums of many products."""
        with torch.autocast(painted.device.type, enabled=False):
            loss_network = self.loss_network(painted.device)
            maps, wanted = loss_network.sees(painted), loss_network.content(photos.float())
            seen = standardised(maps[CONTENT])
            content = [relative(one, other) for one, other in zip(seen, wanted, strict=True)]
            beyond = [outside(each) for each in painted]
            return torch.stack(content), loss_network.style(maps), torch.stack(beyond)

    def tally(self, nets: Mapping[str, Module], batch: Batch) -> dict[str, Tensor]:
        content, style, beyond = self.parts(batch.inputs, self.predict(nets, batch.inputs))
        found = {
            "loss": content + self.weight * STYLE * style + RANGE * beyond,
            "content_loss": content,
            "style_loss": style,
        }
        n = torch.tensor(len(batch), dtype=torch.float64, device=content.device)
        return {**{name: values.double().sum() for name, values in found.items()}, "n": n}

    def measures(self, totals: Mapping[str, Tensor]) -> dict[str, float]:
        """Means over photos. The score, which says which epoch is best, is the negative loss."""
        means = {name: float(totals[name] / totals["n"]) for name in ("loss", "content_loss", "style_loss")}
        return {"score": -means["loss"], **means}

    def sections(self, classes: Sequence[str], totals: Mapping[str, Tensor]) -> list[Section]:
        return []
