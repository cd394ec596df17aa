"""Repeats what failed for a reason that passes."""

import dataclasses
import random
import time
from collections.abc import Callable
from typing import TypeVar

from absl import logging

from lenet.errors import LenetError

ResultT = TypeVar("ResultT")


class TransientError(Exception):
    """Something that may work the next time: a busy server, a broken connection or body."""


@dataclasses.dataclass(frozen=True)
class Retry:
    """How often, and how long to wait: a random part of a time that doubles up to `longest`.

    Attributes:
        attempts: in all.
        first: seconds, at most, before the second.
        longest: seconds, at most, before any.
    """

    attempts: int = 6
    first: float = 0.5
    longest: float = 20.0


def call(work: Callable[[], ResultT], retry: Retry) -> ResultT:
    """The result of `work`, which is called again when it raises TransientError.

    Raises:
        LenetError: it did so every time.
    """
    for attempt in range(1, retry.attempts + 1):
        try:
            return work()
        except TransientError as error:
            if attempt == retry.attempts:
                raise LenetError(f"{error}; gave up after {attempt} attempts") from error
            # Half of it at random, so that the ranks of a job do not come back together.
            longest = min(retry.longest, retry.first * 2 ** (attempt - 1))
            delay = longest * random.uniform(0.5, 1)
            logging.info("%s; again in %.1f s", error, delay)
            time.sleep(delay)
    raise AssertionError("attempts is at least 1")
