"""Compares infer310 on the simulator with engine native on all 10,000 test images.

A float model must give the same classes. AIPP in float16 changes logits by some thousandths, and
thereby the class of at most ten images. Sanitizer builds use fewer images (.bazelrc).
"""

import dataclasses
import pathlib

import numpy as np
import pytest

from cc.ascend.testing import simulator
from lenet.testing import programs

_IMAGES = programs.image_limit()
_LIMIT = f"--limit={_IMAGES}"
_MAX_DIFFERENT = 10
_FLOAT_TOLERANCE = 1e-4  # float32 sums in another order
_AIPP_TOLERANCE = 0.05  # an error of up to 0.0021 per pixel, in both directions


@dataclasses.dataclass(frozen=True)
class Case:
    """A way to run the test set."""

    model: str
    run_mode: str
    batch_size: int
    dvpp: bool


# A batch of 12 uses gear 16; the last batch of 4 uses gear 8.
_CASES = {
    f"{name}, {run_mode} mode": Case(model, run_mode, batch_size, dvpp)
    for run_mode in ("host", "device")
    for name, model, batch_size, dvpp in (
        ("float model", "lenet", 1, False),
        ("AIPP", "lenet_aipp", 1, False),
        ("gears", "lenet_dynamic", 12, False),
        ("DVPP", "lenet_aipp", 1, True),
        ("DVPP and gears", "lenet_dynamic", 12, True),
    )
}


@pytest.fixture(scope="module")
def jpegs(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("jpegs")
    done = programs.run("preprocess", "--image_format=jpg", _LIMIT, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "preprocess_Result"


@pytest.fixture(scope="module")
def native(tmp_path_factory, jpegs) -> dict[bool, np.ndarray]:
    """Logits [_IMAGES, 10] of engine native, by whether the images are the JPEG files."""
    logits = {}
    for dvpp, arguments in {False: [], True: [f"--dataset_path={jpegs}"]}.items():
        folder = tmp_path_factory.mktemp("native")
        done = programs.run(simulator.PROGRAM, "--engine=native", _LIMIT, *arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
        logits[dvpp] = np.load(folder / "result_Files" / "results.npy")
    return logits


@pytest.mark.parametrize("name", _CASES)
def test_classes_match_engine_native(name, native, jpegs, tmp_path, capsys):
    case = _CASES[name]
    arguments = [
        _LIMIT,
        f"--mindir_path={simulator.model(case.model)}",
        f"--batch_size={case.batch_size}",
    ]
    if case.dvpp:
        arguments += ["--cpu_dvpp=DVPP", f"--dataset_path={jpegs}"]
    run = simulator.run(tmp_path / "run", *arguments, run_mode=case.run_mode).check()
    logits, expected = run.logits(), native[case.dvpp]
    for schedule in ("eager", "random:1"):
        arguments.append("--limit=100")
        other = simulator.run(
            tmp_path / schedule, *arguments, run_mode=case.run_mode, schedule=schedule
        )
        assert np.array_equal(other.check().logits(), logits[:100]), schedule
    assert logits.shape == (_IMAGES, 10)
    clear = np.diff(np.sort(expected)[:, -2:])[:, 0] > 2 * _FLOAT_TOLERANCE
    different = int((logits.argmax(1) != expected.argmax(1))[clear].sum())
    distance = float(np.abs(logits - expected).max())
    accuracy = run.report["accuracy"]
    with capsys.disabled():
        print(f"\n{name}: {different} classes differ, logits by up to {distance:.2g}, {accuracy=}")
    float_model = case.model == "lenet"
    assert different <= (0 if float_model else _MAX_DIFFERENT)
    assert distance <= (_FLOAT_TOLERANCE if float_model else _AIPP_TOLERANCE)
    _check_report(run, case)
    _check_calls(run, case)


def _check_report(run: simulator.Run, case: Case) -> None:
    report = run.report
    assert report["accuracy"] > 0.98
    assert (
        report
        | {
            "images": _IMAGES,
            "engine": "acl",
            "device": "Ascend310:0",
            "soc_name": "Ascend310-simulator",
            "preprocessing": "DVPP" if case.dvpp else "CPU",
            "decoded_on_device": _IMAGES if case.dvpp else 0,
            "decoded_on_host": 0 if case.dvpp else _IMAGES,
            # In device mode without DVPP there is nothing to overlap.
            "pipelined": case.run_mode == "host" or case.dvpp,
            "batch_size": case.batch_size,
        }
        == report
    )
    assert "engine acl on Ascend310:0" in run.stderr


def _check_calls(run: simulator.Run, case: Case) -> None:
    calls = run.simulator["calls"]
    batches = -(-_IMAGES // case.batch_size) + 1  # with the self-test
    assert calls.get("aclmdlExecute", 0) + calls.get("aclmdlExecuteAsync", 0) == batches
    assert ("aclmdlSetDynamicBatchSize" in calls) is (case.model == "lenet_dynamic")
    if case.dvpp:
        assert calls["acldvppJpegDecodeAsync"] == _IMAGES + 1
        assert calls["acldvppVpcResizeAsync"] == _IMAGES + 1
        assert calls["acldvppCreateChannel"] == 1, "the channel must be reused"
    else:
        assert not [name for name in calls if name.startswith("acldvpp")]
    allocations = calls["aclrtMalloc"] + calls.get("acldvppMalloc", 0)
    assert allocations < 200, "memory must be allocated once, not per image"
