import array
import json
import pathlib

import pytest

from tools.bench import inference, process
from tools.bench.schedule import CheckError


def write_results(folder, classes):
    folder.mkdir()
    for index, number in enumerate(classes):
        logits = array.array("f", [0.0] * 10)
        logits[number] = 3.5
        (folder / f"test_{index}_0.bin").write_bytes(logits.tobytes())


def test_result_classes(tmp_path):
    classes = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]
    write_results(tmp_path / "r", classes)
    assert inference.result_classes(tmp_path / "r") == classes


def test_a_gap_in_the_results_fails(tmp_path):
    write_results(tmp_path / "r", [1, 2, 3])
    (tmp_path / "r/test_1_0.bin").unlink()
    with pytest.raises(CheckError, match="found 2 with gaps"):
        inference.result_classes(tmp_path / "r")


def test_what_is_no_result_fails(tmp_path):
    write_results(tmp_path / "r", [1])
    (tmp_path / "r/test_0_0.bin").write_bytes(b"short")
    with pytest.raises(CheckError, match="not a result"):
        inference.result_classes(tmp_path / "r")


def test_few_other_classes_pass_and_many_fail():
    reference = bytes([1]) * 100
    assert inference.compare([1] * 95 + [2] * 5, reference, 0.98) == {
        "same": 0.95,
        "accuracy": 0.98,
    }
    with pytest.raises(CheckError, match="on only 89 of 100 images"):
        inference.compare([1] * 89 + [2] * 11, reference, 0.98)


def test_a_low_accuracy_fails():
    with pytest.raises(CheckError, match="accuracy 94.00%, below 95%"):
        inference.compare([1], b"\x01", 0.94)


def test_a_quick_look_compares_with_the_first_of_the_reference():
    assert inference.compare([1, 2], bytes([1, 2, 3]), 1.0)["same"] == 1.0


@pytest.fixture
def fake(monkeypatch):
    """Calls to process.run() recorded; all answer as the reference, infer310 by `engine`."""
    calls = []
    state = {"engine": "native"}

    def run(program, *arguments, folder, environment=None, timeout):
        calls.append((program, arguments))
        write_results(folder / "result_Files", [1, 2, 3])
        report = {"engine": state["engine"], "accuracy": 0.99}
        (folder / "report.json").write_text(json.dumps(report))
        times = {"p50_us": 10, "p99_us": 30, "total_ms": 60}
        result = times | {"classes": [1, 2, 3], "versions": {}}
        (folder / "result.json").write_text(json.dumps(result))
        return process.Finished(seconds=0.5, peak_mb=20.0)

    monkeypatch.setattr(process, "run", run)
    monkeypatch.setattr(process, "path", lambda program: f"/runfiles/{program}")
    monkeypatch.setattr(inference, "reference_classes", lambda: bytes([1, 2, 3]))
    monkeypatch.setattr(inference, "_labels", lambda: bytes([1, 2, 3]))
    return calls, state


def cases(*names):
    settings = inference.Settings(pathlib.Path("/jpeg"), limit=0, threads=2, timeout=60)
    return inference.cases(names, settings, {})


def test_cases_that_compare_stand_side_by_side():
    assert [(case.name, case.peer) for case in cases("native", "torch")] == [
        ("one by one", "native"),
        ("one by one", "torch"),
        ("batches", "native"),
        ("batches", "torch"),
        ("JPEG files", "native"),
        ("IDX file", "native"),
        ("first result", "native"),
    ]


def measure(tmp_path, *names):
    """What all cases of the peers found."""
    found = {}
    for number, case in enumerate(cases(*names)):
        folder = tmp_path / str(number)
        folder.mkdir()
        found |= case.measure(folder)
    return found


def test_an_engine_of_ours(fake, tmp_path):
    calls, _ = fake
    assert measure(tmp_path, "native") == pytest.approx(
        {
            "p50_us": 10,
            "p99_us": 30,
            "batches_ms": 60,
            "jpeg_s": 0.5,
            "jpeg_peak_mb": 20,
            "idx_s": 0.5,
            "idx_peak_mb": 20,
            "first_ms": 500,
            "first_peak_mb": 20,
            "same": 1,
            "accuracy": 1,
            "peak_mb": 20,
        }
    )
    one, batches, jpeg, idx, first = (set(arguments) for _, arguments in calls)
    assert {"--threads=1", "--model=/runfiles/python/lenet.mindir", "--engine=native"} <= one
    assert {"--threads=2", "--model=/runfiles/tools/bench/lenet_batch.mindir"} <= batches
    assert "--dataset_path=/jpeg" in jpeg
    assert not any(argument.startswith("--dataset_path") for argument in idx)
    assert "--limit=1" in first


def test_a_peer_in_python(fake, tmp_path):
    calls, _ = fake
    measure(tmp_path, "torch")
    (program, one), (_, batches) = calls
    assert program == "tools/bench/peers/torch_infer"
    assert {"--threads=1", "--batch_size=1"} <= set(one)
    assert {"--threads=2", "--batch_size=1000"} <= set(batches)


def test_another_answer_than_that_of_the_reference_fails(fake, tmp_path, monkeypatch):
    monkeypatch.setattr(inference, "_MOST_DIFFERENT", 0)
    monkeypatch.setattr(inference, "reference_classes", lambda: bytes([1, 2, 4]))
    for case in cases("native", "torch")[:6]:
        folder = tmp_path / f"{case.peer} {case.name}"
        folder.mkdir()
        with pytest.raises(CheckError, match="on only 2 of 3 images"):
            case.measure(folder)


def test_another_engine_than_asked_for_fails(fake, tmp_path):
    _, state = fake
    state["engine"] = "lite"
    case = next(case for case in cases("native") if case.name == "IDX file")
    with pytest.raises(CheckError, match="asked for engine native, it ran with lite"):
        case.measure(tmp_path)
