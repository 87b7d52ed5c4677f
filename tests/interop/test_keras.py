"""The Keras twin: the same weights, probabilities and steps as NumPy and PyTorch; what Keras lacks is told."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from neocog import scratch
from neocog.errors import UserError
from neocog.interop import extras
from neocog.interop.keras import from_keras, to_keras
from neocog.interop.scratch import to_scratch
from neocog.networks import build
from neocog.networks.layers import Maxout, MinPool2d

pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(find_spec("keras") is None, reason='pip install "neocog[keras]"'),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword"),  # TensorFlow's own
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel"),
]


@pytest.fixture(scope="module")
def keras() -> Any:
    return extras.keras()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, 1, 28, 28) normalised images of scikit-learn's digits, and labels."""
    images, labels = load_digits(return_X_y=True)
    images = np.kron(images[:count].reshape(-1, 1, 8, 8), np.ones((1, 1, 3, 3)))
    images = np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))
    return ((images - 4.9) / 6).astype(np.float32), labels[:count].astype(np.int64)


def of_keras(twin: Any, images: np.ndarray) -> np.ndarray:
    return np.asarray(twin.predict_on_batch(images.transpose(0, 2, 3, 1)))


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.asarray(torch.from_numpy(logits).softmax(1))


def test_lenet_gives_the_same_probabilities_in_numpy_pytorch_and_keras(keras: Any) -> None:
    model = build("lenet5", 1, (28, 28), 10).eval()
    images, _ = digits(50)
    twin = to_keras(model, 1, (28, 28))
    assert twin.count_params() == 61_706
    with torch.no_grad():
        expected = model(torch.from_numpy(images)).softmax(1).numpy()
    np.testing.assert_allclose(softmax(of_keras(twin, images)), expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(softmax(to_scratch(model).eval()(images)), expected, rtol=0, atol=1e-5)


def test_one_epoch_of_sgd_ends_alike_in_numpy_pytorch_and_keras(keras: Any) -> None:
    images, labels = digits(320)
    model = build("lenet5", 1, (28, 28), 10)
    hand, twin = to_scratch(copy.deepcopy(model)), to_keras(model, 1, (28, 28))
    start = {name: value.clone() for name, value in model.state_dict().items()}
    twin.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    theirs, ours = torch.optim.SGD(model.parameters(), 0.1), scratch.SGD(hand.parameters(), 0.1)
    criterion = scratch.CrossEntropyLoss()
    for first in range(0, len(images), 32):
        x, y = images[first : first + 32], labels[first : first + 32]
        theirs.zero_grad()
        F.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(y)).backward()
        theirs.step()
        ours.zero_grad()
        criterion(hand(x), y)
        hand.backward(criterion.backward())
        ours.step()
        twin.train_on_batch(x.transpose(0, 2, 3, 1), y)
    back = build("lenet5", 1, (28, 28), 10)
    from_keras(twin, back)
    moved = max(float((value - start[name]).abs().max()) for name, value in model.state_dict().items())
    assert moved > 0.01
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(hand.state_dict()[name], value, rtol=0, atol=1e-4, err_msg=name)
        np.testing.assert_allclose(back.state_dict()[name], value, rtol=0, atol=1e-4, err_msg=name)


LAYERS = {
    "convolution": nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2),
    "a border like same": nn.Conv2d(4, 6, (5, 3), padding=(2, 1)),
    "dilated": nn.Conv2d(4, 6, 3, dilation=2, padding=1, bias=False),
    "same": nn.Conv2d(4, 6, 4, padding="same"),
    "transposed": nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1),
    "transposed with gaps": nn.ConvTranspose2d(4, 6, 2, stride=3, bias=False),
    "max": nn.MaxPool2d(2),
    "max with a border": nn.MaxPool2d(3, 1, padding=1),
    "max of strips": nn.MaxPool2d((2, 3), stride=(1, 2)),
    "min": MinPool2d(2),
    "mean": nn.AvgPool2d(3, stride=2, padding=1),
    "mean without the border": nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
    "norm": nn.BatchNorm2d(4, eps=1e-3, momentum=0.3),
    "plain norm": nn.BatchNorm2d(4, affine=False),
    "dropout": nn.Dropout(0.3),
    "dropout of maps": nn.Dropout2d(0.3),
    "identity": nn.Identity(),
    "sigmoid": nn.Sigmoid(),
    "relu": nn.ReLU(),
    "leaky": nn.LeakyReLU(0.2),
    "elu": nn.ELU(0.7),
    "maxout": Maxout(2),
    "softmax": nn.Softmax(1),
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_gives_torchs_output(keras: Any, name: str) -> None:
    layer = copy.deepcopy(LAYERS[name])
    model = nn.Sequential(layer, nn.Flatten())
    images = torch.randn(3, 4, 9, 8)
    if isinstance(layer, nn.BatchNorm2d):
        layer(3 * images + 1)  # running statistics that differ from the start
    model.eval()
    np.testing.assert_allclose(
        of_keras(to_keras(model, 4, (9, 8)), images.numpy()), model(images).detach(), rtol=1e-5, atol=1e-5
    )


def test_maxout_of_vectors(keras: Any) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 6), Maxout(3))
    images = torch.randn(5, 3, 2, 2)
    found = of_keras(to_keras(model, 3, (2, 2)), images.numpy())
    np.testing.assert_allclose(found, model(images).detach(), rtol=1e-5, atol=1e-5)


def test_batch_norm_trains_with_torchs_momentum(keras: Any) -> None:
    """The running mean is torch's; the running variance follows the biased estimate, (n − 1) / n of torch's."""
    model = nn.Sequential(nn.BatchNorm2d(2, momentum=0.3))
    twin = to_keras(model, 2, (4, 4))
    images = torch.randn(8, 2, 4, 4) * 2 + 1
    twin(images.permute(0, 2, 3, 1).numpy(), training=True)
    model(images)
    back = copy.deepcopy(model)
    from_keras(twin, back)
    torch.testing.assert_close(back[0].running_mean, model[0].running_mean, rtol=1e-5, atol=1e-6)
    biased = 0.7 + (model[0].running_var - 0.7) * 127 / 128
    torch.testing.assert_close(back[0].running_var, biased, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "channels"),
    [("mlp", {"hidden": (8,)}, 1), ("cnn", {"widths": (4, 8), "dropout": 0.1}, 3), ("cifarcnn", {}, 3)],
)
def test_networks_of_the_zoo_go_there_and_back(keras: Any, name: str, options: dict[str, Any], channels: int) -> None:
    model, other = (build(name, channels, (16, 16), 5, **options).eval() for _ in range(2))
    images = torch.randn(4, channels, 16, 16)
    twin = to_keras(model, channels, (16, 16))
    np.testing.assert_allclose(of_keras(twin, images.numpy()), model(images).detach(), rtol=1e-4, atol=1e-5)
    from_keras(twin, other)
    torch.testing.assert_close(other(images), model(images), rtol=1e-6, atol=1e-6)


def test_a_sparse_layer_takes_back_no_connection_that_it_does_not_have(keras: Any) -> None:
    model = build("lenet5", 1, (16, 16), 3, sparse=True).eval()
    images = torch.randn(4, 1, 16, 16)
    twin = to_keras(model, 1, (16, 16))
    np.testing.assert_allclose(of_keras(twin, images.numpy()), model(images).detach(), rtol=1e-4, atol=1e-5)
    from_keras(twin, model)
    layer = twin.get_layer("c3")
    layer.set_weights([array + 1 for array in layer.get_weights()])
    with pytest.raises(UserError, match=r"connections that layer 'c3', a TableConv2d \(number 4 of 12\) does not have"):
        from_keras(twin, model)


def test_another_network_is_not_taken_back(keras: Any) -> None:
    twin = to_keras(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), 1, (2, 2))
    with pytest.raises(UserError, match="no layer 'output'"):
        from_keras(twin, build("mlp", 1, (2, 2), 3, hidden=()))
    with pytest.raises(UserError, match=r"has weights of \[\(3, 4\), \(3,\)\]"):
        from_keras(twin, nn.Sequential(nn.Flatten(), nn.Linear(4, 2)))


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.LPPool2d(2, 2), "a LPPool2d"),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"), "its border is 'circular'"),
        (nn.Conv2d(4, 4, 2, stride=2, dilation=2), "both a stride"),
        (nn.ConvTranspose2d(4, 4, 2, groups=2), "2 groups"),
        (nn.ConvTranspose2d(4, 4, 3, stride=3, output_padding=2), "output_padding"),
        (nn.MaxPool2d(3, 2, padding=1), "its border (1, 1) for images of (8, 8)"),
        (nn.MaxPool2d(3, ceil_mode=True), "ceil_mode"),
        (nn.MaxPool2d(2, dilation=2), "dilation"),
        (nn.AvgPool2d(2, divisor_override=2), "divisor_override"),
        (nn.BatchNorm2d(4, momentum=None), "no momentum"),
        (nn.Linear(8, 2), "not over a vector"),
        (nn.Softmax(2), "axis 2"),
        (nn.Flatten(2), "axes 2 to -1"),
    ],
)
def test_what_keras_lacks_is_told(keras: Any, layer: nn.Module, reason: str) -> None:
    with pytest.raises(UserError) as told:
        to_keras(nn.Sequential(layer), 4, (8, 8))
    assert reason in str(told.value)
