import io
import sys

import numpy as np
import pytest
from absl import logging

from lenet.training.progress import Progress

LOSS = float(np.float32(2.2791853))


@pytest.fixture
def log(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "info", lambda text, *args: lines.append(text % args))
    return lines


def _run(progress, last, steps_per_epoch):
    for done in range(last):
        epoch, step = divmod(done, steps_per_epoch)
        if step == 0:
            progress.start_epoch(epoch + 1, 0)
        progress.steps(done + 1, 1, np.array([LOSS], np.float32))
        if step + 1 == steps_per_epoch:
            progress.end_epoch(epoch + 1)


def test_lines_and_curve(log):
    progress = Progress(steps_per_epoch=7, last=10, log_steps=3)
    _run(progress, 10, 7)
    steps = [(1, 1), (1, 3), (1, 6), (1, 7), (2, 1), (2, 3)]
    assert [line for line in log if "loss is" in line] == [
        f"epoch:{epoch} step:{step}, loss is 2.2791853" for epoch, step in steps
    ]
    assert progress.loss_curve == [[epoch, step, LOSS] for epoch, step in steps]
    assert log[4].startswith("epoch time: ")
    assert " ms, per step time: " in log[4]
    assert [(entry["epoch"], entry["mean_loss"]) for entry in progress.epochs] == [(1, LOSS)]


def test_a_launch_whose_last_loss_alone_is_known(log):
    progress = Progress(steps_per_epoch=12, last=24, log_steps=5)
    progress.start_epoch(1, 0)
    for done in (3, 6, 9, 12):
        progress.steps(done, 3, np.array([done], np.float32))
    progress.end_epoch(1)
    assert progress.loss_curve == [[1, step, step] for step in (3, 6, 12)]
    (epoch,) = progress.epochs
    assert epoch["mean_loss"] == 7.5
    assert epoch["ms_per_step"] == pytest.approx(epoch["seconds"] * 1e3 / 12)


def test_timings(log):
    progress = Progress(steps_per_epoch=5, last=5, log_steps=1)
    assert progress.timings() == {"steps": 0}
    _run(progress, 5, 5)
    timings = progress.timings()
    assert timings["steps"] == 5
    assert timings["ms_per_step_median"] >= 0


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("terminal", [_Terminal(), io.StringIO()])
def test_a_bar_on_terminals_only(monkeypatch, terminal):
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = Progress(steps_per_epoch=5, last=5, log_steps=100)
    _run(progress, 5, 5)
    assert ("epoch 1" in terminal.getvalue()) == terminal.isatty()
    progress.close()
