"""Settings of a remote-build engine, and start and stop of its services.

The services outlive the command that starts them; a state file has their process ids.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence

from lenet import files

_SOCKET_PATH_LIMIT = 107  # bytes, in Linux
_START_SECONDS = 200
_STOP_SECONDS = 20
_KILL_SECONDS = 10


class RemoteError(Exception):
    """A failure with a message for the user.

    Attributes:
        code: exit code: 1 the work failed, 2 the input is wrong, 3 a requirement is missing.
    """

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of an engine.

    Attributes:
        folder: folder for sockets, logs, blobs and the database; removed when the engine stops.
        image: root folder of the Debian system that runs actions; kept when the engine stops.
        port: TCP port of BuildGrid on 127.0.0.1.
        jobs: number of actions that the worker runs in parallel.
        worker_disk_mb: size of the worker's store, in memory; 0 stores on the disk without limit.
    """

    folder: pathlib.Path
    image: pathlib.Path
    port: int = 50051
    jobs: int = 2
    worker_disk_mb: int = 0

    @property
    def share(self) -> pathlib.Path:
        """The folder that services see as /run/lenet."""
        return self.folder / "share"

    @property
    def logs(self) -> pathlib.Path:
        """The folder of the log files."""
        return self.folder / "logs"

    @property
    def state_file(self) -> pathlib.Path:
        """The list of the started processes."""
        return self.folder / "state.json"

    @property
    def endpoint(self) -> str:
        """The URL for --remote_executor and --remote_cache."""
        return f"grpc://127.0.0.1:{self.port}"

    def check(self) -> None:
        """Raises RemoteError if a value is out of range."""
        if not 1 <= self.port <= 65535:
            raise RemoteError(f"--port={self.port} is not between 1 and 65535", 2)
        if self.jobs < 1:
            raise RemoteError(f"--jobs={self.jobs} is less than 1", 2)
        if self.worker_disk_mb < 0:
            raise RemoteError(f"--worker_disk_mb={self.worker_disk_mb} is negative", 2)
        excess = len(str(self.share / "postgres" / ".s.PGSQL.5432")) - _SOCKET_PATH_LIMIT
        if excess > 0:
            raise RemoteError(
                f"--folder={self.folder} is {excess} characters too long for socket paths", 2
            )


@dataclasses.dataclass(frozen=True)
class Service:
    """A program that runs until it is stopped.

    Attributes:
        name: name of the service and of its log.
        command: command line.
        ready: returns whether the service answers.
        prepare: called before the start.
    """

    name: str
    command: list[str]
    ready: Callable[[], bool]
    prepare: Callable[[], None] = lambda: None


@dataclasses.dataclass(frozen=True)
class Running:
    """A started process group. `started` distinguishes it from a later one with the same id."""

    name: str
    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Returns whether the process is still running."""
        return _start_time(self.pid) == self.started


def _start_time(pid: int) -> int | None:
    """Returns a process's start in clock ticks after boot; None for ended processes."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def listens(address: int | pathlib.Path) -> bool:
    """Returns whether a TCP port of this machine or a Unix socket accepts connections."""
    tcp = isinstance(address, int)
    with socket.socket(socket.AF_INET if tcp else socket.AF_UNIX) as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", address) if tcp else str(address)) == 0


def read_state(settings: Settings) -> list[Running]:
    """Returns the started processes.

    Raises:
        RemoteError: the folder exists and belongs to something else (exit code 2).
    """
    if not settings.state_file.exists():
        if settings.folder.exists() and any(settings.folder.iterdir()):
            raise RemoteError(f"--folder={settings.folder} holds files of something else", 2)
        return []
    return [Running(**entry) for entry in json.loads(settings.state_file.read_text())]


def write_state(settings: Settings, running: Sequence[Running]) -> None:
    """Replaces the list of started processes."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    state = json.dumps([dataclasses.asdict(entry) for entry in running])
    files.write_atomically(settings.state_file, state)


def start(settings: Settings, service: Service) -> None:
    """Starts a service and waits until it is ready.

    Raises:
        RemoteError: the service ended or was not ready in time; has the end of its log.
    """
    service.prepare()
    settings.logs.mkdir(parents=True, exist_ok=True)
    log = settings.logs / f"{service.name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            service.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    running = Running(service.name, process.pid, _start_time(process.pid) or 0)
    others = [entry for entry in read_state(settings) if entry.name != service.name]
    write_state(settings, [*others, running])
    deadline = time.monotonic() + _START_SECONDS
    while not service.ready():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace").splitlines()[-10:]
            raise RemoteError("\n".join([f"{service.name} did not start; end of its log:", *tail]))
        time.sleep(0.1)


def stop(running: Running, *, at_once: bool = False) -> None:
    """Ends a process group, at once or after SIGINT and a grace period.

    Raises:
        RemoteError: the processes did not end.
    """
    if not running.alive:
        return
    signals = [(signal.SIGKILL, _KILL_SECONDS)]
    if not at_once:
        signals.insert(0, (signal.SIGINT, _STOP_SECONDS))  # PostgreSQL's fast shutdown
    for number, seconds in signals:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):  # only the starting process can wait
                os.waitpid(running.pid, os.WNOHANG)
            try:
                os.killpg(running.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.05)
    raise RemoteError(f"{running.name} (process {running.pid}) could not be ended")


def stop_all(settings: Settings) -> list[str]:
    """Ends all services in reverse order, removes the folder, and returns the services' names."""
    running = read_state(settings)
    for entry in reversed(running):
        stop(entry)
    shutil.rmtree(settings.folder, ignore_errors=True)
    return [entry.name for entry in running]
