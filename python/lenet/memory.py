"""Refuses work that does not fit into the memory of the machine."""

import psutil

from lenet.errors import UserError


def require(flags: str, needed: float) -> None:
    """Checks that this machine has the memory that a run needs, roughly.

    Args:
        flags: options that determine it.
        needed: bytes.

    Raises:
        UserError: less memory is available; the message names `flags`.
    """
    available = psutil.virtual_memory().available
    if needed > available:
        raise UserError(
            f"{flags}: this run needs about {needed / 1e9:.1f} GB of memory, and this machine has "
            f"{available / 1e9:.1f} GB left; use smaller values"
        )
