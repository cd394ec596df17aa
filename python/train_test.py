"""The built `train`, run as a user does."""

import gzip
import json
import os
import signal
import time

import numpy as np
import pytest

from lenet.testing import mnist, programs


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data set that a test does not change."""
    return mnist.write_idx(tmp_path_factory.mktemp("Data"))


def _files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_defaults_beat_the_accuracy_of_the_original(tmp_path):
    """All of MNIST, ten epochs, as a user who gives no flags."""
    result = programs.run("train", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    checkpoint = tmp_path / "ckpt" / "checkpoint_lenet-10_1875.ckpt"
    lines = result.stdout.splitlines()
    assert lines[1:] == [
        f"Checkpoint: {checkpoint}",
        f"Next: bazel run //python:export -- --ckpt_file={checkpoint}",
    ]
    metrics = json.loads((tmp_path / "ckpt" / "metrics.json").read_text())
    assert lines[0] == f"Accuracy: {{'Accuracy':{metrics['accuracy']:.4f}}}"
    assert metrics["accuracy"] > 0.9843
    assert metrics["steps"] == 10 * 1875
    log = result.stderr.splitlines()
    assert len([line for line in log if line.startswith("epoch:10 step:1875, loss is 0.")]) == 1
    assert len([line for line in log if line.startswith("epoch time: ")]) == 10
    correct = round(metrics["accuracy"] * 10000)
    assert any(f"({correct} of 10000)" in line for line in log)


def test_mindspores_own_operators_learn_too(tmp_path):
    result = programs.run("train", "--fused_kernels=false", "--max_steps=400", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    metrics = json.loads((tmp_path / "ckpt" / "metrics.json").read_text())
    assert metrics["fused_kernels"] is False
    assert metrics["accuracy"] > 0.8


@pytest.mark.parametrize("fused_kernels", [True, False])
def test_threads_and_process_do_not_change_the_checkpoint(data, tmp_path, fused_kernels):
    contents = set()
    for name, threads in (("a", 0), ("b", 0), ("c", 1), ("d", 3)):
        result = programs.run(
            "train",
            f"--data_path={data}",
            "--epoch_size=2",
            f"--fused_kernels={fused_kernels}",
            f"--threads={threads}",
            f"--ckpt_path={name}",
            cwd=tmp_path,
        )
        assert result.returncode == 0, result.stderr
        contents.add((tmp_path / name / "checkpoint_lenet-2_8.ckpt").read_bytes())
    assert len(contents) == 1


def test_a_configuration_file_and_a_flag(data, tmp_path):
    (tmp_path / "my.yaml").write_text("batch_size: 64\ntrain: {epoch_size: 3, log_steps: 1}\n")
    result = programs.run(
        "train", "--config_path=my.yaml", f"--data_path={data}", "--epoch_size=1", cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert _files(tmp_path / "ckpt") == ["checkpoint_lenet-1_4.ckpt", "metrics.json"]
    assert "epoch:1 step:2, loss is" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_a_checkpoint_that_resume_continues(data, tmp_path, number):
    flags = [f"--data_path={data}", "--epoch_size=100000", "--log_steps=1"]
    process = programs.start("train", *flags, cwd=tmp_path)
    log = []
    while not log or "step:5, loss" not in log[-1]:
        log.append(process.stderr.readline())
        assert log[-1], "".join(log)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert "--resume to continue" in err
    checkpoint, metrics = _files(tmp_path / "ckpt")
    assert metrics == "metrics.json"
    steps = json.loads((tmp_path / "ckpt" / metrics).read_text())["steps"]
    result = programs.run("train", *flags, "--resume", f"--max_steps={steps + 3}", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert f"of {tmp_path / 'ckpt' / checkpoint}" in result.stderr
    assert f'"steps": {steps + 3}' in (tmp_path / "ckpt" / metrics).read_text()


@pytest.mark.parametrize("delay", [0, 0.3, 1, 1.5])
def test_ctrl_c_before_the_first_step(data, tmp_path, delay):
    """Within the import of MindSpore, for one."""
    process = programs.start("train", f"--data_path={data}", cwd=tmp_path)
    line = ""
    while "device: CPU" not in line:
        line = process.stderr.readline()
        assert line, process.wait()
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "train: error: interrupted"
    assert "Traceback" not in err
    assert not list(tmp_path.rglob("*.tmp*"))


def _images(folder, content):
    (folder / "train" / "train-images.idx3-ubyte").write_bytes(content)


def _labels(folder, content):
    (folder / "train" / "train-labels.idx1-ubyte").write_bytes(content)


def _cut_gzip(folder):
    path = folder / "train" / "train-images.idx3-ubyte"
    content = gzip.compress(path.read_bytes())
    path.rename(path.with_name("gone"))
    (folder / "train" / "train-images.idx3-ubyte.gz").write_bytes(content[: len(content) // 2])


def _wrong_magic(folder):
    _images(folder, b"\x89PNG\r\n\x1a\n" + bytes(1000))


def _label_10(folder):
    _labels(folder, mnist.labels_file(np.full(256, 10, np.uint8)))


def _size_mismatch(folder):
    _labels(folder, mnist.labels_file(np.zeros(255, np.uint8)))


def _no_test_set(folder):
    (folder / "test" / "t10k-labels.idx1-ubyte").unlink()


BAD_DATA = {
    "cut gzip": (_cut_gzip, "train-images.idx3-ubyte.gz: broken gzip file"),
    "wrong magic": (_wrong_magic, "expected the magic number 0x00000803"),
    "label 10": (_label_10, "expected labels from 0 to 9, found 10"),
    "size mismatch": (_size_mismatch, "expected 256 labels"),
    "no test set": (_no_test_set, "t10k-labels.idx1-ubyte"),
}


def _assert_told(result, code, message):
    assert result.returncode == code, result.stderr
    assert message in result.stderr
    assert result.stderr.splitlines()[-1].startswith("train: error: ")
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(("spoil", "message"), BAD_DATA.values(), ids=BAD_DATA)
def test_bad_data_is_told(tmp_path, spoil, message):
    mnist.write_idx(tmp_path / "Data")
    spoil(tmp_path / "Data")
    result = programs.run("train", "--data_path=Data", cwd=tmp_path)
    _assert_told(result, 2, message)
    assert _files(tmp_path) == ["Data"]


def _flag_rows(data):
    return [
        ("--data_path=nowhere", 2, "nowhere does not exist"),
        ("--epoch_size=0", 2, "epoch_size"),
        ("--epoch_size=many", 2, "epoch_size"),
        ("--batch_size=257", 2, "at most the 256 images"),
        ("--ckpt_path=file/ckpt", 2, "--ckpt_path: cannot write to"),
        ("--ckpt_path=/proc/ckpt", 2, "--ckpt_path: cannot write to /proc/ckpt"),
        ("--device_target=GPU", 3, "--device_target=GPU: "),
        ("--device_target=Ascend", 3, "--device_target=Ascend: "),
        ("--device_target=TPU", 2, "device_target"),
        ("--lr=1e30", 1, "take a lower --lr"),
    ]


@pytest.mark.parametrize("row", range(len(_flag_rows(""))))
def test_bad_flags_are_told(data, tmp_path, row):
    flag, code, message = _flag_rows(data)[row]
    (tmp_path / "file").write_bytes(b"")
    result = programs.run("train", f"--data_path={data}", flag, cwd=tmp_path)
    _assert_told(result, code, message)
    assert not list(tmp_path.rglob("*.ckpt"))


def test_a_corrupted_checkpoint_is_told_by_resume(data, tmp_path):
    os.mkdir(tmp_path / "ckpt")
    (tmp_path / "ckpt" / "checkpoint_lenet-1_2.ckpt").write_bytes(b"\xff" * 1000)
    result = programs.run("train", f"--data_path={data}", "--resume", cwd=tmp_path)
    _assert_told(result, 2, "checkpoint_lenet-1_2.ckpt: expected a MindSpore checkpoint")
    assert _files(tmp_path / "ckpt") == ["checkpoint_lenet-1_2.ckpt"]
