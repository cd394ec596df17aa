"""infer310 on the simulator gives the classes of engine native, on all 10,000 test images.

Of a float model the very same classes. Bytes that AIPP normalises in float16 change logits by some
thousandths, and so may change the class of an image that is on the border of two: of at most ten.
Sanitizers get fewer images (.bazelrc).
"""

import dataclasses
import pathlib

import numpy as np
import pytest

from lenet.testing import programs, simulator

_IMAGES = programs.image_limit()
_LIMIT = f"--limit={_IMAGES}"
_MAX_DIFFERENT = 10
_FLOAT_TOLERANCE = 1e-4  # another order of the same float32 sums
# AIPP in float16 is off by up to 0.0021 a pixel, mostly by less and in both directions.
_AIPP_TOLERANCE = 0.05


@dataclasses.dataclass(frozen=True)
class Case:
    """A way to run the test set."""

    model: str
    run_mode: str
    batch_size: int = 1
    dvpp: bool = False

    @property
    def float_model(self) -> bool:
        return self.model == "lenet"

    @property
    def pipelined(self) -> bool:
        """Where nothing is copied or decoded there is nothing to overlap."""
        return self.run_mode == "host" or self.dvpp


# 12 images go into the gear of 16, and the last 4 into that of 8.
_CASES = {
    f"{name}, {run_mode} mode": Case(run_mode=run_mode, **fields)
    for run_mode in ("host", "device")
    for name, fields in {
        "float model": {"model": "lenet"},
        "AIPP": {"model": "lenet_aipp"},
        "gears": {"model": "lenet_dynamic", "batch_size": 12},
        "DVPP": {"model": "lenet_aipp", "dvpp": True},
        "DVPP and gears": {"model": "lenet_dynamic", "dvpp": True, "batch_size": 12},
    }.items()
}


@pytest.fixture(scope="module")
def jpegs(tmp_path_factory) -> pathlib.Path:
    """The test set as //python:preprocess writes it for DVPP."""
    folder = tmp_path_factory.mktemp("jpegs")
    done = programs.run("preprocess", "--image_format=jpg", _LIMIT, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "preprocess_Result"


def _native(folder: pathlib.Path, *arguments: str) -> np.ndarray:
    done = programs.run(simulator.PROGRAM, "--engine=native", _LIMIT, *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return simulator.read_logits(folder / "result_Files")


@pytest.fixture(scope="module")
def native(tmp_path_factory) -> np.ndarray:
    """Logits of engine native for the IDX file, [_IMAGES, 10]."""
    return _native(tmp_path_factory.mktemp("native"))


@pytest.fixture(scope="module")
def native_jpeg(tmp_path_factory, jpegs) -> np.ndarray:
    """The same for the JPEG files, decoded on the host."""
    return _native(tmp_path_factory.mktemp("native_jpeg"), f"--dataset_path={jpegs}")


@pytest.mark.parametrize("name", _CASES)
def test_classes_of_engine_native(name, request, tmp_path_factory, capsys):
    case = _CASES[name]
    expected = request.getfixturevalue("native_jpeg" if case.dvpp else "native")
    cwd = tmp_path_factory.mktemp("run")
    arguments = [
        _LIMIT,
        f"--mindir_path={simulator.model(case.model)}",
        f"--batch_size={case.batch_size}",
    ]
    if case.dvpp:
        arguments += ["--cpu_dvpp=DVPP", f"--dataset_path={request.getfixturevalue('jpegs')}"]
    settings = {"scratch": tmp_path_factory.mktemp("scratch"), "run_mode": case.run_mode}
    run = simulator.run(cwd, *arguments, **settings).check()
    logits = run.logits()
    assert logits.shape == (_IMAGES, 10)
    for schedule in ("eager", "random:1"):
        cwd = tmp_path_factory.mktemp("scheduled")
        limited = simulator.run(cwd, *arguments, "--limit=100", schedule=schedule, **settings)
        assert np.array_equal(limited.check().logits(), logits[:100]), schedule

    different = int((logits.argmax(1) != expected.argmax(1)).sum())
    distance = float(np.abs(logits - expected).max())
    accuracy = run.report["accuracy"]
    with capsys.disabled():
        print(f"\n{name}: {different} classes differ, logits by up to {distance:.2g}, {accuracy=}")
    assert different <= (0 if case.float_model else _MAX_DIFFERENT)
    assert distance <= (_FLOAT_TOLERANCE if case.float_model else _AIPP_TOLERANCE)
    _check_report(run, case)


def _check_report(run: simulator.Run, case: Case) -> None:
    report = run.report
    assert report["images"] == _IMAGES
    assert report["accuracy"] > 0.98
    assert report["engine"] == "acl"
    assert report["device"] == "Ascend310:0"
    assert report["soc_name"] == "Ascend310-simulator"
    assert report["preprocessing"] == ("DVPP" if case.dvpp else "CPU")
    assert report["decoded_on_device"] == (_IMAGES if case.dvpp else 0)
    assert report["decoded_on_host"] == (0 if case.dvpp else _IMAGES)
    assert report["pipelined"] is case.pipelined
    assert report["batch_size"] == case.batch_size
    assert "engine acl on Ascend310:0" in run.stderr
    _check_calls(run, case)


def _check_calls(run: simulator.Run, case: Case) -> None:
    """What was asked of AscendCL for it; one image and batch more is the self-test."""
    calls = run.simulator["calls"]
    batches = -(-_IMAGES // case.batch_size) + 1
    assert calls.get("aclmdlExecute", 0) + calls.get("aclmdlExecuteAsync", 0) == batches
    assert ("aclmdlSetDynamicBatchSize" in calls) is (case.model == "lenet_dynamic")
    if case.dvpp:
        assert calls["acldvppJpegDecodeAsync"] == _IMAGES + 1
        assert calls["acldvppVpcResizeAsync"] == _IMAGES + 1
        assert calls["acldvppCreateChannel"] == 1, "a channel is to be reused"
    else:
        assert not [name for name in calls if name.startswith("acldvpp")]
    # A run takes its memory once, and not for each image.
    assert calls["aclrtMalloc"] + calls.get("acldvppMalloc", 0) < 200
