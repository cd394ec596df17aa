import argparse

import pytest

from tools.bench import training_report
from tools.bench.schedule import Results


@pytest.fixture
def results():
    samples = {
        ("ours", "epoch_ms"): [0.8, 0.7, 0.9],
        ("ours", "step_ms"): [0.75],
        ("ours", "accuracy"): [0.9891],
        ("ours", "steps"): [18750],
        ("ours", "target_s"): [2.5],
        ("ours", "wall_s"): [19.0],
        ("ours", "peak_mb"): [900],
        ("torch", "epoch_ms"): [3.2],
        ("torch", "step_ms"): [3.1],
        ("torch", "accuracy"): [0.985],
        ("torch", "steps"): [3750],
        ("torch", "peak_mb"): [600],
    }
    return Results(samples, {"torch_compiled": {"training": "no g++"}})


def test_table(results):
    text = training_report.table(results, ["ours", "torch", "torch_compiled"], "torch")
    header, _, ours, torch, compiled = text.splitlines()
    assert "times as fast as torch" in header
    assert ours == ("| ours | 0.800 (0.700–0.900) | 0.750 | 4.00× | 98.91 % (18750) | 2.50 | 900 |")
    assert "| 3.20 | 3.10 | 1.00× | 98.50 % (3750) | – | 600 |" in torch
    assert compiled.endswith("| failed | – | – | – | – | – |")


def test_goals(results):
    found = {goal.text: goal for goal in training_report.wanted(results, epochs=10)}
    assert found["training end to end, ms a step"].met() is True
    assert found["an epoch of 1,875 steps, s"].measured == pytest.approx(1.5)
    assert found["times as fast as PyTorch eager"].measured == pytest.approx(4.0)
    assert found["times as fast as the original's recipe"].met() is None
    assert found["ten epochs with evaluation, s"].met() is True
    assert found["accuracy after ten epochs"].met() is True
    assert found["evaluation of 10,000 images, s"].met() is None


def test_fewer_epochs_say_nothing_of_ten(results):
    found = {goal.text: goal for goal in training_report.wanted(results, epochs=2)}
    assert found["ten epochs with evaluation, s"].met() is None
    assert found["accuracy after ten epochs"].met() is None


def test_goals_without_measurements():
    assert {goal.met() for goal in training_report.wanted(Results(), epochs=10)} == {None}


def test_the_notes_tell_of_stopped_runs():
    options = argparse.Namespace(repetitions=5, peers=["mindspore"], slow_steps=500, max_steps=0)
    assert "stopped after 500 steps" in " ".join(training_report.notes(options))
    options.max_steps = 50
    assert "everyone was stopped after 50 steps" in " ".join(training_report.notes(options))
    options = argparse.Namespace(repetitions=5, peers=["ours"], slow_steps=500, max_steps=0)
    assert "stopped" not in " ".join(training_report.notes(options))
