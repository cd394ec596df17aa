import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from lenet import devices
from lenet.kernels.operators import ConvReluPool


@pytest.fixture(autouse=True, scope="module")
def _context():
    devices.set_context("CPU")


class _Operators(nn.Cell):
    """The same block of MindSpore's operators."""

    def __init__(self):
        super().__init__()
        self._pool = nn.MaxPool2d(kernel_size=2, stride=2)

    def construct(self, x, weight):
        y = ops.conv2d(x, weight, pad_mode="valid")
        return self._pool(ops.relu(y))


class _Gradients(nn.Cell):
    """Gradients of sum(scale * output) with respect to x and weight."""

    def __init__(self, block):
        super().__init__()
        self._block = block
        self._gradient = ops.GradOperation(get_all=True, sens_param=True)

    def construct(self, x, weight, scale):
        return self._gradient(self._block)(x, weight, scale)


def _inputs(images, channels, size, out_channels):
    rng = np.random.default_rng(images)
    x = rng.normal(size=(images, channels, *size)).astype(np.float32)
    weight = rng.normal(size=(out_channels, channels, 5, 5)).astype(np.float32)
    pooled = [(length - 4) // 2 for length in size]
    scale = rng.normal(size=(images, out_channels, *pooled)).astype(np.float32)
    return ms.Tensor(x), ms.Tensor(weight), ms.Tensor(scale)


def _assert_close(value, expected):
    expected = expected.asnumpy()
    tolerance = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(value.asnumpy(), expected, atol=tolerance, rtol=1e-5)


SHAPES = [
    (32, 1, (32, 32), 6),
    (32, 6, (14, 14), 16),
    (1, 1, (6, 6), 1),
    (3, 2, (7, 9), 5),
    (33, 3, (15, 17), 17),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_output_and_gradients_equal_mindspores(shape):
    x, weight, scale = _inputs(*shape)
    fused, operators = ConvReluPool(threads=2), _Operators()
    _assert_close(fused(x, weight), operators(x, weight))
    results = _Gradients(fused)(x, weight, scale)
    expected = _Gradients(operators)(x, weight, scale)
    assert len(results) == 2
    for value, other in zip(results, expected, strict=True):
        _assert_close(value, other)


def test_threads_do_not_change_a_bit():
    x, weight, scale = _inputs(257, 6, (14, 14), 16)
    one = _Gradients(ConvReluPool(threads=1))(x, weight, scale)
    many = _Gradients(ConvReluPool(threads=3))(x, weight, scale)
    for left, right in zip(one, many, strict=True):
        assert left.asnumpy().tobytes() == right.asnumpy().tobytes()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_propagate_as_in_mindspore(value):
    x, weight, scale = _inputs(2, 1, (12, 12), 3)
    pixels = x.asnumpy().copy()
    pixels[0, 0, 5, 6] = value
    x = ms.Tensor(pixels)
    fused, operators = ConvReluPool(threads=1), _Operators()
    np.testing.assert_array_equal(
        np.isfinite(fused(x, weight).asnumpy()), np.isfinite(operators(x, weight).asnumpy())
    )


def test_another_kernel_size_is_rejected():
    x, weight, _ = _inputs(1, 1, (12, 12), 3)
    with pytest.raises(RuntimeError):
        ConvReluPool(threads=1)(x, weight[:, :, :3, :3]).asnumpy()
