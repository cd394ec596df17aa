"""Both benchmarks end to end, with few steps and without PyTorch."""

import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

from lenet.testing import programs


def test_train(tmp_path):
    result = programs.run(
        "//tools/bench:train_without_torch",
        "--peers=ours,unfused,torch,mindspore",
        "--base=mindspore",
        "--repetitions=1",
        "--epochs=1",
        "--peer_epochs=1",
        "--max_steps=500",
        "--output=out",
        cwd=tmp_path,
    )
    print(result.stdout, result.stderr)
    assert result.returncode == 0
    content = json.loads((tmp_path / "out/train.json").read_text())
    assert set(content["results"]) == {"ours", "unfused", "mindspore"}
    reason = "tools/bench/peers/torch_train is not in this build"
    assert content["failures"] == {"torch": {"training": reason}}
    for figures in content["results"].values():
        assert figures["steps"]["median"] == 500
        assert figures["last_loss"]["median"] < figures["first_loss"]["median"]
        assert figures["peak_mb"]["median"] > 100
    assert content["versions"]["mindspore"]
    assert (tmp_path / "out/train.md").read_text().strip() == result.stdout.strip()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_infer(tmp_path):
    result = programs.run(
        "//tools/bench:infer_without_torch",
        "--repetitions=1",
        "--limit=200",
        "--output=out",
        cwd=tmp_path,
    )
    print(result.stdout, result.stderr)
    assert result.returncode == 0
    content = json.loads((tmp_path / "out/infer.json").read_text())
    assert set(content["results"]) == {"native", "lite", "onnxruntime"}
    assert set(content["failures"]) == {"torch"}
    for figures in content["results"].values():
        assert figures["same"]["median"] >= 0.999
        assert figures["p50_us"]["median"] > 0
        assert figures["batches_ms"]["median"] > 0
    assert content["results"]["native"]["jpeg_s"]["median"] > 0


@pytest.mark.parametrize("program", ["train", "infer"])
def test_a_wrong_flag_ends_with_2(program, tmp_path):
    result = programs.run(f"//tools/bench:{program}_without_torch", "--peers=x", cwd=tmp_path)
    assert result.returncode == 2
    assert "unknown peer 'x'" in result.stderr


def test_ctrl_c_ends_all_at_once_and_leaves_nothing(tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [programs.path("//tools/bench:train_without_torch"), "--peers=ours", "--output=out"],
        cwd=tmp_path,
        env=programs.environment(tmp_path) | {"TMPDIR": str(temporary)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    while not list(temporary.rglob("usage.txt")) and not list(temporary.rglob("log.txt")):
        time.sleep(0.05)
    time.sleep(1)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "train: interrupted"
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "out").exists()
    assert _running_in(temporary) == []


def _running_in(folder):
    """Processes whose current folder is below `folder`, the removed ones included."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cwd"):
        try:
            if os.readlink(entry).startswith(str(folder)):
                found.append(entry.parent.name)
        except OSError:  # it has ended, or is not ours
            continue
    return found
