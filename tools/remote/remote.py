"""Runs a remote-build engine on this machine, for tests of `--config=remote`; needs root.

  bazel run //tools/remote -- up                  start the engine
  bazel run //tools/remote -- bazel test //...    run the image's Bazel 7 on this workspace
  bazel run //tools/remote -- status              print the running services and the endpoint
  bazel run //tools/remote -- logs [service]      print logs
  bazel run //tools/remote -- down                stop the engine and remove its data

PostgreSQL, BuildGrid, buildbox-casd and buildbox-worker listen on 127.0.0.1 and Unix sockets. The
image, a Debian system made by debootstrap (five minutes, once), is kept until `down --image_too`.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from lenet import limits, resources
from tools.remote import engine, image, services
from tools.remote.engine import RemoteError, Settings
from tools.remote.sandbox import INDEX_FILES, Sandbox, existing, network_environment

_LISTS = ("tools/remote/packages.txt", "third_party/system/packages.txt")
_PROGRAMS = {"bwrap": "bubblewrap", "debootstrap": "debootstrap", "unshare": "util-linux"}
_WORKSPACE = "/mnt/workspace"  # path in the sandbox
_IMAGE_PYTHON = "/usr/bin/python3.11"


def default_image() -> pathlib.Path:
    """Returns the default of --image."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return pathlib.Path(cache).expanduser() / "lenet-remote" / "image"


def _parser() -> argparse.ArgumentParser:
    head, _, tail = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="bazel run //tools/remote --",
        description=head,
        epilog=tail,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--folder",
        type=pathlib.Path,
        default=pathlib.Path(f"/tmp/lenet-remote-{os.getuid()}"),  # noqa: S108  short socket paths
        help="folder for sockets, logs and stores (default: %(default)s)",
    )
    parser.add_argument(
        "--image",
        type=pathlib.Path,
        default=default_image(),
        help="root folder of the Debian system that runs actions (default: %(default)s)",
    )
    parser.add_argument(
        "--port", type=int, default=50051, help="TCP port on 127.0.0.1 (default: %(default)s)"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="make the image if needed, and start the services")
    up.add_argument(
        "--jobs",
        type=int,
        default=limits.cores(),
        help="number of parallel actions (default: the number of processors)",
    )
    up.add_argument(
        "--worker_disk_mb",
        type=int,
        default=0,
        metavar="MB",
        help="size of the worker's store in memory (default: 0, stores on the disk)",
    )
    up.add_argument(
        "--mirror",
        default="",
        metavar="URL",
        help="URL of a Debian archive (default: the archive that this machine's apt uses)",
    )
    up.add_argument("--image_only", action="store_true", help="make the image, but start nothing")
    commands.add_parser("status", help="print the services; exit code 1 unless all run")
    logs = commands.add_parser("logs", help="print logs")
    logs.add_argument("service", nargs="?")
    down = commands.add_parser("down", help="stop the services and remove their folder")
    down.add_argument("--image_too", action="store_true", help="remove the image as well")
    bazel = commands.add_parser("bazel", help="run the image's Bazel")
    bazel.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser


def _settings(flags: argparse.Namespace) -> Settings:
    base = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."))
    settings = Settings(
        folder=(base / flags.folder).absolute(),
        image=(base / flags.image).absolute(),
        port=flags.port,
        jobs=getattr(flags, "jobs", 1),
        worker_disk_mb=getattr(flags, "worker_disk_mb", 0),
    )
    settings.check()
    return settings


def check_machine() -> None:
    """Raises RemoteError if this machine cannot run the image."""
    if os.geteuid() != 0:
        raise RemoteError("the engine's image needs root; try sudo", 3)
    missing = [package for program, package in _PROGRAMS.items() if not shutil.which(program)]
    if missing:
        raise RemoteError(f"not installed: apt-get install {' '.join(missing)}", 3)


def image_id(settings: Settings) -> str:
    """Returns the output of image_id.sh in the image, which clients and workers must share.

    Raises:
        RemoteError: the image is missing or incomplete.
    """
    missing = image.missing_files(settings.image, [resources.path(name) for name in _LISTS])
    if missing:
        raise RemoteError(
            f"the image lacks {', '.join(missing)}: remove it with down --image_too", 3
        )
    sandbox = Sandbox(settings.image)
    script = resources.path("third_party/system/image_id.sh").read_text()
    packages = resources.path(_LISTS[1]).read_text()
    command = sandbox.command(
        "sh", "-c", 'cat > /tmp/list; sh -c "$0" id /tmp/list "$1"', script, _IMAGE_PYTHON
    )
    return services.run(command, "image_id.sh in the image", packages)


def all_services(settings: Settings) -> list[services.Service]:
    """Returns the services in the order of their start."""
    template = resources.path("tools/remote/buildgrid.yml.in").read_text()
    return [
        services.postgres(settings),
        services.buildgrid(settings, template),
        services.worker(settings, image_id(settings)),
    ]


def up(settings: Settings, mirror: str, *, image_only: bool) -> None:
    """Makes the image if needed and starts all services, or none.

    Raises:
        RemoteError: a requirement is missing, or an engine or another program is in the way.
    """
    check_machine()
    if not image_only:
        if engine.read_state(settings):
            raise RemoteError(f"there is an engine in {settings.folder} already: see status", 2)
        if engine.listens(settings.port):
            raise RemoteError(f"port {settings.port} is in use; choose another with --port=N", 2)
    image.make_image(settings.image, [resources.path(name) for name in _LISTS], mirror)
    if image_only:
        return
    engine.write_state(settings, [])
    try:
        for service in all_services(settings):
            engine.start(settings, service)
            print(f"remote: {service.name} runs", flush=True)
    except BaseException:
        engine.stop_all(settings)
        raise
    print(f"remote: ready; LENET_REMOTE_EXECUTOR={settings.endpoint}")


def status(settings: Settings) -> int:
    """Prints a line per service and returns the exit code: 1 unless all run."""
    running = engine.read_state(settings)
    for entry in running:
        print(f"{entry.name}: {'runs' if entry.alive else 'ended'} (process {entry.pid})")
    if not running:
        print("nothing runs; to start the engine: bazel run //tools/remote -- up")
    if running and all(entry.alive for entry in running):
        print(f"LENET_REMOTE_EXECUTOR={settings.endpoint}")
        return 0
    return 1


def logs(settings: Settings, service: str | None) -> None:
    """Prints the logs of one service or of all services."""
    found = sorted(settings.logs.glob(f"{service or '*'}.log"))
    if not found:
        raise RemoteError(f"no log of {service or 'any service'} in {settings.logs}", 2)
    for log in found:
        print(f"==> {log.name} <==")
        sys.stdout.write(log.read_text(errors="replace"))


def bazel_command(
    settings: Settings,
    workspace: pathlib.Path,
    arguments: Sequence[str],
    *,
    home: pathlib.Path,
    variables: Mapping[str, str],
) -> list[str]:
    """Returns a command that runs tools/bazel with the image's Bazel 7.

    Args:
        settings: settings with the image.
        workspace: the workspace to build; read-only for the command.
        arguments: Bazel's arguments.
        home: folder for the output base and the fetched repositories.
        variables: further environment variables.
    """
    home.mkdir(parents=True, exist_ok=True)
    pip_cache = pathlib.Path(os.environ.get("PIP_CACHE_DIR", "~/.cache/pip")).expanduser()
    pip_cache.mkdir(parents=True, exist_ok=True)
    environment = {
        **network_environment(),
        "HOME": "/home/builder",
        "USER": "builder",
        "PIP_CACHE_DIR": "/home/pip",
        "LENET_NO_INSTALL": "1",
        **variables,
    }
    # Without the links and the generated options of this machine's Bazel.
    entries = {
        f"{_WORKSPACE}/{entry.name}": entry
        for entry in sorted(workspace.iterdir())
        if not entry.name.startswith("bazel-") and entry.name != ".bazelrc.generated"
    }
    sandbox = Sandbox(
        settings.image,
        binds={"/home/builder": home, "/home/pip": pip_cache},
        read_only={**existing(INDEX_FILES), **entries},
        network=True,
        environment=environment,
    )
    return sandbox.command("tools/bazel", *arguments, chdir=_WORKSPACE)


def bazel(settings: Settings, arguments: Sequence[str]) -> int:
    """Runs Bazel with the endpoint of this engine and returns its exit code."""
    check_machine()
    if not settings.image.exists():
        raise RemoteError("there is no image; to make it: bazel run //tools/remote -- up", 3)
    workspace = pathlib.Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", ".")).absolute()
    variables = {
        "LENET_REMOTE_EXECUTOR": settings.endpoint,
        "LENET_REMOTE_CACHE": settings.endpoint,
        **{name: value for name, value in os.environ.items() if name.startswith("LENET_")},
    }
    # Kept, because fetching takes minutes.
    home = settings.image.with_name(settings.image.name + "-home")
    command = bazel_command(settings, workspace, arguments, home=home, variables=variables)
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # Bazel gets the signal, too, and ends
            continue


def main(arguments: Sequence[str]) -> int:
    """Runs a command and returns its exit code."""
    flags = _parser().parse_args(arguments)
    settings = _settings(flags)
    if flags.command == "up":
        up(settings, flags.mirror, image_only=flags.image_only)
    elif flags.command == "status":
        return status(settings)
    elif flags.command == "logs":
        logs(settings, flags.service)
    elif flags.command == "bazel":
        return bazel(settings, flags.arguments)
    else:
        stopped = engine.stop_all(settings)
        print(f"remote: stopped {', '.join(stopped) or 'nothing'}")
        if flags.image_too:
            shutil.rmtree(settings.image, ignore_errors=True)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main(sys.argv[1:]))
    except RemoteError as error:
        print(f"remote: error: {error}", file=sys.stderr)
        sys.exit(error.code)
    except KeyboardInterrupt:
        print("remote: interrupted", file=sys.stderr)
        sys.exit(130)
