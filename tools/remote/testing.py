"""Engines, caches and small workspaces for tests that need root and the image."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import pathlib
import shutil
import socket
import string
import subprocess
import tempfile
import threading
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterator, Mapping

import jwt

from lenet import resources
from tools.remote import engine, remote, services
from tools.remote.engine import Service, Settings
from tools.remote.sandbox import SHARE, Sandbox

SECRET = "known to those who may build here"  # noqa: S105  of a test server

_COPIED = ("tools/bazel", "third_party/distribution", "third_party/system/packages.txt")
_SECONDS = 300  # time limit for a call of Bazel and for its effects

# Debian has debootstrap in a folder that is not in the PATH of .bazelrc.
os.environ["PATH"] += ":/usr/sbin:/sbin"


def source_tree() -> pathlib.Path:
    """Returns the checkout; tests with the tag `local` find it through their runfiles."""
    return resources.path("tools/bazel").resolve().parents[1]


def free_port() -> int:
    """Returns an unused TCP port."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Returns when the condition holds; fails after _SECONDS."""
    deadline = time.monotonic() + _SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what}")
        time.sleep(0.05)


@contextlib.contextmanager
def new_settings(**options: int) -> Iterator[Settings]:
    """Yields settings with a new folder and port; stops the services at the end."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lenet-remote-test-", dir="/tmp"))
    settings = Settings(folder=folder, image=remote.default_image(), port=free_port(), **options)
    remote.check_machine()
    remote.image_id(settings)
    engine.write_state(settings, [])
    try:
        yield settings
    finally:
        engine.stop_all(settings)


@contextlib.contextmanager
def running_engine(**options: int) -> Iterator[Settings]:
    """Yields the settings of a running engine."""
    with new_settings(**options) as settings:
        remote.up(settings, mirror="", image_only=False)
        yield settings


def restart(settings: Settings, name: str) -> None:
    """Starts a service of an engine again, with the given settings."""
    by_name = {service.name: service for service in remote.all_services(settings)}
    engine.start(settings, by_name[name])


def kill(settings: Settings, name: str) -> None:
    """Kills a service, as a crash would."""
    for running in engine.read_state(settings):
        if running.name == name:
            engine.stop(running, at_once=True)


@dataclasses.dataclass(frozen=True)
class Cache:
    """A server that is only a cache.

    Attributes:
        settings: where the server runs.
        scheme: "grpc" for BuildGrid, "http" for nginx with WebDAV.
        protected: whether clients need SECRET.
        read_only: whether nginx refuses uploads; BuildGrid has an instance for it.
    """

    settings: Settings
    scheme: str
    protected: bool = False
    read_only: bool = False

    @property
    def folder(self) -> pathlib.Path:
        """The folder of the server's files."""
        return self.settings.folder / "cache"

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        self.folder.mkdir(exist_ok=True)
        name = "buildgrid_cache.yml.in" if self.scheme == "grpc" else "nginx.conf.in"
        template = string.Template(resources.path(f"tools/remote/{name}").read_text())
        config = self.folder / name.removesuffix(".in")
        if self.scheme == "grpc":
            secret = self.folder / "secret"
            secret.write_text(SECRET)
            jwt_method = f"{{method: jwt, algorithm: hs256, secret: {secret}}}"
            values = {"authorization": jwt_method if self.protected else "{method: none}"}
            values |= {"cas": str(self.folder / "files")}
            command = [*services.BUILDGRID, "server", "start", str(config)]
        else:
            (self.folder / "files").mkdir(exist_ok=True)
            (self.folder / "users").write_text(f"bazel:{{PLAIN}}{_password(SECRET)}\n")
            basic = f"auth_basic cache; auth_basic_user_file {SHARE}/users;"
            values = {"authorization": basic if self.protected else ""}
            values |= {"store": SHARE, "methods": "off" if self.read_only else "PUT"}
            sandbox = Sandbox(
                self.settings.image, binds={SHARE: self.folder}, network=True, detached=True
            )
            command = sandbox.command("nginx", "-c", f"{SHARE}/nginx.conf", "-e", "stderr")
        config.write_text(template.substitute(values, port=self.settings.port))
        service = Service("cache", command, lambda: engine.listens(self.settings.port))
        engine.start(self.settings, service)

    def kill(self) -> None:
        """Ends the server as a crash would."""
        kill(self.settings, "cache")

    def variables(self, *, port: int = 0, secret: str = "") -> dict[str, str]:
        """Returns the environment of a client, with another port or a secret."""
        basic = secret and self.scheme == "http"
        user = f"bazel:{_password(secret)}@" if basic else ""
        address = f"{self.scheme}://{user}127.0.0.1:{port or self.settings.port}"
        token = bearer(secret) if secret and not basic else {}
        return {"LENET_REMOTE_CACHE": address, **token}

    def stored(self, *parts: str) -> list[pathlib.Path]:
        """Returns the stored files that contain all of `parts`."""
        return [
            path
            for path in (self.folder / "files").rglob("*")
            if path.is_file() and all(part.encode() in path.read_bytes() for part in parts)
        ]


def _password(secret: str) -> str:
    return secret.replace(" ", "-")


def bearer(secret: str) -> dict[str, str]:
    """Returns the environment of a client with a token that is signed with `secret`."""
    token = jwt.encode({"exp": int(time.time()) + 3600}, secret, algorithm="HS256")
    return {"LENET_REMOTE_HEADER": f"authorization=Bearer {token}"}


class SlowProxy:
    """A TCP proxy that delays the responses of a server.

    Attributes:
        delay: seconds; may be changed while the proxy runs.
    """

    def __init__(self, port: int, target: int, delay: float) -> None:
        self.delay = delay
        self._port = port
        self._target = target
        self._ready = threading.Event()

    async def _pipe(self, reader: StreamReader, writer: StreamWriter, *, delayed: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(1 << 16):
                await asyncio.sleep(self.delay if delayed else 0)
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async def _connect(self, reader: StreamReader, writer: StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(
            self._pipe(reader, server_writer, delayed=False),
            self._pipe(server_reader, writer, delayed=True),
        )

    async def _serve(self) -> None:
        await asyncio.start_server(self._connect, "127.0.0.1", self._port)
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        await self._end.wait()

    @contextlib.contextmanager
    def running(self) -> Iterator[SlowProxy]:
        """Runs the proxy within the block."""
        thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        thread.start()
        try:
            if not self._ready.wait(10):
                raise TimeoutError(f"the proxy did not start on port {self._port}")
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._end.set)
            thread.join()


@dataclasses.dataclass(frozen=True)
class Workspace:
    """A small workspace with the options of this repository and its own output base.

    Attributes:
        folder: folder of the sources.
        home: folder for Bazel's output.
    """

    folder: pathlib.Path
    home: pathlib.Path

    @staticmethod
    def make(folder: pathlib.Path, build: str, files: Mapping[str, str] | None = None) -> Workspace:
        """Creates a workspace below `folder` with a BUILD file and the content of other files."""
        source = source_tree()
        workspace = folder / "workspace"
        for path in _COPIED:
            copy = shutil.copytree if (source / path).is_dir() else shutil.copy
            (workspace / path).parent.mkdir(parents=True, exist_ok=True)
            copy(source / path, workspace / path)
        options = (source / ".bazelrc").read_text().splitlines()
        # The small workspace lacks the repository of this platform.
        kept = [line for line in options if "--host_platform" not in line]
        # tools/bazel overrides this module, which is an error if no module needs it.
        module = 'bazel_dep(name = "rules_shell", version = "0.3.0")\n'
        written = {"WORKSPACE": "", "MODULE.bazel": module, "BUILD": build}
        written |= {".bazelrc": "\n".join(kept), **(files or {})}
        for path, content in written.items():
            (workspace / path).parent.mkdir(parents=True, exist_ok=True)
            (workspace / path).write_text(content)
        (folder / "home").mkdir()
        return Workspace(workspace, folder / "home")

    def output(self, path: str) -> str:
        """Returns the content of the only output file with this path."""
        (found,) = self.home.glob(f"**/execroot/*/bazel-out/k8-opt/bin/{path}")
        return found.read_text()

    def start(
        self, settings: Settings, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Starts the image's Bazel 7 with the endpoints of the engine."""
        environment = {
            "LENET_REMOTE_EXECUTOR": settings.endpoint,
            "LENET_REMOTE_CACHE": settings.endpoint,
            **(variables or {}),
        }
        command = remote.bazel_command(
            settings, self.folder, arguments, home=self.home, variables=environment
        )
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def start_bazel4(self, *arguments: str, variables: Mapping[str, str]) -> subprocess.Popen[str]:
        """Starts the machine's Bazel, without a server that remains."""
        startup = [f"--output_user_root={self.home}/bazel", "--batch"]
        # TEST_TMPDIR would make Bazel believe that it runs in one of its own tests.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("TEST_", "LENET_"))}
        return subprocess.Popen(
            ["tools/bazel", *startup, *arguments],
            cwd=self.folder,
            env={**inherited, "LENET_NO_INSTALL": "1", **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(
        self, settings: Settings, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Runs the image's Bazel 7 and returns its exit code and output."""
        process = self.start(settings, *arguments, variables=variables)
        output, _ = process.communicate(timeout=_SECONDS)
        return process.returncode, output


def genrules(count: int, command: str) -> str:
    """Returns a BUILD file with outputs `out0`, …; `{index}` in the command is their number."""
    rule = 'genrule(name = "rule{index}", outs = ["out{index}"], cmd = """{command}""")\n'
    return "".join(
        rule.format(index=index, command=command.format(index=index)) for index in range(count)
    )
