"""Black-box test of //python:train."""

import json
import signal

import pytest

from lenet.model import checkpoint
from lenet.testing import mnist, programs


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data set that no test changes."""
    return mnist.write_idx(tmp_path_factory.mktemp("Data"))


def _files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_defaults_exceed_the_accuracy_of_the_original(tmp_path):
    """Trains ten epochs on all of MNIST, without flags."""
    result = programs.run("train", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    checkpoint = tmp_path / "ckpt" / "checkpoint_lenet-10_1875.ckpt"
    metrics = json.loads((tmp_path / "ckpt" / "metrics.json").read_text())
    log = result.stdout.splitlines()
    assert log[-4:] == [
        f"Accuracy: {{'Accuracy':{metrics['accuracy']:.4f}}}",
        f"Checkpoint: {checkpoint}",
        f"Next: bazel run //python:export -- --ckpt_file={checkpoint}",
        f"Report: {tmp_path / 'ckpt' / 'report.html'}",
    ]
    assert metrics["accuracy"] > 0.9843
    assert metrics["steps"] == 10 * 1875
    assert len([line for line in log if line.startswith("epoch:10 step:1875, loss is 0.")]) == 1
    assert len([line for line in log if line.startswith("epoch time: ")]) == 10
    correct = round(metrics["accuracy"] * 10000)
    assert any(f"({correct} of 10000)" in line for line in log)


def test_mindspores_operators_learn_too(tmp_path):
    result = programs.run("train", "--fused_kernels=false", "--max_steps=400", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    metrics = json.loads((tmp_path / "ckpt" / "metrics.json").read_text())
    assert metrics["fused_kernels"] is False
    assert metrics["accuracy"] > 0.8


@pytest.mark.parametrize(("fused_kernels", "threads"), [(True, (0, 1, 3)), (False, (0, 3))])
def test_threads_and_process_do_not_change_the_checkpoint(data, tmp_path, fused_kernels, threads):
    contents = set()
    (tmp_path / "my.yaml").write_text("batch_size: 64\ntrain: {epoch_size: 3, log_steps: 1}\n")
    for count in threads:
        result = programs.run(
            "train",
            "--config_path=my.yaml",
            f"--data_path={data}",
            "--epoch_size=2",
            f"--fused_kernels={fused_kernels}",
            f"--threads={count}",
            f"--ckpt_path=ckpt{count}",
            cwd=tmp_path,
        )
        assert result.returncode == 0, result.stderr
        assert "epoch:1 step:2, loss is" in result.stdout
        folder = tmp_path / f"ckpt{count}"
        assert [path.name for path in folder.glob("*.ckpt")] == ["checkpoint_lenet-2_4.ckpt"]
        contents.add((folder / "checkpoint_lenet-2_4.ckpt").read_bytes())
    assert len(contents) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_saves_a_checkpoint_that_resume_continues(data, tmp_path, number):
    flags = [f"--data_path={data}", "--epoch_size=100000", "--log_steps=1"]
    process = programs.start("train", *flags, cwd=tmp_path)
    programs.read_until(process, "step:5, loss")
    process.send_signal(number)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 130, err
    assert "Accuracy" not in out
    assert "Traceback" not in err
    assert "and --resume" in err
    checkpoint, metrics = _files(tmp_path / "ckpt")
    assert metrics == "metrics.json"
    steps = json.loads((tmp_path / "ckpt" / metrics).read_text())["steps"]
    if number == signal.SIGINT:
        result = programs.run("train", *flags, "--resume", f"--max_steps={steps + 3}", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert f"of {tmp_path / 'ckpt' / checkpoint}" in result.stderr
        assert f'"steps": {steps + 3}' in (tmp_path / "ckpt" / metrics).read_text()


def test_kill_9_leaves_whole_files_that_resume_continues(data, tmp_path):
    flags = (f"--data_path={data}", "--epoch_size=100000", "--log_steps=1", "--resume")
    folder = tmp_path / "ckpt"
    newest = ""
    for launches in (9, 14):  # of one step, with a checkpoint; the file changes after each
        process = programs.start("train", *flags, "--save_checkpoint_steps=1", cwd=tmp_path)
        programs.read_until(process, "loss is", count=launches)
        process.kill()
        _, log = process.communicate()
        assert f"of {folder / newest}\n" in log or not newest
        assert "jumps" not in log
        checkpoints = checkpoint.own(folder)
        assert len({path.stat().st_size for path in checkpoints}) == 1
        assert json.loads((folder / "metrics.json").read_text())["steps"] >= 8
        newest = checkpoints[-1].name


@pytest.mark.parametrize("imports", [1, 400, 800])
def test_ctrl_c_while_mindspore_is_imported(data, tmp_path, imports):
    flags = (f"--data_path={data}", "--epoch_size=1000000")
    process = programs.start_traced("train", *flags, cwd=tmp_path)
    programs.read_until(process, "device: CPU", stream="stderr")
    programs.read_until(process, "import 'mindspore", count=imports, stream="stderr")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "train: error: interrupted"
    assert "Traceback" not in err
    assert not list(tmp_path.rglob("*.tmp*"))


def test_ctrl_c_after_the_work(data, tmp_path):
    process = programs.start("train", f"--data_path={data}", "--epoch_size=1", cwd=tmp_path)
    programs.read_until(process, "test accuracy")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=200)
    last = err.splitlines()[-1]
    assert process.returncode == 130 if "interrupted" in last else process.returncode == 0
