import functools
import json

import pytest

from tools.bench import process, training
from tools.bench.schedule import CheckError


def result(accuracies=(0.97, 0.985, 0.986), **changes):
    epochs = [
        {"seconds": 3.0 + number, "ms_per_step": 9.0 - number, "accuracy": accuracy}
        for number, accuracy in enumerate(accuracies)
    ]
    return {
        "accuracy": accuracies[-1] if accuracies else 0.9,
        "steps": 1875 * len(accuracies),
        "epochs": epochs,
        "loss_curve": [[1, 1, 2.3], [1, 100, 1.0], [1, 200, 0.1], [1, 300, 0.2]],
        "timings": {"ms_per_step_median": 1.5, "ms_per_step_mean": 2.0},
        "fused_kernels": True,
        "mindspore": "2.10.0",
    } | changes


def test_the_first_epoch_warms_up():
    assert training.metrics(result())["epoch_ms"] == 7.5
    assert training.metrics(result((0.97,)))["epoch_ms"] == 2.0
    assert training.metrics(result(()))["epoch_ms"] == 2.0


def test_metrics():
    found = training.metrics(result())
    assert found["step_ms"] == 1.5
    assert found["accuracy"] == 0.986
    assert found["accuracy_1"] == 0.97
    assert found["target_s"] == 3.0 + 4.0
    assert found["first_loss"] == 2.3
    assert found["last_loss"] == 0.6  # of the last five
    assert "evaluation_s" not in found


def test_an_accuracy_that_is_not_reached_has_no_time():
    assert "target_s" not in training.metrics(result((0.97, 0.98)))


def test_evaluation_leaves_out_the_first_one_that_compiles():
    data = result()
    for number, epoch in enumerate(data["epochs"]):
        epoch["evaluation_s"] = 1.0 - number / 10
    assert training.metrics(data)["evaluation_s"] == pytest.approx(0.85)


def test_who_did_not_learn_fails_the_check():
    training.check(training.metrics(result()))
    with pytest.raises(CheckError, match="accuracy 94.00% after an epoch, below 95%"):
        training.check(training.metrics(result((0.94, 0.98))))
    flat = [[1, 1, 2.3], [1, 100, 2.3], [1, 200, 2.4]]
    with pytest.raises(CheckError, match="the loss did not fall"):
        training.check(training.metrics(result(loss_curve=flat)))


def test_a_capped_run_need_not_reach_the_accuracy_of_an_epoch():
    training.check(training.metrics(result((), steps=500, accuracy=0.9)))


def test_a_quick_look_need_not_learn():
    flat = [[1, 1, 2.3], [1, 100, 2.3]]
    training.check(training.metrics(result((), steps=499, loss_curve=flat)))
    with pytest.raises(CheckError, match="the loss did not fall"):
        training.check(training.metrics(result((), steps=500, loss_curve=flat)))


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Settings, and calls to process.run() recorded; each writes the result given."""
    calls = []
    content = result()

    def run(program, *arguments, folder, environment=None, timeout):
        calls.append((program, arguments, environment))
        place = (
            folder / "ckpt/metrics.json" if program == "python/train" else folder / "result.json"
        )
        place.parent.mkdir(exist_ok=True)
        place.write_text(json.dumps(content))
        return process.Finished(seconds=12.5, peak_mb=300.0)

    monkeypatch.setattr(process, "run", run)
    settings = training.Settings(
        epochs=10, peer_epochs=2, slow_steps=300, max_steps=0, threads=2, timeout=60
    )
    measure = functools.partial(_measure, settings, tmp_path)
    return measure, calls, content


def _measure(settings, folder, name):
    versions = {}
    (case,) = training.cases([name], settings, versions)
    return case.measure(folder), versions


def test_ours(fake):
    measure, calls, _ = fake
    found, versions = measure("ours")
    assert found["wall_s"] == 12.5
    assert found["peak_mb"] == 300.0
    assert versions == {"mindspore": "2.10.0"}
    ((program, arguments, _),) = calls
    assert program == "python/train"
    assert {"--epoch_size=10", "--fused_kernels=true", "--batch_size=32"} <= set(arguments)


def test_a_run_without_the_kernels_asked_for_fails_the_check(fake):
    measure, _, content = fake
    with pytest.raises(CheckError, match="asked for fused_kernels=False"):
        measure("unfused")
    content["fused_kernels"] = False
    measure("unfused")


def test_only_one_mindspore_has_the_setting_of_onednn(fake):
    measure, calls, _ = fake
    measure("mindspore")
    measure("mindspore_avx2")
    (_, slow, no_setting), (_, fast, setting) = calls
    assert no_setting == {}
    assert setting == {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    assert "--max_steps=300" in slow
    assert "--max_steps=0" in fast


def test_only_one_torch_is_compiled(fake):
    measure, calls, _ = fake
    measure("torch")
    measure("torch_compiled")
    assert ["--compiled" in arguments for _, arguments, _ in calls] == [False, True]
