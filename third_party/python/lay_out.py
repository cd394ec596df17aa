"""Turns a folder made by `pip install --target` into a Bazel repository.

Removes what is not needed, compiles what is left, and prints a BUILD file with one py_library for
each distribution, whose dependencies are those that its metadata declares.

The byte code is of the kind `unchecked-hash`: valid whatever the time stamps are, which differ in
each sandbox; with the usual kind Python would compile MindSpore again in each test.

Usage: lay_out.py <site-packages> [<glob to remove>…]
"""

import compileall
import importlib.metadata
import pathlib
import py_compile
import re
import shutil
import sys

_TARGET = """\
py_library(
    name = "{name}",
    srcs = {srcs},
    data = {data},
    imports = ["{root}"],
    deps = {deps},
)
"""


def _label(distribution: str) -> str:
    return re.sub(r"[-_.]+", "_", distribution).lower()


def _remove(root: pathlib.Path, patterns: list[str]) -> None:
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _remove_scripts(root: pathlib.Path) -> None:
    """Removes start scripts, which name the interpreter by its absolute path; programs stay."""
    for path in sorted(root.glob("bin/*")):
        if path.read_bytes()[:2] == b"#!":
            path.unlink()


def _compile(root: pathlib.Path) -> None:
    # The path that tracebacks show is relative, so that every machine makes the same bytes.
    compileall.compile_dir(
        root,
        quiet=2,
        stripdir=str(root.parent),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def _files(distribution: importlib.metadata.Distribution, root: pathlib.Path) -> list[str]:
    """Paths of what is left of a distribution, with its byte code, relative to root."""
    result = set()
    for file in distribution.files or []:
        # What belongs beside site-packages (../../bin/uv), pip --target puts inside.
        path = root.joinpath(*(part for part in file.parts if part != ".."))
        if path.is_file():
            result.add(str(path.relative_to(root)))
            if path.suffix == ".py":
                compiled = path.parent.glob(f"__pycache__/{path.stem}.cpython-*.pyc")
                result.update(str(pyc.relative_to(root)) for pyc in compiled)
    return sorted(result)


def _dependencies(distribution: importlib.metadata.Distribution, present: set[str]) -> list[str]:
    from packaging.requirements import Requirement

    labels = set()
    for line in distribution.requires or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            labels.add(_label(requirement.name))
    labels |= _undeclared(distribution.metadata["Name"], present)
    return sorted(f":{label}" for label in labels & present)


def _undeclared(name: str, present: set[str]) -> set[str]:
    """What MindSpore's wheel does not say: its plug-in for GPUs needs CUDA, if it is installed."""
    if name != "mindspore":
        return set()
    return {label for label in present if label.startswith("nvidia_")}


def main() -> None:
    root = pathlib.Path(sys.argv[1])
    _remove(root, ["**/__pycache__", "*.dist-info/direct_url.json", *sys.argv[2:]])
    _remove_scripts(root)
    _compile(root)
    sys.path.insert(0, str(root))  # for `packaging`
    distributions = sorted(
        importlib.metadata.distributions(path=[str(root)]), key=lambda d: d.metadata["Name"]
    )
    present = {_label(distribution.metadata["Name"]) for distribution in distributions}
    print('package(default_visibility = ["//visibility:public"])\n')
    for distribution in distributions:
        files = [f"{root.name}/{file}" for file in _files(distribution, root)]
        print(
            _TARGET.format(
                name=_label(distribution.metadata["Name"]),
                srcs=[file for file in files if file.endswith(".py")],
                data=[file for file in files if not file.endswith(".py")],
                root=root.name,
                deps=_dependencies(distribution, present),
            )
        )


if __name__ == "__main__":
    main()
