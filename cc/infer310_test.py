"""Black-box tests of infer310."""

import hashlib
import json
import os
import pathlib
import re
import signal
import time

import numpy as np
import pytest
from PIL import Image

import lenet
from lenet import resources
from lenet.options import flags
from lenet.testing import programs

_PROGRAM = "//cc:infer310"
_MODEL = "python/lenet.mindir"
_OUTPUTS = ["report.json", "result_Files", "results.csv", "time_Result"]


def _infer(cwd: pathlib.Path, *arguments: str):
    return programs.run(_PROGRAM, "--threads=1", *arguments, cwd=cwd)


def _names(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _report(folder: pathlib.Path) -> dict:
    return json.loads((folder / "report.json").read_text())


def _labels() -> np.ndarray:
    path = resources.path("Data/test/t10k-labels.idx1-ubyte", repository="mnist")
    return np.fromfile(path, np.uint8)[8:]


def _write_image(path: pathlib.Path, index: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    images = resources.path("Data/test/t10k-images.idx3-ubyte", repository="mnist")
    Image.fromarray(np.fromfile(images, np.uint8)[16:].reshape(-1, 28, 28)[index]).save(path)


@pytest.fixture
def one_image(tmp_path) -> str:
    """A flag with a folder that holds the first test image, a 7, as PNG."""
    _write_image(tmp_path / "images" / "test_0_7.png")
    return f"--dataset_path={tmp_path / 'images'}"


@pytest.fixture(scope="module")
def full_run(tmp_path_factory):
    """A run with default inputs, and the folder in which it was started."""
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
    assert _names(cwd) == _OUTPUTS
    report = _report(cwd)
    assert report["images"] == 10000
    assert report["accuracy"] == pytest.approx(report["correct"] / 10000)
    assert report["engine"] == "native"
    assert report["latency_ms"]["count"] == 10000
    assert 0 < report["latency_ms"]["p50"] <= report["latency_ms"]["p99"]
    assert re.fullmatch("[0-9a-f]{64}", report["model_sha256"])
    text = (cwd / "time_Result" / "test_perform_static.txt").read_text()
    assert re.match(r"NN inference cost average time: [\d.]+ ms of infer_count 10000\n", text)


def test_each_result_has_ten_logits_that_give_the_accuracy(full_run):
    _, cwd = full_run
    labels = _labels()
    logits = np.load(cwd / "result_Files" / "results.npy")
    assert (logits.shape, logits.dtype) == ((10000, 10), "<f4")
    assert _names(cwd / "result_Files") == ["results.npy"]
    assert _report(cwd)["correct"] == (logits.argmax(1) == labels).sum()


def test_a_folder_of_images_gives_the_logits_of_the_idx_file(full_run, tmp_path):
    _, full = full_run
    labels = _labels()[:5]
    for index, label in enumerate(labels):
        _write_image(tmp_path / "in" / f"test_{index}_{label}.png", index)
    arguments = ["--dataset_path=in", "--result_path=a/out", "--result_format=files"]
    result = _infer(tmp_path, *arguments)
    assert result.returncode == 0, result.stderr
    assert len(_names(tmp_path / "a" / "out")) == 5
    names = [f"test_{index}_{label}.bin" for index, label in enumerate(labels)]
    logits = np.stack([np.fromfile(tmp_path / "a" / "out" / name, "<f4") for name in names])
    expected = np.load(full / "result_Files" / "results.npy")[:5]
    np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_digits_of_ones_own_pictures(tmp_path):
    _write_image(tmp_path / "in" / "mine.png")
    _write_image(tmp_path / "in" / os.fsdecode(b"b\xe9.PNG"), 1)
    (tmp_path / "in" / "bro\nken.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "in" / "._mine.png").write_bytes(b"\0\5\x16\7")
    (tmp_path / "in" / "notes.txt").write_text("hello")
    result = _infer(tmp_path, "--dataset_path=in", "--batch_size=1")
    assert result.returncode == 2, result.stderr
    assert re.search(r"^    7 +[01]\.\d{4}  mine\.png$", result.stdout, re.MULTILINE)
    assert "Accuracy" not in result.stdout
    for text in ("in/bro ken.jpg: ", "skipped: 1;", "1 of 3 images could not be read"):
        assert text in result.stderr
    assert np.load(tmp_path / "result_Files" / "results.npy").shape == (2, 10)
    rows = (tmp_path / "results.csv").read_bytes().splitlines()
    assert rows[0] == b"file,digit,probability"
    assert rows[1].startswith(b"b\xe9.PNG,2,")
    assert len(_report(tmp_path)["answers"]) == 2
    result = _infer(tmp_path, "--strict", "--dataset_path=in", "--result_path=strict/out")
    assert (result.returncode, _names(tmp_path)) == (2, ["in", *_OUTPUTS])
    assert "error: " in result.stderr.splitlines()[-1]
    assert "in/bro ken.jpg: " in result.stderr.splitlines()[-1]


def test_a_photo_on_light_paper_needs_the_preparation_of_predict(tmp_path):
    _write_image(tmp_path / "photo.png")
    digit = Image.open(tmp_path / "photo.png").resize((60, 60))
    photo = Image.new("L", (200, 300), 230)
    photo.paste(50, (20, 30), digit)
    photo.save(tmp_path / "photo.png")
    result = _infer(tmp_path, "--dataset_path=photo.png")
    assert "light paper" in result.stderr
    assert "--prepare=predict" in result.stderr
    flags = ("--dataset_path=.", "--prepare=predict")
    two = Image.new("L", (300, 300), 230)
    two.paste(50, (40, 90), digit)
    two.paste(50, (180, 90), digit)
    two.save(tmp_path / "two.png")
    result = _infer(tmp_path, *flags)
    assert result.returncode == 2
    assert "two.png: 2 digits in one picture, expected one" in result.stderr
    assert re.search(r"^    7 +[01]\.\d{4}  photo\.png$", result.stdout, re.MULTILINE)
    assert "light paper" not in result.stderr


def test_earlier_results_are_replaced_and_flags_override_the_configuration_file(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "infer310: {limit: 3, result_format: files}\ntrain: {epoch_size: 2}\n"
    )
    for arguments, count in (([], 3), (["--limit=2"], 2)):
        result = _infer(tmp_path, "--config_path=mine.yaml", *arguments)
        assert len(_names(tmp_path / "result_Files")) == count, result.stderr
        assert _names(tmp_path) == ["mine.yaml", *_OUTPUTS]


def test_flagfile(tmp_path):
    (tmp_path / "flags.txt").write_text("--limit=2\n")
    result = _infer(tmp_path, f"--flagfile={tmp_path}/flags.txt")
    assert "Images: 2 " in result.stdout, result.stderr


@pytest.mark.parametrize("flag", ["--help", "-help", "-h", "--helpshort", "--helpfull"])
def test_help(flag, tmp_path):
    result = programs.run(_PROGRAM, "--no_such_flag", flag, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == flags.help_text("infer310") + "\n"


def test_version(tmp_path):
    result = programs.run(_PROGRAM, "--version", cwd=tmp_path)
    expected = f"infer310 (lenet_mindspore {lenet.__version__})\n"
    assert (result.returncode, result.stdout) == (0, expected)


# Each row: the arguments, the exit code, the texts in stderr.
_REFUSED = {
    "unknown flag": (["--batchsize=1"], 2, ["--batchsize; did you mean --batch_size?"]),
    "flag of other programs": (
        ["--om=a.om"],
        2,
        ["unknown flag --om; did you mean --mindir_path?"],
    ),
    "stray argument": (["model.mindir"], 2, ["'model.mindir'"]),
    "no value": (["--limit"], 2, ["'limit'"]),
    "wrong type": (["--limit=many"], 2, ["'limit'", "'many'"]),
    "out of range": (["--batch_size=0"], 2, ["batch_size", "at least 1"]),
    "unknown device": (["--device_target=GPU"], 2, ["auto, Ascend310, Ascend, CPU"]),
    "unknown engine": (["--engine=gpu"], 2, ["'gpu'", "auto, native, lite, acl"]),
    "no truth value": (["--self_test=perhaps"], 2, ["self_test", "'perhaps'"]),
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
    _check_refused(tmp_path, [one_image, *arguments], code, messages)


def test_an_om_needs_an_ascend(tmp_path, one_image):
    (tmp_path / "a.om").write_bytes(b"IMOD")
    arguments = ["--mindir_path=a.om", one_image]
    _check_refused(tmp_path, arguments, 3, ["/dev/davinci0", "libascendcl.so", "set_env.sh"])
    _check_refused(tmp_path, [*arguments, "--device_target=CPU"], 2, ["a.om", "MindIR"])


def test_json_instead_of_text(tmp_path, one_image):
    result = _infer(tmp_path, "--json", one_image)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report == _report(tmp_path)
    assert report["preprocessing"] == "CPU"
    assert (report["decoded_on_host"], report["decoded_on_device"]) == (1, 0)
    assert report["soc_name"] == ""
    assert report["pipelined"] is False


def test_probe_reports_the_first_failing_step_as_text_and_as_json(tmp_path, monkeypatch):
    cwd, devices = tmp_path / "cwd", tmp_path / "devices"
    cwd.mkdir()
    devices.mkdir()
    monkeypatch.setenv("LENET_ASCEND_DEVICES", str(devices))
    result = _infer(cwd, "--probe")
    assert result.returncode == 3
    assert result.stderr == ""
    assert re.search(r"^device nodes +FAILED +no \S+/davinci0", result.stdout, re.MULTILINE)
    assert "cannot be used (no-device)" in result.stdout
    assert "Remedy: install the Ascend driver" in result.stdout
    for node in ("davinci0", "davinci_manager", "devmm_svm", "hisi_hdc"):
        (devices / node).touch()
    result = _infer(cwd, "--probe", "--json")
    assert result.returncode == 3
    found = json.loads(result.stdout)
    assert found["usable"] is False
    assert found["failure"] == "no-library"
    assert "libascendcl.so" in found["reason"]
    assert "set_env.sh" in found["hint"]
    results = [step["result"] for step in found["steps"]]
    assert results == ["ok", "failed"] + ["not done"] * 6
    assert _names(cwd) == []


def test_auto_warns_about_an_ascend_that_cannot_be_used(tmp_path, one_image, monkeypatch):
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "davinci0").touch()
    monkeypatch.setenv("LENET_ASCEND_DEVICES", str(tmp_path / "devices"))
    result = _infer(tmp_path, one_image)
    assert result.returncode == 0, result.stderr
    warning, engine = result.stderr.splitlines()
    assert warning.startswith("infer310: warning: there is an Ascend, but it cannot be used: ")
    assert "davinci_manager" in warning
    assert "libascendcl.so" in warning
    assert engine == "infer310: engine native on CPU (--device_target=auto)"
    result = _infer(tmp_path, one_image, "--device_target=CPU")
    assert result.stderr == "infer310: engine native on CPU\n"


# Each row: the name and content of a file, the arguments, the texts in stderr.
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
        ["a.yaml", "'limitt'", "limit"],
    ),
    "ill-typed key": ("a.yaml", b"limit: many", ["--config_path=a.yaml"], ["a.yaml", "'many'"]),
    "size from a file": (
        "a.yaml",
        b"image: {image_height: 40}",
        ["--config_path=a.yaml"],
        ["are 40x32", "a.yaml sets image_height"],
    ),
    "file as results": ("file", b"", ["--result_path=file"], ["file"]),
    "results below a file": ("file", b"", ["--result_path=file/out"], ["file"]),
    "other's folder": ("mine/thesis.txt", b"", ["--result_path=mine"], ["thesis.txt"]),
}


@pytest.mark.parametrize("row", _BAD_FILES)
def test_bad_files(row, tmp_path, one_image):
    name, content, arguments, messages = _BAD_FILES[row]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    _check_refused(tmp_path, [one_image, *arguments], 2, messages)


@pytest.mark.parametrize("engine", ["native", "lite"])
def test_truncated_model(engine, tmp_path, one_image):
    model = resources.path(_MODEL).read_bytes()
    for size in (100, len(model) // 2, len(model) - 1):
        (tmp_path / "a.mindir").write_bytes(model[:size])
        arguments = ["--mindir_path=a.mindir", one_image, f"--engine={engine}"]
        _check_refused(tmp_path, arguments, 2, ["a.mindir", "MindIR"])


@pytest.mark.parametrize(
    ("engine", "message"),
    [("native", "its operators give [1, 10]"), ("lite", "two or more classes C, found input [1,")],
)
def test_model_with_a_wrong_output(engine, message, tmp_path, one_image):
    # Changes the shape of a float32 tensor (dims and data_type in protobuf) from [1, 10] to [1, 1].
    model = resources.path(_MODEL).read_bytes()
    ten, one = b"\x08\x01\x08\x0a\x10\x01", b"\x08\x01\x08\x01\x10\x01"
    assert ten in model
    (tmp_path / "a.mindir").write_bytes(model.replace(ten, one))
    arguments = ["--mindir_path=a.mindir", one_image, f"--engine={engine}"]
    _check_refused(tmp_path, arguments, 2, ["a.mindir", message])


# The networks of cc/engine/graph/golden.py with 28x28 pixels: batch normalisation and 26 classes;
# average pools, tanh and an open batch; an argmax at the end.
@pytest.mark.parametrize(
    ("name", "batch", "classes", "engine"),
    [
        ("normalised_2", 2, 26, "native"),
        ("classes_5", 5, 12, "native"),
        ("tanh_3", 3, 10, "native"),
        ("branches_2", 2, 27, "lite"),
    ],
)
def test_other_networks_give_mindspores_answers(name, batch, classes, engine, tmp_path):
    model = resources.path(f"cc/engine/graph/golden/{name}.mindir")
    values = np.fromfile(model.with_suffix(".bin"), "<f4")
    images, expected = np.split(values, [batch * 28 * 28])
    (tmp_path / "in").mkdir()
    for i, image in enumerate(images.reshape(batch, -1)):
        image.tofile(tmp_path / "in" / f"image{i}.bin")
    flags = [f"--batch_size={batch}", "--image_height=28", "--image_width=28"]
    flags += [f"--engine={engine}", f"--mindir_path={model}"]
    result = _infer(tmp_path, "--dataset_path=in", *flags)
    assert result.returncode == 0, result.stderr
    found = np.load(tmp_path / "result_Files" / "results.npy")
    np.testing.assert_allclose(found, expected.reshape(batch, classes), atol=1e-4)
    assert _report(tmp_path)["model_sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()


def test_an_unknown_operator_is_named(tmp_path, one_image):
    model = resources.path(_MODEL).read_bytes()
    assert b"\x12\x04ReLU" in model
    (tmp_path / "a.mindir").write_bytes(model.replace(b"\x12\x04ReLU", b"\x12\x04TopK"))
    arguments = ["--mindir_path=a.mindir", one_image]
    messages = ["a.mindir: node 'LeNet5:CNode_3:3'", "'TopK' is not implemented", "--engine=lite"]
    _check_refused(tmp_path, arguments, 2, messages)


def test_engine_lite_is_a_plug_in(tmp_path):
    result = _infer(tmp_path, "--engine=lite", "--limit=20")
    assert result.returncode == 0, result.stderr
    assert "engine lite on CPU" in result.stderr
    assert _report(tmp_path)["engine"] == "lite"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_files(sent, tmp_path):
    (tmp_path / "result_Files").mkdir()
    (tmp_path / "result_Files" / "earlier.bin").write_bytes(b"earlier")
    process = programs.start(_PROGRAM, "--threads=1", "--result_format=files", cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".result_Files.partial-*/*/*.bin")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(sent)
    _, stderr = process.communicate(timeout=200)
    assert process.returncode == 128 + sent
    assert stderr.splitlines()[-1] == "infer310: interrupted"
    assert _names(tmp_path) == ["result_Files"]
    assert _names(tmp_path / "result_Files") == ["earlier.bin"]


def _check_refused(cwd: pathlib.Path, arguments: list[str], code: int, messages: list[str]) -> None:
    """Checks the exit code, one line on stderr with `messages`, no stdout and no new files."""
    before = _names(cwd)
    result = _infer(cwd, *arguments)
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    errors = [line for line in result.stderr.splitlines() if "infer310: engine " not in line]
    assert len(errors) == 1, result.stderr
    assert errors[0].startswith("infer310: error: ")
    for message in messages:
        assert message in errors[0]
    assert _names(cwd) == before
