"""Runs commands in an image, the root folder of another system, with bubblewrap."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Sequence

SHARE = "/run/lenet"  # folder in the sandbox for sockets and stores

# Files for name resolution, which exist in each image.
_NETWORK_FILES = ("/etc/resolv.conf", "/etc/hosts")
# Configuration of package indexes; the paths exist in each image.
INDEX_FILES = (
    "/etc/pip.conf",
    "/etc/ssl/certs",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
)
# Variables that name a file; the image may lack it.
_FILE_VARIABLES = (
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_CONFIG_FILE",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)
_PACKAGE_VARIABLES = ("PIP_", "SSL_CERT_", "REQUESTS_CA_", "npm_config_", "NODE_EXTRA_CA_")
_NETWORK_VARIABLES = (*_PACKAGE_VARIABLES, "http_proxy", "https_proxy", "no_proxy")


@dataclasses.dataclass(frozen=True)
class Sandbox:
    """The environment of a command.

    Attributes:
        image: root folder, read-only unless `writable`.
        writable: whether the command may change the image.
        binds: writable folder of the machine per path in the sandbox.
        read_only: read-only file or folder of the machine per path in the sandbox.
        network: whether the command has the machine's network; else it has only a loopback.
        tmpfs: size in bytes per path, in addition to /tmp, /run, /home and /mnt.
        environment: environment variables in addition to PATH, LC_ALL and HOME.
        detached: whether the command outlives the program that started it.
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
        """Returns the command line of bubblewrap; ending its process ends all descendants."""
        root = "--bind" if self.writable else "--ro-bind"
        words = ["bwrap", root, str(self.image), "/", "--proc", "/proc", "--dev", "/dev"]
        words += ["--unshare-pid", "--unshare-ipc", "--clearenv"]
        words += [] if self.detached else ["--die-with-parent"]
        for path in ("/tmp", "/run", "/home", "/mnt"):  # noqa: S108  in the sandbox
            words += ["--perms", "1777", "--tmpfs", path]
        words += [] if self.network else ["--unshare-net"]
        for path, folder in self.binds.items():
            words += ["--bind", str(folder), path]
        shared = existing(_NETWORK_FILES) if self.network else {}
        for path, source in {**shared, **self.read_only}.items():
            words += ["--ro-bind", str(source), path]
        for path, size in self.tmpfs.items():
            words += ["--size", str(size), "--tmpfs", path]
        variables = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/home"}
        for name, value in {**variables, **self.environment}.items():
            if self.network and name in _FILE_VARIABLES and pathlib.Path(value).is_file():
                path = f"/mnt/settings/{name}"
                words += ["--ro-bind", value, path, "--setenv", name, path]
            else:
                words += ["--setenv", name, value]
        return [*words, "--chdir", chdir, *arguments]


def existing(paths: Sequence[str]) -> dict[str, pathlib.Path]:
    """Returns those of `paths` that exist on this machine, for `read_only`."""
    real = {path: pathlib.Path(os.path.realpath(path)) for path in paths}  # resolves links
    return {path: file for path, file in real.items() if file.exists()}


def network_environment() -> dict[str, str]:
    """Returns the environment variables with the addresses of package indexes and proxies.

    PIP_CONFIG_FILE is the user's pip.conf unless it is set, because sandboxes have another HOME.
    """
    folder = pathlib.Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    config = folder / "pip/pip.conf"
    variables = {"PIP_CONFIG_FILE": str(config)} if config.is_file() else {}
    return variables | {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_NETWORK_VARIABLES) or name.lower() in _NETWORK_VARIABLES
    }
