"""Runs both benchmarks end to end, with few steps and without PyTorch."""

import json
import signal
import subprocess
import time

import pytest

from lenet.testing import programs


def test_train(tmp_path):
    result = programs.run(
        "//tools/bench:train_without_torch",
        "--peers=ours,torch,mindspore",
        "--base=mindspore",
        "--repetitions=1",
        "--epochs=1",
        "--peer_epochs=1",
        "--max_steps=60",
        "--output=out",
        cwd=tmp_path,
    )
    print(result.stdout, result.stderr)
    assert result.returncode == 0
    content = json.loads((tmp_path / "out/train.json").read_text())
    assert set(content["results"]) == {"ours", "mindspore"}
    reason = "tools/bench/peers/torch_train is not in this build"
    assert content["failures"] == {"torch": {"training": reason}}
    for figures in content["results"].values():
        assert figures["steps"] == [60]
        assert figures["peak_mb"][0] > 100
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
        assert min(figures["same"]) >= 0.999
        assert figures["p50_us"][0] > 0
        assert figures["batches_ms"][0] > 0
    assert content["results"]["native"]["jpeg_s"][0] > 0


@pytest.mark.parametrize("program", ["train", "infer"])
def test_a_wrong_flag_ends_with_2(program, tmp_path):
    result = programs.run(f"//tools/bench:{program}_without_torch", "--peers=x", cwd=tmp_path)
    assert result.returncode == 2
    assert "unknown peer 'x'" in result.stderr


def test_ctrl_c_leaves_nothing(tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [programs.path("//tools/bench:train_without_torch"), "--peers=ours"],
        cwd=tmp_path,
        env=programs.environment(tmp_path) | {"TMPDIR": str(temporary)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    while not list(temporary.rglob("log.txt")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "train: interrupted"
    assert list(temporary.iterdir()) == []
