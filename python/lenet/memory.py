"""Refuses work that does not fit into the memory that this process may use."""

from lenet import limits
from lenet.errors import UserError


def require(flags: str, needed: float) -> None:
    """Checks that the memory that a run needs, roughly, is available to this process.

    Args:
        flags: options that determine it.
        needed: bytes.

    Raises:
        UserError: less memory is available; the message names `flags`.
    """
    available = limits.available_memory()
    if needed > available:
        raise UserError(
            f"{flags}: this run needs about {needed / 1e9:.1f} GB of memory, and "
            f"{available / 1e9:.1f} GB are left; use smaller values"
        )
