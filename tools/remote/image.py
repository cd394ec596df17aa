"""Makes the executor's image: a Debian system in a folder, installed by debootstrap."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence

from tools.remote.engine import RemoteError
from tools.remote.sandbox import Sandbox, network_environment

_SUITE = "sid"  # the only release with Bazel 7 and buildbox
_PYTHON_SUITE = "bookworm"  # the last release with a CPython that MindSpore supports
_STAMP = "etc/lenet-image"

# Old mirrors are accepted (Check-Valid-Until), because their packages are signed, too.
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
    """Reads lists like packages.txt: returns the Debian package per file that proves it.

    Lines with a third word are skipped: they are for a --config that does not run remotely.
    """
    required = {}
    for source in lists:
        for line in source.read_text().splitlines():
            words = line.split()
            if len(words) == 2 and words[0].startswith("/"):
                required[words[0]] = words[1]
    return required


def debian_mirror() -> str:
    """Returns the URL of the Debian archive that this machine's apt uses.

    Raises:
        RemoteError: there is none (exit code 2).
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
    raise RemoteError("this machine's apt uses no Debian archive; set one with --mirror=<URL>", 2)


def missing_files(image: pathlib.Path, lists: Sequence[pathlib.Path]) -> list[str]:
    """Returns the packages of the lists whose file is missing in the image."""
    required = _required(lists)
    return [name for file, name in required.items() if not os.path.lexists(f"{image}{file}")]


def run_logged(command: list[str], log: pathlib.Path) -> None:
    """Runs a command with its output in `log`; an exception ends it with all its children."""
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


def make_image(image: pathlib.Path, lists: Sequence[pathlib.Path], mirror: str) -> None:
    """Makes the image, in some minutes, unless it exists with the same packages.

    Raises:
        RemoteError: debootstrap or apt failed; no partial image is left.
    """
    content = [_SUITE, _PYTHON_SUITE, _RECIPE, *sorted(_required(lists).values())]
    wanted = hashlib.sha256("\n".join(content).encode()).hexdigest()
    image.parent.mkdir(parents=True, exist_ok=True)
    with image.with_name(image.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process at a time makes the image
        stamp = image / _STAMP
        if stamp.exists() and stamp.read_text().strip() == wanted:
            return
        mirror = mirror or debian_mirror()
        if image.exists():
            if not stamp.exists() and any(image.iterdir()):
                raise RemoteError(f"--image={image} holds files of something else", 2)
            print(f"remote: the list of packages has changed; making {image} again")
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
    # Own namespaces, because debootstrap mounts /proc, which would prevent removing the folder.
    private = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    run_logged([*private, "debootstrap", "--variant=minbase", _SUITE, str(folder), mirror], log)
    packages = sorted(set(_required(lists).values()))
    print(f"remote: installing {len(packages)} packages (about four minutes)", flush=True)
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
    run_logged(sandbox.command("sh", "-c", _RECIPE, "recipe", *packages), log)
    missing = missing_files(folder, lists)
    if missing:
        raise RemoteError(f"the image lacks files of the packages {', '.join(missing)}")
    log.unlink()
