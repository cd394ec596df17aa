"""Writes the locks of this folder from its .in files: bazel run //third_party/python:lock

Arguments name the locks to write, such as `peers`; without them all are written.

Each lock holds one set of versions, with hashes, for CPython 3.10 to 3.12 on x86-64 and aarch64
(markers tell where versions differ). Only wheels count, so that nothing is compiled at install.
The lock begins with the hash of its .in file, so that lock_test.py sees when it is out of date.
"""

import hashlib
import os
import pathlib
import subprocess
import sys

import uv

_NAMES = ("gpu", "peers", "remote", "requirements", "testing", "tools")
_PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28")
_VERSIONS = ("3.10", "3.11", "3.12")
_OLDEST = {"remote": "3.11"}  # BuildGrid's

# PyPI's PyTorch for Linux is the CUDA build, which does not start without NVIDIA's libraries, also
# where there is no GPU; PyPI has no other. These alone (0.4 of 2.7 GB) it does without on a CPU.
_LEFT_OUT = {
    "peers": (
        "cuda-bindings",
        "cuda-pathfinder",
        "cuda-toolkit",
        "nvidia-cuda-cccl",
        "nvidia-cusolver",
        "nvidia-nvtx",
        "setuptools",
        "triton",
    )
}


def _compile(source: pathlib.Path, *options: str) -> str:
    command = [uv.find_uv_bin(), "pip", "compile", "--quiet", "--no-header", "--no-build"]
    command += ["--no-config", *options, source.name]
    result = subprocess.run(
        command, cwd=source.parent, stdout=subprocess.PIPE, text=True, check=False
    )
    if result.returncode != 0:
        sys.exit(f"lock: error: uv could not resolve {source.name}; its message is above")
    return result.stdout


def _versions(source: pathlib.Path) -> tuple[str, ...]:
    return _VERSIONS[_VERSIONS.index(_OLDEST.get(source.stem, _VERSIONS[0])) :]


def _write(source: pathlib.Path) -> None:
    lock = source.with_suffix(".lock")
    left_out = [f"--no-emit-package={name}" for name in _LEFT_OUT.get(source.stem, ())]
    oldest = f"--python-version={_versions(source)[0]}"
    content = _compile(source, "--universal", oldest, "--generate-hashes", *left_out)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    lock.write_text(
        f"# Written by `bazel run //third_party/python:lock`.\n# sha256 {digest}\n{content}"
    )
    print(f"{lock.name}: {content.count('==')} versions")


def _check(source: pathlib.Path) -> None:
    """Every pair of Python and processor must find wheels for the versions of the lock."""
    lock = source.with_suffix(".lock").name
    for version in _versions(source):
        for platform in _PLATFORMS:
            _compile(
                source,
                f"--python-version={version}",
                f"--python-platform={platform}",
                f"--constraint={lock}",
            )
            print(f"{lock}: wheels for CPython {version} on {platform}")


def main() -> None:
    workspace = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not workspace:
        sys.exit("lock: error: run it as `bazel run //third_party/python:lock`")
    names = sys.argv[1:] or _NAMES
    if unknown := set(names) - set(_NAMES):
        print(
            f"lock: error: no lock {', '.join(unknown)}; known: {', '.join(_NAMES)}",
            file=sys.stderr,
        )
        sys.exit(2)
    for name in names:
        source = pathlib.Path(workspace, "third_party/python", f"{name}.in")
        _write(source)
        _check(source)


if __name__ == "__main__":
    main()
