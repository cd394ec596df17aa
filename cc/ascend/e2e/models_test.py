"""infer310 on the simulator with models that are wrong, or right in an unusual way."""

import hashlib
import json
import pathlib

import numpy as np
import pytest
from PIL import Image

from lenet.data import idx, transform
from lenet.mindir import model as mindir
from lenet.simom import writer
from lenet.testing import simulator

_MINDIR = "python/lenet.mindir"


@pytest.fixture(scope="module")
def trained() -> bytes:
    """The MindIR of the build graph."""
    return simulator.runfile(_MINDIR).read_bytes()


@pytest.fixture
def scratch(tmp_path) -> pathlib.Path:
    """For models, images and whatever is not to be in the folder of the run."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def run(tmp_path, scratch):
    """Runs infer310 in an empty folder, on three test images if nothing else is said."""
    cwd = tmp_path / "cwd"
    cwd.mkdir()

    def run_here(model, *arguments, **settings) -> simulator.Run:
        flags = [f"--mindir_path={model}", "--limit=3", *arguments]
        return simulator.run(cwd, *flags, scratch=scratch, **settings)

    return run_here


def _check_refused(done: simulator.Run, *texts: str, code: int = 2) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if "infer310: engine " not in line]
    assert len(errors) == 1 and errors[0].startswith("infer310: error: "), done.stderr
    for text in texts:
        assert text in errors[0]
    assert not list(done.cwd.iterdir())
    assert done.simulator.get("ok", True), done.simulator


def _write(path: pathlib.Path, mindir_bytes: bytes, **options) -> pathlib.Path:
    path.write_bytes(writer.encode(mindir_bytes, **options))
    return path


# --- Files that are no model.


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 100, 200, 0.5, -1])
@pytest.mark.parametrize("name", ["lenet", "lenet_dynamic"])
def test_truncated(run, scratch, name, kept):
    content = simulator.model(name).read_bytes()
    size = int(len(content) * kept) if isinstance(kept, float) else kept
    path = scratch / "cut.om"
    path.write_bytes(content[:size])
    _check_refused(run(path), "cut.om", "//tools:to_om")


def test_damaged(run, scratch):
    content = bytearray(simulator.model("lenet").read_bytes())
    content[len(content) // 2] ^= 1
    path = scratch / "damaged.om"
    path.write_bytes(content)
    _check_refused(run(path), "damaged.om", "aclmdlLoadFromFile failed: 545003")


@pytest.mark.parametrize("content", [b"hello, world\n" * 50, b"\0" * 4096])
def test_something_else(run, scratch, content):
    path = scratch / "other.om"
    path.write_bytes(content)
    _check_refused(run(path), "other.om", "145000 ACL_ERROR_GE_PARAM_INVALID", "//tools:to_om")


def test_missing(run, scratch):
    _check_refused(run(scratch / "none.om"), "none.om")


# --- Models of something else.


def test_other_network(run, scratch, trained):
    """Seven classes."""
    ten, seven = b"\x08\x01\x08\x0a\x10\x01", b"\x08\x01\x08\x07\x10\x01"
    assert ten in trained
    path = _write(scratch / "seven.om", trained.replace(ten, seven))
    _check_refused(run(path), "seven.om", "[1, 10]", "[1, 7]")


def test_other_image_size(run):
    model = simulator.model("lenet")
    _check_refused(run(model, "--image_height=40"), "32x32", "40x32")


def test_other_batch_size(run):
    _check_refused(run(simulator.model("lenet"), "--batch_size=3"), "batches of 1", "is 3")
    dynamic = simulator.model("lenet_dynamic")
    _check_refused(run(dynamic, "--batch_size=17"), "up to 16", "--batch_size is 17")


def test_float_model_is_not_fed_bytes(run):
    done = run(simulator.model("lenet"), "--cpu_dvpp=DVPP")
    _check_refused(done, "lenet.om", "floats", "--aipp", "--cpu_dvpp=CPU")


def test_model_of_bytes_is_not_fed_floats(run, scratch):
    images = scratch / "tensors"
    images.mkdir()
    (images / "test_0_7.bin").write_bytes(np.zeros(1024, "<f4").tobytes())
    model = simulator.model("lenet_aipp")
    done = run(model, f"--dataset_path={images}")
    _check_refused(done, "test_0_7.bin", "bytes")
    _check_refused(run(model, f"--dataset_path={images}", "--cpu_dvpp=DVPP"), "test_0_7.bin")


def test_model_of_another_chip(run, scratch, trained):
    """Found by the manifest before the device is used, or, without one, by AscendCL."""
    path = _write(scratch / "p3.om", trained, soc="Ascend310P3")
    _check_refused(run(path), "p3.om", "507008 ACL_ERROR_RT_SOC_VERSION", "--soc_version")
    run(path, soc="Ascend310P3").check()


def test_chip_of_the_manifest(run, scratch):
    path = _copy(scratch, "lenet")
    _write_manifest(path, soc_version="Ascend310")
    run(path).check()
    done = run(path, f"--result_path={scratch / 'other'}", soc="Ascend310P3")
    assert done.returncode == 2, done.stderr
    for text in ("Ascend310P3", "//tools:to_om", "--soc_version"):
        assert text in done.stderr
    assert "aclmdlLoadFromFile" not in done.simulator["calls"]
    assert done.simulator["ok"]


def test_manifest_of_another_file(run, scratch):
    path = _copy(scratch, "lenet")
    _write_manifest(path, model_sha256="0" * 64)
    done = run(path)
    _check_refused(done, "lenet.om", "000000")
    assert not done.simulator, "AscendCL was used for a model that is not the one"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model_sha256": 5}'])
def test_manifest_that_is_none(run, scratch, text):
    path = _copy(scratch, "lenet")
    pathlib.Path(f"{path}.json").write_text(text)
    _check_refused(run(path), "lenet.om.json")


def _copy(folder: pathlib.Path, name: str) -> pathlib.Path:
    path = folder / f"{name}.om"
    path.write_bytes(simulator.model(name).read_bytes())
    return path


def _write_manifest(om: pathlib.Path, **changes) -> None:
    manifest = {
        "model_sha256": hashlib.sha256(om.read_bytes()).hexdigest(),
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
    pathlib.Path(f"{om}.json").write_text(json.dumps(manifest | changes))


# --- Models and engines that do not go together.


def test_mindir_for_engine_acl(run):
    done = run(simulator.runfile(_MINDIR), "--engine=acl")
    _check_refused(done, "lenet.mindir", "acl", "//tools:to_om")


@pytest.mark.parametrize("engine", ["native", "lite"])
def test_om_for_another_engine(run, engine):
    done = run(simulator.model("lenet"), f"--engine={engine}")
    _check_refused(done, "lenet.om", "--engine=acl")


def test_om_for_the_cpu(run):
    done = run(simulator.model("lenet"), "--device_target=CPU")
    _check_refused(done, "lenet.om", "--device_target=CPU")


def test_mindir_for_dvpp(run):
    done = run(simulator.runfile(_MINDIR), "--cpu_dvpp=DVPP")
    _check_refused(done, "OM", "//tools:to_om", "--cpu_dvpp=CPU")


# --- The self-test.


def test_aipp_of_another_data_set(run, scratch, trained):
    """The numbers of the original's aipp.cfg, which are those of ImageNet."""
    wrong = {"aipp": "YUV400_U8", "mean": 124, "minimum": 0, "reciprocal": 1 / 58.4}
    path = _write(scratch / "imagenet.om", trained, **wrong)
    _check_refused(run(path), "imagenet.om", "configs/aipp.cfg", "--self_test=false")
    run(path, "--self_test=false").check()


def test_untrained_network(run, scratch, trained):
    path = _write(scratch / "untrained.om", _with_weights(trained, np.zeros_like))
    _check_refused(run(path), "self-test", "--self_test=false")
    run(path, "--self_test=false").check()


def test_weights_that_are_not_numbers(run, scratch, trained):
    nan = _write(scratch / "nan.om", _with_weights(trained, lambda w: np.full_like(w, np.nan)))
    _check_refused(run(nan), "self-test", "not finite", code=1)
    done = run(nan, "--self_test=false")
    assert done.returncode == 1 and "not finite" in done.stderr, done.stderr
    assert not list(done.cwd.iterdir()) and done.simulator["ok"]


def _with_weights(content: bytes, change) -> bytes:
    """The MindIR with every float32 parameter replaced by `change` of it."""
    model = mindir.parse(content, _MINDIR)
    for parameter in model.graph.parameter:
        weights = np.frombuffer(parameter.raw_data, "<f4").reshape(parameter.dims)
        parameter.raw_data = change(weights).astype("<f4").tobytes()
    return mindir.serialize(model)


# --- Models that are unusual, and right.


def _with_float_model(run, folder: pathlib.Path, path: pathlib.Path) -> tuple[np.ndarray, ...]:
    """Logits of 200 images, of the same classes: of the float model, and of another one."""
    results = [f"--result_path={folder / name}" for name in ("expected", "found")]
    run(simulator.model("lenet"), "--limit=200", results[0]).check()
    run(path, "--limit=200", results[1]).check()
    expected, found = (simulator.read_logits(folder / name) for name in ("expected", "found"))
    assert (expected.argmax(1) == found.argmax(1)).all()
    return expected, found


def test_logits_in_float16(run, scratch, trained):
    path = _write(scratch / "half.om", trained, half_output=True)
    expected, found = _with_float_model(run, scratch, path)
    np.testing.assert_array_equal(found, expected.astype(np.float16).astype(np.float32))
    assert (found != expected).any()


@pytest.mark.parametrize("run_mode", ["host", "device"])
def test_whole_nv12_pictures(run, scratch, trained, run_mode):
    """YUV420SP_U8: the Y plane and half as much behind it, by the host and by DVPP."""
    path = _write(scratch / "nv12.om", trained, aipp="YUV420SP_U8")
    expected, found = _with_float_model(run, scratch, path)
    assert np.abs(found - expected).max() <= 0.05
    images = _jpegs(scratch / "images", 20)
    flags = [f"--dataset_path={images}", "--limit=0"]
    results = []
    for name, model in (("y", simulator.model("lenet_aipp")), ("nv12", path)):
        result = f"--result_path={scratch / 'dvpp' / name}"
        done = run(model, *flags, result, "--cpu_dvpp=DVPP", run_mode=run_mode).check()
        assert "acldvppVpcResizeAsync" in done.simulator["calls"]
        results.append(simulator.read_logits(scratch / "dvpp" / name))
    assert results[0].tobytes() == results[1].tobytes()


def test_static_batch(run, scratch, trained):
    path = _write(scratch / "four.om", trained, batch=4)
    cwd = scratch / "results"
    run(path, "--batch_size=4", "--limit=10", f"--result_path={cwd / 'four'}").check()
    run(simulator.model("lenet"), "--limit=10", f"--result_path={cwd / 'one'}").check()
    four, one = (simulator.read_logits(cwd / name) for name in ("four", "one"))
    assert four.tobytes() == one.tobytes()


@pytest.mark.parametrize("flag", ["DVPP", "dvpp", "Dvpp"])
def test_images_that_dvpp_cannot_take_are_decoded_on_the_host(run, scratch, flag):
    images = _jpegs(scratch / "images", 3)
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
    done = run(
        simulator.model("lenet_aipp"), f"--cpu_dvpp={flag}", f"--dataset_path={images}", "--limit=0"
    ).check()
    report = done.report
    assert report["correct"] == report["images"] == 7
    assert report["decoded_on_device"] + report["decoded_on_host"] == 7
    assert report["decoded_on_host"] >= 3
    # The self-test has decoded another one.
    assert done.simulator["calls"]["acldvppJpegDecodeAsync"] == report["decoded_on_device"] + 1
    assert f"{report['decoded_on_device']} by DVPP, {report['decoded_on_host']} by" in done.stdout


def test_another_word_for_dvpp(run):
    done = run(simulator.model("lenet_aipp"), "--cpu_dvpp=GPU")
    _check_refused(done, "cpu_dvpp", "CPU, DVPP", "GPU")


def _jpegs(folder: pathlib.Path, count: int) -> pathlib.Path:
    """Test images as DVPP takes them: baseline, 32x32."""
    test_set = idx.read_split("", "test")
    folder.mkdir()
    for i, pixels in enumerate(transform.resize(test_set.images[:count], 32, 32)):
        name = f"test_{i}_{test_set.labels[i]}.jpg"
        Image.fromarray(pixels).save(folder / name, quality=95)
    return folder


# --- The arithmetic of AIPP.


def _reading(content: bytes) -> bytes:
    """A LeNet whose logits 0 and 1 are x and -x where positive, for images of one colour x."""

    def weights(old: np.ndarray) -> np.ndarray:
        new = np.zeros_like(old)
        if old.ndim == 4:  # convolutions hand on the middle pixel
            new[0, 0, 2, 2] = 1
            new[1, 1 if old.shape[1] > 1 else 0, 2, 2] = 1 if old.shape[1] > 1 else -1
        elif old.ndim == 2:
            new[0, 0] = 1
            # The first of the 25 features of channel 1, and then just number 1.
            new[1, 25 if old.shape[1] == 400 else 1] = 1
        return new

    return _with_weights(content, weights)


def test_aipp_normalises_as_python_does(run, scratch, trained, capsys):
    """All bytes, as images of one colour, read from the logits of the built program.

    In float16 a normalised pixel is off by up to 0.00205, and must be off: it is what hardware
    does. (Fact sheet, section 4.)
    """
    images = scratch / "images"
    images.mkdir()
    for x in range(256):
        Image.fromarray(np.full((32, 32), x, np.uint8)).save(images / f"test_{x}_0.png")
    expected = transform.normalize(np.arange(256, dtype=np.uint8)[:, None])[:, 0]
    network = _reading(trained)
    flags = [f"--dataset_path={images}", "--limit=0", "--self_test=false"]
    found = {}
    for name, options in {
        "float": {},
        "luma": {"aipp": "YUV400_U8"},
        "nv12": {"aipp": "YUV420SP_U8"},
    }.items():
        path = _write(scratch / f"{name}.om", network, **options)
        run(path, *flags, f"--result_path={scratch / 'results' / name}").check()
        logits = simulator.read_logits(scratch / "results" / name)
        found[name] = logits[:, 0] - logits[:, 1]
    np.testing.assert_array_equal(found["float"], expected)
    np.testing.assert_array_equal(found["nv12"], found["luma"])
    error = np.abs(found["luma"] - expected)
    with capsys.disabled():
        print(f"\nAIPP in float16: off by up to {error.max():.5f}, {error.mean():.5f} on average")
    assert 0.0005 < error.max() <= 0.0021
    assert error.mean() <= 0.0006
