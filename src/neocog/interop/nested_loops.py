"""LeNet-5's training step as the lecture writes it: one multiplication of a small slice at a time, in nested Python loops.

What every fast form is compared with. float32, the same weights, the same sums; only the order of the work differs.
"""

from __future__ import annotations

import numpy as np

from neocog.scratch.module import Array


def convolve(images: Array, weights: Array, biases: Array, padding: int) -> Array:
    """images (N, C, H, W), weights (K, C, k, k) → (N, K, H', W')."""
    padded = np.pad(images, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    size = padded.shape[2] - weights.shape[2] + 1
    output = np.zeros((len(images), len(weights), size, size), images.dtype)
    k_size = weights.shape[2]
    for i in range(len(images)):  # loop over images
        for k in range(len(weights)):  # loop over kernels
            for c in range(images.shape[1]):  # loop over channels
                for y in range(size):  # loop over y axis of output
                    for x in range(size):  # loop over x axis of output
                        current_slice = padded[i, c, y : y + k_size, x : x + k_size]
                        output[i, k, y, x] += np.sum(np.multiply(current_slice, weights[k, c]))
            output[i, k] += biases[k]
    return output


def convolve_back(images: Array, weights: Array, dvalues: Array, padding: int) -> tuple[Array, Array, Array]:
    """dweights, dbiases, dinputs."""
    padded = np.pad(images, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dweights, dbiases, dinputs = np.zeros_like(weights), np.zeros(len(weights), images.dtype), np.zeros_like(padded)
    k_size, size = weights.shape[2], dvalues.shape[2]
    for i in range(len(images)):
        for k in range(len(weights)):
            for c in range(images.shape[1]):
                for y in range(size):
                    for x in range(size):
                        sy, sx = slice(y, y + k_size), slice(x, x + k_size)
                        dweights[k, c] += padded[i, c, sy, sx] * dvalues[i, k, y, x]
                        dinputs[i, c, sy, sx] += weights[k, c] * dvalues[i, k, y, x]
            dbiases[k] += np.sum(dvalues[i, k])
    return dweights, dbiases, dinputs[:, :, padding : padding + images.shape[2], padding : padding + images.shape[3]]


def pool(images: Array) -> Array:
    """The mean of each 2 × 2 slice."""
    n, channels, size = images.shape[0], images.shape[1], images.shape[2] // 2
    output = np.zeros((n, channels, size, size), images.dtype)
    for i in range(n):
        for c in range(channels):
            for y in range(size):
                for x in range(size):
                    output[i, c, y, x] = images[i, c, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean()
    return output


def pool_back(dvalues: Array) -> Array:
    """A quarter of the gradient to each pixel of the slice."""
    n, channels, size = dvalues.shape[:3]
    dinputs = np.zeros((n, channels, 2 * size, 2 * size), dvalues.dtype)
    for i in range(n):
        for c in range(channels):
            for y in range(size):
                for x in range(size):
                    dinputs[i, c, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2] = dvalues[i, c, y, x] / 4
    return dinputs


def step(state: dict[str, Array], images: Array, labels: Array, lr: float) -> float:
    """One step of gradient descent on the cross-entropy, in place; ``state`` has LeNet-5's names. Returns the loss."""
    w, n = state, len(images)
    c1 = np.tanh(convolve(images, w["c1.weight"], w["c1.bias"], 2))
    s2 = pool(c1)
    c3 = np.tanh(convolve(s2, w["c3.weight"], w["c3.bias"], 0))
    s4 = pool(c3)
    flat = s4.reshape(n, -1)
    c5 = np.tanh(flat @ w["c5.weight"].T + w["c5.bias"])
    f6 = np.tanh(c5 @ w["f6.weight"].T + w["f6.bias"])
    scores = f6 @ w["output.weight"].T + w["output.bias"]
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(n), labels]).mean()

    g = {}
    d = p.copy()
    d[np.arange(n), labels] -= 1
    d /= n
    g["output.weight"], g["output.bias"] = d.T @ f6, d.sum(axis=0)
    d = d @ w["output.weight"] * (1 - f6**2)
    g["f6.weight"], g["f6.bias"] = d.T @ c5, d.sum(axis=0)
    d = d @ w["f6.weight"] * (1 - c5**2)
    g["c5.weight"], g["c5.bias"] = d.T @ flat, d.sum(axis=0)
    d = pool_back((d @ w["c5.weight"]).reshape(s4.shape)) * (1 - c3**2)
    g["c3.weight"], g["c3.bias"], d = convolve_back(s2, w["c3.weight"], d, 0)
    d = pool_back(d) * (1 - c1**2)
    g["c1.weight"], g["c1.bias"], _ = convolve_back(images, w["c1.weight"], d, 2)
    for name, gradient in g.items():
        w[name] -= lr * gradient
    return float(loss)
