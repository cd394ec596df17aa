"""Handles Ctrl-C (SIGINT), a closed terminal (SIGHUP) and SIGTERM.

While MindSpore runs a graph, it turns SIGINT into SIGTERM.
"""

import atexit
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn

EXIT_CODE = 130  # 128 + SIGINT, as shells report it

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_at_once(message: str, numbers: Iterable[int] = _SIGNALS) -> None:
    """Makes the signals print `message` and end the process with EXIT_CODE, without cleaning up."""

    def abort(*_: object) -> None:
        os.write(2, f"{message}\n".encode())
        _end_process(EXIT_CODE)

    for number in _not_ignored(numbers):
        signal.signal(number, abort)


def raise_at_signals() -> None:
    """Makes SIGTERM and SIGHUP raise KeyboardInterrupt, as SIGINT does, unless they are handled."""
    for number in _SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _not_ignored(numbers: Iterable[int]) -> list[int]:
    """Returns the signals that are not ignored; a shell script's `&` ignores SIGINT for a job."""
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]


def run_to_exit(main: Callable[[], None], message: str) -> NoReturn:
    """Calls `main` and ends the process with the code of its SystemExit.

    KeyboardInterrupt, and a signal at any later moment, print `message` and end the process with
    EXIT_CODE. The process ends in the last exit handler: afterwards Python would restore the
    default action of SIGINT, which kills the process.
    """
    code: int | str | None = 1  # if `main` raises another exception
    # The first exit handler registered runs last.
    atexit.register(lambda: _end_process(code if isinstance(code, int) else int(code is not None)))
    try:
        try:
            for number in _not_ignored([signal.SIGINT]):
                signal.signal(number, signal.default_int_handler)
            main()
        except SystemExit as error:
            code = error.code
        finally:
            end_at_once(message)
    except KeyboardInterrupt:
        end_at_once(message)  # a second signal may have interrupted the first call
        print(message, file=sys.stderr)
        code = EXIT_CODE
    sys.exit(code)


def _end_process(code: int) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        # RuntimeError: a signal has interrupted a write to the stream.
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            stream.flush()
    os._exit(code)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Raises KeyboardInterrupt for a SIGINT inside the block only at the end of the block."""
    pending = []
    before = signal.signal(signal.SIGINT, lambda *_: pending.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pending:
        raise KeyboardInterrupt


class Interruption:
    """Record of the first signal.

    Attributes:
        requested: whether a signal has requested to end the work.
    """

    requested = False


@contextlib.contextmanager
def recorded() -> Iterator[Interruption]:
    """Records the first signal inside the block; a second one raises KeyboardInterrupt at once."""
    interruption = Interruption()

    def request(*_: object) -> None:
        interruption.requested = True
        for number in before:
            signal.signal(number, signal.default_int_handler)

    before = {number: signal.signal(number, request) for number in _not_ignored(_SIGNALS)}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
