"""Which process of which job this is: from the variables that ModelArts sets, or alone."""

import dataclasses
import os

from lenet.errors import UserError


@dataclasses.dataclass(frozen=True)
class Ids:
    """Ids of this process.

    Attributes:
        device_id: index of its card on its host.
        rank_id: its number among all processes of the job, from 0.
        rank_size: how many there are.
        job_id: name of the job.
    """

    device_id: int
    rank_id: int
    rank_size: int
    job_id: str


def from_environment() -> Ids:
    """DEVICE_ID, RANK_ID, RANK_SIZE and JOB_ID; those of a process alone where they are not set.

    Raises:
        UserError: one of the first three is no number that fits.
    """
    rank = _number("RANK_ID", 0, 0)
    size = _number("RANK_SIZE", rank + 1, 1)  # msrun may tell the one without the other
    if rank >= size:
        raise UserError(f"RANK_ID={rank}: expected less than RANK_SIZE={size}")
    job = os.environ.get("JOB_ID") or "Local Job"
    return Ids(_number("DEVICE_ID", 0, 0), rank, size, job)


def _number(variable: str, default: int, minimum: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal() or int(text) < minimum:
        raise UserError(f"{variable}={text}: expected a whole number of at least {minimum}")
    return int(text)
