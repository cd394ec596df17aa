import json

import pytest

from tools.bench.peers import recording


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    now = [0.0]
    monkeypatch.setattr(recording.time, "perf_counter", lambda: now[0])
    return now


def test_epochs_and_steps(clock, tmp_path):
    run = recording.Recording(warm_up=2)
    for accuracy, steps in ((0.9, (1.0, 0.1, 0.2, 0.3)), (0.95, (0.2, 0.2, 0.2, 0.2))):
        run.start_epoch()
        for seconds in steps:
            clock[0] += seconds
            run.end_step(loss=1 / clock[0])
        run.end_epoch()
        clock[0] += 50  # evaluation
        run.evaluated(accuracy)
    run.write(str(tmp_path / "r.json"), 0.95, {"torch": "2"})
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["accuracy"] == 0.95
    assert result["steps"] == 8
    first, second = result["epochs"]
    assert first == {"seconds": pytest.approx(1.6), "ms_per_step": pytest.approx(400)} | {
        "accuracy": 0.9
    }
    assert second["ms_per_step"] == pytest.approx(200)
    assert result["timings"] == {
        "first_call_ms": pytest.approx(1000),
        "ms_per_step_median": pytest.approx(200),
        "ms_per_step_mean": pytest.approx(1300 / 6),
    }
    assert [entry[:2] for entry in result["loss_curve"]] == [[1, 1], [2, 1]]
    assert result["versions"] == {"torch": "2"}


def test_the_loss_is_kept_now_and_then(clock, tmp_path):
    run = recording.Recording()
    run.start_epoch()
    for step in range(1, 251):
        run.end_step(float(step))
    run.write(str(tmp_path / "r.json"), 0.5, {})
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["loss_curve"] == [[1, 1, 1.0], [1, 100, 100.0], [1, 200, 200.0]]
    assert result["epochs"] == []  # it was stopped within one
