"""Turns a folder made by `pip install --target` into a Bazel repository.

Removes unneeded files, compiles the others to byte code, and prints a BUILD file with a py_library
per distribution, whose dependencies come from its metadata.

The byte code has the mode `unchecked-hash`, which is valid for any time stamp. With the default
mode, Python would compile MindSpore again in each sandbox.

Usage: lay_out.py SITE_PACKAGES [GLOB_TO_REMOVE...]
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
    for path in root.glob("bin/*"):
        if path.read_bytes()[:2] == b"#!":  # start scripts have the absolute path of Python
            path.unlink()


def _files(distribution: importlib.metadata.Distribution, root: pathlib.Path) -> list[str]:
    """Returns the remaining files of a distribution, with byte code, relative to `root`."""
    result = set()
    for file in distribution.files or []:
        # pip --target moves files beside site-packages (../../bin/uv) into it.
        path = root.joinpath(*(part for part in file.parts if part != ".."))
        if path.is_file():
            result.add(str(path.relative_to(root)))
            if path.suffix == ".py":
                compiled = path.parent.glob(f"__pycache__/{path.stem}.cpython-*.pyc")
                result.update(str(pyc.relative_to(root)) for pyc in compiled)
    return sorted(result)


def _dependencies(distribution: importlib.metadata.Distribution, present: set[str]) -> list[str]:
    labels = set()
    if distribution.requires:  # else the lock need not have `packaging`
        from packaging.requirements import Requirement

        labels = {
            _label(requirement.name)
            for requirement in map(Requirement, distribution.requires)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        }
    if distribution.metadata["Name"] == "mindspore":  # on a GPU it needs CUDA, undeclared
        labels |= {label for label in present if label.startswith("nvidia_")}
    return sorted(f":{label}" for label in labels & present)


def main() -> None:
    """Changes the folder and prints the BUILD file."""
    root = pathlib.Path(sys.argv[1])
    _remove(root, ["**/__pycache__", "*.dist-info/direct_url.json", *sys.argv[2:]])
    compileall.compile_dir(
        root,
        quiet=2,
        stripdir=str(root.parent),  # relative paths make the same bytes on every machine
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    sys.path.insert(0, str(root))  # for `packaging`
    distributions = sorted(
        importlib.metadata.distributions(path=[str(root)]), key=lambda d: d.metadata["Name"]
    )
    present = {_label(distribution.metadata["Name"]) for distribution in distributions}
    print('load("@build_rules//:rules.bzl", "py_library")\n')
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
