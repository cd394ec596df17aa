import json

import numpy as np

from tools.bench.peers import latency


def test_images_are_the_test_set_in_order():
    one, many = latency.images(1), latency.images(100)
    assert one.shape == (10000, 1, 1, 32, 32)
    assert many.shape == (100, 100, 1, 32, 32)
    assert one.dtype == np.float32
    np.testing.assert_array_equal(one.reshape(many.shape), many)


def test_each_call_is_timed_once_after_the_warm_up(tmp_path):
    calls = []
    logits = np.zeros((3, 10), np.float32)  # the same memory each time, as an engine may give

    def predict(batch):
        calls.append(len(batch))
        logits[:] = 0
        logits[np.arange(3), batch[:, 0].astype(int)] = 1
        return logits

    batches = np.arange(9, dtype=np.float32).reshape(3, 3, 1)
    times, classes = latency.measure(predict, batches)
    assert len(times) == 3
    assert (times > 0).all()
    assert calls == [3] * 6
    assert classes.tolist() == list(range(9))
    latency.write(str(tmp_path / "r.json"), times, classes, {"x": "1"})
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["classes"] == list(range(9))
    assert result["total_ms"] == np.float64(times.sum()) / 1e6
    assert result["p50_us"] <= result["p99_us"]
