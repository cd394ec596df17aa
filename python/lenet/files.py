"""Files that appear complete or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterator


@contextlib.contextmanager
def replacing(path: str) -> Iterator[str]:
    """Yields a temporary path beside `path` to write to; renamed to `path` at the end.

    On any error, Ctrl-C included, the temporary file is removed and `path` is as it was. The name
    keeps the ending of `path`, since some writers choose the format by it, and begins with a dot.
    """
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{secrets.token_hex(4)}.tmp.{name}")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        raise


def write_atomically(path: str, content: bytes | str) -> None:
    """Writes `content` (a text in UTF-8) to `path` in one step."""
    data = content.encode() if isinstance(content, str) else content
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(data)
