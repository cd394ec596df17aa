import argparse

import pytest

from tools.bench import inference_report
from tools.bench.schedule import Results


@pytest.fixture
def results():
    samples = {
        ("native", "p50_us"): [8.0],
        ("native", "p99_us"): [12.0],
        ("native", "batches_ms"): [50.0],
        ("native", "same"): [1.0, 1.0],
        ("native", "accuracy"): [0.9852],
        ("native", "peak_mb"): [18.0],
        ("native", "jpeg_s"): [0.9],
        ("native", "idx_s"): [0.25],
        ("native", "first_ms"): [12.0],
        ("native", "idx_peak_mb"): [9.0],
        ("onnxruntime", "p50_us"): [32.0],
    }
    failures = {"onnxruntime": {"batches": "no"}, "lite": {"JPEG files": "no"}}
    return Results(samples, failures)


def test_table(results):
    text = inference_report.table(results, ["native", "onnxruntime"], "onnxruntime")
    _, _, native, onnxruntime = text.splitlines()
    assert "| 8.00 | 12.0 | 4.00× | 50.0 | – | 100.00 % | 98.52 % | 18.0 |" in native
    assert onnxruntime == "| onnxruntime | 32.0 | – | 1.00× | failed | – | – | – | – |"


def test_program_table(results):
    text = inference_report.program_table(results, ["native", "lite"])
    _, _, native, lite = text.splitlines()
    assert native == "| engine native | 0.900 | 0.250 | 9.00 | 12.0 |"
    assert lite == "| engine lite | failed | – | – | – |"
    assert inference_report.program_table(results, []) == ""


def test_goals(results):
    met = {goal.text: goal.met() for goal in inference_report.wanted(results)}
    assert met == {
        "batch 1, one thread: p50, µs": True,
        "10,000 images in batches on two threads, ms": True,
        "infer310 from 10,000 JPEG files, s": True,
        "infer310 from the IDX file, s": False,
        "start to first result, ms": True,
        "peak memory, one image at a time, MB": True,
        "same class as MindSpore, of all images": True,
    }


def test_the_notes_tell_of_a_quick_look():
    notes = inference_report.notes(argparse.Namespace(repetitions=5, limit=200))
    assert "ran 200 images" in " ".join(notes)
    notes = inference_report.notes(argparse.Namespace(repetitions=5, limit=0))
    assert "ran" not in " ".join(notes)
