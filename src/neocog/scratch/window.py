"""A window that slides over an image: its size, step, spread and the border around the image, and how often it fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from neocog.scratch.module import Array

Pair = int | tuple[int, int]


def pair(value: Pair, name: str, least: int) -> tuple[int, int]:
    """``3`` → ``(3, 3)``. Raises ValueError below ``least``."""
    two = (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))
    if min(two) < least:
        raise ValueError(f"{name} is {value}, the least is {least}")
    return two


def output_size(size: int, kernel: int, padding: int = 0, stride: int = 1, dilation: int = 1) -> int:
    """How many places a window finds along one side: (N − F + 2P)/S + 1, rounded down.

    A LeNet on a digit, 28 → 28 → 14 → 14 → 7 with padded convolutions of 5 × 5 and pools of 2 × 2:

    >>> output_size(28, 5, padding=2), output_size(28, 2, stride=2), output_size(14, 5, padding=2), output_size(14, 2, stride=2)
    (28, 14, 14, 7)
    >>> output_size(3, 5)
    Traceback (most recent call last):
    ...
    ValueError: the window does not fit: (N − F + 2P)/S + 1 = (3 − 5 + 2·0)/1 + 1 = -1 (image N, kernel F, padding P, stride S)
    """
    reach = dilation * (kernel - 1) + 1  # a dilated kernel spans more pixels than it has weights
    places = (size - reach + 2 * padding) // stride + 1
    if places < 1 or size - reach + 2 * padding < 0:
        dilated = f" = 1 + dilation {dilation} · (kernel {kernel} − 1)" if dilation > 1 else ""
        raise ValueError(
            f"the window does not fit: (N − F + 2P)/S + 1 = ({size} − {reach} + 2·{padding})/{stride} + 1 = {places} "
            f"(image N, kernel F{dilated}, padding P, stride S)"
        )
    return places


@dataclass(frozen=True)
class Window:
    """The geometry of a convolution or a pool; each field is (vertical, horizontal)."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)

    @classmethod
    def of(cls, kernel: Pair, stride: Pair | None, padding: Pair, dilation: Pair) -> Window:
        """A window from PyTorch's arguments, in which ``3`` stands for ``(3, 3)``."""
        size = pair(kernel, "kernel_size", 1)
        step = size if stride is None else pair(stride, "stride", 1)
        return cls(size, step, pair(padding, "padding", 0), pair(dilation, "dilation", 1))

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """(H, W) → (OH, OW)."""
        across = zip((height, width), self.kernel, self.padding, self.stride, self.dilation, strict=True)
        tall, wide = (output_size(*side) for side in across)
        return tall, wide

    def shifts(self, padded: Array, places: tuple[int, int]) -> Iterator[Array]:
        """For each of the k × k positions inside the window, in rows: what all windows see there, a view (…, OH, OW)."""
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                yield padded[..., self.reach(0, i, places[0]), self.reach(1, j, places[1])]

    def reach(self, axis: int, position: int, places: int) -> slice:
        """The pixels along one axis that all windows see at one position inside them."""
        first = position * self.dilation[axis]
        return slice(first, first + (places - 1) * self.stride[axis] + 1, self.stride[axis])
