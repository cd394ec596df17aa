"""Processes, not threads: a lock belongs to a process."""

import contextlib
import fcntl
import glob
import multiprocessing
import os
import pathlib
import signal
import time

import pytest

from lenet import errors
from lenet.cloud import host

_FORK = multiprocessing.get_context("fork")
_SECONDS = 30


class Ranks:
    """Child processes that call host.once with the same folder; `events` has what they did."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.events = _FORK.Queue()
        self.may_end = _FORK.Event()
        self.processes = []

    def start(self, work, job="job", seconds=_SECONDS):
        process = _FORK.Process(target=self._rank, args=(work, job, seconds))
        process.start()
        self.processes.append(process)
        return process

    def _rank(self, work, job, seconds):
        def observed():
            self.events.put("working")
            work()

        try:
            with host.once(observed, self.folder, job, seconds=seconds):
                self.events.put("entered")
                self.may_end.wait(_SECONDS)
        except errors.LenetError as error:
            self.events.put((type(error).__name__, str(error)))

    def marker(self):
        return glob.glob(f"{self.folder}/.*.transfer")[0]

    def gate(self):
        return glob.glob(f"{self.folder}/.*.gate")[0]

    def wait_until_waiting(self, process):
        """Returns when a child waits for another, which works."""
        self._wait_until_open(process, self.marker())
        with open(self.gate()) as file:  # it has left the gate, and so is one that waits
            fcntl.flock(file, fcntl.LOCK_EX)

    def _wait_until_open(self, process, path):
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            for fd in glob.glob(f"/proc/{process.pid}/fd/*"):
                with contextlib.suppress(OSError):
                    if os.readlink(fd) == path:
                        return
        raise AssertionError(f"{path} was not opened")

    def next(self):
        return self.events.get(timeout=_SECONDS)

    def end(self):
        self.may_end.set()
        for process in self.processes:
            process.join(_SECONDS)
        left = [process for process in self.processes if process.is_alive()]
        for process in left:
            process.kill()
        assert not left


@pytest.fixture
def ranks(tmp_path):
    result = Ranks(tmp_path / "cache")
    yield result
    result.end()


def nothing():
    pass


def test_one_of_two_works_and_the_other_waits_for_it(ranks):
    finish = _FORK.Event()
    ranks.start(lambda: finish.wait(_SECONDS))
    assert ranks.next() == "working"
    ranks.start(nothing)
    assert ranks.events.empty()
    finish.set()
    assert [ranks.next(), ranks.next()] == ["entered", "entered"]
    assert ranks.events.empty()


def test_of_many_at_once_one_works(ranks):
    for _ in range(8):
        ranks.start(nothing)
    events = [ranks.next() for _ in range(9)]
    assert sorted(events) == ["entered"] * 8 + ["working"]


def test_the_failure_of_the_one_is_told_to_the_other_with_its_kind(ranks):
    fail = _FORK.Event()

    def work():
        fail.wait(_SECONDS)
        raise errors.UserError("no such bucket")

    ranks.start(work)
    assert ranks.next() == "working"
    ranks.wait_until_waiting(ranks.start(nothing))
    fail.set()
    told = "another process of this host could not fetch the data: no such bucket"
    assert {ranks.next(), ranks.next()} == {("UserError", "no such bucket"), ("UserError", told)}


def test_the_death_of_the_one_is_told_to_the_other(ranks):
    first = ranks.start(signal.pause)
    assert ranks.next() == "working"
    ranks.wait_until_waiting(ranks.start(nothing))
    os.kill(first.pid, signal.SIGKILL)
    kind, message = ranks.next()
    assert kind == "LenetError"
    assert "died" in message


def test_nobody_waits_for_ever(ranks):
    finish = _FORK.Event()
    ranks.start(lambda: finish.wait(_SECONDS))
    assert ranks.next() == "working"
    ranks.start(nothing, seconds=0.2)
    kind, message = ranks.next()
    assert kind == "LenetError"
    assert "was not ready after 0.2 s" in message
    finish.set()


def test_the_marker_of_an_earlier_start_of_the_job_is_not_believed(ranks):
    with host.once(nothing, ranks.folder, "job"):
        pass
    assert '"done"' in pathlib.Path(ranks.marker()).read_text()
    finish = _FORK.Event()
    ranks.start(lambda: finish.wait(_SECONDS))
    assert ranks.next() == "working"
    ranks.start(nothing)
    assert ranks.events.empty()
    finish.set()
    assert [ranks.next(), ranks.next()] == ["entered", "entered"]


def test_jobs_do_not_wait_for_each_other(ranks):
    finish = _FORK.Event()
    ranks.start(lambda: finish.wait(_SECONDS), job="a")
    assert ranks.next() == "working"
    ranks.start(nothing, job="b/../a")
    assert [ranks.next(), ranks.next()] == ["working", "entered"]
    finish.set()


def test_a_cache_that_cannot_be_made_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(errors.UserError, match="--cache_path: cannot write to .*file/cache"),
        host.once(nothing, str(tmp_path / "file" / "cache"), "job"),
    ):
        pass
