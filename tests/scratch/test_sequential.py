"""A network as a whole: the same numbers on any number of threads, no array that changes behind one's back, exact resumption."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from neocog import scratch
from neocog.networks.lenet5 import LeNet5
from neocog.scratch import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    CrossEntropyLoss,
    Dropout,
    Flatten,
    Linear,
    ReLU,
    Sequential,
    Tanh,
)
from neocog.scratch.stage import chunked


def batch(n: int, seed: int = 0, dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 1, 28, 28)).astype(dtype), rng.integers(0, 10, n)


def gradients(model: Sequential, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    criterion = CrossEntropyLoss()
    model.zero_grad()
    criterion(model(x), y)
    model.backward(criterion.backward())
    return [parameter.grad for parameter in model.parameters()]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("n", [1, 64, 65, 150])
def test_lenet_is_that_of_pytorch_for_any_batch_and_loads_both_ways(n: int, sparse: bool) -> None:
    theirs = LeNet5(1, (28, 28), 10, sparse=sparse).double()
    ours = scratch.lenet5(sparse, np.float64)
    ours.load_state_dict(theirs.state_dict())
    x, y = batch(n)
    logits = theirs(torch.tensor(x))
    nn.functional.cross_entropy(logits, torch.tensor(y)).backward()
    np.testing.assert_allclose(ours(x), logits.detach().numpy(), rtol=1e-10, atol=1e-10)
    for (name, parameter), gradient in zip(theirs.named_parameters(), gradients(ours, x, y), strict=True):
        np.testing.assert_allclose(gradient, parameter.grad.numpy(), rtol=1e-10, atol=1e-10, err_msg=name)
    fresh = scratch.lenet5(sparse, np.float64, seed=1)
    theirs.load_state_dict({name: torch.tensor(value) for name, value in fresh.state_dict().items()})
    np.testing.assert_allclose(fresh(x), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-10, atol=1e-10)


def test_lenet_has_61706_parameters_and_the_table_of_the_paper() -> None:
    assert sum(p.data.size for p in scratch.lenet5().parameters()) == 61_706
    assert scratch.C3_TABLE.sum() == 60
    assert (scratch.lenet5(sparse=True)["c3"].weight.data != 0).sum() == 60 * 25


def test_other_image_sizes_and_channels_make_the_lenet_of_pytorch() -> None:
    ours, theirs = scratch.lenet5(channels=3, size=(40, 20), outputs=4), LeNet5(3, (40, 20), 4)
    ours.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(0).standard_normal((2, 3, 40, 20), dtype=np.float32)
    np.testing.assert_allclose(ours(x), theirs(torch.tensor(x)).detach().numpy(), atol=1e-5)
    with pytest.raises(ValueError, match="at least 12 × 12 pixels, not 8 × 20"):
        scratch.lenet5(size=(8, 20))


def test_a_large_batch_goes_in_chunks_of_64() -> None:
    assert [len(chunk) for chunk in chunked(np.zeros(150))] == [38, 38, 38, 36]
    assert [len(chunk) for chunk in chunked(np.zeros(512))] == [64] * 8


def test_gradients_by_the_images_are_in_their_order() -> None:
    model, x = Sequential(Conv2d(1, 2, 3, dtype=np.float64, seed=0), Tanh()), batch(70)[0]
    dy = np.random.default_rng(1).standard_normal(model(x).shape)
    whole = model.backward(dy, to_input=True)
    model(x[66:])
    np.testing.assert_allclose(whole[66:], model.backward(dy[66:], to_input=True), atol=1e-12)  # type: ignore[index]


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    x, y = batch(300, dtype=np.float32)
    ends = []
    for threads in (1, 2, 3, 7):
        model = scratch.lenet5()
        model.threads = threads
        optimizer = scratch.SGD(model.parameters(), lr=0.1, momentum=0.9)
        for _ in range(2):
            gradients(model, x, y)
            optimizer.step()
        ends.append(model.state_dict())
    for other in ends[1:]:
        assert all(np.array_equal(ends[0][name], other[name]) for name in other)


def mixed(seed: int = 0) -> Sequential:
    """Stages of every kind: layers that see the whole batch between ones that do not, and one at the end."""
    rng = np.random.default_rng(seed)
    layers = [
        Conv2d(1, 2, 3, dtype=np.float64, seed=rng),
        BatchNorm2d(2, dtype=np.float64),
        ReLU(),
        AvgPool2d(4),
        Flatten(),
    ]
    return Sequential(*layers, Dropout(0.0), Linear(72, 10, dtype=np.float64, seed=rng), Sequential(Tanh(), Tanh()))


def test_batch_norm_between_chunks_sees_the_whole_batch() -> None:
    theirs = nn.Sequential(
        *(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.AvgPool2d(4), nn.Flatten()),
        *(nn.Dropout(0.0), nn.Linear(72, 10), nn.Sequential(nn.Tanh(), nn.Tanh())),
    ).double()
    ours = mixed()
    ours.load_state_dict(theirs.state_dict())
    x, y = batch(150)
    tx = torch.tensor(x, requires_grad=True)
    nn.functional.cross_entropy(theirs(tx), torch.tensor(y)).backward()
    criterion = CrossEntropyLoss()
    criterion(ours(x), y)
    dx = ours.backward(criterion.backward(), to_input=True)
    np.testing.assert_allclose(dx, tx.grad.numpy(), rtol=1e-10, atol=1e-10)
    for (name, parameter), (_, own) in zip(theirs.named_parameters(), ours.named_parameters(), strict=True):
        np.testing.assert_allclose(own.grad, parameter.grad.numpy(), rtol=1e-10, atol=1e-10, err_msg=name)
    for name, tensor in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name], tensor.numpy(), rtol=1e-10, atol=1e-10, err_msg=name)
    ours.eval(), theirs.eval()
    np.testing.assert_allclose(ours(x), theirs(tx).detach().numpy(), rtol=1e-10, atol=1e-10)


def test_the_way_back_ends_at_the_first_layer_that_learns_unless_asked() -> None:
    x, _ = batch(3)
    model = Sequential(Tanh(), *mixed())
    assert model.backward(np.ones_like(model(x))) is None
    short = [parameter.grad for parameter in model.parameters()]
    model.zero_grad(), model(x)
    assert model.backward(np.ones((3, 10)), to_input=True).shape == x.shape
    assert all(np.array_equal(a, p.grad) for a, p in zip(short, model.parameters(), strict=True))


def test_gradients_add_up_until_they_are_cleared() -> None:
    x, y = batch(70)
    model = scratch.lenet5(dtype=np.float64)
    once = gradients(model, x, y)
    criterion = CrossEntropyLoss()
    criterion(model(x), y), model.backward(criterion.backward())
    assert all(np.allclose(2 * g, p.grad) for g, p in zip(once, model.parameters(), strict=True))


def test_no_array_that_a_caller_holds_is_written_to_by_a_later_step() -> None:
    model = scratch.lenet5()
    (one, y), (other, _) = batch(100, 0, np.float32), batch(100, 1, np.float32)
    held = [model(one), *gradients(model, one, y)]
    held.append(model.backward(np.ones((100, 10), np.float32), to_input=True))
    for layer in model:  # by hand, layer for layer
        held.append(one := layer(one))
    before = [array.copy() for array in held]
    gradients(model, other, y)
    for layer in model:
        other = layer(other)
    assert all(np.array_equal(a, b) for a, b in zip(before, held, strict=True))


def test_the_output_of_a_network_that_ends_in_a_kept_array_is_the_caller_s() -> None:
    model = Sequential(Linear(3, 3), Tanh())
    first = model(np.ones((2, 3), np.float32))
    before = first.copy()
    model(np.zeros((2, 3), np.float32))
    assert np.array_equal(first, before)


def test_batches_of_changing_size_leave_no_trace() -> None:
    model, fresh = scratch.lenet5(), scratch.lenet5()
    x, y = batch(200, dtype=np.float32)
    for n in (200, 7, 130, 64):
        gradients(model, x[:n] * 3, y[:n])
    assert all(np.array_equal(a, b) for a, b in zip(gradients(model, x, y), gradients(fresh, x, y), strict=True))


def test_weights_that_are_replaced_are_used() -> None:
    model = scratch.lenet5()
    x, _ = batch(2, dtype=np.float32)
    model(x)
    model["output"].weight.data = np.zeros((10, 84), np.float32)
    model["output"].bias.data = np.ones(10, np.float32)
    assert (model(x) == 1).all()


def test_a_copy_of_a_network_goes_its_own_way() -> None:
    model = scratch.lenet5()
    x, y = batch(200, dtype=np.float32)
    gradients(model, x, y)
    other = copy.deepcopy(model)
    before = model(x)
    assert np.array_equal(other(x), before)
    gradients(other, x, y)
    scratch.SGD(other.parameters(), lr=1.0).step()
    assert np.array_equal(model(x), before) and not np.array_equal(other(x), before)


def test_layers_that_remember_their_input_remember_it_between_chunks() -> None:
    """Every pair of layers in one stage, in chunks and whole: what one layer lends, the next may not rely on for the way back."""
    rng = np.random.default_rng(0)
    make = [
        lambda: Conv2d(2, 2, 3, padding=1, dtype=np.float64, seed=0),
        lambda: scratch.ConvTranspose2d(2, 2, 3, padding=1, dtype=np.float64, seed=0),
        *(Tanh, ReLU, scratch.ELU, scratch.LeakyReLU, scratch.Sigmoid, scratch.Softmax),
        *(
            lambda: AvgPool2d(2, 1),
            lambda: scratch.MaxPool2d(2, 1),
            lambda: scratch.LPPool2d(2, 2, 1),
            lambda: AvgPool2d(1),
        ),
    ]
    x = rng.standard_normal((200, 2, 5, 5))
    for first in make:
        for second in make:
            size = second()(first()(x[:1])).size
            whole, chunked = ([first(), second(), Flatten(), Linear(size, 3, dtype=np.float64, seed=0)] for _ in "ab")
            y, model = x, Sequential(*chunked)
            for layer in whole:
                y = layer(y)
            dy = dx = rng.standard_normal(y.shape)
            for layer in reversed(whole):
                dx = layer.backward(dx)
            np.testing.assert_allclose(model(x), y, atol=1e-12)
            np.testing.assert_allclose(model.backward(dy, to_input=True), dx, atol=1e-12, err_msg=f"{whole}")
            for name, parameter in model.named_parameters():
                place, _, own = name.partition(".")
                expected = getattr(whole[int(place)], own).grad
                np.testing.assert_allclose(parameter.grad, expected, atol=1e-9, err_msg=f"{whole} {name}")


def test_dropout_drops_the_share_it_says_and_repeats_itself_from_its_seed() -> None:
    model = Sequential(Dropout(0.25))
    x = np.ones((400, 1, 10, 10), np.float32)
    model.seed([1, 7])
    y = model(x)
    assert (y == 0).mean() == pytest.approx(0.25, abs=0.01)
    assert np.allclose(y[y > 0], 1 / 0.75)
    assert np.array_equal(model.backward(x, to_input=True), y)
    assert not np.array_equal(model(x), y)
    model.seed([1, 7])
    assert np.array_equal(model(x), y)
    assert np.array_equal(model.eval()(x), x)


def test_start_values_are_uniform_up_to_one_over_root_fan_in() -> None:
    conv, linear = Conv2d(3, 64, 5, seed=0), Linear(100, 200, seed=0)
    for layer, fan_in in ((conv, 75), (linear, 100)):
        values = layer.weight.data
        assert np.abs(values).max() <= fan_in**-0.5
        assert values.std() == pytest.approx((fan_in * 3) ** -0.5, rel=0.03)
    assert np.array_equal(Conv2d(3, 64, 5, seed=0).weight.data, conv.weight.data)
    assert scratch.ConvTranspose2d(2, 9, 3, seed=0).weight.data.max() <= 1 / 9  # PyTorch counts 9 · 3 · 3 there


def test_saving_and_loading_give_the_same_network_and_pytorch_reads_the_file(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    model, other = scratch.lenet5(seed=0), scratch.lenet5(seed=1)
    scratch.save(model, tmp_path / "lenet.safetensors")
    scratch.load(other, tmp_path / "lenet.safetensors")
    x, _ = batch(2, dtype=np.float32)
    assert np.array_equal(model(x), other(x))
    LeNet5(1, (28, 28), 10).load_state_dict(load_file(tmp_path / "lenet.safetensors"))


def test_a_state_dict_that_does_not_fit_names_every_fault_and_changes_nothing() -> None:
    model = Sequential(Linear(2, 3), Linear(3, 1))
    before = model.state_dict()
    wrong = {
        "0.weight": np.zeros((3, 4)),
        "0.bias": np.zeros(3),
        "1.weight": np.zeros((1, 3)),
        "head.bias": np.zeros(1),
    }
    with pytest.raises(ValueError) as error:
        model.load_state_dict(wrong)
    for fault in ("missing: 1.bias (1,)", "unknown: head.bias (1,)", "0.weight: the file has (3, 4), the layer (3, 2)"):
        assert fault in str(error.value)
    assert all(np.array_equal(before[name], value) for name, value in model.state_dict().items())


def test_the_mask_of_a_max_pool_is_where_the_gradient_goes() -> None:
    pool = scratch.MaxPool2d(5, stride=3)
    pool(np.random.default_rng(0).permutation(4 * 26 * 26).reshape(2, 2, 26, 26).astype(float))
    dx = pool.backward(np.ones((2, 2, 8, 8)))
    assert np.array_equal(pool.mask, dx != 0)


def test_a_pixel_that_is_not_a_number_is_not_hidden_by_the_pool() -> None:
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    x[0, 0, 1, 1] = np.nan
    for pool in (scratch.MaxPool2d(2), scratch.MinPool2d(2)):
        assert np.isnan(pool(x)[0, 0, 0, 0]) and np.isfinite(pool(x)[0, 0, 1:]).all()


def test_the_engine_needs_numpy_and_neither_torch_nor_keras() -> None:
    code = "import sys, neocog.scratch; sys.exit(len({'torch', 'keras', 'tensorflow', 'PIL', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
