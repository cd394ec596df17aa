"""Commands inside of an image: a root folder of another system, by bubblewrap."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Sequence

SHARE = "/run/lenet"  # where services find sockets and stores

# What name resolution needs; each image has files there.
_NETWORK_FILES = ("/etc/resolv.conf", "/etc/hosts")
# What package indexes may need beside; each image has the places.
_INDEX_FILES = (
    "/etc/pip.conf",
    "/etc/ssl/certs",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
)
_NETWORK_VARIABLES = ("PIP_", "SSL_CERT_", "REQUESTS_CA_", "http_proxy", "https_proxy", "no_proxy")


@dataclasses.dataclass(frozen=True)
class Sandbox:
    """How a command sees the machine.

    Attributes:
        image: its root folder, read-only unless `writable`.
        binds: folder of the machine, writable, by the path that the command sees.
        read_only: the same, not writable.
        network: whether it reaches any; without, it has a loopback of its own.
        tmpfs: size in bytes by path, beside /tmp, /run, /home and /mnt.
        environment: all of it.
        detached: whether it outlives the program that started it.
    """

    image: pathlib.Path
    writable: bool = False
    binds: dict[str, pathlib.Path] = dataclasses.field(default_factory=dict)
    read_only: dict[str, pathlib.Path] = dataclasses.field(default_factory=dict)
    network: bool = False
    tmpfs: dict[str, int] = dataclasses.field(default_factory=dict)
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    detached: bool = False

    def command(self, *arguments: str, chdir: str = "/") -> list[str]:
        """The command for the machine; killing its process kills all that came of it."""
        root = "--bind" if self.writable else "--ro-bind"
        words = ["bwrap", root, str(self.image), "/", "--proc", "/proc", "--dev", "/dev"]
        words += ["--unshare-pid", "--unshare-ipc", "--clearenv"]
        words += [] if self.detached else ["--die-with-parent"]
        for path in ("/tmp", "/run", "/home", "/mnt"):
            words += ["--perms", "1777", "--tmpfs", path]
        words += [] if self.network else ["--unshare-net"]
        for path, folder in self.binds.items():
            words += ["--bind", str(folder), path]
        shared = _existing(_NETWORK_FILES) if self.network else {}
        for path, source in {**shared, **self.read_only}.items():
            words += ["--ro-bind", str(source), path]
        for path, size in self.tmpfs.items():
            words += ["--size", str(size), "--tmpfs", path]
        variables = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/tmp"}
        for name, value in {**variables, **self.environment}.items():
            words += ["--setenv", name, value]
        return [*words, "--chdir", chdir, *arguments]


def _existing(paths: Sequence[str]) -> dict[str, pathlib.Path]:
    real = {path: pathlib.Path(os.path.realpath(path)) for path in paths}  # may be links
    return {path: file for path, file in real.items() if file.exists()}


def index_files() -> dict[str, pathlib.Path]:
    """This machine's configuration of package indexes, for `read_only`."""
    return _existing(_INDEX_FILES)


def network_environment() -> dict[str, str]:
    """The variables of this process that tell programs how to reach package indexes."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_NETWORK_VARIABLES) or name.lower() in _NETWORK_VARIABLES
    }
