"""Clean images made worse on purpose, so that a network can learn the way back: fewer pixels, noise, blur, JPEG, lost pixels.

Noise is drawn by a generator that the caller gives: in training one of (seed, epoch, sample), else one of the image alone, so
that the same image is worse in the same way whenever it is looked at. What comes out is of the type that went in, rounded and cut
to its range as a file would hold it. Letters: H × W pixels, C channels.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neocog.checked import number
from neocog.data.dataset import Array, BadImage, Header, Images
from neocog.data.imresize import as_type, resized
from neocog.errors import UserError, did_you_mean, printable

# kind: (an example, lowest and highest amount, what it is)
KINDS: dict[str, tuple[str, float, float, str]] = {
    "bicubic": ("bicubic:2", 2, 4, "a half, third or quarter of the pixels each way"),
    "gauss": ("gauss:25", 0, 65535, "Gaussian noise of this standard deviation, in stored units"),
    "poisson": ("poisson:30", 0, 1e9, "photon noise, so many photons where the image is white"),
    "blur": ("blur:1.5", 0, 50, "Gaussian blur of this standard deviation, in pixels"),
    "jpeg": ("jpeg:40", 1, 100, "JPEG of this quality"),
    "salt": ("salt:0.05", 0, 1, "this share of the pixels turned black or white"),
}
NOISES = ("gauss", "poisson", "salt")
UNBIASED = ("gauss", "poisson")  # noise that is 0 in the mean, and independent between pixels


@dataclass(frozen=True)
class Degradation:
    """One kind, and how much of it."""

    kind: str
    amount: float

    @classmethod
    def of(cls, text: str) -> Degradation:
        """From "gauss:25". Raises UserError."""
        kind, _, given = text.partition(":")
        known = "; ".join(f"{example}: {what}" for example, _, _, what in KINDS.values())
        if kind not in KINDS:
            raise UserError(
                f"--degrade {printable(text)} is not known", fix=f"{did_you_mean(kind, KINDS)}known: {known}"
            )
        example, low, high, _ = KINDS[kind]
        amount = number(given)
        whole = kind not in ("bicubic", "jpeg") or (amount is not None and amount == round(amount))
        if amount is None or not low <= amount <= high or amount == 0 or not whole:
            numbers = "a whole number" if kind in ("bicubic", "jpeg") else "a number"
            what = f"--degrade {printable(text)}: {kind} takes {numbers} from {low:g} to {high:g}"
            raise UserError(what, fix=f"--degrade {example}")
        return cls(kind, amount)

    @property
    def scale(self) -> int:
        """How many pixels of the clean image stand for one, each way."""
        return int(self.amount) if self.kind == "bicubic" else 1

    @property
    def is_random(self) -> bool:
        return self.kind in NOISES

    def __call__(self, clean: Array, rng: np.random.Generator, white: float) -> Array:
        """(H, W, C) → (H / scale, W / scale, C) of the same type. ``white``: see ``white_of``. Raises UserError."""
        return as_type(_APPLIED[self.kind](clean, self.amount, rng, white), clean.dtype)


def white_of(image: Array) -> float:
    """What counts as white: 255 of pictures, else the image's highest value."""
    return 255.0 if image.dtype == np.uint8 else max(float(image.max()), 1e-12)


def blurred(image: Array, sigma: float) -> Array:
    """(H, W, C) under a Gaussian, float64."""
    from scipy import ndimage

    return np.asarray(ndimage.gaussian_filter(image.astype(np.float64), (sigma, sigma, 0), mode="reflect"))


def _gauss(clean: Array, amount: float, rng: np.random.Generator, white: float) -> Array:
    return np.asarray(clean + amount * rng.standard_normal(clean.shape, np.float32))


def _poisson(clean: Array, amount: float, rng: np.random.Generator, white: float) -> Array:
    return np.asarray(rng.poisson(np.maximum(clean, 0) * (amount / white)) * (white / amount))


def _salt(clean: Array, amount: float, rng: np.random.Generator, white: float) -> Array:
    chance = rng.random((*clean.shape[:2], 1), np.float32)
    return np.where(chance < amount / 2, 0.0, np.where(chance < amount, white, clean))


def _bicubic(clean: Array, amount: float, rng: np.random.Generator, white: float) -> Array:
    return resized(clean, (clean.shape[0] // int(amount), clean.shape[1] // int(amount)))


def _blur(clean: Array, amount: float, rng: np.random.Generator, white: float) -> Array:
    return blurred(clean, amount)


def _jpeg(clean: Array, amount: float, rng: np.random.Generator, white: float) -> Array:
    from PIL import Image

    if clean.dtype != np.uint8 or clean.shape[2] not in (1, 3):
        what = f"--degrade jpeg is for 8-bit grey or colour images, not for {clean.shape[2]} × {clean.dtype}"
        raise UserError(what, fix="another --degrade")
    file = io.BytesIO()
    Image.fromarray(clean[..., 0] if clean.shape[2] == 1 else clean).save(file, "JPEG", quality=int(amount))
    found = np.asarray(Image.open(file))
    return found.reshape(clean.shape)


Applied = Callable[[Array, float, np.random.Generator, float], Array]
_APPLIED: dict[str, Applied] = {
    "bicubic": _bicubic, "gauss": _gauss, "poisson": _poisson, "blur": _blur, "jpeg": _jpeg, "salt": _salt,
}  # fmt: skip


def own_generator(image: Array) -> np.random.Generator:
    """Random numbers of an image's pixels alone."""
    digest = hashlib.sha256(repr((image.shape, image.dtype.str)).encode() + np.ascontiguousarray(image).tobytes())
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest.digest()[:16], np.uint64)))


@dataclass(frozen=True)
class Cropped:
    """Images cut at the right and below to multiples of ``scale``, so that a coarse pixel is a whole number of theirs."""

    source: Images
    names: Sequence[str]
    scale: int

    def __len__(self) -> int:
        return len(self.source)

    def read(self, index: int) -> Array:
        return self._cut(self.source.read(index))

    def _cut(self, image: Array) -> Array:
        height, width = (side // self.scale * self.scale for side in image.shape[:2])
        return image[:height, :width]

    def header(self, index: int) -> Header:
        head = self.source.header(index)
        if min(head.height, head.width) < self.scale or head.depth:
            raise BadImage(f"too small to be cut to multiples of {self.scale}", self.names[index], "leave it out")
        cut = {name: getattr(head, name) // self.scale * self.scale for name in ("height", "width")}
        return replace(head, **cut)

    def digest(self, index: int) -> str:
        return self.source.digest(index)

    def path(self, index: int) -> Path | None:
        return self.source.path(index)


@dataclass(frozen=True)
class Degraded:
    """The same images made worse, each in its own way."""

    source: Cropped
    names: Sequence[str]
    how: Degradation

    def __len__(self) -> int:
        return len(self.source)

    def read(self, index: int) -> Array:
        clean = self.source.read(index)
        return self.how(clean, own_generator(clean), white_of(clean))

    def header(self, index: int) -> Header:
        head, scale = self.source.header(index), self.how.scale
        return replace(head, height=head.height // scale, width=head.width // scale)

    def digest(self, index: int) -> str:
        return self.source.digest(index)

    def path(self, index: int) -> Path | None:
        return self.source.path(index)
