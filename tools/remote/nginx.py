"""nginx with WebDAV, the plainest HTTP cache that Bazel can use."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import socket
import string

from tools.remote.sandbox import SHARE, Sandbox
from tools.remote.services import Service

_PORT_SECONDS = 1


@dataclasses.dataclass(frozen=True)
class Nginx:
    """One server.

    Attributes:
        image: the root folder of the system that has nginx.
        folder: of the store and the log.
        port: TCP port on 127.0.0.1.
        read_only: whether it refuses what clients send.
        password: what the user `bazel` must show; empty: open to all.
    """

    image: pathlib.Path
    folder: pathlib.Path
    port: int
    read_only: bool = False
    password: str = ""

    @property
    def files(self) -> pathlib.Path:
        """What clients sent: results in ac/, blobs in cas/."""
        return self.folder / "files"

    def endpoint(self, password: str = "") -> str:
        """For LENET_REMOTE_CACHE, with the password if given."""
        user = f"bazel:{password}@" if password else ""
        return f"http://{user}127.0.0.1:{self.port}"

    def _listens(self) -> bool:
        with contextlib.closing(socket.socket()) as probe:
            probe.settimeout(_PORT_SECONDS)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _authorization(self) -> str:
        if not self.password:
            return ""
        return f"auth_basic cache; auth_basic_user_file {SHARE}/users;"

    def service(self, template: str) -> Service:
        """The program; `template` is the content of nginx.conf.in."""
        sandbox = Sandbox(self.image, binds={SHARE: self.folder}, network=True, detached=True)

        def prepare() -> None:
            self.files.mkdir(parents=True, exist_ok=True)
            (self.folder / "users").write_text(f"bazel:{{PLAIN}}{self.password}\n")
            (self.folder / "nginx.conf").write_text(
                string.Template(template).substitute(
                    store=SHARE,
                    port=self.port,
                    methods="off" if self.read_only else "PUT",
                    authorization=self._authorization(),
                )
            )

        command = sandbox.command("nginx", "-c", f"{SHARE}/nginx.conf", "-e", "stderr")
        return Service("nginx", command, self._listens, prepare)
