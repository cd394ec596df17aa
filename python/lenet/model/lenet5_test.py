import mindspore as ms
import numpy as np
import pytest

from lenet import devices
from lenet.model.lenet5 import LeNet5, predict_logits

SHAPES = {
    "conv1.weight": (6, 1, 5, 5),
    "conv2.weight": (16, 6, 5, 5),
    "fc1.weight": (120, 400),
    "fc1.bias": (120,),
    "fc2.weight": (84, 120),
    "fc2.bias": (84,),
    "fc3.weight": (10, 84),
    "fc3.bias": (10,),
}


@pytest.fixture(autouse=True, scope="module")
def _context():
    devices.set_context("CPU")


def _convolve(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    sliding_window_view = np.lib.stride_tricks.sliding_window_view
    windows = sliding_window_view(x, (5, 5), axis=(2, 3))  # type: ignore[call-overload]
    return np.einsum("nchwij,ocij->nohw", windows, weight)


def _pool(x: np.ndarray) -> np.ndarray:
    n, c, h, w = x.shape
    return x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))


def _reference(p: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    x = _pool(np.maximum(_convolve(x, p["conv1.weight"]), 0))
    x = _pool(np.maximum(_convolve(x, p["conv2.weight"]), 0))
    x = x.reshape(len(x), -1)
    x = np.maximum(x @ p["fc1.weight"].T + p["fc1.bias"], 0)
    x = np.maximum(x @ p["fc2.weight"].T + p["fc2.bias"], 0)
    return x @ p["fc3.weight"].T + p["fc3.bias"]


def test_parameters_have_the_names_and_shapes_of_the_original():
    found = {param.name: param.shape for param in LeNet5().get_parameters()}
    assert found == SHAPES


@pytest.mark.parametrize("size", [(32, 32), (28, 28), (16, 21), (33, 47)])
def test_output_equals_the_definition(size):
    height, width = size
    ms.set_seed(1)
    net = LeNet5(image_height=height, image_width=width)
    parameters = {p.name: p.asnumpy().astype(np.float64) for p in net.get_parameters()}
    # With the small initial weights, all outputs would be near zero.
    parameters = {name: value * 5 for name, value in parameters.items()}
    for param in net.get_parameters():
        param.set_data(ms.Tensor(parameters[param.name].astype(np.float32)))
    x = np.random.default_rng(0).normal(size=(3, 1, height, width)).astype(np.float32)
    logits = net(ms.Tensor(x)).asnumpy()
    expected = _reference(parameters, x.astype(np.float64))
    assert logits.shape == (3, 10)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_the_seed_decides_the_initial_weights():
    def weights(seed: int) -> list[np.ndarray]:
        ms.set_seed(seed)
        return [param.asnumpy() for param in LeNet5().get_parameters()]

    first, again, other = weights(1), weights(1), weights(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert 0.018 < first[2].std() < 0.022


@pytest.mark.parametrize("batch_size", [1, 7, 64, 1000])
def test_predicted_logits_of_any_batch_size(batch_size):
    ms.set_seed(1)
    net = LeNet5()
    images = np.random.default_rng(0).normal(size=(20, 1, 32, 32)).astype(np.float32)
    expected = np.concatenate([net(ms.Tensor(image[None])).asnumpy() for image in images])
    logits = predict_logits(net, images, batch_size)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-6)
