"""The three sums of a convolutional layer, each as one matrix product a row of the output.

    y[n, o, r, s]  = Σ_c Σ_i Σ_j  w[o, c, i, j] · x[n, c, r·S + i·D, s·S + j·D]
    dw[o, c, i, j] = Σ_n Σ_r Σ_s  dy[n, o, r, s] · x[n, c, r·S + i·D, s·S + j·D]
    dx[n, c, h, v] = Σ_o Σ_i Σ_j  w[o, c, i, j] · dy[n, o, (h − i·D)/S, (v − j·D)/S]     (where the division has no rest)

(stride S, dilation D, x with its border of zeros; six loops in each). The textbook's fast form copies every window into
a column of a matrix: k² copies of the image. Here only the k shifts along a row are copied, as contiguous slices, with the
images as the last axis, so that a slice is one long run of memory. The k shifts along a column then need no copy at all:
the windows of output row r are the k stored rows that begin at r·S, and they already lie one after another. So

    stored[h] = the k shifts of row h, (k·C, OW·N)         y[r] = w (O, k·k·C) @ stored[r·S : r·S + k] (k·k·C, OW·N)

and all OH of these products are one ``np.matmul`` over overlapping views. Arrays here are (H, C, W, N) in memory.

How a product is written changes its time up to twofold, so each is written in the way that is quick, or within a tenth of it, for
both kinds of kernels that OpenBLAS has (AVX2, AVX-512). Nothing is chosen while it runs: the same program gives the same bits.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import as_strided

from neocog.scratch.module import Array, Module
from neocog.scratch.window import Window

MOST = (
    10**6
)  # multiplications of a product, up to which OpenBLAS reads matrices as they lie (AVX-512); it copies larger ones
LEAST = 64  # columns of a product, for which it is worth to be called


def parts(height: int, p: int, q: int) -> int:
    """In how many products (height, P) @ (P, Q / parts) (height, P) @ (P, Q) is taken, so that none is above MOST.

    >>> parts(16, 150, 640), parts(16, 150, 320)
    (2, 1)
    """
    fitting = (n for n in range(1, q // LEAST + 1) if q % n == 0 and height * p * q <= n * MOST)
    return next(fitting, 1)


def parted(matrices: Array, count: int) -> Array:
    """(…, P, Q) → (…, count, P, Q / count), a view."""
    *others, p, q = matrices.shape
    return matrices.reshape(*others, p, count, q // count).swapaxes(-3, -2)


def rows(stored: Array, places: int, count: int, stride: int, dilation: int) -> Array:
    """(G, H, P, Q) → (G, places, count·P, Q): the ``count`` rows that begin at place·stride, one below the other.

    A view that overlaps itself, except where dilation pulls the rows apart: then ``reshape`` has to copy.
    """
    groups, _, p, q = stored.shape
    of_group, of_row, of_p, of_q = stored.strides
    shape = (groups, places, count, p, q)
    view = as_strided(stored, shape, (of_group, stride * of_row, dilation * of_row, of_p, of_q), writeable=False)
    return view.reshape(groups, places, count * p, q)


def store(layer: Module, x: Array, window: Window, groups: int) -> Array:
    """x (N, C, H, W) → its border of zeros added, the k shifts of each row: (G, H, k·C/G, OW·N). ``layer`` lends the arrays."""
    n, c, height, width = x.shape
    (top, left), wide = window.padding, window.kernel[1]
    ow = window.output_size(height, width)[1]
    image = x.transpose(2, 1, 3, 0)  # (H, C, W, N)
    if top or left:
        padded = layer.array("padded", (height + 2 * top, c, width + 2 * left, n), x.dtype)  # its border stays zero
        padded[top : top + height, :, left : left + width] = image
        image = padded
    image = image.reshape(len(image), groups, c // groups, -1, n).swapaxes(0, 1)  # (G, H, C/G, W, N)
    stored = layer.array("stored", (groups, image.shape[1], wide, c // groups, ow, n), x.dtype)
    for j in range(wide):
        stored[:, :, j] = image[..., window.reach(1, j, ow), :]
    return stored.reshape(groups, image.shape[1], wide * c // groups, ow * n)


def output(layer: Module, stored: Array, weight: Array, window: Window, places: tuple[int, int]) -> Array:
    """y[r] = w @ windows[r]. ``stored`` from ``store``, weight (O, C/G, k, k), places (OH, OW) → (N, O, OH, OW)."""
    groups, o, (oh, ow) = len(stored), len(weight), places
    seen = rows(stored, oh, window.kernel[0], window.stride[0], window.dilation[0])
    w = weight.transpose(0, 2, 3, 1).reshape(groups, 1, 1, o // groups, -1)
    y = layer.array("output", (oh, o, ow, stored.shape[3] // ow), stored.dtype)
    count = parts(o // groups, *seen.shape[-2:])
    np.matmul(w, parted(seen, count), out=parted(y.reshape(oh, groups, o // groups, -1).swapaxes(0, 1), count))
    return y.transpose(3, 1, 0, 2)


def weight_gradient(stored: Array, dy: Array, weight: Array, window: Window) -> Array:
    """dw = Σ_r windows[r] @ dy[r]ᵀ. dy (N, O, OH, OW) → the shape of ``weight`` (O, C/G, k, k).

    A matrix of as few columns as a small layer has channels keeps BLAS half idle. So two rows of dy, 2·O, meet all that both
    saw, k + S stored rows, in one product; of that, window t begins t·S rows down, and the rest is thrown away.
    """
    groups, (o, c, tall, wide) = len(stored), weight.shape
    oh, down, spread = dy.shape[2], window.stride[0], window.dilation[0]
    a_row = wide * c * o // groups * stored.shape[3]  # multiplications for each row of a window
    both = 1 if oh % 2 or spread > 1 or o // groups > 8 or a_row * tall <= MOST < 2 * a_row * (tall + down) else 2
    span = tall + (both - 1) * down
    seen = rows(stored, oh // both, span, both * down, spread)
    d = np.ascontiguousarray(dy.transpose(2, 1, 3, 0)).reshape(oh, groups, o // groups, -1).swapaxes(0, 1)
    d = d.reshape(groups, oh // both, both * o // groups, -1)
    met = np.matmul(seen, d.swapaxes(2, 3)).sum(axis=1).reshape(groups, span, wide, c, both, o // groups)
    dw: Array = sum(met[:, t * down : t * down + tall, ..., t, :] for t in range(both))
    return dw.transpose(0, 4, 3, 1, 2).reshape(weight.shape)


def bias_gradient(dy: Array) -> Array:
    """db = Σ_n Σ_r Σ_s dy. (N, O, OH, OW) → (O,): a product with ones, which BLAS takes faster than NumPy a sum."""
    n, o, oh, ow = dy.shape
    db: Array = (dy.transpose(2, 1, 3, 0).reshape(oh, o, ow * n) @ np.ones(ow * n, dy.dtype)).sum(axis=0)
    return db


@cache
def meetings(height: int, places: int, kernel: int, stride: int, dilation: int) -> list[tuple[slice | None, slice]]:
    """For each input row h: the output rows r that saw it, h = r·S + i·D, and the kernel rows i, counted from the last."""
    found: list[tuple[slice | None, slice]] = []
    for h in range(height):
        met = [
            (r, kernel - 1 - (h - r * stride) // dilation) for r in range(places) if (h - r * stride) % dilation == 0
        ]
        met = [(r, i) for r, i in met if 0 <= i < kernel]
        if not met:
            found.append((None, slice(0)))
            continue
        (first, top), (second, next_top) = met[0], met[min(1, len(met) - 1)]
        found.append(
            (slice(first, met[-1][0] + 1, second - first or 1), slice(top, met[-1][1] + 1, next_top - top or 1))
        )
    return found


def input_gradient(
    layer: Module, dy: Array, weight: Array, window: Window, groups: int, size: tuple[int, int]
) -> Array:
    """dx, row by row. dy (N, O, OH, OW) → (N, C, *size).

    Input row h was seen by the output rows r with h = r·S + i·D, which lie one after another in dy. One product with the
    weights gives, for row h, what each of its k shifts has to do with the loss; adding those up in place undoes ``store``.
    """
    n, o, oh, ow = dy.shape
    _, c, tall, wide = weight.shape
    (top, left), down, spread = window.padding, window.stride[0], window.dilation[0]
    height, width = size[0] + 2 * top, size[1] + 2 * left
    count = parts(wide * c, min(tall, oh) * o // groups, ow * n)
    d = (
        np.ascontiguousarray(dy.transpose(2, 1, 3, 0))
        .reshape(oh, groups, o // groups, count, -1)
        .transpose(1, 3, 0, 2, 4)
    )
    # (O, C/G, k, k) → (G, k·C/G, k, O/G), kernel rows from last to first, the order in which output rows meet an input row
    w = weight.reshape(groups, o // groups, c, tall, wide)[:, :, :, ::-1].transpose(0, 4, 2, 3, 1)
    w = w.reshape(groups, wide * c, tall, o // groups)
    shifts = layer.array("shifts", (groups, height, wide * c, ow * n), dy.dtype)
    into = parted(shifts, count)
    for h, (of, by) in enumerate(meetings(height, oh, tall, down, spread)):
        if of is None:
            shifts[:, h] = 0
        else:
            kernel_rows = w[:, :, by].reshape(groups, 1, wide * c, -1)
            np.matmul(kernel_rows, d[:, :, of].reshape(groups, count, kernel_rows.shape[3], -1), out=into[:, h])
    dx = layer.array("input gradient", (height, groups, c, width, n), dy.dtype)
    dx[...] = 0
    for j in range(wide):
        dx[..., window.reach(1, j, ow), :] += shifts.reshape(groups, height, wide, c, ow, n)[:, :, j].swapaxes(0, 1)
    return dx.reshape(height, groups * c, width, n)[top : top + size[0], :, left : left + size[1]].transpose(3, 1, 0, 2)
