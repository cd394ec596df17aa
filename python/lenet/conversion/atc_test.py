import dataclasses
from pathlib import Path

import pytest

from lenet.conversion import atc, cann
from lenet.errors import LenetError

_ONNX = atc.Task(
    model=Path("/in/lenet.onnx"),
    output=Path("/out/lenet"),
    soc_version="Ascend310",
    input_name="x",
    batch=1,
    height=32,
    width=32,
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            "atc --framework=5 --model=lenet.onnx --output=lenet --soc_version=Ascend310 "
            "--input_format=NCHW --input_shape=x:1,1,32,32 --output_type=FP32",
        ),
        (
            {"gears": (1, 8, 16), "aipp": Path("/etc/aipp.cfg")},
            "atc --framework=5 --model=lenet.onnx --output=lenet --soc_version=Ascend310 "
            "--input_format=NCHW --input_shape=x:-1,1,32,32 --output_type=FP32 "
            "--dynamic_batch_size=1,8,16 --insert_op_conf=aipp.cfg",
        ),
        (
            {"model": Path("my lenet.air")},
            "atc --framework=1 '--model=my lenet.air' --output=lenet --soc_version=Ascend310",
        ),
    ],
)
def test_command_line(changes, expected):
    assert atc.command_line(dataclasses.replace(_ONNX, **changes)) == expected


def _run(tmp_path, script):
    program = tmp_path / "atc"
    program.write_text(f"#!/usr/bin/env bash\n{script}\n")
    program.chmod(0o755)
    for name in ("out", "work"):
        (tmp_path / name).mkdir()
    task = dataclasses.replace(_ONNX, output=tmp_path / "out" / "model")
    return atc.run(cann.Atc(program, tmp_path), task, tmp_path / "work")


@pytest.mark.parametrize("name", ["model.om", "model_linux_x86_64.om"])
def test_result(tmp_path, name):
    script = f'mkdir kernel_meta; echo "$@" > args; echo OM > "{tmp_path}/out/{name}"'
    assert _run(tmp_path, script) == tmp_path / "out" / name
    assert (tmp_path / "work" / "kernel_meta").is_dir()
    arguments = (tmp_path / "work" / "args").read_text()
    assert f"--output={tmp_path}/out/model " in arguments


def test_failure_reports_the_end_of_the_output(tmp_path):
    with pytest.raises(LenetError) as error:
        _run(tmp_path, "seq 1 100; echo E10001: bad flag >&2; exit 3")
    assert error.value.exit_code == 1
    text = str(error.value)
    assert "exit code 3" in text and text.endswith("\n100\nE10001: bad flag")
    assert "\n77\n" in text and "\n76\n" not in text


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo done", "no OM; its last lines:\ndone"),
        ("touch {}/out/model.om", "an empty OM"),
    ],
)
def test_success_without_result_is_a_failure(tmp_path, script, message):
    with pytest.raises(LenetError, match=message):
        _run(tmp_path, script.format(tmp_path))
