"""Real engines and small workspaces, for tests that need root and the image."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping

import jwt
from runfiles import Runfiles

from tools.remote import engine, remote
from tools.remote.settings import Settings

_COPIED = (
    "tools/bazel",
    "tools/remote/probe.py",
    "third_party/distribution",
    "third_party/system/packages.txt",
)
_SECONDS = 300  # for one call of Bazel

# Debian has debootstrap in a folder that the PATH of .bazelrc lacks.
os.environ["PATH"] += ":/usr/sbin:/sbin"


def source_tree() -> pathlib.Path:
    """This repository; tests with the tag `local` see it through their runfiles."""
    program = Runfiles.Create().Rlocation("lenet_mindspore/tools/bazel")
    return pathlib.Path(program).resolve().parents[1]


def free_port() -> int:
    """A port that nothing listens on."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settings(**options: object) -> Settings:
    """Of an engine in a new folder; the image is the one that `up` makes."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lenet-remote-test-", dir="/tmp"))
    return Settings(folder=folder, image=remote.default_image(), port=free_port(), **options)


@contextlib.contextmanager
def running_engine(**options: object) -> Iterator[Settings]:
    """An engine that is gone afterwards."""
    chosen = settings(**options)
    remote.up(chosen, mirror="", image_only=False)
    try:
        yield chosen
    finally:
        engine.stop_all(chosen)


def restart(chosen: Settings, name: str) -> None:
    """Starts a service of a running engine again, with the settings given."""
    by_name = {service.name: service for service in remote.all_services(chosen)}
    engine.start(chosen, by_name[name])


def kill(chosen: Settings, name: str) -> None:
    """Ends a service as a crash would."""
    for running in engine.read_state(chosen):
        if running.name == name:
            engine.stop(running, at_once=True)


def bearer(secret: str) -> dict[str, str]:
    """Variables for a build that shows a token signed with a secret."""
    token = jwt.encode({"exp": int(time.time()) + 3600}, secret, algorithm="HS256")
    return {"LENET_REMOTE_HEADER": f"authorization=Bearer {token}"}


@dataclasses.dataclass(frozen=True)
class Workspace:
    """A small workspace with the options of this repository, and an output base of its own.

    Attributes:
        folder: of its files.
        home: of Bazel's output, anew for each.
    """

    folder: pathlib.Path
    home: pathlib.Path

    @staticmethod
    def make(folder: pathlib.Path, build: str, files: Mapping[str, str] | None = None) -> Workspace:
        """`build`: the BUILD file of the root; `files`: content of others by path."""
        source = source_tree()
        workspace = folder / "workspace"
        for path in _COPIED:
            copy = shutil.copytree if (source / path).is_dir() else shutil.copy
            (workspace / path).parent.mkdir(parents=True, exist_ok=True)
            copy(source / path, workspace / path)
        options = (source / ".bazelrc").read_text().splitlines()
        # Nothing but its rules and a shell is in a small workspace.
        kept = [line for line in options if "--host_platform" not in line]
        written = {"WORKSPACE": "", "BUILD": build, ".bazelrc": "\n".join(kept), **(files or {})}
        for path, content in written.items():
            (workspace / path).parent.mkdir(parents=True, exist_ok=True)
            (workspace / path).write_text(content)
        (folder / "home").mkdir()
        return Workspace(workspace, folder / "home")

    def output(self, path: str) -> pathlib.Path:
        """A file that Bazel made, as it lies in the output base."""
        found = list(self.home.glob(f"**/execroot/*/bazel-out/k8-opt/bin/{path}"))
        assert len(found) == 1, f"{path}: {found}"
        return found[0]

    def start(
        self, chosen: Settings, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """The image's Bazel 7, with the endpoints of the engine."""
        environment = {
            "LENET_REMOTE_EXECUTOR": chosen.endpoint,
            "LENET_REMOTE_CACHE": chosen.endpoint,
            **(variables or {}),
        }
        command = remote.bazel_command(
            chosen, self.folder, arguments, home=self.home, variables=environment
        )
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(
        self, chosen: Settings, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """The same to its end: exit code and output."""
        process = self.start(chosen, *arguments, variables=variables)
        output, _ = process.communicate(timeout=_SECONDS)
        return process.returncode, output

    def start_bazel4(
        self, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """The machine's own Bazel, of which no server stays."""
        startup = [f"--output_user_root={self.home}/bazel", "--batch"]
        # Bazel takes the folder of a test for one of its own tests.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("TEST_", "LENET_"))}
        return subprocess.Popen(
            ["tools/bazel", *startup, *arguments],
            cwd=self.folder,
            env={**inherited, "LENET_NO_INSTALL": "1", **(variables or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def genrules(count: int, command: str) -> str:
    """A BUILD file of actions `out0`, `out1`, …; {index} in the shell command is the number."""
    rule = 'genrule(name = "rule{index}", outs = ["out{index}"], cmd = """{command}""")\n'
    return "".join(
        rule.format(index=index, command=command.format(index=index)) for index in range(count)
    )
