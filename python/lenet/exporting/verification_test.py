import numpy as np
import pytest

from lenet.errors import LenetError
from lenet.exporting import verification

BATCHES = [np.ones((2, 1, 32, 32), np.float32), np.zeros((2, 1, 32, 32), np.float32)]


def _logits(batch):
    return np.full((len(batch), 10), 20.0, np.float32) * batch[:, 0, 0, :1]


def test_returns_the_largest_difference_relative_to_the_largest_logit():
    found = verification.check_equal(
        "x.onnx", lambda batch: _logits(batch) * 1.0001, _logits, BATCHES, 1e-3
    )
    assert found == pytest.approx(1e-4, rel=1e-2)


@pytest.mark.parametrize("change", [0.01, np.nan, np.inf])
def test_difference_above_the_tolerance(change):
    def changed(batch):
        logits = _logits(batch)
        logits[-1, 3] += np.float32(1e-3 * 20 + change)
        return logits

    with pytest.raises(LenetError, match=r"x\.onnx: its logits differ .* at most 0.001"):
        verification.check_equal("x.onnx", changed, _logits, BATCHES, 1e-3)


def test_other_shape():
    with pytest.raises(LenetError, match=r"shape \(2, 10\), found \(2, 9\)"):
        verification.check_equal(
            "x.onnx", lambda batch: _logits(batch)[:, :9], _logits, BATCHES, 1e-3
        )
