"""Processes, not threads, because a file lock belongs to a process."""

import multiprocessing
import os
import signal
from unittest import mock

import pytest

from lenet import errors
from lenet.cloud import host

_FORK = multiprocessing.get_context("fork")
_SECONDS = 30


class Ranks:
    """Child processes that call host.once with the same folder; `events` has what they did."""

    def __init__(self, folder):
        self.folder = folder
        self.events = _FORK.Queue()
        self.may_end = _FORK.Event()
        self.finish = _FORK.Event()
        self.processes = []

    def start(self, work, job="job", seconds=_SECONDS):
        process = _FORK.Process(target=self._rank, args=(work, job, seconds))
        process.start()
        self.processes.append(process)
        return process

    def start_working(self, job="job"):
        """Starts a child that works until `finish` is set."""
        process = self.start(lambda: self.finish.wait(_SECONDS), job)
        assert self.next() == "working"
        return process

    def _rank(self, work, job, seconds):
        def observed():
            self.events.put("working")
            work()

        log = mock.patch.object(host.logging, "info", lambda _: self.events.put("waiting"))
        try:
            with log, host.once(observed, str(self.folder), job, seconds=seconds):
                self.events.put("entered")
                self.may_end.wait(_SECONDS)
        except errors.LenetError as error:
            self.events.put((type(error).__name__, str(error)))

    def start_waiting(self, **options):
        """Starts a child that waits for another one; returns when it waits."""
        process = self.start(nothing, **options)
        assert self.next() == "waiting"
        return process

    def next(self):
        return self.events.get(timeout=_SECONDS)

    def end(self):
        self.finish.set()
        self.may_end.set()
        for process in self.processes:
            process.join(_SECONDS)
            assert not process.is_alive()


@pytest.fixture
def ranks(tmp_path):
    result = Ranks(tmp_path / "cache")
    yield result
    result.end()


def nothing():
    pass


def test_second_process_waits_for_the_first(ranks):
    ranks.start_working()
    ranks.start_waiting()
    assert ranks.events.empty()
    ranks.finish.set()
    assert [ranks.next(), ranks.next()] == ["entered", "entered"]
    assert ranks.events.empty()


def test_one_of_many_works(ranks):
    for _ in range(8):
        ranks.start(nothing)
    events = [ranks.next() for _ in range(16)]
    assert sorted(events) == ["entered"] * 8 + ["waiting"] * 7 + ["working"]


def test_failure_is_passed_to_the_others_with_its_type(ranks):
    def work():
        ranks.finish.wait(_SECONDS)
        raise errors.UserError("no such bucket")

    ranks.start(work)
    assert ranks.next() == "working"
    ranks.start_waiting()
    ranks.finish.set()
    passed = "another process of this host could not fetch the data: no such bucket"
    assert {ranks.next(), ranks.next()} == {("UserError", "no such bucket"), ("UserError", passed)}


def test_death_is_reported_to_the_others(ranks):
    first = ranks.start(signal.pause)
    assert ranks.next() == "working"
    ranks.start_waiting()
    os.kill(first.pid, signal.SIGKILL)
    kind, message = ranks.next()
    assert kind == "LenetError"
    assert "died" in message


def test_waiting_has_a_time_limit(ranks):
    ranks.start_working()
    ranks.start_waiting(seconds=0.2)
    kind, message = ranks.next()
    assert kind == "LenetError"
    assert "was not ready after 0.2 s" in message


def test_marker_of_an_earlier_start_is_ignored(ranks):
    with host.once(nothing, str(ranks.folder), "job"):
        pass
    (marker,) = ranks.folder.glob(".*.transfer")
    assert '"done"' in marker.read_text()
    ranks.start_working()
    ranks.start_waiting()
    assert ranks.events.empty()
    ranks.finish.set()
    assert [ranks.next(), ranks.next()] == ["entered", "entered"]


def test_jobs_are_independent(ranks):
    ranks.start_working(job="a")
    ranks.start(nothing, job="b/../a")
    assert [ranks.next(), ranks.next()] == ["working", "entered"]


def test_unwritable_folder(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(errors.UserError, match="--cache_path: cannot write to .*file/cache"),
        host.once(nothing, str(tmp_path / "file" / "cache"), "job"),
    ):
        pass
