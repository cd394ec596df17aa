"""Writes the locks of this folder from its .in files: `bazel run //third_party/python:lock`.

Arguments name the locks to write, such as `peers`; the default is all.

A lock has one set of versions with hashes for CPython 3.10 to 3.12 on x86-64 and aarch64; markers
tell where versions differ. All distributions are wheels, so that installing compiles nothing. The
first lines have the hash of the .in file, by which lock_test.py detects an outdated lock.
python/requirements.txt has the versions of requirements.lock, for pip without Bazel.
"""

import hashlib
import os
import pathlib
import subprocess
import sys

import uv

_WRITTEN = "# Written by `bazel run //third_party/python:lock`.\n"
_NAMES = ("gpu", "nvrtc", "peers", "remote", "requirements", "testing", "tools")
_PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28")
_VERSIONS = {"remote": ("3.11", "3.12")}  # BuildGrid needs 3.11
_ALL_VERSIONS = ("3.10", "3.11", "3.12")

# PyPI has PyTorch for Linux only as a CUDA build, which needs most of NVIDIA's libraries even
# without a GPU. On a CPU it works without these (0.4 of 2.7 GB).
_OMITTED = {
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
        sys.exit(f"lock: error: uv could not resolve {source.name}; see its message above")
    return result.stdout


def _write(source: pathlib.Path) -> None:
    lock = source.with_suffix(".lock")
    versions = _VERSIONS.get(source.stem, _ALL_VERSIONS)
    omitted = [f"--no-emit-package={name}" for name in _OMITTED.get(source.stem, ())]
    oldest = f"--python-version={versions[0]}"
    content = _compile(source, "--universal", oldest, "--generate-hashes", *omitted)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    lock.write_text(f"{_WRITTEN}# sha256 {digest}\n{content}")
    print(f"{lock.name}: {content.count('==')} versions")
    # Verifies that wheels exist for every version of Python and every processor.
    for version in versions:
        for platform in _PLATFORMS:
            options = (f"--python-version={version}", f"--python-platform={platform}")
            _compile(source, *options, f"--constraint={lock.name}")
            print(f"{lock.name}: wheels for CPython {version} on {platform}")


def main() -> None:
    """Writes the locks that the command line names."""
    workspace = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not workspace:
        sys.exit("lock: error: run it as `bazel run //third_party/python:lock`")
    names = sys.argv[1:] or _NAMES
    if unknown := set(names) - set(_NAMES):
        known = ", ".join(_NAMES)
        print(f"lock: error: unknown lock {', '.join(unknown)}; known: {known}", file=sys.stderr)
        sys.exit(2)
    folder = pathlib.Path(workspace, "third_party/python")
    for name in names:
        _write(folder / f"{name}.in")
    if "requirements" in names:
        lines = (folder / "requirements.lock").read_text().splitlines()
        pins = [line.removesuffix(" \\") + "\n" for line in lines if line[0] not in " #"]
        pathlib.Path(workspace, "python/requirements.txt").write_text("".join([_WRITTEN, *pins]))


if __name__ == "__main__":
    main()
