"""Random numbers without a state: hashes of (seed, epoch, stream, sample), and of pixel counters where each pixel draws.

The mixer is the finaliser of SplitMix64 (Steele, Lea & Flood 2014) on int64 tensors, whose arithmetic wraps around alike
on processors and GPUs. The normal distribution comes from a table of 65,536 quantiles indexed by 16 random bits: no
logarithm or cosine, so every device and batch gives the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15
FIRST = 0xBF58476D1CE4E5B9
SECOND = 0x94D049BB133111EB


def bits(seed: int, epoch: int, stream: int, samples: Tensor) -> Tensor:
    """(B,) int64, 64 random bits for each sample number (int64). ``stream``: one number for each thing that is drawn."""
    return bits_of(seed, epoch, (stream,), samples)[0]


def bits_of(seed: int, epoch: int, streams: Sequence[int], samples: Tensor) -> Tensor:
    """(S, B) int64, the ``bits`` of several streams."""
    epochs = mix_integer(mix_integer(seed) ^ epoch)
    keys = torch.tensor([signed(mix_integer(epochs ^ stream)) for stream in streams], device=samples.device)
    return mix(mix(samples * signed(GOLDEN) + keys[:, None]))


def uniform_from(state: Tensor) -> Tensor:
    """64 random bits each → float64 in [0, 1), of 53 of them."""
    return shifted(state, 11).double() * 2.0**-53


def pixel_bits(state: Tensor, count: int) -> Tensor:
    """(B, count) int64: 64 random bits for each counter 0 … count − 1 of each sample's ``state`` (B,)."""
    counters = torch.arange(1, count + 1, device=state.device) * signed(GOLDEN)
    return mix(state[:, None] + counters)


def pixel_uniform(state: Tensor, count: int) -> Tensor:
    """(B, count) float32 in [0, 1), 24 random bits each; two numbers out of each hash."""
    halves = pixel_bits(state, -(-count // 2)).view(torch.int32)[:, :count]
    chances: Tensor = ((halves >> 8) & 0xFFFFFF).float() * 2.0**-24
    return chances


def pixel_normal(state: Tensor, count: int) -> Tensor:
    """(B, count) float32 of the standard normal distribution, within ±4.33; four numbers out of each hash."""
    quarters = pixel_bits(state, -(-count // 4)).view(torch.int16)[:, :count]
    normal: Tensor = quantiles(state.device)[quarters.int() + 2**15]
    return normal


@lru_cache(maxsize=8)
def quantiles(device: torch.device) -> Tensor:
    """(65536,) float32: the normal quantiles of the middles of equal slices, scaled to variance 1."""
    middles = (torch.arange(2**16, dtype=torch.float64) + 0.5) / 2**16
    normal: Tensor = torch.special.ndtri(middles)
    return (normal / normal.square().mean().sqrt()).to(device, torch.float32)


def mix(x: Tensor) -> Tensor:
    """SplitMix64's finaliser on int64, elementwise."""
    x = (x ^ shifted(x, 30)) * signed(FIRST)
    x = (x ^ shifted(x, 27)) * signed(SECOND)
    return x ^ shifted(x, 31)


def shifted(x: Tensor, places: int) -> Tensor:
    """Right shift that brings in zeros; torch's own repeats the sign."""
    kept: Tensor = (x >> places) & (2 ** (64 - places) - 1)
    return kept


def mix_integer(x: int) -> int:
    """The step and finaliser of SplitMix64 on a Python integer."""
    x = (x + GOLDEN) & MASK
    x = ((x ^ (x >> 30)) * FIRST) & MASK
    x = ((x ^ (x >> 27)) * SECOND) & MASK
    return x ^ (x >> 31)


def signed(x: int) -> int:
    """The same 64 bits as a signed integer."""
    return x - 2**64 if x >= 2**63 else x
