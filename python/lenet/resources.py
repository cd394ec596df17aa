"""Finds the project's own files: in Bazel's runfiles, else in the checkout.

No other module knows where files lie, so that every program runs under Bazel and without it.
"""

import pathlib

from runfiles import Runfiles

_WORKSPACE = "lenet_mindspore"
_CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
# Under Bazel, a file of the checkout would be an undeclared input.
_UNDER_BAZEL = ".runfiles/" in __file__


def find(name: str, repository: str = _WORKSPACE) -> pathlib.Path | None:
    """Returns the path of a file, or None if neither runfiles nor checkout have it.

    Args:
        name: path below the root of the repository, such as "configs/default_config.yaml".
        repository: Bazel repository. Other repositories, such as "mnist", exist only in runfiles.
            Name a file, not a folder: `bazel run` may provide a list of files instead of a tree.
    """
    runfiles = Runfiles.Create()
    location = runfiles.Rlocation(f"{repository}/{name}") if runfiles else None
    candidates = [pathlib.Path(location)] if location else []
    if repository == _WORKSPACE and not _UNDER_BAZEL:
        candidates += [_CHECKOUT / name, _CHECKOUT / "bazel-bin" / name]
    return next((path for path in candidates if path.exists()), None)


def path(name: str, repository: str = _WORKSPACE) -> pathlib.Path:
    """Returns the path of a file that must exist; see `find`.

    Raises:
        FileNotFoundError: the file is missing; in a test, add it to `data`.
    """
    found = find(name, repository)
    if found is None:
        raise FileNotFoundError(f"{name} is neither in the runfiles nor in the checkout")
    return found
