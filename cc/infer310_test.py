"""Black-box tests of infer310: what a user sees, good input and bad."""

import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml
from PIL import Image
from runfiles import Runfiles

from lenet.testing import programs

_PROGRAM = "//cc:infer310"
_IMAGES = "mnist/Data/test/t10k-images.idx3-ubyte"
_LABELS = "mnist/Data/test/t10k-labels.idx1-ubyte"
_MODEL = "lenet_mindspore/python/lenet.mindir"
_CONFIG = "lenet_mindspore/configs/default_config.yaml"
_SECTIONS = ("device", "image", "infer310")


def _runfile(path: str) -> str:
    found = Runfiles.Create().Rlocation(path)
    assert found and pathlib.Path(found).exists(), path
    return found


def _infer(cwd: pathlib.Path, *arguments: str):
    return programs.run(_PROGRAM, "--threads=1", *arguments, cwd=cwd)


def _names(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _test_images() -> np.ndarray:
    raw = np.fromfile(_runfile(_IMAGES), np.uint8)
    return raw[16:].reshape(-1, 28, 28)


def _write_image(path: pathlib.Path, index: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(_test_images()[index]).save(path)


@pytest.fixture
def one_image(tmp_path) -> pathlib.Path:
    """A folder with the first test image, a 7, as PNG."""
    _write_image(tmp_path / "images" / "test_0_7.png")
    return tmp_path / "images"


@pytest.fixture(scope="module")
def full_run(tmp_path_factory):
    """The run without arguments (but one for its speed), and where it was started."""
    cwd = tmp_path_factory.mktemp("full")
    return programs.run(_PROGRAM, "--threads=2", cwd=cwd), cwd


def test_without_arguments_it_classifies_all_of_mnist(full_run):
    result, cwd = full_run
    assert result.returncode == 0, result.stderr
    accuracy = re.search(r"Accuracy: \{'Accuracy':(0\.\d{4})\}", result.stdout)
    assert accuracy, result.stdout
    assert float(accuracy[1]) > 0.9842
    assert "Images: 10000" in result.stdout
    assert re.search(r"p50 \S+ ms, p90 \S+ ms, p99 \S+ ms", result.stdout)
    assert re.search(r"Throughput: \d+ images/s", result.stdout)
    assert "engine native on CPU" in result.stderr
    assert _names(cwd) == ["report.json", "result_Files", "time_Result"]


def test_each_result_holds_ten_logits_that_give_the_accuracy(full_run):
    _, cwd = full_run
    labels = np.fromfile(_runfile(_LABELS), np.uint8)[8:]
    right = 0
    for index, label in enumerate(labels):
        data = (cwd / "result_Files" / f"test_{index}_{label}.bin").read_bytes()
        logits = struct.unpack("<10f", data)
        right += int(np.argmax(logits)) == label
    assert len(_names(cwd / "result_Files")) == len(labels)
    assert json.loads((cwd / "report.json").read_text())["correct"] == right


def test_report_and_performance_files(full_run):
    _, cwd = full_run
    report = json.loads((cwd / "report.json").read_text())
    assert report["images"] == 10000
    assert report["accuracy"] == pytest.approx(report["correct"] / 10000)
    assert report["engine"] == "native"
    assert report["latency_ms"]["count"] == 10000
    assert 0 < report["latency_ms"]["p50"] <= report["latency_ms"]["p99"]
    assert re.fullmatch("[0-9a-f]{64}", report["model_sha256"])
    text = (cwd / "time_Result" / "test_perform_static.txt").read_text()
    assert re.match(r"NN inference cost average time: [\d.]+ ms of infer_count 10000\n", text)


def test_a_folder_of_images_gives_the_logits_of_the_idx_file(full_run, tmp_path):
    _, full = full_run
    labels = np.fromfile(_runfile(_LABELS), np.uint8)[8:]
    for index in range(5):
        _write_image(tmp_path / "in" / f"test_{index}_{labels[index]}.png", index)
    result = _infer(tmp_path, "--dataset_path=in", "--result_path=a/out")
    assert result.returncode == 0, result.stderr
    assert len(_names(tmp_path / "a" / "out")) == 5
    for path in (tmp_path / "a" / "out").iterdir():
        expected = np.fromfile(full / "result_Files" / path.name, "<f4")
        np.testing.assert_allclose(np.fromfile(path, "<f4"), expected, atol=1e-5)


def test_images_without_labels_are_said_to_have_none(tmp_path):
    _write_image(tmp_path / "in" / "mine.png")
    result = _infer(tmp_path, "--dataset_path=in")
    assert result.returncode == 0, result.stderr
    assert "Accuracy: unknown" in result.stdout
    assert _names(tmp_path / "result_Files") == ["mine.bin"]


def test_limit_and_configuration_file(tmp_path):
    (tmp_path / "mine.yaml").write_text("infer310: {limit: 3}\ntrain: {epoch_size: 2}\n")
    result = _infer(tmp_path, "--config_path=mine.yaml", "--result_path=file")
    assert len(_names(tmp_path / "file")) == 3, result.stderr
    result = _infer(tmp_path, "--config_path=mine.yaml", "--limit=2", "--result_path=flag")
    assert len(_names(tmp_path / "flag")) == 2, result.stderr


def test_earlier_results_are_replaced(tmp_path):
    assert _infer(tmp_path, "--limit=3").returncode == 0
    assert _infer(tmp_path, "--limit=1").returncode == 0
    assert len(_names(tmp_path / "result_Files")) == 1
    assert _names(tmp_path) == ["report.json", "result_Files", "time_Result"]


def test_help_shows_a_flag_for_each_key_and_no_other(tmp_path):
    result = programs.run(_PROGRAM, "--help", cwd=tmp_path)
    assert result.returncode == 0
    assert result.stderr == ""
    flags = re.findall(r"^  --(?:\[no\])?(\w+)$", result.stdout, re.MULTILINE)
    with open(_runfile(_CONFIG), encoding="utf-8") as file:
        config = yaml.safe_load(file)
    keys = [key for section in _SECTIONS for key in config[section]]
    assert sorted(flags) == sorted([*keys, "config_path"])
    text = " ".join(result.stdout.split())
    for section in _SECTIONS:
        for key, value in config[section].items():
            shown = "empty" if value == "" else str(value)
            name = rf"--\[no\]{key}" if isinstance(value, bool) else f"--{key}"
            shown = shown.lower() if isinstance(value, bool) else shown
            assert re.search(rf"{name} [^-]*?default: {shown}\)", text), key


# Each row: the arguments (in a folder with images/), the exit code, what stderr must name.
_REFUSED = {
    "unknown flag": (["--batchsize=1"], 2, ["--batchsize", "did you mean 'batch_size'?"]),
    "stray argument": (["model.mindir"], 2, ["'model.mindir'"]),
    "no value": (["--limit"], 2, ["--limit"]),
    "wrong type": (["--limit=many"], 2, ["limit", "whole number", "'many'"]),
    "out of range": (["--batch_size=0"], 2, ["batch_size", "at least 1"]),
    "unknown device": (["--device_target=GPU"], 2, ["auto, Ascend310, CPU"]),
    "unknown engine": (["--engine=gpu"], 2, ["'gpu'", "auto, native, lite, acl"]),
    "no truth value": (["--self_test=perhaps"], 2, ["self_test", "true or false", "'perhaps'"]),
    "MindIR for acl": (["--engine=acl"], 2, ["lenet.mindir", "//tools:to_om"]),
    "OM for native": (["--engine=native", "--mindir_path=a.om"], 2, ["a.om", "--engine=acl"]),
    "AIPP on a CPU": (["--device_target=CPU", "--aipp_path=a.cfg"], 2, ["aipp_path"]),
    "AIPP on a CPU, lite": (
        ["--engine=lite", "--device_target=CPU", "--aipp_path=a.cfg"],
        2,
        ["aipp_path"],
    ),
    "native on Ascend310": (
        ["--engine=native", "--device_target=Ascend310"],
        3,
        ["native", "--device_target=CPU", "--engine=lite"],
    ),
    "lite on Ascend310": (
        ["--engine=lite", "--device_target=Ascend310"],
        3,
        ["/dev/davinci0", "libascendcl.so", "--device_target=CPU"],
    ),
    "wrong batch": (["--batch_size=4"], 2, ["batches of 1", "--batch_size is 4"]),
    "wrong size": (["--image_height=40"], 2, ["32x32", "40x32"]),
    "no model": (["--mindir_path=no.mindir"], 2, ["no.mindir"]),
    "no images": (["--dataset_path=nothing"], 2, ["nothing"]),
    "no configuration": (["--config_path=no.yaml"], 2, ["no.yaml"]),
    "Ascend310": (
        ["--device_target=Ascend310"],
        3,
        ["/dev/davinci0", "libascendcl.so", "--device_target=CPU"],
    ),
    "DVPP": (["--cpu_dvpp=DVPP"], 3, ["--cpu_dvpp=CPU", "/dev/davinci0"]),
    "DVPP on the CPU": (["--cpu_dvpp=DVPP", "--device_target=CPU"], 2, ["device_target is CPU"]),
    "unknown decoder": (["--cpu_dvpp=GPU"], 2, ["cpu_dvpp", "CPU, DVPP", "'GPU'"]),
}


@pytest.mark.parametrize("row", _REFUSED)
def test_bad_arguments(row, tmp_path, one_image):
    arguments, code, messages = _REFUSED[row]
    _check_refused(tmp_path, [f"--dataset_path={one_image}", *arguments], code, messages)


def test_an_om_needs_an_ascend(tmp_path, one_image):
    (tmp_path / "a.om").write_bytes(b"IMOD")
    arguments = ["--mindir_path=a.om", f"--dataset_path={one_image}"]
    _check_refused(tmp_path, arguments, 3, ["/dev/davinci0", "libascendcl.so", "set_env.sh"])
    _check_refused(tmp_path, [*arguments, "--device_target=CPU"], 2, ["a.om", "MindIR"])


def test_json_instead_of_text(tmp_path, one_image):
    result = _infer(tmp_path, "--json", f"--dataset_path={one_image}")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report == json.loads((tmp_path / "report.json").read_text())
    assert report["preprocessing"] == "CPU"
    assert (report["decoded_on_host"], report["decoded_on_device"]) == (1, 0)
    assert report["soc_name"] == ""
    assert report["pipelined"] is False


def _run_with_devices(folder: pathlib.Path, *arguments: str, cwd: pathlib.Path):
    """With the nodes of Ascend cards looked for in `folder`."""
    return subprocess.run(
        [programs.path(_PROGRAM), *arguments],
        cwd=cwd,
        env=programs.environment(cwd) | {"LENET_ASCEND_DEVICES": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_probe_says_what_is_missing(tmp_path):
    """As text and as JSON, on stdout; step by step, up to the first that fails."""
    cwd, devices = tmp_path / "cwd", tmp_path / "devices"
    cwd.mkdir()
    devices.mkdir()
    result = _run_with_devices(devices, "--probe", cwd=cwd)
    assert result.returncode == 3
    assert result.stderr == ""
    assert re.search(r"^device nodes +FAILED +no \S+/davinci0", result.stdout, re.MULTILINE)
    assert "cannot be used (no-device)" in result.stdout
    assert "Remedy: install the Ascend driver" in result.stdout
    for node in ("davinci0", "davinci_manager", "devmm_svm", "hisi_hdc"):
        (devices / node).touch()
    result = _run_with_devices(devices, "--probe", "--json", cwd=cwd)
    assert result.returncode == 3
    found = json.loads(result.stdout)
    assert found["usable"] is False
    assert found["failure"] == "no-library"
    assert "libascendcl.so" in found["reason"]
    assert "set_env.sh" in found["hint"]
    results = [step["result"] for step in found["steps"]]
    assert results == ["ok", "failed"] + ["not done"] * 5
    assert _names(cwd) == []


def test_an_ascend_that_cannot_be_used_is_said(tmp_path, one_image):
    """Under auto only, and only if there is one."""
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "davinci0").touch()
    arguments = ["--threads=1", f"--dataset_path={one_image}"]
    result = _run_with_devices(tmp_path / "devices", *arguments, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    warning, engine = result.stderr.splitlines()
    assert warning.startswith("infer310: warning: there is an Ascend, but it cannot be used: ")
    assert "davinci_manager" in warning and "libascendcl.so" in warning
    assert engine == "infer310: engine native on CPU (--device_target=auto)"
    result = _run_with_devices(
        tmp_path / "devices", *arguments, "--device_target=CPU", cwd=tmp_path
    )
    assert result.stderr == "infer310: engine native on CPU\n"


# Each row: the name and content of a file to write, the arguments, what stderr must name.
_BAD_FILES = {
    "empty folder": ("in/.hidden", b"", ["--dataset_path=in"], ["in"]),
    "0-byte JPEG": ("in/test_0_7.jpg", b"", ["--dataset_path=in"], ["test_0_7.jpg"]),
    "text named .jpg": ("in/a.jpg", b"hello, world", ["--dataset_path=in"], ["a.jpg"]),
    "short tensor": ("in/a.bin", b"1234", ["--dataset_path=in"], ["a.bin", "4096"]),
    "wrong magic": ("images.idx3-ubyte", b"\0" * 99, ["--dataset_path=images.idx3-ubyte"], []),
    "no MindIR": ("a.mindir", b"hello, world", ["--mindir_path=a.mindir"], ["expected a MindIR"]),
    "empty model": ("a.mindir", b"", ["--mindir_path=a.mindir"], ["expected a MindIR"]),
    "bad YAML": ("a.yaml", b"limit: [", ["--config_path=a.yaml"], ["a.yaml", "YAML"]),
    "unknown key": (
        "a.yaml",
        b"infer310: {limitt: 1}",
        ["--config_path=a.yaml"],
        ["a.yaml", "'limitt'", "'limit'"],
    ),
    "ill-typed key": ("a.yaml", b"limit: many", ["--config_path=a.yaml"], ["a.yaml", "'many'"]),
    "file as results": ("file", b"", ["--result_path=file"], ["file"]),
    "results below a file": ("file", b"", ["--result_path=file/out"], ["file"]),
    "other's folder": ("mine/thesis.txt", b"", ["--result_path=mine"], ["thesis.txt"]),
}


@pytest.mark.parametrize("row", _BAD_FILES)
def test_bad_files(row, tmp_path, one_image):
    name, content, arguments, messages = _BAD_FILES[row]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    _check_refused(tmp_path, [f"--dataset_path={one_image}", *arguments], 2, messages)


@pytest.mark.parametrize("engine", ["native", "lite"])
def test_truncated_model(engine, tmp_path, one_image):
    model = pathlib.Path(_runfile(_MODEL)).read_bytes()
    for size in (100, len(model) // 2, len(model) - 1):
        (tmp_path / "a.mindir").write_bytes(model[:size])
        arguments = ["--mindir_path=a.mindir", f"--dataset_path={one_image}", f"--engine={engine}"]
        _check_refused(tmp_path, arguments, 2, ["a.mindir", "MindIR"])


@pytest.mark.parametrize("engine", ["native", "lite"])
def test_model_of_another_network(engine, tmp_path, one_image):
    # The shape [1, 10] of a float32 tensor becomes [1, 7]: dims and data_type as protobuf.
    model = pathlib.Path(_runfile(_MODEL)).read_bytes()
    ten, seven = b"\x08\x01\x08\x0a\x10\x01", b"\x08\x01\x08\x07\x10\x01"
    assert ten in model
    (tmp_path / "a.mindir").write_bytes(model.replace(ten, seven))
    arguments = ["--mindir_path=a.mindir", f"--dataset_path={one_image}", f"--engine={engine}"]
    messages = ["a.mindir", "output [N, 10]", "[1, 1, 32, 32] and output [1, 7]"]
    _check_refused(tmp_path, arguments, 2, messages)


def test_an_operator_that_is_not_there_is_named(tmp_path, one_image):
    model = pathlib.Path(_runfile(_MODEL)).read_bytes()
    assert b"\x12\x04ReLU" in model
    (tmp_path / "a.mindir").write_bytes(model.replace(b"\x12\x04ReLU", b"\x12\x04GeLU"))
    arguments = ["--mindir_path=a.mindir", f"--dataset_path={one_image}"]
    messages = ["a.mindir: node 'LeNet5:CNode_3:3'", "'GeLU' is not implemented", "MaxPool, ReLU"]
    _check_refused(tmp_path, arguments, 2, messages)


def test_engine_lite_is_a_plug_in(tmp_path):
    result = _infer(tmp_path, "--engine=lite", "--limit=20")
    assert result.returncode == 0, result.stderr
    assert "engine lite on CPU" in result.stderr
    assert json.loads((tmp_path / "report.json").read_text())["engine"] == "lite"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The program alone in a folder, as one would copy it to a board."""
    folder = tmp_path_factory.mktemp("installed")
    return pathlib.Path(shutil.copy(programs.path(_PROGRAM), folder / "infer310"))


def _run_installed(program: pathlib.Path, *arguments: str, cwd: pathlib.Path):
    """Without the variables by which a program finds its runfiles."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RUNFILES")}
    return subprocess.run(
        [program, f"--mindir_path={_runfile(_MODEL)}", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_program_alone_needs_neither_mindspore_nor_lite(installed, tmp_path, one_image):
    libraries = subprocess.check_output(["ldd", installed], text=True)
    assert not re.search("mindspore|dnnl|opencv|mslite", libraries), libraries
    assert "not found" not in libraries
    if "libasan" not in libraries:  # a sanitizer's checks treble the size
        stripped = tmp_path / "stripped"
        subprocess.check_call(["strip", "-o", stripped, installed])
        assert stripped.stat().st_size < 5_000_000
    result = _run_installed(installed, f"--dataset_path={one_image}", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "engine native on CPU" in result.stderr


def test_a_missing_plug_in_is_said(installed, tmp_path, one_image):
    before = _names(tmp_path)
    result = _run_installed(installed, "--engine=lite", f"--dataset_path={one_image}", cwd=tmp_path)
    assert result.returncode == 3, result.stderr
    assert "infer310_lite.so" in result.stderr and "--engine=native" in result.stderr
    assert _names(tmp_path) == before


# What a process is charged with includes what its parent had, so the parent is a small one.
_PEAK_MEMORY = """
import os, sys
pid = os.fork()
if pid == 0:
    os.dup2(2, 1)
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
assert status == 0
print(usage.ru_maxrss)
"""


def test_memory_for_one_image_at_a_time(installed, tmp_path, one_image):
    arguments = ["--threads=1", f"--mindir_path={_runfile(_MODEL)}", f"--dataset_path={one_image}"]
    command = [sys.executable, "-S", "-c", _PEAK_MEMORY, installed, *arguments]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    # AddressSanitizer keeps books of its own.
    sanitized = b"__asan_init" in installed.read_bytes()
    assert int(result.stdout) < (400_000 if sanitized else 40_000)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_debris(sent, tmp_path):
    (tmp_path / "result_Files").mkdir()
    (tmp_path / "result_Files" / "earlier.bin").write_bytes(b"earlier")
    process = programs.start(_PROGRAM, "--threads=1", cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".result_Files.partial-*/*.bin")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(sent)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + sent
    assert stderr.splitlines()[-1] == "infer310: interrupted"
    assert _names(tmp_path) == ["result_Files"]
    assert _names(tmp_path / "result_Files") == ["earlier.bin"]


def _check_refused(cwd: pathlib.Path, arguments: list[str], code: int, messages: list[str]) -> None:
    """One line on stderr that names what is wrong, nothing on stdout, nothing written."""
    before = _names(cwd)
    result = _infer(cwd, *arguments)
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    errors = [line for line in result.stderr.splitlines() if "infer310: engine " not in line]
    assert len(errors) == 1 and errors[0].startswith("infer310: error: "), result.stderr
    for message in messages:
        assert message in errors[0]
    assert _names(cwd) == before
