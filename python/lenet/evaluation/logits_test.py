import mindspore as ms
import numpy as np
import pytest

from lenet import devices
from lenet.evaluation.logits import predict_logits
from lenet.model.lenet5 import LeNet5


@pytest.fixture(autouse=True, scope="module")
def _context():
    devices.set_context("CPU")


@pytest.mark.parametrize("batch_size", [1, 7, 64, 1000])
def test_every_image_has_its_logits(batch_size):
    ms.set_seed(1)
    net = LeNet5()
    images = np.random.default_rng(0).normal(size=(64, 1, 32, 32)).astype(np.float32)
    expected = np.concatenate([net(ms.Tensor(image[None])).asnumpy() for image in images])
    logits = predict_logits(net, images, batch_size)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-6)
