"""infer310 on the simulator with models that are invalid or unusual."""

import fcntl
import hashlib
import itertools
import json
import os
import pathlib
import sys
import termios

import numpy as np
import pytest
from PIL import Image

from cc.ascend.testing import om, simulator
from lenet import resources
from lenet.data import idx, transform
from lenet.mindir import model as mindir

_MINDIR = resources.path("python/lenet.mindir")
_TRAINED = _MINDIR.read_bytes()


@pytest.fixture
def run(tmp_path):
    """Runs infer310 in an empty folder, by default on three test images."""

    def run_model(model, *arguments, **settings) -> simulator.Run:
        flags = [f"--mindir_path={model}", "--limit=3", *arguments]
        return simulator.run(tmp_path / "cwd", *flags, **settings)

    return run_model


@pytest.fixture
def logits(run, tmp_path):
    """Runs infer310 and returns the logits."""

    numbers = itertools.count()

    def run_model(model, *arguments, **settings) -> np.ndarray:
        folder = tmp_path / f"result{next(numbers)}"
        run(model, *arguments, f"--result_path={folder}", **settings).check()
        return np.load(folder / "results.npy")

    return run_model


def _check_refused(done: simulator.Run, *texts: str, code: int = 2) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if "infer310: engine " not in line]
    assert len(errors) == 1 and errors[0].startswith("infer310: error: "), done.stderr
    for text in texts:
        assert text in errors[0]
    assert not list(done.cwd.iterdir())
    assert done.simulator.get("ok", True), done.simulator


def _write(path: pathlib.Path, content: bytes = _TRAINED, **options) -> pathlib.Path:
    path.write_bytes(om.encode(content, **options))
    return path


def _cut(size):
    return simulator.model("lenet").read_bytes()[:size]


def _damaged() -> bytes:
    content = bytearray(simulator.model("lenet").read_bytes())
    content[len(content) // 2] ^= 1
    return bytes(content)


# --- Invalid files and other networks.


@pytest.mark.parametrize(
    ("content", "text"),
    [
        *((_cut(size), "") for size in (0, 1, 7, 8, 100, 200, 50_000, -1)),
        (simulator.model("lenet_dynamic").read_bytes()[:200], ""),
        (_damaged(), "aclmdlLoadFromFile failed: 545003"),
        (b"hello, world\n" * 50, "145000 ACL_ERROR_GE_PARAM_INVALID"),
        (b"\0" * 4096, "145000 ACL_ERROR_GE_PARAM_INVALID"),
    ],
)
def test_invalid_files(run, tmp_path, content, text):
    path = tmp_path / "bad.om"
    path.write_bytes(content)
    _check_refused(run(path), "bad.om", "//tools:to_om", text)


def test_missing_file(run, tmp_path):
    _check_refused(run(tmp_path / "none.om"), "none.om")


def test_network_with_seven_classes(run, tmp_path):
    ten, seven = b"\x08\x01\x08\x0a\x10\x01", b"\x08\x01\x08\x07\x10\x01"
    assert ten in _TRAINED
    path = _write(tmp_path / "seven.om", _TRAINED.replace(ten, seven))
    _check_refused(run(path), "seven.om", "[1, 10]", "[1, 7]")


@pytest.mark.parametrize(
    ("model", "flags", "texts"),
    [
        ("lenet", ["--image_height=40"], ["32x32", "40x32"]),
        ("lenet", ["--batch_size=3"], ["batches of 1", "is 3"]),
        ("lenet_dynamic", ["--batch_size=17"], ["up to 16", "--batch_size is 17"]),
        ("lenet", ["--cpu_dvpp=DVPP"], ["lenet.om", "floats", "--aipp", "--cpu_dvpp=CPU"]),
        ("lenet_aipp", ["--cpu_dvpp=GPU"], ["cpu_dvpp", "CPU, DVPP", "GPU"]),
        ("lenet", ["--engine=native"], ["lenet.om", "--engine=acl"]),
        ("lenet", ["--engine=lite"], ["lenet.om", "--engine=acl"]),
        ("lenet", ["--device_target=CPU"], ["lenet.om", "--device_target=CPU"]),
        ("", ["--engine=acl"], ["lenet.mindir", "acl", "//tools:to_om"]),
        ("", ["--cpu_dvpp=DVPP"], ["OM", "//tools:to_om", "--cpu_dvpp=CPU"]),
    ],
)
def test_flags_that_do_not_fit_the_model(run, model, flags, texts):
    """The model "" is the MindIR."""
    _check_refused(run(simulator.model(model) if model else _MINDIR, *flags), *texts)


def test_tensors_do_not_fit_a_model_with_aipp(run, tmp_path):
    images = tmp_path / "tensors"
    images.mkdir()
    (images / "test_0_7.bin").write_bytes(np.zeros(1024, "<f4").tobytes())
    model, dataset = simulator.model("lenet_aipp"), f"--dataset_path={images}"
    _check_refused(run(model, dataset), "test_0_7.bin", "bytes")
    _check_refused(run(model, dataset, "--cpu_dvpp=DVPP"), "test_0_7.bin")


def test_model_for_another_chip(run, tmp_path):
    """Without a manifest AscendCL refuses the model."""
    path = _write(tmp_path / "p3.om", soc="Ascend310P3")
    _check_refused(run(path), "p3.om", "507008 ACL_ERROR_RT_SOC_VERSION", "--soc_version")
    run(path, soc="Ascend310P3").check()


def test_a_model_that_changes_while_it_is_loaded(tmp_path):
    """The trace is a pipe that is full after the first call, so the second one waits."""
    path, pipe = _write(tmp_path / "lenet.om"), tmp_path / "pipe"
    changed = om.encode(_with_weights(lambda weights: weights * np.float32(1.001)))
    os.mkfifo(pipe)
    trace = os.open(pipe, os.O_RDWR)
    size = fcntl.fcntl(trace, fcntl.F_SETPIPE_SZ, 4096)
    os.write(trace, bytes(size - len("#1 aclInit -> 0\n")))
    process = simulator.Process(
        tmp_path / "cwd", f"--mindir_path={path}", "--limit=1", trace=str(pipe)
    )
    while process.running() and _unread(trace) < size:
        pass
    path.write_bytes(changed)
    os.read(trace, size)
    _check_refused(process.finish(), "lenet.om: the file was changed while it was loaded")
    os.close(trace)


def _unread(descriptor: int) -> int:
    size = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
    return int.from_bytes(size, sys.byteorder)


# --- Manifests.


def _with_manifest(folder: pathlib.Path, **changes) -> pathlib.Path:
    path = _write(folder / "lenet.om")
    manifest = {
        "model_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "source": "lenet.onnx",
        "source_sha256": "1" * 64,
        "soc_version": "Ascend310",
        "atc_version": "8.0.0",
        "input_form": "float",
        "height": 32,
        "width": 32,
        "batch": [1],
        "aipp_sha256": "",
    }
    pathlib.Path(f"{path}.json").write_text(json.dumps(manifest | changes))
    return path


def test_manifest_for_another_chip(run, tmp_path):
    path = _with_manifest(tmp_path)
    done = run(path, soc="Ascend310P3")
    _check_refused(done, "Ascend310P3", "//tools:to_om", "--soc_version")
    assert "aclmdlLoadFromFile" not in done.simulator["calls"]
    run(path).check()


def test_manifest_of_another_file(run, tmp_path):
    done = run(_with_manifest(tmp_path, model_sha256="0" * 64))
    _check_refused(done, "lenet.om", "000000")
    assert not done.simulator, "the device was used before the check of the manifest"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model_sha256": 5}'])
def test_invalid_manifest(run, tmp_path, text):
    path = _write(tmp_path / "lenet.om")
    pathlib.Path(f"{path}.json").write_text(text)
    _check_refused(run(path), "lenet.om.json")


# --- The self-test.


def _with_weights(change) -> bytes:
    """Returns the trained MindIR with `change` applied to every float32 parameter."""
    model = mindir.parse(_TRAINED, "")
    for parameter in model.graph.parameter:
        weights = np.frombuffer(parameter.raw_data, "<f4").reshape(parameter.dims)
        parameter.raw_data = change(weights).astype("<f4").tobytes()
    return mindir.serialize(model)


def test_aipp_of_another_data_set(run, tmp_path):
    """The original aipp.cfg has the mean and variance of ImageNet."""
    path = tmp_path / "imagenet.om"
    _write(path, aipp="YUV400_U8", mean=124, minimum=0, reciprocal=1 / 58.4)
    _check_refused(run(path), "imagenet.om", "configs/aipp.cfg", "--self_test=false")
    run(path, "--self_test=false").check()


def test_untrained_network(run, tmp_path):
    path = _write(tmp_path / "untrained.om", _with_weights(np.zeros_like))
    _check_refused(run(path), "self-test", "--self_test=false")
    run(path, "--self_test=false").check()


def test_weights_that_are_nan(run, tmp_path):
    nan = _write(tmp_path / "nan.om", _with_weights(lambda w: np.full_like(w, np.nan)))
    _check_refused(run(nan), "self-test", "not finite", code=1)
    done = run(nan, "--self_test=false")
    assert done.returncode == 1 and "not finite" in done.stderr, done.stderr
    assert not list(done.cwd.iterdir()) and done.simulator["ok"]


# --- Unusual models.


def test_logits_in_float16(logits, tmp_path):
    expected = logits(simulator.model("lenet"), "--limit=200")
    found = logits(_write(tmp_path / "half.om", half_output=True), "--limit=200")
    np.testing.assert_array_equal(found, expected.astype(np.float16).astype(np.float32))
    assert (found != expected).any()


@pytest.mark.parametrize("run_mode", ["host", "device"])
def test_nv12_input(logits, tmp_path, run_mode):
    """YUV420SP_U8 takes the Y plane and a UV plane of half its size."""
    path = _write(tmp_path / "nv12.om", aipp="YUV420SP_U8")
    expected = logits(simulator.model("lenet"), "--limit=200")
    found = logits(path, "--limit=200")
    assert (expected.argmax(1) == found.argmax(1)).all()
    assert np.abs(found - expected).max() <= 0.05
    images = _write_jpegs(tmp_path / "images", 20)
    flags = [f"--dataset_path={images}", "--limit=0", "--cpu_dvpp=DVPP"]
    luma = logits(simulator.model("lenet_aipp"), *flags, run_mode=run_mode)
    assert luma.tobytes() == logits(path, *flags, run_mode=run_mode).tobytes()


@pytest.mark.parametrize("options", [{}, {"half_output": True, "gears": [1, 4]}])
def test_26_classes(run, tmp_path, options):
    """The weights of class c are those of digit c % 10, so the first largest logit is the same."""
    network = mindir.parse(_TRAINED, "")
    for parameter in network.graph.parameter:
        if parameter.dims[0] == 10:
            weights = np.frombuffer(parameter.raw_data, "<f4").reshape(parameter.dims)
            parameter.raw_data = np.resize(weights, (26, *weights.shape[1:])).tobytes()
            parameter.dims[0] = 26
    network.graph.output[0].tensor[0].dims[1] = 26
    path = _write(tmp_path / "letters.om", mindir.serialize(network), **options)
    batch = 4 if options else 1
    done = run(path, "--limit=200", f"--batch_size={batch}").check()
    found, correct = done.logits(), done.report["correct"]
    expected = run(simulator.model("lenet"), "--limit=200").check()
    assert found.shape == (200, 26)
    np.testing.assert_allclose(found[:, 10:20], expected.logits(), rtol=5e-4, atol=1e-4)
    assert correct == expected.report["correct"]


def test_static_batch(logits, tmp_path):
    four = logits(_write(tmp_path / "four.om", batch=4), "--batch_size=4", "--limit=10")
    assert four.tobytes() == logits(simulator.model("lenet"), "--limit=10").tobytes()


@pytest.mark.parametrize("flag", ["DVPP", "dvpp", "Dvpp"])
def test_images_unsuitable_for_dvpp_are_decoded_on_the_host(run, tmp_path, flag):
    images = _write_jpegs(tmp_path / "images", 3)
    test_set = idx.read_split("", "test")
    for i in range(3, 7):
        image = Image.fromarray(test_set.images[i])
        stem = images / f"test_{i}_{test_set.labels[i]}"
        if i == 3:
            image.save(f"{stem}.png")
        elif i == 4:
            image.save(f"{stem}.jpg")  # 28x28
        else:
            image.resize((33 + i, 35)).save(f"{stem}.jpg", progressive=i == 5)
    model = simulator.model("lenet_aipp")
    done = run(model, f"--cpu_dvpp={flag}", f"--dataset_path={images}", "--limit=0").check()
    report = done.report
    assert report["correct"] == report["images"] == 7
    assert report["decoded_on_device"] + report["decoded_on_host"] == 7
    assert report["decoded_on_host"] >= 3
    # The self-test decodes one more image.
    assert done.simulator["calls"]["acldvppJpegDecodeAsync"] == report["decoded_on_device"] + 1
    assert f"{report['decoded_on_device']} by DVPP, {report['decoded_on_host']} by" in done.stdout


@pytest.mark.parametrize("run_mode", ["host", "device"])
def test_a_jpeg_damaged_in_its_pixels_is_a_wrong_input(run, tmp_path, run_mode):
    """DVPP reports it like a failure of the device, while the next batch is started."""
    images = _write_jpegs(tmp_path / "images", 3)
    bad = min(images.glob("test_1_*"))
    content = bad.read_bytes()
    bad.write_bytes(content[:-150] + content[-2:])  # the end marker stays
    flags = ["--cpu_dvpp=DVPP", f"--dataset_path={images}"]
    done = run(simulator.model("lenet_aipp"), *flags, run_mode=run_mode)
    assert done.returncode == 2, done.stderr
    assert f"{bad}: " in done.stderr
    assert done.simulator["ok"], done.simulator


def _write_jpegs(folder: pathlib.Path, count: int) -> pathlib.Path:
    """Writes test images as baseline JPEGs of 32x32 pixels."""
    test_set = idx.read_split("", "test")
    folder.mkdir()
    for i, pixels in enumerate(transform.resize(test_set.images[:count], 32, 32)):
        name = f"test_{i}_{test_set.labels[i]}.jpg"
        Image.fromarray(pixels).save(folder / name, quality=95)
    return folder


# --- The arithmetic of AIPP.


def _pass_through(old: np.ndarray) -> np.ndarray:
    """Returns weights by which logits 0 and 1 are max(x, 0) and max(-x, 0) for an image of x."""
    new = np.zeros_like(old)
    if old.ndim == 4:  # convolutions copy the middle pixel
        new[0, 0, 2, 2] = 1
        new[1, 1 if old.shape[1] > 1 else 0, 2, 2] = 1 if old.shape[1] > 1 else -1
    elif old.ndim == 2:
        new[0, 0] = 1
        # The first dense layer takes the first of 25 features of channel 1.
        new[1, 25 if old.shape[1] == 400 else 1] = 1
    return new


def test_aipp_normalises_like_python(logits, tmp_path, capsys):
    """Compares all 256 bytes.

    In float16 a normalised pixel is off by up to 0.00205; hardware has this error too.
    """
    images = tmp_path / "images"
    images.mkdir()
    for x in range(256):
        Image.fromarray(np.full((32, 32), x, np.uint8)).save(images / f"test_{x}_0.png")
    expected = transform.normalize(np.arange(256, dtype=np.uint8)[:, None])[:, 0]
    network = _with_weights(_pass_through)
    found = {}
    for aipp in ("", "YUV400_U8", "YUV420SP_U8"):
        path = _write(tmp_path / "pass_through.om", network, aipp=aipp)
        outputs = logits(path, f"--dataset_path={images}", "--limit=0", "--self_test=false")
        found[aipp] = outputs[:, 0] - outputs[:, 1]
    np.testing.assert_allclose(found[""], expected, rtol=2e-7)  # Winograd's transforms round
    np.testing.assert_array_equal(found["YUV420SP_U8"], found["YUV400_U8"])
    error = np.abs(found["YUV400_U8"] - expected)
    with capsys.disabled():
        print(f"\nAIPP in float16: off by up to {error.max():.5f}, {error.mean():.5f} on average")
    assert 0.0005 < error.max() <= 0.0021
    assert error.mean() <= 0.0006
