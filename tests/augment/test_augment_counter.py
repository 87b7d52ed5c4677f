"""The counter-based random numbers: the published sequence, evenness, independence of neighbours."""

from __future__ import annotations

import math

import pytest
import torch

from neocog.augment.counter import (
    GOLDEN,
    bits,
    mix,
    mix_integer,
    pixel_bits,
    pixel_normal,
    pixel_uniform,
    signed,
    uniform_from,
)


def uniform(seed: int, epoch: int, stream: int, samples: torch.Tensor) -> torch.Tensor:
    return uniform_from(bits(seed, epoch, stream, samples))


# SplitMix64 from state 1234567: the sequence of the reference implementation.
PUBLISHED = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]


def test_the_mixer_gives_the_published_sequence_on_integers_and_tensors() -> None:
    states = [(1234567 + k * GOLDEN) % 2**64 for k in range(5)]
    assert [mix_integer(state) for state in states] == PUBLISHED
    tensor = torch.tensor([signed((state + GOLDEN) % 2**64) for state in states])
    assert [value % 2**64 for value in mix(tensor).tolist()] == PUBLISHED


def chi_squared(values: torch.Tensor, bins: int = 64) -> float:
    """Deviations from evenness in standard deviations of the χ² distribution."""
    counts = torch.histc(values.double(), bins, 0, 1)
    expected = values.numel() / bins
    return float((((counts - expected) ** 2 / expected).sum() - (bins - 1)) / math.sqrt(2 * (bins - 1)))


def correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    """Pearson's correlation in units of its standard deviation, 1/√n."""
    return float(torch.corrcoef(torch.stack([a.double().flatten(), b.double().flatten()]))[0, 1] * math.sqrt(a.numel()))


def table(samples: int = 4000, epochs: int = 6, streams: int = 6) -> torch.Tensor:
    """(seeds 2, epochs, streams, samples)"""
    numbers = torch.arange(samples)
    return torch.stack(
        [
            torch.stack([torch.stack([uniform(s, e, k, numbers) for k in range(streams)]) for e in range(epochs)])
            for s in range(2)
        ]
    )


def test_numbers_are_even_along_every_axis() -> None:
    numbers = table()
    assert numbers.min() >= 0 and numbers.max() < 1
    assert abs(chi_squared(numbers.flatten())) < 5
    for seed in numbers:
        for epoch in seed:
            for stream in epoch:
                assert abs(chi_squared(stream)) < 6


def test_neighbours_in_sample_epoch_stream_and_seed_are_independent() -> None:
    numbers = table()
    for axis in range(4):
        length = numbers.shape[axis] - 1
        first, second = numbers.narrow(axis, 0, length), numbers.narrow(axis, 1, length)
        assert abs(correlation(first, second)) < 5
        pairs = (first * 8).floor() * 8 + (second * 8).floor()  # evenness of pairs, which correlation does not see
        assert abs(chi_squared((pairs.flatten() + 0.5) / 64)) < 5


def test_even_samples_do_not_differ_from_odd_ones() -> None:
    numbers = uniform(3, 0, 0, torch.arange(20_000))
    assert abs(float(numbers[::2].mean() - numbers[1::2].mean())) < 5 * math.sqrt(1 / 12 / 10_000 * 2)


def test_one_bit_of_the_sample_turns_half_of_the_bits() -> None:
    numbers = torch.arange(5000)
    one = bits(7, 1, 2, numbers)
    for bit in range(0, 63, 7):
        changed = one ^ bits(7, 1, 2, numbers ^ (1 << bit))
        turned = torch.stack([(changed >> place) & 1 for place in range(64)]).double()
        assert turned.mean(1).min() > 0.46 and turned.mean(1).max() < 0.54


def test_no_two_of_a_million_hashes_are_equal() -> None:
    hashes = torch.cat([bits(seed, epoch, 0, torch.arange(100_000)) for seed in range(2) for epoch in range(5)])
    assert len(hashes.unique()) == len(hashes)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 784, 3072])
def test_pixel_numbers_do_not_depend_on_the_batch(count: int) -> None:
    state = bits(0, 0, 0, torch.arange(40))
    for numbers in (pixel_bits, pixel_uniform, pixel_normal):
        whole = numbers(state, count)
        assert whole.shape == (40, count)
        assert torch.equal(numbers(state[17:18], count)[0], whole[17])


def test_pixel_numbers_are_even_or_normal_and_independent() -> None:
    state = bits(0, 0, 0, torch.arange(64))
    even, normal = pixel_uniform(state, 3000), pixel_normal(state, 3000)
    assert abs(chi_squared(even.flatten())) < 5
    count = normal.numel()
    assert abs(float(normal.mean())) < 5 / math.sqrt(count)
    assert abs(float(normal.var()) - 1) < 5 * math.sqrt(2 / count)
    assert abs(float(normal.pow(4).mean()) - 3) < 5 * math.sqrt(96 / count)
    cumulated = torch.special.ndtr(normal.double())
    assert abs(chi_squared(cumulated.flatten())) < 5
    for numbers in (even, normal):
        for step in (1, 2, 3, 4, 32):
            assert abs(correlation(numbers[:, :-step], numbers[:, step:])) < 5
        assert abs(correlation(numbers[:-1], numbers[1:])) < 5


def test_large_and_negative_seeds_work() -> None:
    samples = torch.arange(10)
    draws = [tuple(bits(seed, 0, 0, samples).tolist()) for seed in (0, 1, -1, 2**40, 2**63, 2**64 - 2)]
    assert len(set(draws)) == 6
