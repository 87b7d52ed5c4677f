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
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from neocog.scratch.module import Array, Module
from neocog.scratch.window import Window


def rows(stored: Array, places: int, count: int, stride: int, dilation: int) -> Array:
    """(G, H, P, Q) → (G, places, count·P, Q): the ``count`` rows that begin at place·stride, one below the other.

    A view that overlaps itself, except where dilation pulls the rows apart: then ``reshape`` has to copy.
    """
    groups, _, p, q = stored.shape
    of_group, of_row, of_p, of_q = stored.strides
    shape = (groups, places, count, p, q)
    view = as_strided(stored, shape, (of_group, stride * of_row, dilation * of_row, of_p, of_q), writeable=False)
    return view.reshape(groups, places, count * p, q)


def windows(layer: Module, x: Array, window: Window, groups: int) -> Array:
    """x (N, C, H, W) → every window of every image: (G, OH, k·k·C/G, OW·N). ``layer`` lends the arrays."""
    n, c, height, width = x.shape
    (top, left), (tall, wide) = window.padding, window.kernel
    oh, ow = window.output_size(height, width)
    image = x.transpose(2, 1, 3, 0)  # (H, C, W, N)
    if top or left:
        padded = layer.array("padded", (height + 2 * top, c, width + 2 * left, n), x.dtype)  # its border stays zero
        padded[top : top + height, :, left : left + width] = image
        image = padded
    image = image.reshape(len(image), groups, c // groups, -1, n).swapaxes(0, 1)  # (G, H, C/G, W, N)
    stored = layer.array("stored", (groups, image.shape[1], wide, c // groups, ow, n), x.dtype)
    for j in range(wide):
        stored[:, :, j] = image[..., window.reach(1, j, ow), :]
    stored = stored.reshape(groups, image.shape[1], wide * c // groups, ow * n)
    return rows(stored, oh, tall, window.stride[0], window.dilation[0])


def output(layer: Module, seen: Array, weight: Array, ow: int) -> Array:
    """y = w @ windows. ``seen`` (G, OH, K, OW·N) from ``windows``, weight (O, C/G, k, k) → (N, O, OH, OW)."""
    groups, oh, inputs, _ = seen.shape
    o = len(weight)
    w = weight.transpose(0, 2, 3, 1).reshape(groups, 1, o // groups, inputs)
    y = layer.array("output", (oh, o, ow, seen.shape[3] // ow), seen.dtype)
    np.matmul(w, seen, out=y.reshape(oh, groups, o // groups, -1).swapaxes(0, 1))
    return y.transpose(3, 1, 0, 2)


def weight_gradient(seen: Array, dy: Array, weight: Array) -> Array:
    """dw = Σ_r dy[r] @ windows[r]ᵀ. dy (N, O, OH, OW) → the shape of ``weight`` (O, C/G, k, k)."""
    groups, oh = seen.shape[:2]
    o, c, tall, wide = weight.shape
    d = np.ascontiguousarray(dy.transpose(2, 1, 3, 0)).reshape(oh, groups, o // groups, -1).swapaxes(0, 1)
    dw = np.matmul(d, seen.swapaxes(2, 3)).sum(axis=1)  # (G, O/G, k·k·C/G)
    by_row: Array = dw.reshape(o, tall, wide, c)
    return by_row.transpose(0, 3, 1, 2)


def input_gradient(
    layer: Module, dy: Array, weight: Array, window: Window, groups: int, size: tuple[int, int]
) -> Array:
    """dx by the same trick, turned round. dy (N, O, OH, OW) → (N, C, *size).

    The rows of dy, set S apart with k − 1 empty ones before and after, are what ``rows`` slides over; a product with the
    weights gives, for each input row, the k shifts of it; adding these up where they came from undoes ``windows``.
    """
    n, o, oh, ow = dy.shape
    _, c, tall, wide = weight.shape
    (top, left), (down, _), (spread, _) = window.padding, window.stride, window.dilation
    height, width = size[0] + 2 * top, size[1] + 2 * left
    reach = (tall - 1) * spread
    apart = layer.array("apart", (groups, height + reach, o // groups, ow, n), dy.dtype)  # rows in between stay zero
    used = apart[:, reach : reach + (oh - 1) * down + 1 : down]
    used[...] = dy.transpose(2, 1, 3, 0).reshape(oh, groups, o // groups, ow, n).swapaxes(0, 1)
    met = rows(apart.reshape(groups, height + reach, o // groups, ow * n), height, tall, 1, spread)
    # w (O, C/G, k, k) → (G, 1, k·C/G, k·O/G), kernel rows from last to first: output row r met input row h at i = (h − r·S)/D
    w = weight.reshape(groups, o // groups, c, tall, wide)[:, :, :, ::-1].transpose(0, 4, 2, 3, 1)
    shifts = layer.array("shifts", (groups, height, wide, c, ow, n), dy.dtype)
    np.matmul(w.reshape(groups, 1, wide * c, -1), met, out=shifts.reshape(groups, height, wide * c, ow * n))
    dx = layer.array("input gradient", (height, groups, c, width, n), dy.dtype)
    dx[...] = 0
    for j in range(wide):
        dx[..., window.reach(1, j, ow), :] += shifts[:, :, j].swapaxes(0, 1)
    return dx.reshape(height, groups * c, width, n)[top : top + size[0], :, left : left + size[1]].transpose(3, 1, 0, 2)
