"""The built program, with real workers."""

import json
import os
import signal

import psutil
import pytest

from lenet.testing import mnist, programs

_STEPS = 50
_WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return mnist.write_idx(tmp_path_factory.mktemp("Data"))


def _flags(data, folder, **flags):
    values = {
        "data_path": data,
        "device_target": "CPU",
        "ckpt_path": folder / "ckpt",
        "log_path": folder / "logs",
        "log_steps": 1,
        "lr_decay": "none",
        "epoch_size": 1000,
        "max_steps": _STEPS,
        **flags,
    }
    return [f"--{name}={value}" for name, value in values.items()]


def _losses(folder):
    with open(folder / "ckpt" / "metrics.json", encoding="utf-8") as file:
        return [loss for _, _, loss in json.load(file)["loss_curve"]]


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory):
    """The losses of one process with the whole batch."""
    folder = tmp_path_factory.mktemp("alone")
    flags = _flags(data, folder, batch_size=64, fused_kernels=False)
    flags = [flag for flag in flags if not flag.startswith("--log_path")]
    finished = programs.run("train", *flags, cwd=folder)
    assert finished.returncode == 0, finished.stderr
    return _losses(folder)


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_with_shares_of_the_batch_have_the_losses_of_one(data, alone, tmp_path, workers):
    flags = _flags(data, tmp_path, worker_num=workers, batch_size=64 // workers)
    finished = programs.run("train_distributed", *flags, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert f"{workers} workers, each on CPU" in finished.stderr
    losses = _losses(tmp_path)
    assert len(losses) == _STEPS
    assert losses == pytest.approx(alone, abs=1e-4)
    # One wrote; all left.
    assert os.listdir(tmp_path / "ckpt").count("metrics.json") == 1
    assert sorted(os.listdir(tmp_path / "logs")) == [
        "msrun.log",
        "scheduler.log",
        *(f"worker_{rank}.log" for rank in range(workers)),
    ]


def _processes(folder):
    """The workers of the training whose logs are in `folder`, by rank."""
    found = {}
    for process in psutil.process_iter():
        try:
            if f"--ckpt_path={folder / 'ckpt'}" in process.cmdline():
                variables = process.environ()
                if variables.get("MS_ROLE") == "MS_WORKER":
                    found[int(variables["RANK_ID"])] = process
        except psutil.Error:
            continue
    return found


def _start(data, folder, **flags):
    """Workers that have done some steps and would go on for long."""
    longer = {"max_steps": 100000, "worker_num": 2, "save_checkpoint_steps": 5}
    process = programs.start(
        "train_distributed", *_flags(data, folder, **longer | flags), cwd=folder
    )
    for line in process.stderr:
        if "step:3," in line and "epoch:2 " in line:
            return process
    raise AssertionError("it ended before it had begun")


def _resumed(data, folder):
    """Goes on for some steps; returns where it began."""
    newest = max((folder / "ckpt").glob("*.ckpt"), key=lambda path: path.stat().st_mtime_ns)
    epoch, step = (int(word) for word in newest.stem.split("-")[1].split("_"))
    done = (epoch - 1) * (256 // 64) + step
    flags = _flags(data, folder, worker_num=2, resume=True, max_steps=done + 3)
    finished = programs.run("train_distributed", *flags, cwd=folder)
    assert finished.returncode == 0, finished.stderr
    assert f"resuming after epoch:{epoch} step:{step}" in finished.stderr
    return done


def test_killed_worker_stops_all_with_one_message(data, tmp_path):
    process = _start(data, tmp_path)
    workers = _processes(tmp_path)
    assert sorted(workers) == [0, 1]
    workers[1].kill()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    last = errors.splitlines()[-1]
    assert last.startswith("train_distributed: error: worker 1 was ended by SIGKILL")
    assert str(tmp_path / "logs" / "worker_1.log") in last
    assert not _processes(tmp_path)
    assert _resumed(data, tmp_path) >= 5


def test_interrupt_saves_a_checkpoint(data, tmp_path):
    process = _start(data, tmp_path, save_checkpoint_steps=100000)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=_WAIT_SECONDS)
    assert process.returncode == 130
    assert "interrupted; saved" in errors
    assert errors.splitlines()[-1] == "train_distributed: error: interrupted"
    assert not _processes(tmp_path)
    assert _resumed(data, tmp_path) >= 6


def test_distribute_of_train_starts_device_num_workers(data, alone, tmp_path):
    flags = _flags(data, tmp_path, distribute=True, device_num=2, batch_size=32)
    flags = [flag for flag in flags if not flag.startswith("--log_path")]
    finished = programs.run("train", *flags, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert _losses(tmp_path) == pytest.approx(alone, abs=1e-4)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"worker_num": 0}, "--worker_num"),
        ({"worker_num": 2, "local_worker_num": 3}, "at most --worker_num=2"),
        ({"worker_num": 2, "local_worker_num": 1}, "--node_rank, --master_addr"),
        ({"worker_num": 2, "log_path": "/dev/null/logs"}, "--log_path: cannot write"),
        ({"worker_num": 2, "data_path": "/nowhere"}, "--data_path: /nowhere does not exist"),
        ({"worker_num": 2, "batch_size": 200}, "--batch_size=200"),
    ],
)
def test_wrong_flags_are_named(data, tmp_path, flags, said):
    finished = programs.run("train_distributed", *_flags(data, tmp_path, **flags), cwd=tmp_path)
    assert finished.returncode == 2, finished.stderr
    assert said in finished.stderr.splitlines()[-1]
    assert not os.path.exists(tmp_path / "ckpt" / "metrics.json")
