"""The rank and job of this process, from the variables that ModelArts sets."""

import dataclasses
import os

from lenet.errors import UserError


@dataclasses.dataclass(frozen=True)
class JobEnvironment:
    """The place of this process in a job.

    Attributes:
        device_id: index of the card on its host.
        rank_id: index among all processes of the job.
        job_id: name of the job.
    """

    device_id: int
    rank_id: int
    job_id: str


def read() -> JobEnvironment:
    """Returns the values of DEVICE_ID, RANK_ID, RANK_SIZE and JOB_ID.

    The defaults are those of a single process: 0, 0, 1 and "Local Job".

    Raises:
        UserError: a number is malformed or out of range.
    """
    rank = _number("RANK_ID", 0, 0)
    size = _number("RANK_SIZE", rank + 1, 1)  # msrun may set only one of the two
    if rank >= size:
        raise UserError(f"RANK_ID={rank}: expected less than RANK_SIZE={size}")
    job = os.environ.get("JOB_ID") or "Local Job"
    return JobEnvironment(_number("DEVICE_ID", 0, 0), rank, job)


def _number(variable: str, default: int, minimum: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal() or int(text) < minimum:
        raise UserError(f"{variable}={text}: expected a whole number of at least {minimum}")
    return int(text)
