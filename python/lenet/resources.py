"""Finds the project's own files: in Bazel's runfiles, else in the installed wheel or the checkout.

No other module knows where files lie, so that every program runs under Bazel and without it.
"""

import os
import pathlib
import platform
import shlex
import shutil
import sys

# This project's own kernels, without which the default is --fused_kernels=false.
KERNELS = "cc/kernels/libcustom_ops.so"
GPU_KERNELS = "cc/gpu/libgpu_ops.so"
KERNELS_REMEDY = (
    "`tools/bazel build //cc/kernels:libcustom_ops.so //cc/gpu:libgpu_ops.so` builds them, and "
    "the wheel has them (`tools/bazel build //python:wheel`)"
)

_WORKSPACE = "lenet_mindspore"
# Bazel's start scripts set one of them. Then a file of the checkout would be an undeclared input.
UNDER_BAZEL = bool(os.environ.keys() & {"RUNFILES_DIR", "RUNFILES_MANIFEST_FILE"})
_PACKAGE = pathlib.Path(__file__).resolve().parent  # a wheel holds its files below it
_CHECKOUT = _PACKAGE.parents[1]


def find(name: str, repository: str = _WORKSPACE) -> pathlib.Path | None:
    """Returns the path of a file, or None if it is missing.

    Args:
        name: path below the root of the repository, such as "configs/default_config.yaml".
        repository: Bazel repository. Other repositories, such as "mnist", exist only in runfiles.
            Name a file, not a folder: `bazel run` may provide a list of files instead of a tree.
    """
    candidates = []
    if UNDER_BAZEL:
        from runfiles import Runfiles

        runfiles = Runfiles.Create()
        location = runfiles.Rlocation(f"{repository}/{name}") if runfiles else None
        candidates = [pathlib.Path(location)] if location else []
    elif repository == _WORKSPACE:
        candidates = [root / name for root in (_PACKAGE, _CHECKOUT, *_built())]
        # The folder of the programs may be all that a ModelArts job has, under any name.
        candidates.append(_PACKAGE.parent / name.removeprefix("python/"))
    return next((path for path in candidates if path.exists()), None)


def _built() -> list[pathlib.Path]:
    """Returns the folder of Bazel's outputs, unless they are for another processor."""
    folder = _CHECKOUT / "bazel-bin"
    cross = folder.resolve().parent.name.endswith("aarch64")  # of --config=aarch64
    return [] if cross and platform.machine() != "aarch64" else [folder]


def path(name: str, repository: str = _WORKSPACE) -> pathlib.Path:
    """Returns the path of a file that must exist; see `find`.

    Raises:
        FileNotFoundError: the file is missing; in a test, add it to `data`.
    """
    found = find(name, repository)
    if found is None:
        raise FileNotFoundError(2, "is neither in the runfiles nor beside the programs", name)
    return found


def command(target: str, arguments: str = "") -> str:
    """Returns the command for a program: by Bazel, or as this program was started without Bazel.

    Args:
        target: label of the program, such as "//python:train".
        arguments: flags and paths, as in a shell.
    """
    name = target.lstrip("/").replace(":", "/") + ".py"
    program = None if UNDER_BAZEL else find(name)
    if program is None:
        words = ["bazel", "run", target, *(["--"] if arguments else [])]
    elif (_PACKAGE / "python").is_dir():  # a wheel, which has console scripts
        words = ["lenet-" + program.stem.replace("_", "-")]
    else:
        python = pathlib.Path(sys.executable).name
        words = [python if shutil.which(python) == sys.executable else sys.executable]
        words.append(min(str(program), os.path.relpath(program), key=len))
    return f"{shlex.join(words)} {arguments}".rstrip()
