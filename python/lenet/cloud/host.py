"""Work that one process of a host does, and the others wait for.

The marker is a file with the name of the job. Who does the work holds a lock on it, which the
system takes back when that process ends, whatever way; so a marker of an earlier job, or of an
earlier start of the same, is known by nobody holding it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from typing import IO

from lenet.errors import LenetError, UserError

_SECONDS = 7200.0
_PERIOD = 0.1
_ERRORS = {error.exit_code: error for error in (LenetError, UserError)}


@contextlib.contextmanager
def once(
    work: Callable[[], None], folder: str, job: str, *, seconds: float = _SECONDS
) -> Iterator[None]:
    """Enters its body when `work` has been done by one of the processes that call it.

    Args:
        work: what to do; by a process that comes when the first has ended, it is done again.
        folder: of the marker, on the disk of the host.
        job: name of the job.
        seconds: how long to wait for another process.

    Raises:
        UserError, LenetError: what the work raised, also in the processes that wait; or the
            process that did it died, or is not ready in time; or the folder cannot be used.
    """
    with _open_marker(folder, job) as (marker, leads):
        if leads:
            _lead(work, marker)
        else:
            _wait(marker, seconds)
        yield


@contextlib.contextmanager
def _open_marker(folder: str, job: str) -> Iterator[tuple[IO[str], bool]]:
    """The marker, and whether this process holds it."""
    name = "." + re.sub(r"[^\w.-]", "_", job)
    path = os.path.join(folder, f"{name}.transfer")
    try:
        os.makedirs(folder, exist_ok=True)
        gate = open(os.path.join(folder, f"{name}.gate"), "a")  # noqa: SIM115
    except OSError as error:
        raise UserError(
            f"--cache_path: cannot write to {folder}: {error.strerror}; name another folder"
        ) from error
    with open(path, "a+", encoding="utf-8") as marker:
        # Taking the lock and clearing the marker are one step for who comes by the gate.
        with gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            leads = _lock(marker, fcntl.LOCK_EX)
            if leads:
                marker.truncate(0)
        yield marker, leads


def _lead(work: Callable[[], None], marker: IO[str]) -> None:
    try:
        work()
    except BaseException as error:
        code = error.exit_code if isinstance(error, LenetError) else LenetError.exit_code
        reason = str(error) or type(error).__name__
        _write(marker, {"failed": reason, "code": code})
        raise
    _write(marker, {"done": True})


def _wait(marker: IO[str], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        alone = _lock(marker, fcntl.LOCK_SH)  # before the marker is read: its last word counts
        result = _read(marker)
        if result:
            break
        if alone:
            raise LenetError("the process of this host that fetches the data died; see its log")
        if time.monotonic() > deadline:
            raise LenetError(
                f"another process of this host fetches the data and was not ready after "
                f"{seconds:g} s; see its log"
            )
        time.sleep(_PERIOD)
    fcntl.flock(marker, fcntl.LOCK_UN)
    if "failed" in result:
        error = _ERRORS.get(result["code"], LenetError)
        raise error(f"another process of this host could not fetch the data: {result['failed']}")


def _lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(marker: IO[str], result: dict[str, object]) -> None:
    marker.write(json.dumps(result) + "\n")
    marker.flush()


def _read(marker: IO[str]) -> dict[str, object]:
    """Of a marker that is written to its end, else nothing."""
    marker.seek(0)
    text = marker.read()
    return json.loads(text) if text.endswith("\n") else {}
