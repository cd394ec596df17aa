"""Tries the README's two commands on bare Debian systems; needs root.

  bazel run //tools/remote:systems -- bookworm trixie sid

Makes a tree per system (debootstrap, with nothing but apt and certificates) and unpacks HEAD in it.
Then runs `tools/bazel run //python:train -- --epoch_size=1` and `tools/bazel test` on --tests, and
prints a table. Package indexes, proxies and certificates are those of this machine. Exit codes: 0
all commands succeeded, 1 one failed, 2 wrong flag, 3 not root or a program is missing.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from tools.remote import image
from tools.remote.engine import RemoteError
from tools.remote.remote import check_machine
from tools.remote.sandbox import Sandbox, network_environment

_TESTS = "//configs/... //cc/base/... //cc/image/... //python/lenet/options/... //tools:bazel_test"
_CERTIFICATES = "usr/local/share/ca-certificates"


def _parser() -> argparse.ArgumentParser:
    head, _, tail = str(__doc__).partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="bazel run //tools/remote:systems --",
        description=head,
        epilog=tail,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("systems", nargs="+", metavar="SUITE", help="Debian's name of a release")
    parser.add_argument(
        "--tests",
        type=str.split,
        default=_TESTS,
        metavar="ARGUMENTS",
        help="arguments of `tools/bazel test`; --tests=//... runs all tests (default: %(default)s)",
    )
    parser.add_argument(
        "--folder",
        default="/var/tmp",  # noqa: S108  a folder of its own below it
        help="folder for the trees, 8 GB each (default: %(default)s)",
    )
    parser.add_argument(
        "--mirror", default="", help="Debian archive (default: that of this machine)"
    )
    return parser


def make_tree(tree: pathlib.Path, suite: str, mirror: str, log: pathlib.Path) -> Sandbox:
    """Makes a bare system with HEAD in /home/lenet and returns a sandbox that can change it."""
    # Own namespaces, because debootstrap mounts /proc, which would prevent removing the folder.
    private = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    bare = ["debootstrap", "--variant=minbase", "--include=ca-certificates"]
    image.run_logged([*private, *bare, suite, str(tree), mirror], log)
    settings = {f"/{_CERTIFICATES}": _CERTIFICATES, "/etc/pip.conf": "etc/pip.conf"}
    for source, copy in settings.items():
        if pathlib.Path(source).exists():
            subprocess.run(["cp", "-aLT", source, tree / copy], check=True)
    dump = ["apt-config", "dump", "Acquire::http::Proxy", "Acquire::https::Proxy"]
    proxies = subprocess.run(dump, capture_output=True, check=True).stdout
    (tree / "etc/apt/apt.conf.d/99proxy").write_bytes(proxies)
    (tree / "home/lenet").mkdir()
    workspace = os.environ.get("BUILD_WORKSPACE_DIRECTORY", ".")
    with subprocess.Popen(
        ["git", "-C", workspace, "archive", "HEAD"], stdout=subprocess.PIPE
    ) as git:
        subprocess.run(["tar", "-xC", tree / "home/lenet"], stdin=git.stdout, check=True)
    sandbox = Sandbox(
        tree,
        writable=True,
        network=True,
        binds={"/home": tree / "home", "/tmp": tree / "tmp"},  # noqa: S108  in the sandbox
        environment=network_environment(),
    )
    image.run_logged(sandbox.command("update-ca-certificates"), log)
    return sandbox


def _try_system(suite: str, flags: argparse.Namespace, mirror: str, rows: list[str]) -> bool:
    """Adds a row per command to the table and returns whether all succeeded."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"lenet-{suite}-", dir=flags.folder))
    print(f"systems: making a bare {suite} in {folder}", flush=True)
    failed = False
    try:
        sandbox = make_tree(folder / "tree", suite, mirror, folder / "debootstrap.log")
        for words in (["run", "//python:train", "--", "--epoch_size=1"], ["test", *flags.tests]):
            name, log = f"{suite}: {words[0]} {words[1]}", folder / f"{words[0]}.log"
            print(f"systems: {name} (log: {log})", flush=True)
            begin, result = time.monotonic(), "succeeded"
            try:
                image.run_logged(sandbox.command("tools/bazel", *words, chdir="/home/lenet"), log)
            except RemoteError as error:
                print(error, file=sys.stderr)
                failed, result = True, "FAILED"
            seconds = time.monotonic() - begin
            found = re.findall(
                r"^(?:Accuracy: |Executed ).*$", log.read_text("utf-8"), re.MULTILINE
            )
            rows.append(f"{name:30} {result:9} {seconds:6.0f} s  {' '.join(found[-1:])}")
    except BaseException:
        shutil.rmtree(folder)
        raise
    if failed:
        print(f"systems: kept the failed tree {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    return not failed


def main(arguments: list[str]) -> int:
    """Tries one system after the other and returns the exit code."""
    flags = _parser().parse_args(arguments)
    check_machine()
    if not shutil.which("git"):
        raise RemoteError("not installed: apt-get install git", 3)
    mirror = flags.mirror or image.debian_mirror()
    rows: list[str] = []
    try:
        failed = [suite for suite in flags.systems if not _try_system(suite, flags, mirror, rows)]
    finally:
        print(*rows, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main(sys.argv[1:]))
    except (RemoteError, subprocess.CalledProcessError) as error:
        print(f"systems: error: {error}", file=sys.stderr)
        sys.exit(getattr(error, "code", 1))
