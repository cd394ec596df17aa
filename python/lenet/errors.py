"""The errors that a program reports in one line, each with its exit code.

The codes are a contract with scripts and with infer310 (cc/base/exit_code.h):
0 done, 1 the work failed, 2 the input is wrong, 3 device or engine not available,
4 the device failed during the work.
"""

from typing import ClassVar


class LenetError(Exception):
    """The work failed. The message says what, where, expected, found, and what to do."""

    exit_code: ClassVar[int] = 1


class UserError(LenetError):
    """A flag, a file or a configuration that the user gave is wrong."""

    exit_code: ClassVar[int] = 2


class DeviceUnavailableError(LenetError):
    """A device or engine was asked for by name and is not here."""

    exit_code: ClassVar[int] = 3


class DeviceFailedError(LenetError):
    """A device was there and failed during the work."""

    exit_code: ClassVar[int] = 4
