import mindspore as ms
import numpy as np
import pytest

from lenet import devices
from lenet.errors import LenetError
from lenet.exporting import formats

BATCHES = [np.ones((2, 1, 32, 32), np.float32), np.zeros((2, 1, 32, 32), np.float32)]


def _logits(batch):
    return np.full((len(batch), 10), 20.0, np.float32) * batch[:, 0, 0, :1]


def _net(batch):
    return ms.Tensor(_logits(batch.asnumpy()))


def _verify(runner):
    devices.set_context("CPU")
    formats.verify("x.onnx", runner, _net, BATCHES, 1e-3)


@pytest.mark.parametrize("difference", [1e-2, np.nan, np.inf])
def test_differences_above_the_tolerance(difference):
    def changed(batch):
        logits = _logits(batch)
        logits[-1, 3] += np.float32(1e-3 * 20 + difference)
        return logits

    _verify(lambda batch: _logits(batch) * 1.0001)
    with pytest.raises(LenetError, match=r"x\.onnx: its logits differ .* at most 0.001"):
        _verify(changed)


def test_another_shape():
    with pytest.raises(LenetError, match=r"shape \(2, 10\), found \(2, 9\)"):
        _verify(lambda batch: _logits(batch)[:, :9])
