import ctypes
import dataclasses
import errno
import hashlib
import json
import logging
import os
import pathlib
import signal

import numpy as np
import pytest

from lenet import devices, gpu, metrics, resources
from lenet.errors import DeviceFailedError, DeviceUnavailableError, LenetError, UserError
from lenet.model import checkpoint
from lenet.model.lenet5 import LeNet5
from lenet.options import config
from lenet.options.programs import TrainOptions
from lenet.testing import mnist
from lenet.training.progress import Progress
from lenet.training.run import run_training
from lenet.training.run_folder import OUTPUTS

STEPS = 256 // 32  # per epoch of the synthetic data


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return mnist.write_idx(tmp_path_factory.mktemp("Data"))


@pytest.fixture
def options(data, tmp_path):
    devices.set_context("CPU")
    return config.default_options(
        TrainOptions,
        data_path=data,
        ckpt_path=str(tmp_path / "ckpt"),
        epoch_size=2,
        device_target="CPU",
    )


def _train(options, **changes):
    return run_training(dataclasses.replace(options, **changes))


def _names(options, folder="."):
    return sorted(
        path.name for path in pathlib.Path(options.ckpt_path, folder).iterdir() if path.is_file()
    )


def _checkpoint(options, epoch, step):
    return pathlib.Path(options.ckpt_path, checkpoint.file_name(epoch, step))


def _hash(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _steps(result):
    return [(entry["epoch"], entry["step"]) for entry in result["loss_curve"]]


def _interrupt(monkeypatch, done, times=1):
    """Sends SIGINT after step `done`."""
    record_steps = Progress.steps

    def steps(self, count, *launch):
        record_steps(self, count, *launch)
        if count == done:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Progress, "steps", steps)


def test_writes_a_checkpoint_and_metrics(options, data, capsys):
    result = _train(options, eval_each_epoch=True)
    assert _names(options) == ["checkpoint_lenet-2_8.ckpt", *OUTPUTS]
    assert json.loads(pathlib.Path(options.ckpt_path, "metrics.json").read_text()) == result
    assert result["steps"] == 2 * STEPS
    assert _steps(result) == [(1, 1), (1, 8), (2, 1), (2, 8)]
    assert len([entry["accuracy"] for entry in result["epochs"]]) == 2
    assert result["epochs"][-1]["accuracy"] == result["accuracy"]
    assert result["config"]["data_path"] == data
    assert result["timings"]["ms_per_step_median"] > 0
    path = _checkpoint(options, 2, 8)
    assert capsys.readouterr().out.splitlines()[-4:] == [
        f"Accuracy: {{'Accuracy':{result['accuracy']:.4f}}}",
        f"Checkpoint: {path}",
        "The network has not learned: guessing has 0.1562. Train more than 16 steps (--epoch_size, "
        "--max_steps).",
        f"Report: {options.ckpt_path}/report.html",
    ]


@pytest.fixture
def fake_gpu(monkeypatch, tmp_path):
    """A GPU whose driver runs the kernels on the host; returns a function that sets its faults."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(gpu, "_nvrtc_folder", lambda: None)  # of a machine with a GPU
    for name in ("libcuda.so.1", "libnvrtc.so.11.2"):  # found by their names once they are loaded
        ctypes.CDLL(str(resources.path(f"cc/gpu/fake/{name}")))
    return lambda faults: monkeypatch.setenv("FAKE_CUDA", faults)


def test_a_gpu_trains_and_evaluates_like_the_cpu(options, fake_gpu, tmp_path):
    fake_gpu("")
    expected = _train(options, ckpt_path=str(tmp_path / "cpu"), eval_each_epoch=True)
    _train(options, device_target="GPU", max_steps=5)
    result = _train(options, device_target="GPU", eval_each_epoch=True, resume=True)
    assert (result["device"], result["fused_kernels"]) == ("GPU", True)
    losses = {(epoch, step): loss for epoch, step, loss in result["loss_curve"]}
    for epoch, step, loss in expected["loss_curve"]:
        assert losses[epoch, step] == pytest.approx(loss, abs=1e-5)
    assert result["accuracy"] == expected["accuracy"]
    values = [
        checkpoint.read(path / "checkpoint_lenet-2_8.ckpt")
        for path in (tmp_path / "cpu", pathlib.Path(options.ckpt_path))
    ]
    assert list(values[0]) == list(values[1])
    for name, value in values[0].items():
        np.testing.assert_allclose(values[1][name].asnumpy(), value.asnumpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("faults", "error", "message"),
    [
        ("cuInit=999", DeviceUnavailableError, "CUDA error 999"),
        ("nvrtcCompileProgram=6", LenetError, "NVRTC"),
        ("wrong=1", DeviceFailedError, "wrong results"),
    ],
)
def test_a_gpu_that_does_not_work(options, fake_gpu, caplog, faults, error, message):
    fake_gpu(faults)
    with pytest.raises(error, match=message):
        _train(options, device_target="GPU")
    result = _train(options, device_target="auto", epoch_size=1)
    assert result["device"] == "CPU"
    assert len([text for text in caplog.messages if message in text]) == 1


def test_a_gpu_that_fails_during_the_work(options, fake_gpu, monkeypatch):
    fake_gpu("")
    start = Progress.start_epoch

    def start_epoch(self, epoch, step):
        start(self, epoch, step)
        if epoch == 2:
            fake_gpu("cuLaunchCooperativeKernel=719")

    monkeypatch.setattr(Progress, "start_epoch", start_epoch)
    with pytest.raises(DeviceFailedError, match=r"^the GPU failed: .*unspecified launch failure"):
        _train(options, device_target="GPU", save_checkpoint_steps=8)
    assert _names(options) == ["checkpoint_lenet-1_8.ckpt", "metrics.json"]


def test_fused_kernels_continue_a_float16_run(options, caplog):
    caplog.set_level("INFO")
    half = _train(options, epoch_size=1, amp_level="O2")
    assert half["fused_kernels"] is False
    assert "--fused_kernels has no effect with --amp_level=O2" in caplog.text
    result = _train(options, amp_level="O0", resume=True, sink_size=7, pre_trained="x")
    assert "--sink_size has no effect with the fused kernels" in caplog.text
    assert "--pre_trained has no effect when --resume finds a checkpoint" in caplog.text
    assert result["fused_kernels"] is True
    assert result["loss_curve"][:2] == half["loss_curve"]
    assert result["steps"] == 2 * STEPS


def test_learns_from_pre_trained_weights_too(options):
    result = _train(options, epoch_size=30, lr=0.03)
    assert result["accuracy"] >= 0.9
    assert result["loss_curve"][-1]["loss"] < 0.2
    again = _train(options, epoch_size=1, pre_trained=str(_checkpoint(options, 30, STEPS)))
    assert again["accuracy"] >= 0.9


def test_checkpoints_are_saved_and_the_oldest_removed(options, tmp_path):
    (tmp_path / "ckpt").mkdir()
    (tmp_path / "ckpt" / "mine-1_1.ckpt").write_bytes(b"")
    _train(options, save_checkpoint_steps=3, keep_checkpoint_max=3, epoch_size=2)
    kept = [checkpoint.file_name(*position) for position in ((2, 4), (2, 7), (2, 8))]
    assert _names(options) == sorted([*kept, *OUTPUTS, "mine-1_1.ckpt"])


@pytest.mark.parametrize("stop", [STEPS, 5])
def test_a_resumed_run_ends_as_an_uninterrupted_one(options, tmp_path, monkeypatch, stop):
    straight = dataclasses.replace(options, ckpt_path=str(tmp_path / "straight"))
    whole = _train(straight)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        _interrupt(patch, stop)
        _train(options, save_checkpoint_steps=stop)
    assert _names(options) == [checkpoint.file_name(1, stop), "metrics.json"]
    resumed = _train(options, resume=True)
    assert _hash(_checkpoint(options, 2, 8)) == _hash(_checkpoint(straight, 2, 8))
    assert (resumed["accuracy"], resumed["steps"]) == (whole["accuracy"], whole["steps"])
    assert set(_steps(whole)) <= set(_steps(resumed))


def test_another_seed_gives_other_weights(options, tmp_path):
    _train(options, max_steps=1)
    other = dataclasses.replace(options, seed=2, ckpt_path=str(tmp_path / "other"))
    _train(other, max_steps=1)
    assert _hash(_checkpoint(options, 1, 1)) != _hash(_checkpoint(other, 1, 1))


def test_resume_without_a_checkpoint_and_at_the_end(options):
    first = _train(options, resume=True, max_steps=2)
    assert first["steps"] == 2
    again = _train(options, resume=True, max_steps=2)
    for key in ("accuracy", "checkpoint", "loss_curve"):
        assert again[key] == first[key]
    for changes, message in (
        ({"seed": 7}, "trained with --seed=3, found --seed=7"),
        ({"batch_size": 16}, "trained with --batch_size=32, found --batch_size=16"),
    ):
        with pytest.raises(UserError, match=message):
            _train(options, resume=True, **changes)


def test_a_new_run_keeps_every_earlier_one(options):
    for steps in (3, 2, 1):
        _train(options, max_steps=steps)
        assert checkpoint.newest(options.ckpt_path) == _checkpoint(options, 1, steps)
    for number, steps in ((1, 3), (2, 2)):
        names = [checkpoint.file_name(1, steps), *OUTPUTS]
        assert _names(options, f"previous/{number}") == names


def test_a_second_training_in_the_folder_is_refused(options, monkeypatch):
    during = []

    def steps(*_):
        with pytest.raises(UserError) as caught:
            _train(options)
        during.append(str(caught.value))

    monkeypatch.setattr(Progress, "steps", steps)
    _train(options, max_steps=1)
    assert during == [
        f"--ckpt_path: another training writes to {options.ckpt_path}; wait until it ends, or use "
        "another folder"
    ]


def test_files_of_a_killed_training_are_removed(options):
    folder = pathlib.Path(options.ckpt_path)
    folder.mkdir()
    (folder / ".0a1b2c3d.tmp.checkpoint_lenet-1_3.tmp").write_bytes(b"")
    _train(options, max_steps=1)
    assert _names(options) == ["checkpoint_lenet-1_1.ckpt", *OUTPUTS]
    assert not list(folder.glob(".*"))


def test_metrics_are_written_after_each_epoch(options, monkeypatch):
    record_epoch = Progress.start_epoch

    def start_epoch(self, epoch, done):
        record_epoch(self, epoch, done)
        if epoch == 2:
            result = json.loads(pathlib.Path(options.ckpt_path, "metrics.json").read_text())
            assert result["steps"] == STEPS
            assert [row["epoch"] for row in result["epochs"]] == [1]

    monkeypatch.setattr(Progress, "start_epoch", start_epoch)
    _train(options)


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"lr": 1.0, "epoch_size": 4}, "Use a lower --lr than 1."),
        ({"max_steps": 1}, "Train more than 1 steps"),
        ({"lr": 0.0, "batch_size": 1}, "Use a higher --lr than 0"),
    ],
)
def test_a_run_that_has_not_learned_says_so(options, capsys, changes, remedy):
    _train(options, **changes)
    lines = capsys.readouterr().out.splitlines()
    assert "The network has not learned: guessing has 0.1562." in lines[-2]
    assert remedy in lines[-2]


def test_an_early_stop_of_the_decay_is_explained(options, caplog):
    caplog.set_level(logging.INFO)
    _train(options, max_steps=2)
    assert "--max_steps=2 stops while the learning rate decays over 16 steps" in caplog.text


def test_a_jump_of_the_learning_rate_is_explained(options, caplog):
    _train(options, epoch_size=1)
    _train(options, epoch_size=2, resume=True)
    assert "jumps from 0.00038" in caplog.text
    assert "at epoch:1 step:8, because --lr, --lr_decay or the number of steps" in caplog.text


@pytest.mark.parametrize("full", ["checkpoint_lenet-1_1.ckpt", "metrics.json"])
def test_a_full_disk_names_the_file_and_its_size(options, monkeypatch, capfd, full):
    write_bytes = pathlib.Path.write_bytes

    def write(path, content):
        write_bytes(path, content[:100])
        if path.name.endswith(full):
            raise OSError(errno.ENOSPC, "No space left on device")
        write_bytes(path, content)

    monkeypatch.setattr(pathlib.Path, "write_bytes", write)
    with pytest.raises(OSError, match="No space left on device; [0-9,]+ bytes") as e:
        _train(options, max_steps=1)
    assert pathlib.Path(e.value.filename).name == full
    assert "CRITICAL" not in capfd.readouterr().err
    assert not list(pathlib.Path(options.ckpt_path).glob(".*"))


@pytest.mark.parametrize("fused_kernels", [False, True])
def test_ctrl_c_saves_a_checkpoint(options, monkeypatch, fused_kernels):
    _interrupt(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        _train(options, fused_kernels=fused_kernels, save_checkpoint_steps=3)
    assert _names(options) == ["checkpoint_lenet-1_3.ckpt", "metrics.json"]
    checkpoint.load_into(LeNet5(), _checkpoint(options, 1, 3))


def test_a_second_ctrl_c_names_the_newest_checkpoint(options, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    _interrupt(monkeypatch, 6, times=2)
    with pytest.raises(KeyboardInterrupt):
        _train(options, save_checkpoint_steps=3)
    assert f"interrupted twice; saved {_checkpoint(options, 1, 3)}; continue" in caplog.text


def test_ctrl_c_before_the_first_step_of_an_epoch(options, monkeypatch):
    start_epoch = Progress.start_epoch

    def start(self, epoch, first):
        start_epoch(self, epoch, first)
        if epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Progress, "start_epoch", start)
    with pytest.raises(KeyboardInterrupt):
        _train(options, fused_kernels=False)
    assert _checkpoint(options, 1, STEPS).exists()


def test_failures_are_reported(options, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for changes, error, message in (
        ({"lr": 1e30}, LenetError, "diverged; use a lower --lr than 1e\\+30"),
        ({"batch_size": 257}, UserError, "at most the 256 images"),
        ({"ckpt_path": str(tmp_path / "file" / "ckpt")}, UserError, "--ckpt_path: cannot write"),
    ):
        with pytest.raises(error, match=message):
            _train(options, **changes)
    assert _names(options) == []


def test_other_image_sizes(options):
    assert _train(options, image_height=28, image_width=40, max_steps=2)["steps"] == 2


def test_the_best_validation_accuracy_is_kept_and_its_absence_stops_the_run(options, monkeypatch):
    accuracies = iter([0.5, 0.7, 0.6, 0.65, 0.9])
    evaluate = metrics.evaluate

    def fake(logits, labels):
        result = evaluate(logits, labels)
        if len(labels) != 96:
            return result
        confusion = np.zeros((10, 10), np.int64)
        confusion[0, 0], confusion[0, 1] = (round(1000 * next(accuracies)), 0)
        confusion[0, 1] = 1000 - confusion[0, 0]
        return metrics.Evaluation(confusion)

    monkeypatch.setattr(metrics, "evaluate", fake)
    result = _train(options, validation=96, save_best=True, early_stop=2, epoch_size=9)
    assert [entry["validation_accuracy"] for entry in result["epochs"]] == [0.5, 0.7, 0.6, 0.65]
    assert result["steps"] == 4 * 5
    best = checkpoint.read(pathlib.Path(options.ckpt_path) / "checkpoint_lenet-best.ckpt")
    assert int(best["epoch_num"].asnumpy()) == 2
    assert checkpoint.newest(options.ckpt_path) == _checkpoint(options, 4, 5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"save_best": True}, "need --validation"), ({"validation": 256}, "less than the 256")],
)
def test_validation_must_leave_training_images(options, changes, message):
    with pytest.raises(UserError, match=message):
        _train(options, **changes)
