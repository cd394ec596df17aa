"""Work that one process per host does while the others wait.

The processes share a marker file with the name of the job. The process that works holds a lock on
it; the system releases the lock when that process ends. Therefore a marker that an earlier start
left behind is recognised: nobody holds it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import pathlib
import re
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

from lenet.errors import LenetError, UserError

_SECONDS = 7200.0
_PERIOD = 0.1
_ERRORS = {error.exit_code: error for error in (LenetError, UserError)}


@contextlib.contextmanager
def once(
    work: Callable[[], None], folder: str, job: str, *, seconds: float = _SECONDS
) -> Iterator[None]:
    """Enters its body when `work` has been done by one of the processes that call this function.

    A process that comes after the others have ended repeats the work.

    Args:
        work: the function to call.
        folder: folder of the marker, on a disk of this host.
        job: name of the job.
        seconds: time limit for waiting.

    Raises:
        UserError, LenetError: an error of `work`, also in the waiting processes; or the working
            process died or exceeded the time limit; or the folder is not writable.
    """
    with _open_marker(folder, job) as (marker, leads):
        if leads:
            _lead(work, marker)
        else:
            _wait(marker, seconds)
        yield


@contextlib.contextmanager
def _open_marker(folder: str, job: str) -> Iterator[tuple[IO[str], bool]]:
    """Yields the marker and whether this process holds its lock."""
    name = "." + re.sub(r"[^\w.-]", "_", job)
    path = pathlib.Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        gate = (path / f"{name}.gate").open("a")
    except OSError as error:
        raise UserError(
            f"--cache_path: cannot write to {folder}: {error.strerror}; choose another folder"
        ) from error
    with (path / f"{name}.transfer").open("a+", encoding="utf-8") as marker:
        # The gate makes locking and clearing the marker one step for the other processes.
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
        _write(marker, {"failed": str(error) or type(error).__name__, "code": code})
        raise
    _write(marker, {"done": True})


def _wait(marker: IO[str], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        ended = _lock(marker, fcntl.LOCK_SH)  # tested before reading, so that no result is missed
        result = _read(marker)
        if result:
            break
        if ended:
            raise LenetError("the process of this host that fetches the data died; see its log")
        if time.monotonic() > deadline:
            raise LenetError(
                "the process of this host that fetches the data was not ready after "
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


def _write(marker: IO[str], result: dict[str, Any]) -> None:
    marker.write(json.dumps(result) + "\n")
    marker.flush()


def _read(marker: IO[str]) -> dict[str, Any]:
    """Returns the result in a marker, or {} if it is missing or incomplete."""
    marker.seek(0)
    text = marker.read()
    return json.loads(text) if text.endswith("\n") else {}
