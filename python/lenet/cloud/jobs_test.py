"""Runs the built programs as ModelArts jobs with an S3 server."""

import json
import signal
import subprocess

import pytest

from lenet.testing import mnist, object_storage, programs
from lenet.training import run_folder


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with object_storage.Server() as server:
        server.put_folder(mnist.write_idx(tmp_path_factory.mktemp("Data")), "data")
        yield server


@pytest.fixture
def server(running, monkeypatch):
    running.fail([])
    for variable, value in running.environment().items():
        monkeypatch.setenv(variable, value)
    return running


def run(program, cwd, *arguments):
    return programs.run(
        program,
        "--enable_modelarts=True",
        "--data_url=s3://bucket/data/",
        f"--data_path={cwd}/cache/data",
        f"--cache_path={cwd}/cache",
        "--device_target=CPU",
        *arguments,
        cwd=cwd,
    )


def train(cwd, url, *arguments):
    return run(
        "train",
        cwd,
        "--epoch_size=30",
        "--lr=0.05",
        f"--ckpt_path={cwd}/cache/train",
        url,
        *arguments,
    )


def folder(tmp_path, name):
    """Returns a folder in place of a container."""
    path = tmp_path / name
    path.mkdir()
    return path


def test_train_eval_export_and_finetune(server, tmp_path):
    result = train(folder(tmp_path, "a"), "--train_url=s3://bucket/out/")
    assert result.returncode == 0, result.stderr
    objects = server.objects()
    assert {key for key in objects if key.startswith("out/")} == {
        f"out/{name}" for name in ("checkpoint_lenet-30_8.ckpt", *run_folder.OUTPUTS)
    }
    trained = (tmp_path / "a/cache/train/checkpoint_lenet-30_8.ckpt").read_bytes()
    assert objects["out/checkpoint_lenet-30_8.ckpt"] == trained

    cwd = folder(tmp_path, "b")
    result = run(
        "eval",
        cwd,
        "--checkpoint_url=s3://bucket/out/",
        f"--ckpt_file={cwd}/cache/train/checkpoint_lenet-30_8.ckpt",
    )
    assert result.returncode == 0, result.stderr
    assert "'Accuracy':" in result.stdout

    cwd = folder(tmp_path, "c")
    result = run(
        "export",
        cwd,
        "--checkpoint_url=s3://bucket/out/checkpoint_lenet-30_8.ckpt",
        f"--ckpt_file={cwd}/cache/checkpoint_path/checkpoint_lenet-30_8.ckpt",
        f"--file_name={cwd}/cache/train/lenet",
        "--train_url=s3://bucket/exported",
    )
    assert result.returncode == 0, result.stderr
    assert {"exported/lenet.mindir", "exported/lenet_lite.mindir"} <= server.objects().keys()

    result = train(
        folder(tmp_path, "d"),
        "--train_url=s3://bucket/finetuned",
        "--checkpoint_url=s3://bucket/out/",
        "--lr=0",  # keeps the initial weights
        "--seed=9",
    )
    assert result.returncode == 0, result.stderr
    objects = server.objects()
    before, after = (json.loads(objects[f"{name}/metrics.json"]) for name in ("out", "finetuned"))
    assert after["accuracy"] == before["accuracy"] > 0.3


def test_two_ranks_of_a_host_fetch_once_and_rank_0_sends(server, tmp_path):
    before = len(server.log())
    ranks = []
    for rank in (0, 1):
        environment = programs.environment(tmp_path) | {
            "RANK_ID": str(rank),
            "RANK_SIZE": "2",
            "JOB_ID": "two",
        }
        command = [
            *programs.command("train"),
            "--enable_modelarts=True",
            "--data_url=s3://bucket/data/",
            f"--train_url=s3://bucket/rank{rank}",
            f"--cache_path={tmp_path}/cache",
            f"--ckpt_path={tmp_path}/train{rank}",
            "--max_steps=1",
            "--device_target=CPU",
        ]
        ranks.append(subprocess.Popen(command, cwd=tmp_path, env=environment))
    assert [process.wait(200) for process in ranks] == [0, 0]
    fetched = [key for kind, key in server.log()[before:] if kind == "GET" and "ubyte" in key]
    assert len(fetched) == len(set(fetched)) == 4
    sent = {key.split("/")[0] for key in server.objects()}
    assert "rank0" in sent
    assert "rank1" not in sent


def test_two_workers_of_msrun_fetch_and_send_once(server, tmp_path, monkeypatch):
    for variable in ("DEVICE_ID", "RANK_ID", "RANK_SIZE", "JOB_ID"):
        monkeypatch.delenv(variable, raising=False)
    before = len(server.log())
    result = run(
        "train_distributed",
        tmp_path,
        "--worker_num=2",
        "--max_steps=3",
        f"--ckpt_path={tmp_path}/cache/train",
        f"--log_path={tmp_path}/logs",
        "--train_url=s3://bucket/distributed",
    )
    assert result.returncode == 0, result.stderr
    log = server.log()[before:]
    fetched = [key for kind, key in log if kind == "GET" and "ubyte" in key]
    assert len(fetched) == len(set(fetched)) == 4
    sent = sorted(key for kind, key in log if kind == "PUT")
    objects = server.objects()
    assert sent == sorted(key for key in objects if key.startswith("distributed/"))
    checkpoint, *others = sent
    assert checkpoint.endswith(".ckpt")
    assert others == [f"distributed/{name}" for name in run_folder.OUTPUTS]
    local = tmp_path / "cache/train"
    assert objects[checkpoint] == (local / checkpoint.removeprefix("distributed/")).read_bytes()
    assert 0 <= json.loads(objects["distributed/metrics.json"])["accuracy"] <= 1


def test_interrupted_training_sends_its_checkpoint(server, tmp_path):
    process = programs.start(
        "train",
        "--enable_modelarts=True",
        "--data_url=s3://bucket/data/",
        "--train_url=s3://bucket/interrupted",
        f"--cache_path={tmp_path}/cache",
        "--device_target=CPU",
        "--epoch_size=100000",
        "--log_steps=1",
        cwd=tmp_path,
    )
    line = programs.read_until(process, "loss is")
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=200)
    assert process.returncode == 130, line + rest
    assert any(key.startswith("interrupted/checkpoint_lenet-") for key in server.objects())


@pytest.mark.parametrize(
    ("changes", "url", "code", "message"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKIDWRONG"}, "s3://bucket/out", 2, "access denied"),
        (
            {"AWS_SECRET_ACCESS_KEY": "wr0ng/secret"},
            "s3://bucket/out",
            2,
            "s3://bucket/data/: access denied (SignatureDoesNotMatch)",
        ),
        ({}, "s3://none/out", 2, "the results could not be sent; they are in "),
    ],
)
def test_failure_is_one_line_with_an_exit_code(
    server, tmp_path, monkeypatch, changes, url, code, message
):
    for variable, value in changes.items():
        monkeypatch.setenv(variable, value)
    result = train(tmp_path, f"--train_url={url}")
    assert result.returncode == code
    errors = [line for line in result.stderr.splitlines() if line.startswith("train: error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert "Traceback" not in result.stderr
    for secret in (object_storage.SECRET, "wr0ng", "AKIDTEST", "AKIDWRONG"):
        assert secret not in result.stderr + result.stdout
    if not changes:
        assert (tmp_path / "cache/train/checkpoint_lenet-30_8.ckpt").exists()
