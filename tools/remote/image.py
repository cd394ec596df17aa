"""The executor's image: a Debian system in a folder, made by debootstrap."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence

from tools.remote.sandbox import Sandbox, network_environment
from tools.remote.settings import RemoteError

_SUITE = "sid"  # the first with Bazel 7 and buildbox
_PYTHON_SUITE = "bookworm"  # the last with a CPython that MindSpore has wheels for
_STAMP = "etc/lenet-image"

# An old mirror is as good as a new one here; what it has is signed all the same.
_RECIPE = """
set -eu
cat > /etc/apt/sources.list.d/python.sources <<END
Types: deb
URIs: $MIRROR
Suites: $PYTHON_SUITE
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
printf 'Package: *\\nPin: release n=%s\\nPin-Priority: 100\\n' "$PYTHON_SUITE" \
    > /etc/apt/preferences.d/python
printf '%s\\n' 'APT::Install-Recommends "false";' 'Dpkg::Options:: "--force-unsafe-io";' \
    'Acquire::Check-Valid-Until "false";' > /etc/apt/apt.conf.d/99lenet
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
chmod +x /usr/sbin/policy-rc.d
apt-get update -qq -o Acquire::https::CaInfo=/run/ca-certificates.crt
apt-get install -y -qq -o Acquire::https::CaInfo=/run/ca-certificates.crt "$@"
apt-get clean
for file in /etc/hosts /etc/pip.conf /etc/resolv.conf; do [ -e "$file" ] || touch "$file"; done
mkdir -p /etc/ssl/certs /usr/share/ca-certificates /usr/local/share/ca-certificates
"""


def _required(lists: Sequence[pathlib.Path]) -> dict[str, str]:
    """Debian package by a file that shows it is there, of lists like packages.txt.

    Lines with a third word are for a --config that the executor is not for.
    """
    required = {}
    for source in lists:
        for line in source.read_text().splitlines():
            words = line.split()
            if len(words) == 2 and words[0].startswith("/"):
                required[words[0]] = words[1]
    return required


def debian_mirror() -> str:
    """Address of the Debian archive that this machine's apt uses.

    Raises:
        RemoteError: it has none (exit code 2).
    """
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    for address in listed.stdout.splitlines():
        if re.search(r"/debian/?$", address):
            return address
    raise RemoteError("this machine's apt has no Debian archive; name one by --mirror=<URL>", 2)


def missing_files(image: pathlib.Path, lists: Sequence[pathlib.Path]) -> list[str]:
    """The packages of the lists whose file the image lacks."""
    required = _required(lists)
    return [name for file, name in required.items() if not os.path.lexists(f"{image}{file}")]


def _recipe_hash(lists: Sequence[pathlib.Path]) -> str:
    content = [_SUITE, _PYTHON_SUITE, _RECIPE, *sorted(_required(lists).values())]
    return hashlib.sha256("\n".join(content).encode()).hexdigest()


def _run(command: list[str], log: pathlib.Path) -> None:
    """Runs to the end; Ctrl-C stops it with all of its children."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            code = process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if code != 0:
        tail = log.read_text(errors="replace").splitlines()[-15:]
        raise RemoteError("\n".join([f"{command[0]} failed; end of its log:", *tail]))


@contextlib.contextmanager
def _only_one(image: pathlib.Path) -> Iterator[None]:
    """Others that want to make the image wait."""
    image.parent.mkdir(parents=True, exist_ok=True)
    with image.with_name(image.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_image(image: pathlib.Path, lists: Sequence[pathlib.Path], mirror: str) -> None:
    """Makes the image, some minutes, unless it is there and of the same packages.

    Raises:
        RemoteError: debootstrap or apt failed; the image is not there then.
    """
    wanted = _recipe_hash(lists)
    with _only_one(image):
        stamp = image / _STAMP
        if stamp.exists() and stamp.read_text().strip() == wanted:
            return
        mirror = mirror or debian_mirror()
        if image.exists():
            if not stamp.exists() and any(image.iterdir()):
                raise RemoteError(f"--image={image} is a folder of something else", 2)
            print(f"remote: {image} is of another list of packages; making it anew")
            shutil.rmtree(image)
        partial = image.with_name(image.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            _install(partial, lists, mirror, image.with_name(image.name + ".log"))
            (partial / _STAMP).write_text(wanted + "\n")
            partial.rename(image)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _install(
    folder: pathlib.Path, lists: Sequence[pathlib.Path], mirror: str, log: pathlib.Path
) -> None:
    print(f"remote: installing Debian {_SUITE} into {folder} (about a minute, once)", flush=True)
    log.unlink(missing_ok=True)
    # Its own namespaces: debootstrap mounts /proc, which must be gone before the folder is removed.
    private = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    _run([*private, "debootstrap", "--variant=minbase", _SUITE, str(folder), mirror], log)
    packages = sorted(set(_required(lists).values()))
    print(f"remote: installing {len(packages)} packages into it (about four)", flush=True)
    certificates = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
    sandbox = Sandbox(
        folder,
        writable=True,
        network=True,
        read_only={"/run/ca-certificates.crt": certificates} if certificates.exists() else {},
        environment={
            **network_environment(),
            "DEBIAN_FRONTEND": "noninteractive",
            "MIRROR": mirror,
            "PYTHON_SUITE": _PYTHON_SUITE,
        },
    )
    _run(sandbox.command("sh", "-c", _RECIPE, "recipe", *packages), log)
    missing = missing_files(folder, lists)
    if missing:
        raise RemoteError(f"the image lacks files of the packages {', '.join(missing)}")
    log.unlink()
