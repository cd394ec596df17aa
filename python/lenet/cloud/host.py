"""Work that one process per host does while the others wait."""

from __future__ import annotations

import contextlib
import fcntl
import json
import pathlib
import re
import time
from collections.abc import Callable, Iterator
from typing import IO

from absl import logging

from lenet.errors import LenetError, UserError

_SECONDS = 7200.0
_PERIOD = 0.1
_ERRORS = {error.exit_code: error for error in (LenetError, UserError)}


@contextlib.contextmanager
def once(
    work: Callable[[], None], folder: str, job: str, *, seconds: float = _SECONDS
) -> Iterator[None]:
    """Enters its body when `work` has been done by one of the processes that call this function.

    The processes share a marker file with the result. The working process locks it exclusively and
    the others wait for a shared lock, which they hold in the body. The system releases the locks of
    an ended process. Therefore a marker that nobody has locked is outdated, and the next process
    repeats the work.

    Args:
        work: the function to call.
        folder: folder of the marker, on a disk of this host.
        job: name of the job, which is the name of the marker.
        seconds: time limit for waiting.

    Raises:
        UserError, LenetError: an error of `work`, also in the waiting processes; or the working
            process died or exceeded the time limit; or the folder is not writable.
    """
    path = pathlib.Path(folder, "." + re.sub(r"[^\w.-]", "_", job) + ".transfer")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"--cache_path: cannot write to {folder}: {error.strerror}; choose another folder"
        ) from error
    with file:
        if _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB):
            _lead(work, file)
            _lock(file, fcntl.LOCK_SH)
        else:
            _wait(file, seconds)
        yield


def _lead(work: Callable[[], None], marker: IO[str]) -> None:
    marker.truncate(0)
    try:
        work()
    except BaseException as error:
        code = error.exit_code if isinstance(error, LenetError) else LenetError.exit_code
        json.dump({"failed": str(error) or type(error).__name__, "code": code}, marker)
        raise
    json.dump({"done": True}, marker)
    marker.flush()


def _wait(marker: IO[str], seconds: float) -> None:
    logging.info("waiting for another process of this host that fetches the data")
    deadline = time.monotonic() + seconds
    while not _lock(marker, fcntl.LOCK_SH | fcntl.LOCK_NB):
        if time.monotonic() > deadline:
            raise LenetError(
                "the process of this host that fetches the data was not ready after "
                f"{seconds:g} s; see its log"
            )
        time.sleep(_PERIOD)
    marker.seek(0)
    try:
        result = json.load(marker)
    except ValueError as error:
        raise LenetError(
            "the process of this host that fetches the data died; see its log"
        ) from error
    if "failed" in result:
        error_type = _ERRORS.get(result["code"], LenetError)
        raise error_type(
            f"another process of this host could not fetch the data: {result['failed']}"
        )


def _lock(file: IO[str], operation: int) -> bool:
    try:
        fcntl.flock(file, operation)
    except BlockingIOError:
        return False
    return True
