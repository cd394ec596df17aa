"""Errors that a program reports in one line, each with its exit code.

Exit codes, shared with infer310 (cc/base/error.h): 0 done, 1 the work failed, 2 the user's
input is wrong, 3 device or engine not available, 4 the device failed during the work.
"""

from typing import ClassVar


class LenetError(Exception):
    """Failure of the work. The message says what, where, expected, found, and what to do."""

    exit_code: ClassVar[int] = 1


class UserError(LenetError):
    """Invalid flag, file or configuration."""

    exit_code: ClassVar[int] = 2


class DeviceUnavailableError(LenetError):
    """Device or engine that was requested by name and is not available."""

    exit_code: ClassVar[int] = 3


class DeviceFailedError(LenetError):
    """Device that failed during the work."""

    exit_code: ClassVar[int] = 4
