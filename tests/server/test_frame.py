"""A binary message comes back as it was sent, and one that is damaged is refused and reads nothing else."""

from __future__ import annotations

import json

import hypothesis.strategies as some
import numpy as np
import pytest
from hypothesis import given, settings

from neocog.errors import UserError
from neocog.server.frame import TYPES, pack, unpack

ARRAYS = some.dictionaries(
    some.text(max_size=12),
    some.tuples(some.sampled_from(TYPES), some.lists(some.integers(0, 4), max_size=4)),
    max_size=5,
)


@given(arrays=ARRAYS, told=some.text())
@settings(max_examples=60)
def test_a_message_comes_back_as_it_was_sent(arrays: dict[str, tuple[str, list[int]]], told: str) -> None:
    rng = np.random.default_rng(0)
    sent = {name: rng.integers(0, 100, shape).astype(kind) for name, (kind, shape) in arrays.items()}
    header, found = unpack(pack({"told": told, "none": float("nan")}, sent))
    assert header == {"told": told, "none": None} and list(found) == list(sent)
    for name, array in sent.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


def test_every_array_begins_where_a_browser_can_read_it() -> None:
    message = pack({"a": "ä"}, {"x": np.zeros(3, np.int8), "y": np.ones(2, np.float64)})
    length = int.from_bytes(message[:4], "little")
    places = json.loads(message[4 : 4 + length])["arrays"]
    assert (4 + length) % 8 == 0 and all(place["offset"] % 8 == 0 for place in places.values())


def test_a_damaged_message_is_refused() -> None:
    whole = pack({}, {"x": np.zeros((4, 4), np.float32)})
    assert unpack(whole)[1]["x"].shape == (4, 4)
    for cut in range(len(whole)):
        with pytest.raises(UserError, match="no message"):
            unpack(whole[:cut])


@pytest.mark.parametrize(
    "place",
    [
        {"dtype": "float32", "shape": [10**9], "offset": 0},
        {"dtype": "float32", "shape": [-1], "offset": 0},
        {"dtype": "float32", "shape": [1], "offset": -8},
        {"dtype": "object", "shape": [1], "offset": 0},
        {"dtype": "float32", "shape": "x", "offset": 0},
        {"shape": [1], "offset": 0},
        7,
    ],
)
def test_an_array_that_lies_elsewhere_is_refused(place: object) -> None:
    text = json.dumps({"arrays": {"x": place}}).encode()
    text += b" " * (-(4 + len(text)) % 8)
    with pytest.raises(UserError, match="no message"):
        unpack(len(text).to_bytes(4, "little") + text + bytes(16))
