"""The services of an engine: PostgreSQL, BuildGrid, and a worker."""

from __future__ import annotations

import pathlib
import shutil
import string
import subprocess
import sys

from tools.remote.engine import RemoteError, Service, Settings, listens
from tools.remote.sandbox import SHARE, Sandbox

_BUILDGRID_MAIN = "import sys; from buildgrid.server.app.cli import cli; sys.exit(cli())"
BUILDGRID = (sys.executable, "-c", _BUILDGRID_MAIN)
_AS_POSTGRES = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")


def run(command: list[str], name: str, text: str = "") -> str:
    """Runs a command with `text` as its input and returns its output without outer spaces.

    Raises:
        RemoteError: the command failed; the message has `name` and the command's errors.
    """
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RemoteError(f"{name} failed: {result.stderr.strip()}")
    return result.stdout.strip()


def _postgres_program(image: pathlib.Path, name: str) -> str:
    """Returns the path in the image, such as /usr/lib/postgresql/18/bin/initdb."""
    found = sorted(image.glob(f"usr/lib/postgresql/*/bin/{name}"))
    if not found:
        raise RemoteError(f"the image has no {name}", 3)
    return "/" + str(found[-1].relative_to(image))


def _user_id(image: pathlib.Path, name: str) -> int:
    for line in (image / "etc/passwd").read_text().splitlines():
        words = line.split(":")
        if words[0] == name:
            return int(words[2])
    raise RemoteError(f"the image has no user {name}", 3)


def postgres(settings: Settings) -> Service:
    """Returns the database of BuildGrid's scheduler, on a Unix socket that only root may use."""
    home = settings.share / "postgres"
    inside = f"{SHARE}/postgres"
    sandbox = Sandbox(settings.image, binds={SHARE: settings.share}, detached=True)

    def prepare() -> None:
        if (home / "data").exists():
            return
        home.mkdir(parents=True)
        owner = _user_id(settings.image, "postgres")
        shutil.chown(home, owner, owner)
        initdb = _postgres_program(settings.image, "initdb")
        options = [f"--pgdata={inside}/data", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        run(sandbox.command(*_AS_POSTGRES, initdb, *options), "initdb")

    options = ["-D", f"{inside}/data", "-k", inside, "-c", "listen_addresses="]
    # The database needs no durability, because `up` creates it again.
    options += ["-c", "fsync=off", "-c", "jit=off", "-c", "unix_socket_permissions=0700"]
    server = _postgres_program(settings.image, "postgres")
    is_ready = [_postgres_program(settings.image, "pg_isready"), "-h", inside, "-U", "postgres"]
    ready = sandbox.command(*_AS_POSTGRES, *is_ready)
    return Service(
        "postgres",
        sandbox.command(*_AS_POSTGRES, server, *options),
        lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0,
        prepare,
    )


def buildgrid(settings: Settings, template: str) -> Service:
    """Returns the server: blob store, action cache and scheduler."""
    database = f"postgresql+psycopg2://postgres@/postgres?host={settings.share}/postgres"
    config = settings.folder / "buildgrid.yml"

    def prepare() -> None:
        sockets, cas = settings.share / "sockets", settings.folder / "cas"
        sockets.mkdir(exist_ok=True)
        cas.mkdir(exist_ok=True)
        values = {"port": settings.port, "socket": sockets / "buildgrid"}
        values |= {"database": database, "cas": cas}
        config.write_text(string.Template(template).substitute(values))
        run([*BUILDGRID, "migrate", "apply", database], "the setup of BuildGrid's database")

    return Service(
        "buildgrid",
        [*BUILDGRID, "server", "start", str(config)],
        lambda: listens(settings.port),
        prepare,
    )


# The store and the worker end together. A worker that crashes starts again.
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
    """Returns the worker, which runs actions without a network."""
    sockets, store = f"{SHARE}/sockets", f"{SHARE}/casd"
    tmpfs = {store: settings.worker_disk_mb << 20} if settings.worker_disk_mb else {}
    sandbox = Sandbox(settings.image, binds={SHARE: settings.share}, tmpfs=tmpfs, detached=True)
    options = [f"--concurrent-jobs={settings.jobs}", "--max-wait-time=5", "--log-level=info"]
    options += ["--platform=OSFamily=linux", f"--platform=image={image_id}"]
    options += ["--buildbox-run=/usr/bin/buildbox-run-hosttools"]
    options += ["--runner-arg=--staging-mode=copy-or-link", "--runner-arg=--clearenv"]
    socket = settings.share / "sockets" / "casd"

    def prepare() -> None:
        (settings.share / "casd").mkdir(exist_ok=True)
        socket.unlink(missing_ok=True)

    return Service(
        "worker",
        sandbox.command("sh", "-c", _WORKER, sockets, store, *options, "worker"),
        lambda: listens(socket),
        prepare,
    )
