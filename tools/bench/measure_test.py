import contextlib
import os
import pathlib
import signal
import threading

import pytest

from lenet import resources
from tools.bench import measure
from tools.bench.measure import Case, MeasurementError, Results


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A function that makes `find` return a shell script with the given content."""

    def make(script):
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(resources, "find", lambda name, repository="": path)
        folder = tmp_path / "folder"
        folder.mkdir(exist_ok=True)
        return folder

    return make


def test_program_runs_in_its_folder_and_is_measured(program, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    folder = program('echo "$1 $X $OMP_NUM_THREADS."; pwd; sleep 0.1')
    found = measure.run("x", "hello", folder=folder, timeout=60, environment={"X": "y"})
    assert (folder / "log.txt").read_text() == f"hello y .\n{folder}\n"
    assert 0.1 <= found["wall_s"] < 50
    assert 0 < found["peak_mb"] < 100


@pytest.mark.parametrize(
    ("script", "timeout", "reason"),
    [
        ("echo start; echo Error: no disk; echo bye; exit 3", 60, "exit code 3: Error: no disk"),
        ("exit 1", 60, "exit code 1: no output"),
        ("sleep 60", 0.1, "took longer than 0.1 s"),
    ],
)
def test_failure_has_a_reason(program, script, timeout, reason):
    with pytest.raises(MeasurementError, match=reason):
        measure.run("x", folder=program(script), timeout=timeout)


def test_program_that_is_not_built_is_named(monkeypatch):
    with pytest.raises(MeasurementError, match="tools/none is not in this build"):
        measure.find("tools/none")


def test_interrupt_ends_the_program_and_its_children(program):
    folder = program("sleep 600 & echo $! > child; wait")

    def interrupt():
        while not (folder / "child").exists() or not (folder / "child").read_text().strip():
            os.sched_yield()
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        measure.run("x", folder=folder, timeout=60)
    status = pathlib.Path("/proc") / (folder / "child").read_text().strip() / "status"
    with contextlib.suppress(OSError):  # it may end between two calls
        while "zombie" not in status.read_text():
            os.sched_yield()  # the kernel needs a moment to end it


def test_order_alternates_and_a_failed_case_is_not_repeated():
    calls = []

    def case(peer, fails=False):
        def run(folder):
            assert not list(folder.iterdir())
            calls.append(peer)
            if fails:
                raise MeasurementError("it\nfailed")
            return {"seconds": float(len(calls))}

        return Case(peer, "training", run)

    results = Results()
    measure.run_all([case("a"), case("b"), case("c", fails=True)], 3, results)
    assert calls == ["a", "b", "c", "b", "a", "a", "b"]
    assert results.samples == {"a": {"seconds": [1, 5, 6]}, "b": {"seconds": [2, 4, 7]}}
    assert results.failures == {"c": {"training": "it failed"}}
