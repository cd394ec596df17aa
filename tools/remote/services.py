"""The programs of an engine: PostgreSQL, BuildGrid, and a worker."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
import string
import subprocess
import sys
from collections.abc import Callable

import grpc

from tools.remote.sandbox import SHARE, Sandbox
from tools.remote.settings import RemoteError, Settings

_BUILDGRID_MAIN = "import sys; from buildgrid.server.app.cli import cli; sys.exit(cli())"
BUILDGRID = (sys.executable, "-c", _BUILDGRID_MAIN)
_AS_POSTGRES = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
_READY_SECONDS = 5
# gRPC would try again after 1, 3 and 5 seconds.
_RECONNECT = [(f"grpc.{name}_reconnect_backoff_ms", 100) for name in ("initial", "min", "max")]


@dataclasses.dataclass(frozen=True)
class Service:
    """A program that runs until it is stopped.

    Attributes:
        name: of its log as well.
        command: what to run.
        ready: whether it answers.
        prepare: runs before the start.
    """

    name: str
    command: list[str]
    ready: Callable[[], bool]
    prepare: Callable[[], None] = lambda: None


def _runs(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def answers(target: str) -> bool:
    """Whether a gRPC server listens there."""
    channel = grpc.insecure_channel(target, options=_RECONNECT)
    try:
        grpc.channel_ready_future(channel).result(timeout=_READY_SECONDS)
    except grpc.FutureTimeoutError:
        return False
    finally:
        channel.close()
    return True


def _postgres_program(image: pathlib.Path, name: str) -> str:
    """Debian keeps them in a folder of the version: /usr/lib/postgresql/18/bin/initdb."""
    found = sorted(image.glob(f"usr/lib/postgresql/*/bin/{name}"))
    if not found:
        raise RemoteError(f"the image has no {name}", 3)
    return "/" + str(found[-1].relative_to(image))


def _folder(path: pathlib.Path, owner: int | None = None) -> pathlib.Path:
    path.mkdir(parents=True, exist_ok=True)
    if owner is not None:
        shutil.chown(path, owner, owner)
    return path


def _user_id(image: pathlib.Path, name: str) -> int:
    for line in (image / "etc/passwd").read_text().splitlines():
        words = line.split(":")
        if words[0] == name:
            return int(words[2])
    raise RemoteError(f"the image has no user {name}", 3)


def postgres(settings: Settings) -> Service:
    """The database of BuildGrid's scheduler, on a Unix socket that only root may use."""
    home = settings.share / "postgres"
    sandbox = Sandbox(settings.image, binds={SHARE: settings.share}, detached=True)
    inside = f"{SHARE}/postgres"

    def prepare() -> None:
        if (home / "data").exists():
            return
        _folder(home, _user_id(settings.image, "postgres"))
        initdb = _postgres_program(settings.image, "initdb")
        options = [f"--pgdata={inside}/data", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        made = subprocess.run(
            sandbox.command(*_AS_POSTGRES, initdb, *options),
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise RemoteError(f"initdb failed: {made.stderr.strip()}")

    options = ["-D", f"{inside}/data", "-k", inside, "-c", "listen_addresses="]
    # What is lost with the power is made again by `up`.
    options += ["-c", "fsync=off", "-c", "jit=off", "-c", "unix_socket_permissions=0700"]
    server = _postgres_program(settings.image, "postgres")
    ready = [_postgres_program(settings.image, "pg_isready"), "-h", inside, "-U", "postgres"]
    return Service(
        "postgres",
        sandbox.command(*_AS_POSTGRES, server, *options),
        lambda: _runs(sandbox.command(*_AS_POSTGRES, *ready)),
        prepare,
    )


def buildgrid(settings: Settings, template: str) -> Service:
    """Store, cache of results, and scheduler."""
    database = f"postgresql+psycopg2://postgres@/postgres?host={settings.share}/postgres"
    config = settings.folder / "buildgrid.yml"

    def prepare() -> None:
        config.write_text(
            string.Template(template).substitute(
                port=settings.port,
                socket=_folder(settings.share / "sockets") / "buildgrid",
                database=database,
                cas=_folder(settings.folder / "cas"),
            )
        )
        migrated = subprocess.run(
            [*BUILDGRID, "migrate", "apply", database], capture_output=True, text=True, check=False
        )
        if migrated.returncode != 0:
            raise RemoteError(f"BuildGrid's database: {migrated.stderr.strip()}")

    return Service(
        "buildgrid",
        [*BUILDGRID, "server", "start", str(config)],
        lambda: answers(f"127.0.0.1:{settings.port}"),
        prepare,
    )


# One machine: the store and the worker end together; the worker starts again if it crashes.
_WORKER = """
buildbox-casd "--cas-remote=unix:$0/buildgrid" "--bind=unix:$0/casd" --log-level=warning "$1" &
while [ ! -S "$0/casd" ] && kill -0 $!; do sleep 0.1; done
shift
while kill -0 $!; do
  buildbox-worker "--bots-remote=unix:$0/buildgrid" "--cas-remote=unix:$0/casd" "$@" ||
    echo "the worker ended with code $?"
  sleep 1
done
"""


def worker(settings: Settings, image_id: str) -> Service:
    """Runs actions, without a network; with a store that lays out their inputs by links."""
    sockets, store = f"{SHARE}/sockets", f"{SHARE}/casd"
    tmpfs = {store: settings.worker_disk_mb << 20} if settings.worker_disk_mb else {}
    sandbox = Sandbox(settings.image, binds={SHARE: settings.share}, tmpfs=tmpfs, detached=True)
    options = [f"--concurrent-jobs={settings.jobs}", "--max-wait-time=5", "--log-level=info"]
    options += ["--platform=OSFamily=linux", f"--platform=image={image_id}"]
    options += ["--buildbox-run=/usr/bin/buildbox-run-hosttools"]
    options += ["--runner-arg=--staging-mode=copy-or-link", "--runner-arg=--clearenv"]

    def prepare() -> None:
        _folder(settings.share / "casd")
        (settings.share / "sockets" / "casd").unlink(missing_ok=True)

    return Service(
        "worker",
        sandbox.command("sh", "-c", _WORKER, sockets, store, *options, "worker"),
        lambda: answers(f"unix:{settings.share}/sockets/casd"),
        prepare,
    )
