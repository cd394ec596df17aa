"""What the remote-build engine is made of and where it lies."""

from __future__ import annotations

import dataclasses
import pathlib

# The kernel's limit for the path of a Unix socket is 108 bytes, with the zero.
_SOCKET_PATH_LIMIT = 107


class RemoteError(Exception):
    """A failure with a message for the user.

    Attributes:
        code: exit code: 1 the work failed, 2 the input is wrong, 3 something needed is missing.
    """

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@dataclasses.dataclass(frozen=True)
class Settings:
    """One engine.

    Attributes:
        folder: everything that runs: sockets, logs, stored blobs, database. `down` removes it.
        image: the root folder of the executor's system, made by debootstrap, kept by `down`.
        port: TCP port of BuildGrid on 127.0.0.1.
        jobs: actions that the worker runs at once.
        worker_disk_mb: size of the worker's own store; 0: as large as the disk.
    """

    folder: pathlib.Path
    image: pathlib.Path
    port: int = 50051
    jobs: int = 2
    worker_disk_mb: int = 0

    @property
    def share(self) -> pathlib.Path:
        """What services see as /run/lenet."""
        return self.folder / "share"

    @property
    def logs(self) -> pathlib.Path:
        return self.folder / "logs"

    @property
    def state_file(self) -> pathlib.Path:
        return self.folder / "state.json"

    @property
    def endpoint(self) -> str:
        """For --remote_executor and --remote_cache."""
        return f"grpc://127.0.0.1:{self.port}"

    def check(self) -> None:
        """Raises RemoteError if a setting cannot work."""
        if not 1 <= self.port <= 65535:
            raise RemoteError(f"--port={self.port} is not between 1 and 65535", 2)
        if self.jobs < 1:
            raise RemoteError(f"--jobs={self.jobs} is less than 1", 2)
        if self.worker_disk_mb < 0:
            raise RemoteError(f"--worker_disk_mb={self.worker_disk_mb} is negative", 2)
        longest = len(str(self.share / "postgres" / ".s.PGSQL.5432"))
        if longest > _SOCKET_PATH_LIMIT:
            raise RemoteError(
                f"--folder={self.folder} is too long for sockets in it by "
                f"{longest - _SOCKET_PATH_LIMIT} characters; name a shorter one",
                2,
            )
