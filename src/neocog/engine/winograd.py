"""3 × 3 convolutions in a quarter of the multiplications: Winograd's F(4 × 4, 3 × 3), for processors without bf16 units.

Lavin & Gray 2016, "Fast algorithms for convolutional neural networks". A plane is cut into tiles of 4 × 4 outputs, each of
which sees 6 × 6 inputs. Tiles d and weights g are transformed, BᵀdB and GgGᵀ; a convolution is then 36 matrix products over
the channels, and its tiles are transformed back, Aᵀ·A. Rows and columns are transformed at once, by the Kronecker square of
each matrix, as a matrix product too. The result differs from the direct sum by about 10⁻⁵ of its largest value.

Letters: N images, H × W pixels, C channels in and O out, T tiles. Pixels lie channels-last, (N, H, W, C). Some tiles are worked
at a time, so few that they stay in the cache, and every thread of PyTorch's has its own share of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from threading import Barrier
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

Found = TypeVar("Found")
OUT, IN, TAPS = 4, 6, 9  # sides of a tile's outputs and inputs; weights of a 3 × 3 kernel
LEAST_CHANNELS = 64  # in and out: below, transforming costs more than the products save
LEAST_TILES = 128  # of a convolution; below, the weights' transform does
CACHE, FEWEST = 2**20, 64  # bytes of transformed tiles worked at a time, and the least number of these tiles


def squared(rows: Sequence[Sequence[float]]) -> Tensor:
    """M → M ⊗ M, which takes the flattened X to the flattened MXMᵀ."""
    matrix = torch.tensor(rows, dtype=torch.float64)
    return torch.kron(matrix, matrix).float()


B = squared(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)  # (36, 36): inputs
G = squared(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)  # (36, 9): weights
A = squared([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])  # (16, 36): outputs


def gains(x: Tensor, weight: Tensor, padding: int) -> bool:
    """Whether a convolution with stride 1 is done sooner in this way. x (N, C, H, W), weight (O, C, 3, 3)."""
    if min(weight.shape[:2]) < LEAST_CHANNELS:
        return False
    _, _, down, across = grid(x.shape[2:], padding)
    return min(down, across) > 0 and len(x) * down * across >= max(LEAST_TILES, weight.shape[:2].numel() / 2048)


class Convolution(torch.autograd.Function):
    """(N, C, H, W), (O, C, 3, 3), (O,) or None → (N, O, H + 2p − 2, W + 2p − 2) with ``padding`` p, channels-last in memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding, ctx.biased = padding, bias is not None
        return convolved(channels_last(x), weight, bias, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        dy = channels_last(gradient)
        turned = weight.flip(2, 3).transpose(0, 1)  # what reached an output goes back to the inputs that it came from
        return (
            convolved(dy, turned, None, 2 - ctx.padding) if ctx.needs_input_grad[0] else None,
            weight_gradient(channels_last(x), dy, ctx.padding) if ctx.needs_input_grad[1] else None,
            dy.sum((0, 1, 2)) if ctx.biased else None,
            None,
        )


def channels_last(x: Tensor) -> Tensor:
    """(N, C, H, W) → (N, H, W, C), contiguous: a view where x lies so already."""
    return x.permute(0, 2, 3, 1).contiguous()


class Part(NamedTuple):
    """Some tiles: the rows of tiles ``row`` … of the images ``first`` …"""

    first: int
    images: int
    row: int
    rows: int

    @property
    def place(self) -> tuple[slice, int]:
        """Its images, and its first row of outputs."""
        return slice(self.first, self.first + self.images), OUT * self.row

    def outputs(self, y: Tensor) -> Tensor:
        """Its outputs in y (N, 4·down, 4·across, O) as (images, rows, 4, across, 4, O)."""
        images, top = self.place
        planes = y[images, top : top + OUT * self.rows]
        return planes.view(self.images, self.rows, OUT, -1, OUT, y.shape[3])


def convolved(x: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
    """(N, H, W, C), (O, C, 3, 3) → (N, O, H', W'), channels-last in memory, and no view, so that it may be changed in place."""
    outputs, channels = weight.shape[:2]
    height, width, down, across = grid(x.shape[1:3], padding)
    kernels = (G @ weight.permute(2, 3, 1, 0).reshape(TAPS, -1)).view(IN * IN, channels, outputs)
    found = torch.empty(len(x), outputs, OUT * down, OUT * across, memory_format=torch.channels_last)
    y = channels_last(found)

    @torch.no_grad()
    def work(share: Sequence[Part]) -> None:
        room = rooms(x, padding, across, outputs)
        for part in share:
            tiles, products, back = room(part.images, part.rows)
            torch.bmm(tiles.transformed(part), kernels, out=products)
            torch.mm(A, products.view(IN * IN, -1), out=back)
            if bias is not None:
                back.view(OUT * OUT, -1, outputs).add_(bias)
            part.outputs(y).copy_(as_planes(back, part, across))

    spread(work, parts(len(x), down, across, max(channels, outputs)))
    whole = found.shape[2:] == (height, width)
    return found if whole else found[:, :, :height, :width].contiguous(memory_format=torch.channels_last)


def weight_gradient(x: Tensor, dy: Tensor, padding: int) -> Tensor:
    """(N, H, W, C), the gradient of the outputs (N, H', W', O) → that of the weights (O, C, 3, 3)."""
    channels, outputs = x.shape[3], dy.shape[3]
    height, width, down, across = grid(x.shape[1:3], padding)
    if (OUT * down, OUT * across) != (height, width):
        dy = F.pad(dy, (0, 0, 0, OUT * across - width, 0, OUT * down - height))

    @torch.no_grad()
    def work(share: Sequence[Part]) -> Tensor:
        room, total = rooms(x, padding, across, outputs), x.new_zeros(IN * IN, channels, outputs)
        for part in share:
            tiles, dys, given = room(part.images, part.rows)
            as_planes(given, part, across).copy_(part.outputs(dy))
            torch.mm(A.T, given, out=dys.view(IN * IN, -1))
            total.baddbmm_(tiles.transformed(part).transpose(1, 2), dys)
        return total

    total, *others = spread(work, parts(len(x), down, across, max(channels, outputs)))
    for other in others:
        total += other
    return (G.T @ total.view(IN * IN, -1)).view(3, 3, channels, outputs).permute(3, 2, 0, 1)


def grid(sides: Sequence[int], padding: int) -> tuple[int, int, int, int]:
    """Height and width of the outputs of inputs of height and width ``sides``, and how many tiles cover them."""
    height, width = (side + 2 * padding - 2 for side in sides)
    return height, width, -(-height // OUT), -(-width // OUT)


def as_planes(flat: Tensor, part: Part, across: int) -> Tensor:
    """Tiles (16, T · O) as a view in the order of the plane, (images, rows, 4, across, 4, O)."""
    return flat.view(OUT, OUT, part.images, part.rows, across, -1).permute(2, 3, 0, 4, 1, 5)


def rooms(x: Tensor, padding: int, across: int, outputs: int) -> Callable[[int, int], tuple[Tiles, Tensor, Tensor]]:
    """Where one thread works. Of parts of so many images and rows: tiles, and room for outputs, (36, T, O) and (16, T · O)."""

    @cache
    def room(images: int, rows: int) -> tuple[Tiles, Tensor, Tensor]:
        count = images * rows * across
        transformed, plain = x.new_empty(IN * IN, count, outputs), x.new_empty(OUT * OUT, count * outputs)
        return Tiles(x, padding, across, images, rows), transformed, plain

    return room


class Tiles:
    """Reads the overlapping 6 × 6 tiles of x (N, H, W, C) and transforms them, a part of one size at a time."""

    def __init__(self, x: Tensor, padding: int, across: int, images: int, rows: int) -> None:
        self.x, self.padding = x, padding
        channels, count = x.shape[3], images * rows * across
        # The part's own pixels with what surrounds them: what lies beyond the image is 0.
        self.around = x.new_zeros(images, OUT * rows + 2, OUT * across + 2, channels)
        image, line, pixel, _ = self.around.stride()
        strides = (line, pixel, image, OUT * line, OUT * pixel, 1)
        self.overlapping = self.around.as_strided((IN, IN, images, rows, across, channels), strides)
        self.apart = x.new_empty(self.overlapping.shape)
        self.found = x.new_empty(IN * IN, count * channels)
        self.seen = min(x.shape[2], self.around.shape[2] - padding)  # columns of the image

    def transformed(self, part: Part) -> Tensor:
        """(36, T, C), valid until the next call."""
        images, top = part.place
        top -= self.padding
        bottom = top + self.around.shape[1]
        first, last = max(0, top), min(self.x.shape[1], bottom)
        if first > top:
            self.around[:, : first - top].zero_()
        if last < bottom:
            self.around[:, last - top :].zero_()
        inside = self.around[:, first - top : last - top, self.padding : self.padding + self.seen]
        inside.copy_(self.x[images, first:last, : self.seen])
        self.apart.copy_(self.overlapping)
        torch.mm(B, self.apart.view(IN * IN, -1), out=self.found)
        return self.found.view(IN * IN, -1, self.x.shape[3])


def parts(count: int, down: int, across: int, channels: int) -> list[Part]:
    """All tiles of ``count`` images in parts of about as many as the cache holds: whole images, or rows of one."""
    wanted = max(FEWEST, CACHE // (4 * IN * IN * channels))
    wanted = min(wanted, -(-count * down * across // torch.get_num_threads()))
    if down * across <= wanted:
        images = wanted // (down * across)
        return [Part(first, min(images, count - first), 0, down) for first in range(0, count, images)]
    rows = max(1, wanted // across)
    return [Part(image, 1, row, min(rows, down - row)) for image in range(count) for row in range(0, down, rows)]


def spread(work: Callable[[Sequence[Part]], Found], every: Sequence[Part]) -> list[Found]:
    """``work`` on equal shares of the parts, one for each thread that PyTorch may use; in their order."""
    threads = torch.get_num_threads()
    if threads == 1 or len(every) == 1:
        return [work(every)]
    share = -(-len(every) // threads)
    return list(thread_pool(threads).map(work, (every[start : start + share] for start in range(0, len(every), share))))


@lru_cache(maxsize=1)
def thread_pool(threads: int) -> ThreadPoolExecutor:
    """Threads that compute side by side, each alone: together they need no barrier after every small product."""
    pool = ThreadPoolExecutor(threads, "convolution", initializer=torch.set_num_threads, initargs=(1,))
    begun = Barrier(threads)
    list(pool.map(lambda _: begun.wait(), range(threads)))
    torch.set_num_threads(threads)  # theirs was also noted as the number of any thread to come
    return pool
