"""Finds the project's own files: in Bazel's runfiles, else in the checkout.

No other module knows where files lie, so that every program runs under Bazel and without it.
"""

import pathlib

from runfiles import Runfiles

_WORKSPACE = "lenet_mindspore"
_CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


def find(name: str, repository: str = _WORKSPACE) -> pathlib.Path | None:
    """Returns the path of a file, or None if it is neither in the runfiles nor in the checkout.

    Args:
        name: path below the root of the repository, such as "configs/default_config.yaml".
        repository: name of the Bazel repository; files of other repositories, such as "mnist",
            exist only in runfiles.
    """
    runfiles = Runfiles.Create()
    candidates = []
    if runfiles and (location := runfiles.Rlocation(f"{repository}/{name}")):
        candidates.append(pathlib.Path(location))
    if repository == _WORKSPACE:
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
