import io
import re
import sys

import numpy as np
import pytest

from lenet.training.progress import Progress

LOSS = float(np.float32(2.2791853))


def _run(progress, last, steps_per_epoch):
    for done in range(last):
        epoch, step = divmod(done, steps_per_epoch)
        if step == 0:
            progress.start_epoch(epoch + 1, 0)
        progress.steps(done + 1, 1, np.array([LOSS], np.float32))
        if step + 1 == steps_per_epoch:
            progress.end_epoch(epoch + 1, 0.5)
            progress.evaluated(done + 1, 0.98765, 0.1)


def test_lines_and_curve(capsys):
    progress = Progress(steps_per_epoch=7, last=10, log_steps=3)
    _run(progress, 10, 7)
    log = capsys.readouterr().out.splitlines()
    steps = [(1, 1), (1, 3), (1, 6), (1, 7), (2, 1), (2, 3)]
    assert [line for line in log if "loss is" in line] == [
        f"epoch:{epoch} step:{step}, loss is 2.2791853" for epoch, step in steps
    ]
    assert [tuple(entry.values()) for entry in progress.loss_curve] == [(*at, LOSS) for at in steps]
    assert log[4].startswith("epoch time: ")
    assert " ms, per step time: " in log[4]
    assert len(progress.epochs) == 1
    expected = {"epoch": 1, "mean_loss": LOSS, "learning_rate": 0.5, "accuracy": 0.98765}
    assert expected.items() <= progress.epochs[0].items()


def test_time_stamps_on_request(capsys):
    Progress(steps_per_epoch=1, last=1, log_steps=1, timestamps=True).show("text")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d text\n", capsys.readouterr().out)


def test_a_launch_whose_last_loss_alone_is_known():
    progress = Progress(steps_per_epoch=12, last=24, log_steps=5)
    progress.start_epoch(1, 0)
    for done in (3, 6, 9, 12):
        progress.steps(done, 3, np.array([done], np.float32))
    progress.end_epoch(1, 0.5)
    assert [entry["step"] for entry in progress.loss_curve] == [3, 6, 12]
    assert [entry["loss"] for entry in progress.loss_curve] == [3, 6, 12]
    (epoch,) = progress.epochs
    assert epoch["mean_loss"] == 7.5
    assert epoch["ms_per_step"] == pytest.approx(epoch["seconds"] * 1e3 / 12)


def test_timings():
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
def test_one_bar_for_the_run_on_terminals_only(monkeypatch, terminal):
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = Progress(steps_per_epoch=5, last=10, log_steps=100)
    _run(progress, 10, 5)
    progress.close()
    for text in ("epoch 1/2", "epoch 2/2", "loss=2.2792", "accuracy=98.77%"):
        assert (text in terminal.getvalue()) == terminal.isatty()


def test_tensorboard_event_files_on_request(tmp_path):
    progress = Progress(steps_per_epoch=2, last=2, log_steps=1, summary_dir=str(tmp_path))
    _run(progress, 2, 2)
    progress.close()
    content = b"".join(path.read_bytes() for path in tmp_path.glob("events.out.tfevents.*"))
    for tag in (b"loss", b"mean_loss", b"learning_rate", b"test_accuracy"):
        assert tag in content
