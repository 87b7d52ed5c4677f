"""A generator and a discriminator learn from each other: one draws images, the other tells them from real ones.

Goodfellow et al. 2014. Letters: B images, L latent dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor
from torch.nn import Module

from neocog.augment.counter import bits, pixel_normal
from neocog.augment.differentiable import Drawn
from neocog.data.loader import Batch
from neocog.networks.dcgan import frozen, of_classes
from neocog.records import Section
from neocog.tasks.gan.losses import GameLoss, belief, discriminator_loss, generator_loss
from neocog.tasks.objective import Objective

LATENT = 0  # stream of the counter-based generator
LEAST_SPREAD = 0.5  # of real images: below, generated ones resemble each other
SURE = 0.95  # D(x), and 1 − D(G(z)), above which the discriminator has won


@final
@dataclass(frozen=True)
class GAN(Objective):
    """Inputs (B, C, H, W) in −1 … 1. ``latent``: L; ``augment``: DiffAugment in front of the discriminator.

    ``classes``: where the networks learn images of each class; generated ones are then of the classes of the real ones.

    Latent vectors of training come from torch's generator, which the loop seeds from (seed, step, rank); those of the
    tally are a function of (seed, sample), so that they are the same for any batch size and number of ranks.
    """

    generator: Callable[[], Module]
    discriminator: Callable[[], Module]
    latent: int
    loss: GameLoss = "non-saturating"
    augment: bool = False
    seed: int = 0
    classes: int = 0
    chooses: ClassVar[bool] = False  # no loss of a game says which epoch draws best: the last is kept

    def networks(self) -> dict[str, Module]:
        return {"generator": self.generator(), "discriminator": self.discriminator()}

    def losses(self, nets: Mapping[str, Module], batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """The discriminator's loss, then the generator's against the discriminator that was updated in between.

        Real and generated images go through it one after the other, since a batch norm over both would tell them apart.
        """
        generator, discriminator = nets["generator"], nets["discriminator"]
        kinds = self.kinds(batch)
        fake = generator(self.asking(torch.randn(len(batch), self.latent, device=batch.inputs.device), *kinds))
        change = Drawn.of(len(batch), fake.device) if self.augment else None
        real_logits = discriminator(change(batch.inputs) if change else batch.inputs, *kinds).float()
        fake_logits = discriminator(change(fake.detach()) if change else fake.detach(), *kinds).float()
        yield "discriminator", batch.mean(discriminator_loss(self.loss, real_logits, fake_logits))
        with frozen(discriminator):  # a step of the generator leaves no gradient in it
            logits = discriminator(change(fake) if change else fake, *kinds).float()
        yield "generator", batch.mean(generator_loss(self.loss, logits))

    def kinds(self, batch: Batch) -> tuple[Tensor, ...]:
        """The images' classes (B,), or nothing."""
        return (batch.targets,) if self.classes else ()

    def asking(self, z: Tensor, *kinds: Tensor) -> Tensor:
        """Latent vectors (B, L) that ask for images of these classes, where there are any."""
        return of_classes(z, kinds[0], self.classes) if kinds else z

    def predict(self, nets: Mapping[str, Module], inputs: Tensor) -> Tensor:
        """(B,) what the discriminator thinks of images: a probability to be real, or a margin."""
        return belief(self.loss, nets["discriminator"](inputs).float())

    def tally(self, nets: Mapping[str, Module], batch: Batch) -> dict[str, Tensor]:
        """Sums over the images and as many generated ones. Of both the sums that give their mean distance."""
        keys, kinds = torch.from_numpy(batch.samples).to(batch.inputs.device), self.kinds(batch)
        z = self.asking(pixel_normal(bits(self.seed, 0, LATENT, keys), self.latent), *kinds)
        fake = nets["generator"](z).float()
        real_logits, fake_logits = (nets["discriminator"](images, *kinds).float() for images in (batch.inputs, fake))
        found = {
            "d_real": belief(self.loss, real_logits),
            "d_fake": belief(self.loss, fake_logits),
            "d_loss": discriminator_loss(self.loss, real_logits, fake_logits),
            "g_loss": generator_loss(self.loss, fake_logits),
        }
        totals = {name: value.double().sum() for name, value in found.items()}
        for name, images in (("real", batch.inputs), ("fake", fake)):
            flat = images.double().flatten(1)
            totals |= {f"{name}_sum": flat.sum(0), f"{name}_square": flat.square().sum()}
        return totals | {"n": torch.tensor(len(batch), dtype=torch.float64, device=fake.device)}

    def measures(self, totals: Mapping[str, Tensor]) -> dict[str, float]:
        """Means, and ``spread``: the mean squared distance of generated images, as a share of that of real ones."""
        n = float(totals["n"])
        found = {name: float(totals[name]) / n for name in ("d_real", "d_fake", "d_loss", "g_loss")}
        real, fake = (
            float(totals[f"{name}_square"]) / n - float((totals[f"{name}_sum"] / n).square().sum())
            for name in ("real", "fake")
        )
        return found | {"spread": fake / real if real > 0 else 1.0}

    def sections(self, classes: Sequence[str], totals: Mapping[str, Tensor]) -> list[Section]:
        return []


def troubles(measures: Mapping[str, float], loss: GameLoss) -> list[str]:
    """What goes wrong, in words; ``measures`` as ``GAN.measures`` gives them."""
    found = []
    if measures["spread"] < LEAST_SPREAD:
        share = f"{measures['spread']:.2f} of the distance between real ones, below {LEAST_SPREAD:g}"
        found.append(f"mode collapse: the mean distance between generated images is {share}")
    margins = loss == "hinge"
    real, fake = (1.0, -1.0) if margins else (SURE, 1 - SURE)
    if measures["d_real"] > real and measures["d_fake"] < fake:
        pair = f"D(x) {measures['d_real']:.2f}, D(G(z)) {measures['d_fake']:.2f}"
        found.append(f"the discriminator wins: {pair}, so the generator learns little")
    return found
