"""Ctrl-C between two steps instead of within one."""

import signal
from types import FrameType, TracebackType
from typing import Any

# While MindSpore runs a graph, a handler of its own turns Ctrl-C into SIGTERM.
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """While entered, Ctrl-C or SIGTERM sets `requested`; a second one interrupts at once."""

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interruption":
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._request)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        for later in _SIGNALS:
            signal.signal(later, signal.default_int_handler)
