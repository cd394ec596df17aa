"""Starts and stops the services of an engine, which outlive the command that starts them."""

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
from collections.abc import Sequence

from tools.remote.services import Service
from tools.remote.settings import RemoteError, Settings

_START_SECONDS = 60
_STOP_SECONDS = 20
_KILL_SECONDS = 10


@dataclasses.dataclass(frozen=True)
class Running:
    """A process that leads a group; `started` tells it from a later one of the same number."""

    name: str
    pid: int
    started: int

    @property
    def alive(self) -> bool:
        return _start_time(self.pid) == self.started


def _start_time(pid: int) -> int | None:
    """Clock ticks from the machine's start to the process's; None if it is gone or a zombie."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def read_state(settings: Settings) -> list[Running]:
    """What `start` has started; empty if nothing.

    Raises:
        RemoteError: the folder is of something else (exit code 2).
    """
    if not settings.state_file.exists():
        if settings.folder.exists() and any(settings.folder.iterdir()):
            raise RemoteError(f"--folder={settings.folder} is a folder of something else", 2)
        return []
    return [Running(**entry) for entry in json.loads(settings.state_file.read_text())]


def _write_state(settings: Settings, running: Sequence[Running]) -> None:
    temporary = settings.state_file.with_suffix(".tmp")
    temporary.write_text(json.dumps([dataclasses.asdict(entry) for entry in running]))
    temporary.replace(settings.state_file)


def check_port(settings: Settings) -> None:
    """Raises RemoteError if the port is in use."""
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", settings.port))
        except OSError as error:
            raise RemoteError(
                f"port {settings.port} is in use; name another by --port=N "
                "or stop what listens there",
                2,
            ) from error


def start(settings: Settings, service: Service) -> Running:
    """Starts a service and waits until it is ready.

    Raises:
        RemoteError: it ended, or was not ready in time; with the end of its log.
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
    state = [entry for entry in read_state(settings) if entry.name != service.name]
    _write_state(settings, [*state, running])
    deadline = time.monotonic() + _START_SECONDS
    while not service.ready():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace").splitlines()[-10:]
            raise RemoteError("\n".join([f"{service.name} did not start; end of its log:", *tail]))
        time.sleep(0.1)
    return running


def _group_lives(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def stop(running: Running, *, at_once: bool = False) -> None:
    """Ends a service with all of its processes; does nothing if it is gone.

    Raises:
        RemoteError: it could not be ended.
    """
    with contextlib.suppress(ChildProcessError):
        os.waitpid(running.pid, os.WNOHANG)
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
            with contextlib.suppress(ChildProcessError):
                os.waitpid(running.pid, os.WNOHANG)
            if not _group_lives(running.pid):
                return
            time.sleep(0.05)
    raise RemoteError(f"{running.name} (process {running.pid}) could not be ended")


def stop_all(settings: Settings) -> list[str]:
    """Ends all services, the last one first, and removes the folder; the names of what ran."""
    running = read_state(settings)
    for entry in reversed(running):
        stop(entry)
    shutil.rmtree(settings.folder, ignore_errors=True)
    return [entry.name for entry in running]
