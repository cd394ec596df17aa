import dataclasses
import hashlib
import json
import os
import signal

import pytest

from lenet import devices
from lenet.errors import LenetError, UserError
from lenet.model import checkpoint
from lenet.model.lenet5 import LeNet5
from lenet.options import config
from lenet.options.programs import TrainOptions
from lenet.testing import mnist
from lenet.training import train
from lenet.training.progress import Progress

STEPS = 256 // 32  # an epoch of the synthetic data


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return mnist.write_idx(tmp_path_factory.mktemp("Data"))


@pytest.fixture(autouse=True, scope="module")
def _context():
    devices.set_context("CPU")


@pytest.fixture
def options(data, tmp_path):
    return config.default_options(
        TrainOptions,
        data_path=data,
        ckpt_path=str(tmp_path / "ckpt"),
        epoch_size=2,
        device_target="CPU",
    )


def _hash(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _names(folder):
    return sorted(name for name in os.listdir(folder) if name.endswith(".ckpt"))


def _train(options, **changes):
    return train.train_and_evaluate(dataclasses.replace(options, **changes))


def _checkpoint(options, epoch, step):
    return os.path.join(options.ckpt_path, checkpoint.file_name(epoch, step))


def test_leaves_a_checkpoint_and_metrics(options, data, capsys):
    result = _train(options)
    assert _names(options.ckpt_path) == ["checkpoint_lenet-2_8.ckpt"]
    assert sorted(os.listdir(options.ckpt_path)) == ["checkpoint_lenet-2_8.ckpt", "metrics.json"]
    with open(os.path.join(options.ckpt_path, "metrics.json"), encoding="utf-8") as file:
        assert json.load(file) == result
    assert result["steps"] == 2 * STEPS
    assert [entry[:2] for entry in result["loss_curve"]] == [[1, 1], [1, 8], [2, 1], [2, 8]]
    assert result["epochs"][-1]["accuracy"] == result["accuracy"]
    assert result["config"]["data_path"] == data
    assert result["timings"]["ms_per_step_median"] > 0
    lines = capsys.readouterr().out.splitlines()
    path = _checkpoint(options, 2, 8)
    assert lines == [
        f"Accuracy: {{'Accuracy':{result['accuracy']:.4f}}}",
        f"Checkpoint: {path}",
        f"Next: bazel run //python:export -- --ckpt_file={path}",
    ]


def test_what_float16_has_trained_the_kernels_go_on_with(options):
    half = _train(options, epoch_size=1, amp_level="O2")
    assert half["fused_kernels"] is False
    result = _train(options, amp_level="O0", resume=True)
    assert result["fused_kernels"] is True
    assert result["loss_curve"][:2] == half["loss_curve"]
    assert result["steps"] == 2 * STEPS


def test_learns(options):
    result = _train(options, epoch_size=30, lr=0.03)
    assert result["accuracy"] >= 0.9
    assert result["loss_curve"][-1][2] < 0.2


def test_checkpoints_are_saved_and_pruned(options):
    _train(options, save_checkpoint_steps=3, keep_checkpoint_max=3, epoch_size=2)
    expected = [checkpoint.file_name(*at) for at in ((2, 4), (2, 7), (2, 8))]
    assert _names(options.ckpt_path) == expected


def test_accuracy_of_each_epoch(options):
    result = _train(options, eval_each_epoch=True, epoch_size=3)
    assert len([entry["accuracy"] for entry in result["epochs"]]) == 3


@pytest.mark.parametrize("stop", [STEPS, STEPS + 3, 5])
def test_a_resumed_run_ends_as_one_that_went_through(options, tmp_path, stop):
    straight = dataclasses.replace(options, ckpt_path=str(tmp_path / "straight"))
    whole = _train(straight)
    _train(options, max_steps=stop)
    epoch, step = divmod(stop - 1, STEPS)
    assert _names(options.ckpt_path) == [checkpoint.file_name(epoch + 1, step + 1)]
    resumed = _train(options, resume=True)
    assert _hash(_checkpoint(options, 2, 8)) == _hash(_checkpoint(straight, 2, 8))
    assert resumed["accuracy"] == whole["accuracy"]
    assert resumed["steps"] == whole["steps"]
    curve = {tuple(entry) for entry in resumed["loss_curve"]}
    assert {tuple(entry) for entry in whole["loss_curve"]} <= curve


def test_another_seed_gives_other_weights(options, tmp_path):
    _train(options, max_steps=1)
    other = dataclasses.replace(options, seed=2, ckpt_path=str(tmp_path / "other"))
    _train(other, max_steps=1)
    assert _hash(_checkpoint(options, 1, 1)) != _hash(_checkpoint(other, 1, 1))


def test_resume_of_nothing_starts_anew(options):
    assert _train(options, resume=True, max_steps=2)["steps"] == 2


def test_resume_at_the_end_evaluates(options):
    first = _train(options)
    again = _train(options, resume=True)
    assert again["accuracy"] == first["accuracy"]
    assert again["checkpoint"] == first["checkpoint"]
    assert again["loss_curve"] == first["loss_curve"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 7}, "trained with --seed=3, found --seed=7"),
        ({"batch_size": 16}, "trained with --batch_size=32, found --batch_size=16"),
    ],
)
def test_resume_with_another_order_is_told(options, changes, message):
    _train(options, max_steps=2)
    with pytest.raises(UserError, match=message):
        _train(options, resume=True, **changes)


def test_a_new_run_sets_the_old_one_aside(options):
    _train(options)
    _train(options, epoch_size=1)
    assert checkpoint.newest(options.ckpt_path) == _checkpoint(options, 1, 8)
    previous = os.path.join(options.ckpt_path, "previous")
    assert sorted(os.listdir(previous)) == ["checkpoint_lenet-2_8.ckpt", "metrics.json"]
    _train(options, max_steps=2)
    assert sorted(os.listdir(previous)) == ["checkpoint_lenet-1_8.ckpt", "metrics.json"]


@pytest.mark.parametrize("fused_kernels", [False, True])
def test_ctrl_c_saves_first(options, monkeypatch, fused_kernels):
    real_steps = Progress.steps

    def steps(self, done, losses):
        real_steps(self, done, losses)
        if done == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Progress, "steps", steps)
    with pytest.raises(KeyboardInterrupt):
        _train(options, fused_kernels=fused_kernels, save_checkpoint_steps=3)
    assert sorted(os.listdir(options.ckpt_path)) == ["checkpoint_lenet-1_3.ckpt", "metrics.json"]
    checkpoint.load_into(LeNet5(), _checkpoint(options, 1, 3))


def test_a_loss_that_is_no_number_is_told(options):
    with pytest.raises(LenetError, match="diverged; take a lower --lr than 1e\\+30"):
        _train(options, lr=1e30)
    assert _names(options.ckpt_path) == []


def test_a_batch_larger_than_the_data_is_told(options):
    with pytest.raises(UserError, match="at most the 256 images"):
        _train(options, batch_size=257)


def test_a_folder_that_cannot_be_written_is_told(options, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path in (str(tmp_path / "file" / "ckpt"), str(tmp_path / "file"), "/proc/ckpt"):
        with pytest.raises(UserError, match="--ckpt_path: cannot write"):
            _train(options, ckpt_path=path)


def test_other_image_sizes(options):
    assert _train(options, image_height=28, image_width=40, max_steps=2)["steps"] == 2
