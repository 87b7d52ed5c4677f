"""The fast convolution against the six loops that define it, and the plain functions that show it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neocog.scratch import Conv2d, convolve2d, correlation, filter_bank, pool2d

THOROUGH = settings(max_examples=60, deadline=None, derandomize=True)


def six_loops(x, dy, w, stride, padding, dilation, groups):  # type: ignore[no-untyped-def]
    """y, dx and dw by the definition, one product at a time (n and o in two more loops)."""
    n, _, height, width = x.shape
    o, c_of_group, k, l = w.shape  # noqa: E741
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    oh = (height - dilation * (k - 1) - 1 + 2 * padding) // stride + 1
    ow = (width - dilation * (l - 1) - 1 + 2 * padding) // stride + 1
    y, dxp, dw = np.zeros((n, o, oh, ow)), np.zeros_like(xp), np.zeros_like(w)
    dy = dy[:, :, :oh, :ow]
    for b in range(n):
        for f in range(o):
            for r in range(oh):
                for s in range(ow):
                    for g in range(c_of_group):
                        channel = f // (o // groups) * c_of_group + g
                        for i in range(k):
                            for j in range(l):
                                place = (b, channel, r * stride + i * dilation, s * stride + j * dilation)
                                y[b, f, r, s] += w[f, g, i, j] * xp[place]
                                dw[f, g, i, j] += dy[b, f, r, s] * xp[place]
                                dxp[place] += dy[b, f, r, s] * w[f, g, i, j]
    return y, dxp[:, :, padding : padding + height, padding : padding + width], dw


@THOROUGH
@given(
    n=st.integers(1, 2),
    groups=st.integers(1, 2),
    c=st.integers(1, 2),
    o=st.integers(1, 2),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    seed=st.integers(0, 100),
)
def test_convolution_is_the_six_loops(n, groups, c, o, size, kernel, stride, padding, dilation, seed) -> None:  # type: ignore[no-untyped-def]
    assume(all(m + 2 * padding >= dilation * (k - 1) + 1 for m, k in zip(size, kernel, strict=True)))
    rng = np.random.default_rng(seed)
    layer = Conv2d(
        groups * c, groups * o, kernel, stride, padding, dilation, groups, bias=False, dtype=np.float64, seed=rng
    )
    x = rng.standard_normal((n, groups * c, *size))
    y = layer(x)
    dy = rng.standard_normal(y.shape)
    dx = layer.backward(dy)
    expected = six_loops(x, dy, layer.weight.data, stride, padding, dilation, groups)
    for ours, loops in zip((y, dx, layer.weight.grad), expected, strict=True):
        np.testing.assert_allclose(ours, loops, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("groups", "stride", "dilation"), [(1, 1, 1), (2, 2, 1), (1, 2, 2)])
def test_products_in_parts_are_the_six_loops(monkeypatch, groups: int, stride: int, dilation: int) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(correlation, "MOST", 400)
    monkeypatch.setattr(correlation, "LEAST", 2)
    rng = np.random.default_rng(0)
    layer = Conv2d(2 * groups, 3 * groups, 3, stride, 1, dilation, groups, dtype=np.float64, seed=rng)
    x = rng.standard_normal((3, 2 * groups, 8, 8))
    y = layer(x)
    assert correlation.parts(3, 18, y.shape[3] * len(x)) > 1
    dy = rng.standard_normal(y.shape)
    dx = layer.backward(dy)
    expected = six_loops(x, dy, layer.weight.data, stride, 1, dilation, groups)
    found = y - layer.bias.data[:, None, None], dx, layer.weight.grad  # type: ignore[union-attr]
    for ours, loops in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, loops, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(layer.bias.grad, dy.sum(axis=(0, 2, 3)), atol=1e-12)  # type: ignore[union-attr]


def test_two_rows_at_once_never_make_a_product_that_is_copied() -> None:
    rng, most = np.random.default_rng(0), []
    product = np.matmul

    def watched(a, b):  # type: ignore[no-untyped-def]
        most.append(a.shape[-2] * a.shape[-1] * b.shape[-1])
        return product(a, b)

    layer = Conv2d(3, 8, 3, padding=1, bias=False, seed=rng)  # one row: 442,368 multiplications, two 1,179,648
    y = layer(rng.standard_normal((64, 3, 32, 32)).astype(np.float32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "matmul", watched)
        layer.parameter_gradients(y)
    assert most == [442_368]


def test_a_layer_and_the_plain_function_agree() -> None:
    image, kernel = np.random.default_rng(0).standard_normal((9, 7)), np.random.default_rng(1).standard_normal((3, 2))
    layer = Conv2d(1, 1, (3, 2), stride=2, padding=1, bias=False, dtype=np.float64)
    layer.weight.data[0, 0] = kernel
    plain = convolve2d(image, kernel, "correlation", padding=1, stride=2)
    np.testing.assert_allclose(layer(image[None, None])[0, 0], plain, atol=1e-12)


def test_convolution_is_commutative_and_correlation_is_not() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 3, 3))
    np.testing.assert_allclose(convolve2d(a, b, padding=2), convolve2d(b, a, padding=2), atol=1e-12)
    assert not np.allclose(convolve2d(a, b, "correlation", padding=2), convolve2d(b, a, "correlation", padding=2))


def test_sums_of_bytes_do_not_run_over() -> None:
    bright = np.full((4, 4, 3), 255, np.uint8)
    assert (convolve2d(bright, np.ones((2, 2), np.uint8)) == 1020).all()
    assert convolve2d(bright, np.ones((2, 2), np.uint8)).shape == (3, 3, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: convolve2d(np.ones((3, 9)), np.ones((5, 5)), padding=0, stride=2), r"\(3 − 5 \+ 2·0\)/2 \+ 1 = 0"),
        (lambda: convolve2d(np.ones((3, 3)), np.ones((2, 2)), mode="sideways"), "mode is 'sideways'"),
        (lambda: convolve2d(np.ones(3), np.ones((2, 2))), r"these are \(3,\) and \(2, 2\)"),
        (lambda: convolve2d(np.ones((3, 3)), np.ones((2, 2)), stride=0), "stride is 0, the least is 1"),
        (lambda: pool2d(np.ones((3, 3)), 2, "median"), "mode is 'median'"),
        (lambda: filter_bank(4), "size is 4, it must be odd"),
        (lambda: Conv2d(3, 4, 3, groups=2), r"groups \(2\) must divide in_channels \(3\) and out_channels \(4\)"),
        (
            lambda: Conv2d(3, 4, 3)(np.ones((1, 2, 5, 5))),
            r"the input is \(1, 2, 5, 5\), the layer takes \(N, 3, H, W\)",
        ),
        (lambda: Conv2d(3, 4, 3)(np.ones((1, 3, 2, 5))), r"does not fit: .* = 0 \(image N, kernel F"),
        (lambda: Conv2d(2, 4, 3, table=np.ones((2, 4))), r"\(out_channels, in_channels\) = \(4, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused_with_both_numbers(call, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()


def test_filters_find_what_they_are_named_for() -> None:
    bank = filter_bank()
    step = np.zeros((9, 9))
    step[:, 5:] = 1  # an upright edge, dark to bright
    seen = {name: convolve2d(step, kernel, "correlation") for name, kernel in bank.items()}
    assert seen["sobel_x"].max() == 4
    assert np.abs(seen["sobel_y"]).max() == 0
    assert seen["sharpen"].max() > 1 and seen["sharpen"].min() < 0
    assert 0 < seen["box"][2, 2] < 1
    stripes = np.cos(2 * np.pi * np.add.outer(np.arange(40), np.arange(40)) / np.sqrt(2) / 5)  # across 45°
    along, across = (
        np.abs(convolve2d(pattern, bank["gabor"], "correlation")).max() for pattern in (stripes[:, ::-1], stripes)
    )
    assert across > 3 * along
