"""Black-box test of //python:train_distributed, with real workers."""

import json
import signal
import socket

import psutil
import pytest

from lenet.model import checkpoint
from lenet.testing import mnist, programs

_STEPS = 20
_WAIT_SECONDS = 200


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return mnist.write_idx(tmp_path_factory.mktemp("Data"))


def _flags(data, folder, **flags):
    values = {
        "data_path": data,
        "device_target": "CPU",
        "ckpt_path": folder / "ckpt",
        "log_steps": 1,
        "lr_decay": "none",
        "epoch_size": 1000,
        "max_steps": _STEPS,
        **flags,
    }
    return [f"--{name}={value}" for name, value in values.items()]


def _losses(folder):
    metrics = json.loads((folder / "ckpt" / "metrics.json").read_text())
    return [entry["loss"] for entry in metrics["loss_curve"]]


@pytest.fixture(scope="module")
def single(data, tmp_path_factory):
    """The losses of one process with the whole batch."""
    folder = tmp_path_factory.mktemp("single")
    flags = _flags(data, folder, batch_size=64, fused_kernels=False)
    finished = programs.run("train", *flags, cwd=folder)
    assert finished.returncode == 0, finished.stderr
    return _losses(folder)


def test_a_port_in_use_is_refused(data, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        flags = _flags(data, tmp_path, worker_num=2, master_port=server.getsockname()[1])
        finished = programs.run("train_distributed", *flags, cwd=tmp_path)
    assert finished.returncode == 2
    assert "Address already in use; choose another one" in finished.stderr


@pytest.mark.parametrize(
    ("program", "workers", "flags"),
    [
        ("train_distributed", 4, {"worker_num": 4}),
        ("train", 2, {"distribute": True, "device_num": 2}),
    ],
)
def test_workers_have_the_losses_of_one_process(data, single, tmp_path, program, workers, flags):
    flags = _flags(data, tmp_path, batch_size=64 // workers, **flags)
    finished = programs.run(program, *flags, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert f"{workers} workers, each on CPU" in finished.stdout
    assert _losses(tmp_path) == pytest.approx(single, abs=1e-4)
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == [
        "msrun.log",
        "scheduler.log",
        *(f"worker_{rank}.log" for rank in range(workers)),
    ]


def _workers(folder):
    """Returns the workers that write into `folder`, by rank."""
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
    """Starts two workers and waits until they have trained some steps more; returns their log."""
    endless = {"max_steps": 100000, "worker_num": 2, "log_path": folder / "logs"}
    flags = _flags(data, folder, **endless | flags)
    process = programs.start("train_distributed", *flags, cwd=folder)
    return process, programs.read_until(process, "loss is", count=7)


def test_a_killed_worker_and_ctrl_c_stop_all_and_resume_continues(data, tmp_path):
    process, _ = _start(data, tmp_path, save_checkpoint_steps=5)
    workers = _workers(tmp_path)
    assert sorted(workers) == [0, 1]
    workers[1].kill()
    _, errors = process.communicate(timeout=_WAIT_SECONDS)
    assert process.returncode == 1
    last = errors.splitlines()[-1]
    assert last.startswith("train_distributed: error: worker 1 was killed by SIGKILL")
    assert str(tmp_path / "logs" / "worker_1.log") in last
    assert not _workers(tmp_path)

    newest = checkpoint.newest(tmp_path / "ckpt")
    epoch, step = newest.stem.split("-")[1].split("_")
    process, log = _start(data, tmp_path, resume=True, save_checkpoint_steps=100000)
    assert f"resuming after epoch:{epoch} step:{step} of {newest}" in log
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=_WAIT_SECONDS)
    assert process.returncode == 130
    assert "interrupted; saved" in output
    assert errors.splitlines()[-1] == "train_distributed: error: interrupted"
    assert not _workers(tmp_path)
    done = (int(epoch) - 1) * (256 // 64) + int(step)
    assert json.loads((tmp_path / "ckpt" / "metrics.json").read_text())["steps"] >= done + 7
